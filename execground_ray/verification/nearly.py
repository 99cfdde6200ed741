"""Operations that a text marks and that its lines only nearly do: with another operator, constant, operand or function."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches, misses
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.values import freeze, same
from execground_ray.verification.window import Window

MAX_EVENTS = 2_000  # operations of the run that one of a text is held against
_DIVIDES = frozenset("Div FloorDiv Mod RShift divmod int isqrt sqrt fmod bin hex oct len median gcd".split())
_OF_MANY = frozenset({"min", "max", "sum", "any", "all"})
_WORKED_OUT = frozenset("gcd lcm pow comb perm factorial sum prod fsum mean sumprod dot bin hex divmod".split())
_LOOK_AT_PARTS = frozenset("startswith endswith removeprefix removesuffix find rfind index count".split())
_ORDERED = ast.Sub | ast.Mod | ast.FloorDiv | ast.Div  # of others a text may take the operands in another order


def check_nearly(context: Context) -> Iterator[Check]:
    """Judge the operations that a sentence with lines of its own marks."""
    window = context.window
    if window is None or not context.cited or not window.recorded:
        return
    for token in context.sentence.tokens:
        if not token.marked or context.is_conditional(token) or context.is_denied(token):
            continue
        for sides in token.equations:
            # Of a calculation of values the parts are the text's own; and not every part of a condition is looked at.
            whole = [side.node for side in sides if side.pure or side.is_condition]
            for side in sides:
                may_stop = any(isinstance(each, ast.BoolOp | ast.IfExp) for each in nodes_in(side.node))
                for node in nodes_in(side.node):
                    inside = node not in whole and any(node in nodes_in(each) for each in whole)
                    message = _is_missed(window, node, worked_out=len(sides) > 1, inside=inside)
                    if not message and not may_stop and _is_strange(window, node):
                        message = f"{ast.unparse(node)} is not done there"
                    if message:
                        yield Check.of(token, Kind.OPERATION, message)


def _is_missed(window: Window, node: ast.AST, *, worked_out: bool, inside: bool) -> str:
    """What is wrong about an operation; empty if nothing is."""
    match node:
        case ast.Call() if _is_other_choice(window, node):
            return f"{ast.unparse(node)} is not what is looked for"
        case ast.BinOp() if worked_out and window.complete and _is_never_done(window, node):
            return f"{ast.unparse(node)} is not done"
        case ast.BinOp() | ast.Compare() if not inside and _is_near(window, node):
            return f"{ast.unparse(node)} is nearly what is done"
    return ""


def _is_near(window: Window, node: ast.BinOp | ast.Compare) -> bool:
    """Whether these lines do nothing that an operation can be, and something that differs from it in one thing."""
    events = window.by_type.get(type(node), ())
    if key_of(node) in window.run.keys or any(matches(node, event) for event in events):
        return False
    if isinstance(node, ast.Compare) and len(node.ops) > 1:  # not all of it need have been looked at
        return False
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _is_text(node.left):  # a format
        return False
    pure = is_pure(node)
    if not pure and any(matches(node, event) for event in window.run.operated[:MAX_EVENTS]):  # done elsewhere
        return False
    if pure and not _WORKED_OUT.isdisjoint(window.operations):  # a text works out what the function does
        return False
    likely = {"operand", "constant"} if pure else {"operator", "constant"}
    if pure and isinstance(node, ast.BinOp) and (not isinstance(node.op, _ORDERED) or _is_reached(window, node)):
        return False
    if isinstance(node, ast.Compare) and not pure:
        return False
    return any(len(found) == 1 and found[0] in likely for found in (misses(node, event) for event in events))


def _is_other_choice(window: Window, node: ast.Call) -> bool:
    """Whether it is the least where the lines look for the largest, of the same."""
    name = name_of_call(node)
    if name not in _OF_MANY or is_pure(node) or key_of(node) in window.run.keys:
        return False
    given = [key_of(each) for each in node.args]
    return any(
        name_of_call(event.node) in _OF_MANY - {name} and [key_of(each) for each in event.node.args] == given
        for event in window.by_type.get(ast.Call, ())
        if isinstance(event.node, ast.Call)
    )


def _is_never_done(window: Window, node: ast.BinOp) -> bool:
    """Whether it is a whole division or a remainder of values, and nothing there is divided: no text does so of itself."""
    whole = isinstance(node.op, ast.FloorDiv | ast.Mod)
    if not whole or not is_pure(node) or window.hidden or not window.operations.isdisjoint(_DIVIDES):
        return False
    try:
        return freeze(evaluate(node.left, {})) in window.pool
    except UnknownError:
        return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_reached(window: Window, node: ast.BinOp) -> bool:
    """Whether the lines work out its value, if in another way: a text may have put some of it together."""
    try:
        return any(same(evaluate(node, {}), event.value) for event in window.by_type.get(ast.BinOp, ()))
    except UnknownError:
        return False


def _is_strange(window: Window, node: ast.AST) -> bool:
    """Whether it is an operation or a slice of names that neither these lines do nor those that make their calls."""
    is_cut = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
    if not isinstance(node, ast.BinOp | ast.Subscript) or (isinstance(node, ast.Subscript) and not is_cut):
        return False
    if (
        (is_cut and not window.called.isdisjoint(_LOOK_AT_PARTS))
        or is_pure(node)
        or not window.complete
        or window.hidden
    ):
        return False
    written = {key_of(each) for each in window.nodes if isinstance(each, type(node))}
    changed = {type(each.op) for each in window.nodes if isinstance(each, ast.AugAssign)}
    if key_of(node) in written or type(getattr(node, "op", None)) in changed:
        return False
    callers = [event for frame in window.touched if frame.caller > 0 for event in window.run.events_at(frame.caller)]
    events = [*window.by_type.get(type(node), ()), *callers]
    return not any(key_of(event.node) == key_of(node) or matches(node, event) for event in events)
