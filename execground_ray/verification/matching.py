"""Whether an expression of a text, with values in place of names, is one that the run evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeGuard

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.recorded import NOT_KNOWN, Event
from execground_ray.verification.trees import CACHED, children_of, key_of, name_of_call
from execground_ray.verification.values import Opaque, fits, rounding, same

Term = tuple[ast.expr, bool, Event | None]  # what is added, or taken away, and the event that it is an operand of


def matches(written: ast.expr, event: Event) -> bool:
    """Whether ``written`` is what ``event`` evaluated: the same operations of the same names or of their values."""
    node = event.node
    if type(written) is not type(node) or isinstance(written, ast.Name | ast.Constant):
        return False
    if _is_sum(written) and _is_sum(node):
        terms, theirs = list(_terms(written)), list(_terms(node, event))
        if len(terms) == len(theirs):
            return all(_same_term(mine, other, event) for mine, other in zip(terms, theirs, strict=True))
        if len(terms) < len(theirs) and _adds_up(terms, theirs, event):
            return True
    mine, others = children_of(written), children_of(node)
    return (
        len(mine) == len(others)
        and getattr(written, "attr", "") == getattr(node, "attr", "")
        and all(same_operand(left, right, event) for left, right in zip(mine, others, strict=True))
    )


def _is_sum(node: ast.AST) -> TypeGuard[ast.BinOp]:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


def _terms(node: ast.BinOp, event: Event | None = None, sign: bool = True) -> Iterator[Term]:
    """What is added up or taken away, however it is bracketed; of the run, each with the event that it is an operand of."""
    for each, its in ((node.left, sign), (node.right, sign is isinstance(node.op, ast.Add))):
        inner = event.operands.get(id(each)) if event else None
        if _is_sum(each) and (inner or event is None):
            yield from _terms(each, inner, its)
        else:
            yield each, its, event


def is_part_of_sum(node: ast.AST, whole: ast.AST) -> bool:
    """Whether what is added up in an expression is so in a part of another one: ``k - 1`` in ``pointer + k - 1``."""
    if not _is_sum(node) or not _is_sum(whole):
        return False
    terms, theirs = ([(key_of(each), sign) for each, sign, _ in _terms(tree)] for tree in (node, whole))
    return any(theirs[place : place + len(terms)] == terms for place in range(len(theirs)))


def _same_term(mine: Term, other: Term, event: Event) -> bool:
    """Whether two terms are the same; ``4 - 2`` may be written of ``x + y`` where ``y`` is ``-2``."""
    (written, sign, _), (node, its, of) = mine, other
    if sign is its:
        return same_operand(written, node, of or event)
    try:
        return isinstance(written, ast.Constant) and value_of(written) == -operand_value(node, of or event) > 0
    except (UnknownError, TypeError):
        return False


def _adds_up(terms: list[Term], theirs: list[Term], event: Event) -> bool:
    """Whether one term is what several of the others come to, ``pointer + 4`` of ``pointer + k - 1`` where ``k`` is ``5``."""
    left = list(theirs)
    folded: list[Term] = []
    for term in terms:
        same = next((other for other in left if _same_term(term, other, event)), None)
        if same:
            left.remove(same)
        else:
            folded.append(term)
    if len(folded) != 1 or not isinstance(folded[0][0], ast.Constant):
        return False
    try:
        ((written, sign, _),) = folded
        total = sum((1 if its else -1) * operand_value(node, of or event) for node, its, of in left)
        return bool(value_of(written) * (1 if sign else -1) == total)
    except (UnknownError, TypeError):
        return False


def same_operand(written: ast.AST, node: ast.AST, event: Event) -> bool:
    """Whether ``written`` is an operand of ``event``, or its value."""
    if not isinstance(written, ast.expr) or not isinstance(node, ast.expr):  # an operator
        return isinstance(written, ast.expr_context) or (type(written) is type(node) and not children_of(written))
    if key_of(written) == key_of(node):
        return True
    bounds = bounds_of(node)
    if bounds and type(written) is type(node):
        mine = bounds_of(written)
        return len(mine) == len(bounds) and all(
            one is other or (one is not None and other is not None and same_operand(one, other, event))
            for one, other in zip(mine, bounds, strict=True)
        )
    operand = event.operands.get(id(node))
    if operand is None and isinstance(written, ast.Attribute) and isinstance(node, ast.Attribute):
        return written.attr == node.attr and same_operand(written.value, node.value, event)
    return (operand is not None and matches(written, operand)) or _is_value(written, node, event)


def bounds_of(node: ast.AST) -> tuple[ast.expr | None, ...]:
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
        if isinstance(event.node, ast.Subscript) and node is event.node.slice:  # `2` and `2.0` are one key
            return same(value_of(written), value)
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
