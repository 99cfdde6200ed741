"""Operations and slices that a text marks: its lines do them, with these operators, constants and operands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import is_part_of_sum, matches
from execground_ray.verification.notation import Side
from execground_ray.verification.presence import in_window
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.window import Window

# Functions that work something out and are taken for one another.
_TAKEN_FOR = [{"max", "min"}, {"any", "all"}, {"abs"}, {"int", "round", "ceil", "floor"}, {"len", "sum"}]
# What is called with these may be told with what comes of them.
_WRITTEN_OUT = ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp | ast.Lambda | ast.Starred | ast.keyword
_LOOK_AT_PARTS = frozenset("startswith endswith removeprefix removesuffix find rfind index count".split())


def check_marked_operations(context: Context) -> Iterator[Check]:
    """Judge the operations that a sentence with lines of its own marks."""
    window = context.window
    if window is None or not context.cited or not window.complete or window.hidden:
        return
    for token in context.sentence.tokens:
        wrong = [node for sides in token.equations for node in _not_done(window, sides)] if token.marked else []
        if wrong and not (context.is_conditional(token) or context.is_denied(token) or context.ends_range(token)):
            for node in wrong:
                yield Check.of(token, Kind.OPERATION, f"{ast.unparse(node)} is not done there")


def _not_done(window: Window, sides: tuple[Side, ...]) -> Iterator[ast.AST]:
    for side in sides:
        nodes = nodes_in(side.node)
        if any(isinstance(each, ast.BoolOp | ast.IfExp) for each in nodes):  # need not come to all of its parts
            continue
        yield from (each for each in nodes if _is_strange(window, each))
        if is_another(window, sides[0], side.node) or _is_of_other_numbers(window, side.node):
            yield side.node


def _is_of_other_numbers(window: Window, node: ast.expr) -> bool:
    """Whether it is of two numbers, these lines only do the like with others, and have nothing that comes of these."""
    match node:
        case ast.BinOp(ast.Constant(int() | float()), op, ast.Constant(int() | float())) if not window.inner:
            alike = [each for each in window.looking if isinstance(getattr(each.node, "op", None), type(op))]
        case _:
            return False
    try:
        is_there = in_window(window, ast.unparse(node), value_of(node))
    except UnknownError:
        return False
    return bool(alike) and not is_there and not any(matches(node, event) for event in alike)


def _is_ahead(window: Window, node: ast.AST) -> bool:
    """Whether it is done inside of a loop, a branch or a call that begins at these lines."""
    return any(key_of(node) == key_of(each) for each in window.begun)


def is_another(window: Window, subject: Side, node: ast.expr) -> bool:
    """Whether these lines do other calculations for a variable, or for an expression of names, than this one of values.

    What is given to nothing may be worked out in any way: "there are ``3 * 2 = 6`` of them".

    Args:
        window: the lines.
        subject: the variable, or the expression.
        node: the calculation, or the call of a function of the language.
    """
    if not isinstance(node, ast.BinOp | ast.Call) or not is_pure(node) or key_of(node) in window.run.keys:
        return False
    done = calculations(window, subject)
    if not done or window.inner or not all(_is_told_so(node, each) for each in done):
        return False
    try:
        value = value_of(node)
    except UnknownError:
        return False
    is_made = any(matches(node, event) for event in window.looking if event.node in done)
    return not is_made and not isinstance(value, complex)  # which is written as a sum


def _is_told_so(node: ast.expr, done: ast.expr) -> bool:
    """Whether something is told in the terms of what the program does: as an operation, or as a call of the same function."""
    if isinstance(node, ast.Call):
        name, its = name_of_call(node), name_of_call(done)
        is_so = any({name, its} <= names for names in _TAKEN_FOR)
        return is_so and not any(isinstance(each, _WRITTEN_OUT) for each in nodes_in(done))
    return isinstance(done, ast.BinOp) and not any(isinstance(each, ast.Call) for each in nodes_in(node))


def calculations(window: Window, side: Side) -> set[ast.expr]:
    """What is worked out at these lines for an expression, or for what gets a value there."""
    if isinstance(side.node, ast.BinOp):
        return {event.node for event in window.looking if key_of(event.node) == side.key}
    found: set[ast.expr] = set()
    for node in window.core_nodes if isinstance(side.node, ast.Name | ast.Attribute | ast.Subscript) else ():
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(key_of(each) == side.key or _is_place(window, side.node, each) for each in targets):
                found.add(window.run.operation_of(node) or node.value)
    return found


def _is_place(window: Window, written: ast.expr, target: ast.expr) -> bool:
    """Whether a place, ``grid[2][0]``, is one that a target, ``grid[i][j]``, was at these lines."""
    return any(event.node is target and matches(written, event) for event in window.events)


def _is_strange(window: Window, node: ast.AST) -> bool:
    """Whether it is an operation or a slice of names that neither these lines do nor those that make their calls."""
    match node:
        case ast.BinOp() if not is_pure(node):
            pass
        case ast.Subscript(slice=ast.Slice()) if not is_pure(node) and window.called.isdisjoint(_LOOK_AT_PARTS):
            pass
        case _:
            return False
    if _is_ahead(window, node):
        return False
    written = [window.run.operation_of(each) or each for each in window.nodes]
    if any(key_of(node) == key_of(each) or is_part_of_sum(node, each) for each in written):
        return False
    return not any(key_of(event.node) == key_of(node) or matches(node, event) for event in window.looking)
