"""Whether an expression of a text, with values in place of names, is one that the run evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.recorded import NOT_KNOWN, Event
from execground_ray.verification.trees import CACHED, children_of, key_of
from execground_ray.verification.values import Opaque, fits, rounding


def matches(written: ast.expr, event: Event) -> bool:
    """Whether ``written`` is what ``event`` evaluated: the same operations of the same names or of their values."""
    node = event.node
    if type(written) is not type(node) or isinstance(written, ast.Name | ast.Constant):
        return False
    mine, theirs = children_of(written), children_of(node)
    if isinstance(written, ast.BinOp) and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        terms, summed = list(_terms(written)), list(_summed(node, event))
        if len(terms) == len(summed) > 2:  # `s += a + b` adds up three
            return all(same_operand(left, right, of) for left, (right, of) in zip(terms, summed, strict=True))
    return (
        len(mine) == len(theirs)
        and getattr(written, "attr", "") == getattr(node, "attr", "")
        and all(same_operand(left, right, event) for left, right in zip(mine, theirs, strict=True))
    )


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    """What a sum adds up, however it is bracketed."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from (*_terms(node.left), *_terms(node.right))
    else:
        yield node


def _summed(node: ast.expr, event: Event) -> Iterator[tuple[ast.expr, Event]]:
    """What the run added up, each with the event that it is an operand of."""
    for each in (node.left, node.right) if isinstance(node, ast.BinOp) else ():
        operand = event.operands.get(id(each))
        if operand is not None and isinstance(each, ast.BinOp) and isinstance(each.op, ast.Add):
            yield from _summed(each, operand)
        else:
            yield each, event


def same_operand(written: ast.AST, node: ast.AST, event: Event) -> bool:
    """Whether ``written`` is an operand of ``event``, or its value."""
    if not isinstance(written, ast.expr) or not isinstance(node, ast.expr):  # an operator
        return isinstance(written, ast.expr_context) or (type(written) is type(node) and not children_of(written))
    if key_of(written) == key_of(node):
        return True
    if isinstance(written, ast.Slice) and isinstance(node, ast.Slice):
        bounds = [(written.lower, node.lower), (written.upper, node.upper), (written.step, node.step)]
        return all(
            mine is theirs or (mine is not None and theirs is not None and same_operand(mine, theirs, event))
            for mine, theirs in bounds
        )
    if isinstance(written, ast.Tuple) and isinstance(node, ast.Tuple) and len(written.elts) == len(node.elts):
        if any(isinstance(each, ast.Slice) for each in node.elts):
            return all(same_operand(mine, theirs, event) for mine, theirs in zip(written.elts, node.elts, strict=True))
    operand = event.operands.get(id(node))
    if operand is None and isinstance(written, ast.Attribute) and isinstance(node, ast.Attribute):
        return written.attr == node.attr and same_operand(written.value, node.value, event)
    if operand is not None and matches(written, operand):
        return True
    if operand is not None and operand.value is NOT_KNOWN:
        return is_pure(written)
    if operand is not None and isinstance(written, ast.BinOp | ast.Call) and type(written) is type(node):
        return False  # another operation, even if the same comes of it
    try:
        return is_pure(written) and fits(value_of(written), operand_value(node, event), _tolerance(written))
    except UnknownError:
        return False


def operand_value(node: ast.AST, event: Event) -> Any:
    """The value that an operand had in an event."""
    operand = event.operands.get(id(node))
    if operand is not None:
        return operand.value
    try:
        return value_of(node) if isinstance(node, ast.expr) else Opaque("", "", -1, False)
    except UnknownError:
        return Opaque("", "", -1, False)


@lru_cache(maxsize=CACHED)
def _tolerance(written: ast.expr) -> float:
    return rounding(ast.unparse(written))
