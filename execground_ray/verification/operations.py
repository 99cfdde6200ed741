"""Operations: those that a text writes with values, and those that it tells in words, are ones that the lines do."""

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

_NEAR: dict[type[ast.AST], type[ast.AST]] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
SORTING = "sort sorted heappush heapify heappop nlargest nsmallest argsort bisect insort insert"
# Words for an operation, and what in a program does it.
_WORDS: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(done.split()))
    for words, done in (
        (r"subtracted|subtracts|subtracting|subtraction", "Sub USub difference subtract diff"),
        (r"multiplied|multiplies|multiplying|multiplication", "Mult Pow prod multiply dot matmul MatMult mul"),
        (r"divided|divides|dividing|division", "Div FloorDiv Mod divmod RShift divide"),
        (r"(?:then|now|next|first|finally) sorted|sorts", SORTING),
        (r"xor(?:ed|ing|s)?", "BitXor xor"),
    )
)


def check_operations(context: Context) -> Iterator[Check]:
    """Judge the operations that a sentence tells."""
    for token in context.sentence.tokens:
        for sides in token.equations:
            for side in sides:
                yield from _written(context, token, side.node)
    yield from _told(context)


def _written(context: Context, token: Token, tree: ast.expr) -> Iterator[Check]:
    """Each operation in an expression: the same operands with another operator are a mistake."""
    if context.window is None:
        return
    if isinstance(tree, ast.Constant | ast.Name):
        return
    for node in nodes_in(tree):
        if (isinstance(node, ast.BinOp) and is_pure(node)) or (
            isinstance(node, ast.Call)
            and is_pure(node)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"min", "max"}
        ):
            found = _against_run(context, node)
        elif isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp) and not is_pure(node):
            found = _against_program(context, node)
        else:
            continue
        if found is not None:
            message = f"{ast.unparse(node)} is not the operation that is done"
            outcome = Outcome.SUPPORTED if found else Outcome.CONTRADICTED
            yield Check(Kind.OPERATION, token.start, token.end, outcome, message)


def _against_run(context: Context, node: ast.BinOp | ast.Call) -> bool | None:
    """Whether the lines do an operation of values; False where they do another with these operands and this result."""
    windows = [context.window] if context.cited else [context.window, context.whole]
    other = False
    try:
        result = evaluate(node, {})
        values = [evaluate(each, {}) for each in operands_of(node)]
    except UnknownError:
        return None
    for window in windows:
        if window is None:
            continue
        for event in window.by_type.get(type(node), ()):
            if matches(node, event):
                return True
            other = other or _done_otherwise(event, node, values, result)
    return False if other else None


def _done_otherwise(event: Event, node: ast.expr, values: list[Any], result: Any) -> bool:
    """Whether an event has the operands and the result, but another operator."""
    if isinstance(event.value, Opaque) or not same(result, event.value):
        return False
    if isinstance(node, ast.Call) and isinstance(event.node, ast.Call):
        name = getattr(event.node.func, "id", "")
        if name not in {"min", "max"} or name == getattr(node.func, "id", ""):
            return False
    elif isinstance(node, ast.BinOp) and isinstance(event.node, ast.BinOp):
        if type(node.op) is type(event.node.op) or {type(node.op), type(event.node.op)} == {ast.Div, ast.FloorDiv}:
            return False
    operands = [operand_value(each, event) for each in operands_of(event.node)]
    if isinstance(node, ast.BinOp) and 0 in values:
        return False  # nothing tells adding from taking away
    if len(operands) != len(values) or any(isinstance(each, Opaque) for each in operands):
        return False
    return any(all(map(same, order, operands)) for order in (values, values[::-1]))


def _against_program(context: Context, node: ast.Compare | ast.BinOp | ast.BoolOp) -> bool | None:
    """Whether the program has an expression of names; False where it has it with a near operator only."""
    near: list[str] = []
    copies: list[ast.expr] = []
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _NEAR:
        copies = [ast.Compare(node.left, [_NEAR[type(node.ops[0])]()], node.comparators)]  # type: ignore[list-item]
        copies += [_mirrored(each) for each in copies if isinstance(each, ast.Compare)]
    elif isinstance(node, ast.BoolOp):
        copies = [ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)]
    elif isinstance(node, ast.BinOp):
        copies = [
            ast.BinOp(node.left, kind(), node.right)
            for kind in (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.BitXor)
            if kind is not type(node.op)
        ]
    near = [key_of(each) for each in copies]
    keys = context.run.keys
    if key_of(node) in keys or (
        isinstance(node, ast.Compare) and len(node.ops) == 1 and key_of(_mirrored(node)) in keys
    ):
        return True
    return False if any(key in keys for key in near) and not _computed(context, node) else None


def _computed(context: Context, node: ast.expr) -> bool:
    """Whether a text works an expression out itself, so that it is no quotation of the program."""
    return any(
        len(sides) > 1 and any(key_of(each) == key_of(node) for side in sides for each in nodes_in(side.node))
        for token in context.sentence.tokens
        for sides in token.equations
    )


def _mirrored(node: ast.Compare) -> ast.Compare:
    """``b < a`` for ``a > b``."""
    turned: dict[type[ast.AST], type[ast.cmpop]] = {
        ast.Gt: ast.Lt,
        ast.Lt: ast.Gt,
        ast.GtE: ast.LtE,
        ast.LtE: ast.GtE,
        ast.Eq: ast.Eq,
        ast.NotEq: ast.NotEq,
    }
    kind = turned.get(type(node.ops[0]))
    return ast.Compare(node.comparators[0], [kind()], [node.left]) if kind else node


def _told(context: Context) -> Iterator[Check]:
    """``is divided``: something in these lines does so, or anything in the program where no lines are known."""
    sentence = context.sentence
    window = context.window
    if window is None or not context.cited or context.is_unreal or context.is_question:
        return
    for pattern, done in _WORDS:
        for match in pattern.finditer(sentence.mask):
            if re.search(
                r"\b(?:not|no|never|without|n't|nothing|neither|nor|if|when|whenever)\b",
                sentence.mask[: match.end()],
                re.IGNORECASE,
            ):
                continue
            if not window.operations & done and not ("sort" in done and (context.whole or window).operations & done):
                outcome = Outcome.CONTRADICTED if window.complete else Outcome.UNKNOWN
                yield Check(Kind.OPERATION, sentence.start, sentence.end, outcome, f"nothing there is {match.group()}")
