"""What a sentence writes out again with values: ``a + b = 3 + 2``, "`l == r`, that is `0 == 1`": operand by operand.

Where a result is the same all the same, only its operands tell that they have been mixed up.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import children_of
from execground_ray.verification.values import same
from execground_ray.verification.window import Window

_AGAIN = re.compile(
    r"(?P<one>‹[CNE]\d+›)(?:,? (?:that is|i\.e\.|is|means|becomes|reads|compares|asks whether|here)(?: here| now| then| therefore| thus| again)?,?|,|:| \(|,? as|,? because|,? since) "
    r"?(?P<other>‹[CV]\d+›)"
)


def check_restated(context: Context) -> Iterator[Check]:
    """Judge what sentences with lines of their own write out again with values."""
    window = context.window
    if window is None or not context.cited or not window.complete or window.hidden:
        return
    for token in context.sentence.tokens:
        for sides in token.equations if token.marked else ():
            for one, other in pairwise(sides):
                yield from _compared(context, window, token, one.node, other.node)
    for match in _AGAIN.finditer(context.mask):
        (first,), (again,) = context.tokens(match["one"]), context.tokens(match["other"])
        if first.marked and again.marked and len(first.equations) == 1 == len(again.equations):
            yield from _compared(context, window, again, first.sides[0].node, again.sides[0].node)


def _compared(context: Context, window: Window, token: Token, one: ast.expr, other: ast.expr) -> Iterator[Check]:
    """Operands without names are values that those with names, which stand at their places, have there."""
    if type(one) is not type(other) or not isinstance(one, ast.BinOp | ast.Compare | ast.Subscript):
        return
    mine, theirs = children_of(one), children_of(other)
    if len(mine) != len(theirs) or any(
        type(a) is not type(b) for a, b in zip(mine, theirs, strict=True) if not isinstance(a, ast.expr)
    ):
        return
    for left, right in zip(mine, theirs, strict=True):
        if not isinstance(left, ast.expr) or not isinstance(right, ast.expr) or is_pure(left) or not is_pure(right):
            continue
        side = parse(ast.unparse(left))
        if side is None:
            continue
        values = window.at_moment(side, context.given(token))
        closed = bool(values)
        if not values:
            values, closed, _ = window.possible(side)
        try:
            good = any(same(value_of(right), each, side.tolerance) for each in values)
        except UnknownError:
            continue
        if closed and not good:
            yield context.verdict(token, Kind.EQUATION, False, f"{side.source} is not {ast.unparse(right)} there")
