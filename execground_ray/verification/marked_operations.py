"""Operations and slices that a text marks: its lines do them, with these operators, constants and operands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches
from execground_ray.verification.notation import Side
from execground_ray.verification.trees import children_of, key_of, name_of_call, nodes_in
from execground_ray.verification.values import freeze
from execground_ray.verification.window import Window

_CHOOSING = frozenset({"max", "min"})  # which calculate nothing themselves
_LOOK_AT_PARTS = frozenset("startswith endswith removeprefix removesuffix find rfind index count".split())


def check_marked_operations(context: Context) -> Iterator[Check]:
    """Judge the operations that a sentence marks; one without lines of its own is held against the whole run."""
    window = context.window
    if window is None or not context.attributed or not window.complete or window.hidden:
        return
    for token in context.sentence.tokens:
        wrong = [node for sides in token.equations for node in _not_done(window, sides)] if token.marked else []
        if wrong and not context.is_conditional(token) and not context.is_denied(token):
            for node in wrong:
                yield Check.of(token, Kind.OPERATION, f"{ast.unparse(node)} is not done there")


def _not_done(window: Window, sides: tuple[Side, ...]) -> Iterator[ast.AST]:
    for side in sides:
        nodes = nodes_in(side.node)
        if any(isinstance(each, ast.BoolOp | ast.IfExp) for each in nodes):  # need not come to all of its parts
            continue
        yield from (each for each in nodes if _is_strange(window, each))
        yield from (each for each in _calculations(side.node) if _is_unmade(window, each, side, sides[0]))


def _calculations(node: ast.AST) -> Iterator[ast.BinOp]:
    """The outermost calculations of values in an expression."""
    if isinstance(node, ast.BinOp) and is_pure(node):
        yield node
    else:
        for each in children_of(node):
            yield from _calculations(each)


def _has_variables(node: ast.AST) -> bool:
    """Whether it has names but those of what it calls."""
    called = {id(each.func) for each in nodes_in(node) if isinstance(each, ast.Call)}
    return any(isinstance(each, ast.Name) and id(each) not in called for each in nodes_in(node))


def _is_ahead(window: Window, node: ast.AST) -> bool:
    """Whether it is done inside of a loop, a branch or a call that begins at these lines."""
    return any(key_of(node) == key_of(each) for each in window.begun)


def _is_unmade(window: Window, node: ast.BinOp, side: Side, first: Side) -> bool:
    """Whether it is a calculation of values that these lines do not make, and no call of theirs may have made.

    Args:
        window: the lines.
        node: the calculation.
        side: that it is, or is inside of.
        first: side of the equation, perhaps the variable that is given what comes of it.
    """
    is_other_mathematics = any(isinstance(each, ast.Call) for each in nodes_in(node))
    if key_of(node) in window.run.keys or is_other_mathematics:
        return False
    try:
        value = value_of(node)
    except UnknownError:
        return False
    if isinstance(value, complex):  # written as a sum
        return False
    inside = node is not side.node
    given = set() if inside else _given(window, first)
    if any(matches(node, event) for event in window.looking if not given or event.node in given):
        return False
    if given:
        return True
    calls = [
        event for event in window.looking if isinstance(event.node, ast.Call) and freeze(event.value) == freeze(value)
    ]
    if any(name_of_call(event.node) not in window.run.functions.keys() | _CHOOSING for event in calls):
        return False
    # Made in a call, or the head of a loop that goes on, or what is written there is called later.
    may_be_elsewhere = calls or inside or any(isinstance(each, ast.Lambda) for each in window.nodes)
    return not (may_be_elsewhere and any(matches(node, event) for event in window.run.events))


def _given(window: Window, side: Side) -> set[ast.expr]:
    """The calculations of which a variable gets the values at these lines; empty where it gets one in another way."""
    many = [
        each for each in window.nodes if isinstance(each, ast.Assign | ast.AugAssign) and side.source in _targets(each)
    ]
    is_plain = all(isinstance(each, ast.Assign) and isinstance(each.value, ast.BinOp) for each in many)
    return {each.value for each in many} if is_plain and isinstance(side.node, ast.Name) else set()


def _targets(node: ast.Assign | ast.AugAssign) -> set[str]:
    """The variables that a statement gives a value."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _is_strange(window: Window, node: ast.AST) -> bool:
    """Whether it is an operation or a slice of names that neither these lines do nor those that make their calls."""
    match node:
        case ast.BinOp() if not is_pure(node):
            pass
        case ast.Subscript(slice=ast.Slice()) if not is_pure(node) and window.called.isdisjoint(_LOOK_AT_PARTS):
            pass
        case _:
            return False
    if not _has_variables(node) or _is_ahead(window, node):
        return False
    written = [window.run.operation_of(each) or each for each in window.nodes]
    if key_of(node) in {key_of(each) for each in written if isinstance(each, type(node))}:
        return False
    return not any(key_of(event.node) == key_of(node) or matches(node, event) for event in window.looking)
