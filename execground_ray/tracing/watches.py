"""Watches: places in objects that somebody wants to know, looked up after every step as variables are.

A *watch* is an expression as ``snoop`` takes one, of those that are looked up without running code of the program:
``node.left.val``, ``grid[row][col + 1]``, ``len(self.queue)``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

from execground_ray.tracing.inspection import MISSING, attribute_of, item_of, length_of, slot
from execground_ray.tracing.program import FILENAME

MAX_WATCHES = 100
MAX_CHARS = 200
Scope = tuple[Mapping[str, Any], Mapping[str, Any]]  # the variables of a call, and the globals


class Watches:
    """What is looked up in every call that has a variable of the right name.

    Args:
        sources: as ``watch_in`` gives them; what is none is left out.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        """See the class."""
        self._by_root: dict[str, list[tuple[str, ast.expr]]] = {}
        for source in list(dict.fromkeys(sources))[:MAX_WATCHES]:
            tree = _parsed(source)
            if tree is not None and watch_in(tree) == source:
                self._by_root.setdefault(root_of(source), []).append((source, tree))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_root)

    def values(self, variables: Mapping[str, Any], module: Mapping[str, Any]) -> dict[str, Any]:
        """What is there to be found now, by watch."""
        found: dict[str, Any] = {}
        for root, watches in self._by_root.items():
            if root in variables or root in module:
                for source, tree in watches:
                    value = _look_up(tree, (variables, module))
                    if value is not MISSING:
                        found[source] = value
        return found


def _parsed(source: str) -> ast.expr | None:
    try:
        return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def watch_in(node: ast.expr) -> str:
    """Return an expression as the source of a watch; empty if it is none, or a mere variable."""
    if isinstance(node, ast.Name) or not _is_watch(node):
        return ""
    source = ast.unparse(node)
    return source if len(source) <= MAX_CHARS else ""


def _is_watch(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(value=owner, attr=name):
            return _is_watch(owner) and not name.startswith("__")
        case ast.Subscript(value=owner, slice=key):
            return _is_watch(owner) and _is_key(key)
        case ast.Call(func=ast.Name(id="len"), args=[owner], keywords=[]):
            return _is_watch(owner) and not isinstance(owner, ast.Call)
    return False


def _is_key(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | str | float | None)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_key(operand)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return _is_key(left) and _is_key(right)
        case ast.Tuple(elts=parts):
            return all(map(_is_key, parts))
    return _is_watch(node)


def root_of(source: str) -> str:
    """Return the variable that a watch begins with."""
    inside = source.removeprefix("len(")
    return inside[: next((at for at, sign in enumerate(inside) if not (sign.isalnum() or sign == "_")), len(inside))]


def _look_up(node: Any, scope: Scope) -> Any:
    look_up = _KINDS.get(type(node))
    return look_up(node, scope) if look_up else MISSING


def _name(node: ast.Name, scope: Scope) -> Any:
    variables, module = scope
    return variables[node.id] if node.id in variables else module.get(node.id, MISSING)


def _attribute(node: ast.Attribute, scope: Scope) -> Any:
    owner = _look_up(node.value, scope)
    return MISSING if owner is MISSING else attribute_of(owner, node.attr)


def _item(node: ast.Subscript, scope: Scope) -> Any:
    owner, key = _look_up(node.value, scope), _look_up(node.slice, scope)
    return MISSING if owner is MISSING or key is MISSING else item_of(owner, key)


def _length(node: ast.Call, scope: Scope) -> Any:
    owner = _look_up(node.args[0], scope)
    if owner is MISSING:
        return MISSING
    length = length_of(owner)
    if length < 0:
        count = slot(type(owner), "__len__")
        if type(count) is not FunctionType or count.__code__.co_filename == FILENAME:
            return MISSING
        length = len(owner)  # of a library's class
    return length


def _tuple(node: ast.Tuple, scope: Scope) -> Any:
    parts = tuple(_look_up(part, scope) for part in node.elts)
    return MISSING if any(part is MISSING for part in parts) else parts


def _sum(node: ast.BinOp, scope: Scope) -> Any:
    left, right = _look_up(node.left, scope), _look_up(node.right, scope)
    if type(left) is not int or type(right) is not int:
        return MISSING
    return left + right if isinstance(node.op, ast.Add) else left - right


def _negative(node: ast.UnaryOp, scope: Scope) -> Any:
    operand = _look_up(node.operand, scope)
    return -operand if type(operand) is int else MISSING


_KINDS: dict[type[ast.expr], Callable[[Any, Scope], Any]] = {
    ast.Name: _name,
    ast.Constant: lambda node, _: node.value,
    ast.Attribute: _attribute,
    ast.Subscript: _item,
    ast.Call: _length,
    ast.Tuple: _tuple,
    ast.BinOp: _sum,
    ast.UnaryOp: _negative,
}
