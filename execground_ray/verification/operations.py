"""Operations: those that a text writes and those that it tells in words are ones that the run does, with those operands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.matching import matches, operand_value, operands_of
from execground_ray.verification.run import Event
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of, nodes_in
from execground_ray.verification.values import Opaque, same

_OTHERS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.BitXor)
_EDGE: dict[type, type] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
_TURNED: dict[type, type] = {
    ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip
# Words for an operation, and what in a program does it.
_WORDS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(done.split()))
    for words, done in (
        (r"subtract(?:ed|s|ing|ion)", "Sub USub difference subtract diff"),
        (r"multipl(?:ied|ies|ying|ication)", "Mult Pow prod multiply dot matmul MatMult mul"),
        (r"divid(?:ed|es|ing)|division", "Div FloorDiv Mod divmod RShift divide"),
        (r"xor(?:ed|ing|s)?", "BitXor xor"),
    )
)
# Sorting may have been done anywhere before.
_SORTED = re.compile(r"\b(?:(?:then|now|next|first|finally) sorted|sorts)\b", re.IGNORECASE)
_SORTING = frozenset("sort sorted heappush heapify heappop nlargest nsmallest argsort bisect insort insert".split())
_NOT_DONE = re.compile(r"\b(?:not|no|never|without|nothing|neither|nor|if|when|whenever)\b|n't\b", re.IGNORECASE)


def check_operations(context: Context) -> Iterator[Check]:
    """Judge the operations that a sentence tells."""
    if not context.windows:
        return
    for token in context.sentence.tokens:
        for sides in token.equations:
            for side in sides:
                nodes = nodes_in(side.node)
                lazy = any(isinstance(each, ast.BoolOp | ast.IfExp) for each in nodes)  # the run need not do all of it
                for node in nodes:
                    found = _is_done(context, token, node)
                    if found is False and lazy and is_pure(node):
                        continue
                    if found is not None:
                        outcome = Outcome.SUPPORTED if found else Outcome.CONTRADICTED
                        message = f"{ast.unparse(node)} is not the operation that is done"
                        yield Check(Kind.OPERATION, token.start, token.end, outcome, message)
    if context.cited and not context.is_open:
        yield from _told(context)


def _is_done(context: Context, token: Token, node: ast.AST) -> bool | None:
    """Whether an operation in an expression is one of the run, or of the program; None where it need not be."""
    if isinstance(node, ast.BinOp) and is_pure(node):
        return _against_run(context, node)
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"min", "max"} and is_pure(node):
        return _against_run(context, node)
    if isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp) and not is_pure(node):
        return _against_program(context, token, node)
    return None


def _against_run(context: Context, node: ast.BinOp | ast.Call) -> bool | None:
    """Whether the lines do an operation of values; False where they do another with these operands and this result."""
    try:
        result, values = evaluate(node, {}), [evaluate(each, {}) for each in operands_of(node)]
    except UnknownError:
        return None
    events = [event for window in context.windows for event in window.by_type.get(type(node), ())]
    if any(matches(node, event) for event in events):
        return True
    return False if any(_done_otherwise(event, node, values, result) for event in events) else None


def _done_otherwise(event: Event, node: ast.BinOp | ast.Call, values: list[Any], result: Any) -> bool:
    """Whether an event has the operands and the result, but another operator."""
    mine, theirs = _operator(node), _operator(event.node)
    if (
        mine == theirs
        or {mine, theirs} == {"Div", "FloorDiv"}
        or (isinstance(node, ast.Call) and theirs not in {"min", "max"})
    ):
        return False
    if isinstance(event.value, Opaque) or not same(result, event.value):
        return False
    if isinstance(node, ast.BinOp) and 0 in values:  # adding nothing is taking nothing away
        return False
    operands = [operand_value(each, event) for each in operands_of(event.node)]
    if len(operands) != len(values) or any(isinstance(each, Opaque) for each in operands):
        return False
    return any(all(map(same, order, operands)) for order in (values, values[::-1]))


def _operator(node: ast.AST) -> str:
    return type(node.op).__name__ if isinstance(node, ast.BinOp) else getattr(getattr(node, "func", None), "id", "")


def _against_program(context: Context, token: Token, node: ast.Compare | ast.BinOp | ast.BoolOp) -> bool | None:
    """Whether the program has an expression of names; False where it has it with a near operator only."""
    keys = context.windows[0].run.keys
    if not keys.isdisjoint(map(key_of, (node, *_turned(node)))):
        return True
    near = keys.isdisjoint(map(key_of, _near(node)))
    # What a text works out itself is no quotation of the program.
    computed = any(
        len(sides) > 1 and any(key_of(each) == key_of(node) for side in sides for each in nodes_in(side.node))
        for sides in token.equations
    )
    return None if near or computed else False


def _near(node: ast.expr) -> list[ast.expr]:
    """The same expression with another operator that can be mixed up with its own."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=rights) if type(op) in _EDGE:
            near = ast.Compare(left, [_EDGE[type(op)]()], rights)
            return [near, *_turned(near)]
        case ast.BoolOp(op=op, values=values):
            return [ast.BoolOp(ast.And() if isinstance(op, ast.Or) else ast.Or(), values)]
        case ast.BinOp(left=left, op=op, right=right):
            return [ast.BinOp(left, kind(), right) for kind in _OTHERS if kind is not type(op)]
    return []


def _turned(node: ast.expr) -> list[ast.expr]:
    """``b < a`` for ``a > b``."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _TURNED:
            return [ast.Compare(right, [_TURNED[type(op)]()], [left])]
    return []


def _told(context: Context) -> Iterator[Check]:
    """``is divided``: something in these lines does so; or ``is sorted``, and something in the run does."""
    sentence, window = context.sentence, context.windows[0]
    for pattern, done in (*_WORDS, (_SORTED, _SORTING)):
        operations = (context.whole if done is _SORTING else window).operations
        for match in pattern.finditer(sentence.mask):
            if not _NOT_DONE.search(sentence.mask[: match.end()]) and operations.isdisjoint(done):
                outcome = Outcome.CONTRADICTED if window.complete else Outcome.UNKNOWN
                yield Check(Kind.OPERATION, sentence.start, sentence.end, outcome, f"nothing there is {match[0]}")
