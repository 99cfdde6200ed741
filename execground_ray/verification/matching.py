"""Whether an expression of a text, with values in place of names, is one that the run evaluated."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.run import Event
from execground_ray.verification.trees import CACHED, children_of, key_of, nodes_in
from execground_ray.verification.values import Opaque, same


def matches(written: ast.expr, event: Event) -> bool:
    """Whether ``written`` is what ``event`` evaluated: the same operations of the same names or of their values."""
    return type(written) is type(event.node) and _same_operation(written, event.node) and _operands(written, event)


def _same_operation(written: ast.AST, node: ast.AST) -> bool:
    if isinstance(written, ast.BinOp | ast.UnaryOp | ast.BoolOp):
        return type(written.op) is type(node.op)  # type: ignore[attr-defined]
    if isinstance(written, ast.Compare) and isinstance(node, ast.Compare):
        return list(map(type, written.ops)) == list(map(type, node.ops))
    if isinstance(written, ast.Attribute) and isinstance(node, ast.Attribute):
        return written.attr == node.attr
    return not isinstance(written, ast.Name | ast.Constant)


def _operands(written: ast.expr, event: Event) -> bool:
    mine, theirs = (
        [each for each in children_of(node) if not isinstance(each, ast.expr_context)] for node in (written, event.node)
    )
    if len(mine) != len(theirs):
        return False
    return all(_same_operand(left, right, event) for left, right in zip(mine, theirs, strict=True))


def _same_operand(written: ast.AST, node: ast.AST, event: Event) -> bool:
    if not isinstance(written, ast.expr) or not isinstance(node, ast.expr):
        return type(written) is type(node) and not isinstance(written, ast.keyword)
    if key_of(written) == key_of(node):
        return True
    operand = event.operands.get(id(node))
    if is_pure(written):
        try:
            value = evaluate(written, {})
        except UnknownError:
            return False
        known = operand_value(node, event)
        if not isinstance(known, Opaque) and same(value, known):
            return True
    return operand is not None and matches(written, operand)


def operands_of(node: ast.AST) -> list[ast.expr]:
    """What an operation, a comparison or a call is of."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    return list(node.args) if isinstance(node, ast.Call) else []


def operations_in(trees: Iterable[ast.AST]) -> frozenset[str]:
    """The names of what some trees do: operators, methods, functions."""
    return frozenset().union(*map(_operations, trees))


@lru_cache(maxsize=CACHED)
def _operations(tree: ast.AST) -> frozenset[str]:
    found: set[str] = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.operator | ast.unaryop):
            found.add(type(node).__name__)
        elif isinstance(node, ast.Call):
            found.add(getattr(node.func, "attr", getattr(node.func, "id", "")))
        elif isinstance(node, ast.List | ast.ListComp | ast.Delete | ast.Subscript | ast.Yield):
            found.add(type(node).__name__.replace("Yield", "yield"))
    return frozenset(found)


def operand_value(node: ast.AST, event: Event) -> Any:
    """The value that an operand had in an event."""
    operand = event.operands.get(id(node))
    if operand is not None:
        return operand.value
    try:
        return evaluate(node, {}) if isinstance(node, ast.expr) else Opaque("", "", -1, False)
    except UnknownError:
        return Opaque("", "", -1, False)


def grouped(events: list[Event], key: Callable[[Event], Any]) -> dict[Any, list[Event]]:
    """Events by what ``key`` says of each."""
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        found[key(event)].append(event)
    return found
