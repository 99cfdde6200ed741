"""Whether an expression of a text, with values in place of names, is one that the run evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeGuard

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.recorded import NOT_KNOWN, Event
from execground_ray.verification.trees import CACHED, children_of, key_of, name_of_call
from execground_ray.verification.values import Opaque, fits, rounding


def matches(written: ast.expr, event: Event) -> bool:
    """Whether ``written`` is what ``event`` evaluated: the same operations of the same names or of their values."""
    node = event.node
    if type(written) is not type(node) or isinstance(written, ast.Name | ast.Constant):
        return False
    if _is_sum(written) and _is_sum(node):
        terms, theirs = list(_terms(written)), list(_terms(node, event))
        if len(terms) == len(theirs):  # `s += a - b` adds up three
            return all(
                (sign is its and same_operand(mine, other, of or event))
                or (sign is not its and _is_opposite(mine, other, of or event))
                for (mine, sign, _), (other, its, of) in zip(terms, theirs, strict=True)
            )
    mine, others = children_of(written), children_of(node)
    return (
        len(mine) == len(others)
        and getattr(written, "attr", "") == getattr(node, "attr", "")
        and all(same_operand(left, right, event) for left, right in zip(mine, others, strict=True))
    )


def _is_sum(node: ast.expr) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


def _terms(
    node: ast.BinOp, event: Event | None = None, sign: bool = True
) -> Iterator[tuple[ast.expr, bool, Event | None]]:
    """What is added up or taken away, however it is bracketed; of the run, each with the event that it is an operand of."""
    for each, its in ((node.left, sign), (node.right, sign is isinstance(node.op, ast.Add))):
        inner = event.operands.get(id(each)) if event else None
        if _is_sum(each) and (inner or event is None):
            yield from _terms(each, inner, its)
        else:
            yield each, its, event


def _is_opposite(written: ast.expr, node: ast.expr, event: Event) -> bool:
    """Whether a number is written whose negative is the operand: ``4 - 2`` of ``x + y`` where ``y`` is ``-2``."""
    try:
        mine, value = value_of(written), operand_value(node, event)
    except UnknownError:
        return False
    return (
        isinstance(written, ast.Constant)
        and isinstance(value, int | float)
        and value < 0
        and fits(-mine, value, _tolerance(written))
    )


def same_operand(written: ast.AST, node: ast.AST, event: Event) -> bool:
    """Whether ``written`` is an operand of ``event``, or its value."""
    if not isinstance(written, ast.expr) or not isinstance(node, ast.expr):  # an operator
        return isinstance(written, ast.expr_context) or (type(written) is type(node) and not children_of(written))
    if key_of(written) == key_of(node):
        return True
    bounds = _bounds(node)
    if bounds and type(written) is type(node):
        mine = _bounds(written)
        return len(mine) == len(bounds) and all(
            one is other or (one is not None and other is not None and same_operand(one, other, event))
            for one, other in zip(mine, bounds, strict=True)
        )
    operand = event.operands.get(id(node))
    if operand is None and isinstance(written, ast.Attribute) and isinstance(node, ast.Attribute):
        return written.attr == node.attr and same_operand(written.value, node.value, event)
    return (operand is not None and matches(written, operand)) or _is_value(written, node, event)


def _bounds(node: ast.expr) -> tuple[ast.expr | None, ...]:
    """The parts of a slice, which has no value; none of other expressions."""
    if isinstance(node, ast.Slice):
        return node.lower, node.upper, node.step
    is_of_slices = isinstance(node, ast.Tuple) and any(isinstance(each, ast.Slice) for each in node.elts)
    return tuple(node.elts) if is_of_slices else ()  # type: ignore[attr-defined]


def _is_value(written: ast.expr, node: ast.expr, event: Event) -> bool:
    """Whether ``written`` is the value of an operand; not another operation, even if the same comes of it."""
    operand = event.operands.get(id(node))
    if isinstance(written, ast.BinOp) and isinstance(node, ast.BinOp) and operand is not None:
        return False
    if not is_pure(written):  # an object may be told by what makes it
        shown = getattr(operand, "value", None)
        return isinstance(written, ast.Call) and isinstance(shown, Opaque) and name_of_call(written) == shown.type
    try:
        value = operand_value(node, event)
        return (operand is not None and isinstance(value, Opaque)) or fits(
            value_of(written), value, _tolerance(written)
        )
    except UnknownError:
        return False


def operand_value(node: ast.AST, event: Event) -> Any:
    """The value that an operand had in an event."""
    operand = event.operands.get(id(node))
    if operand is not None:
        return operand.value
    try:
        return value_of(node) if isinstance(node, ast.expr) else NOT_KNOWN
    except UnknownError:
        return NOT_KNOWN


@lru_cache(maxsize=CACHED)
def _tolerance(written: ast.expr) -> float:
    return rounding(ast.unparse(written))
