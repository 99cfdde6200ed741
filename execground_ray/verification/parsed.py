"""The syntax tree of an expression that a text cites, and the names in it."""

from __future__ import annotations

import ast
import contextlib
import keyword
import re
from functools import lru_cache

from execground_ray.verification.allowed import NUMPY, PRINTED
from execground_ray.verification.syntax import children, walk

MAX_SOURCE = 4_000  # characters
_LITERAL = frozenset((ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.USub, ast.UAdd))
_FORBIDDEN = frozenset((ast.Lambda, ast.JoinedStr, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr))
_SCALARS = ("int", "uin", "flo", "boo", "str")  # how the names of numpy's numbers begin
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_PLAIN_VALUE = re.compile(r"0|[1-9][0-9]{0,17}|'[^'\\\r\n\0]*'|\"[^\"\\\r\n\0]*\"")


Parsed = tuple[ast.expr, frozenset[str], bool]  # its tree, the names in it, whether it is a literal


def parse_expression(source: str) -> Parsed | None:
    """``parse``, which remembers what it has read; None for a very long source, too."""
    return _remembered(source) if len(source) <= MAX_SOURCE else None


def parse(source: str) -> Parsed | None:
    """The syntax tree of ``source``, the names in it and whether it is a literal; None if it is no expression."""
    source = source.strip()
    if _PLAIN_NAME.fullmatch(source) and not keyword.iskeyword(source):
        return ast.Name(id=source, ctx=ast.Load()), frozenset((source,)), False
    try:
        if _PLAIN_VALUE.fullmatch(source):
            return ast.Constant(source[1:-1] if source[0] in "'\"" else int(source)), frozenset(), True
        node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    parts = walk(node)
    kinds = set(map(type, parts))
    if type(node) is ast.BinOp and any(type(part) is ast.Constant and type(part.value) is complex for part in parts):
        with contextlib.suppress(ValueError):  # an operation, not one number
            return ast.Constant(ast.literal_eval(node)), frozenset(), True
    if not kinds.isdisjoint(_FORBIDDEN):
        return None
    if ast.Name not in kinds and ast.Attribute not in kinds:
        return node, frozenset(), kinds <= _LITERAL
    return node, names_of(node), False


_remembered = lru_cache(maxsize=4_096)(parse)


def _collect_names(node: ast.AST, names: set[str]) -> None:
    """Names and attributes; an attribute stands for itself, whoever owns it, but a method needs its owner."""
    kind = type(node)
    if kind is ast.Name:
        names.add(node.id)  # type: ignore[attr-defined]  # its type has just been seen
    elif kind is ast.Attribute:
        names.add("." + node.attr)  # type: ignore[attr-defined]
    elif kind is ast.Call and _is_printed(node.func):  # type: ignore[attr-defined]
        for part in node.args:  # type: ignore[attr-defined]
            _collect_names(part, names)
    elif kind is ast.Call and isinstance(node.func, ast.Attribute):  # type: ignore[attr-defined]
        names.add(node.func.attr)  # type: ignore[attr-defined]
        for part in (node.func.value, *node.args):  # type: ignore[attr-defined]
            _collect_names(part, names)
    elif kind is not ast.Constant:
        for child in children(node):
            _collect_names(child, names)


def _is_printed(function: ast.expr) -> bool:
    """The beginning of a value that prints itself as a call."""
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id in NUMPY and function.attr[:3] in _SCALARS
    return isinstance(function, ast.Name) and function.id in PRINTED


@lru_cache(maxsize=8_192)
def names_of(node: ast.expr) -> frozenset[str]:
    """The names in an expression; the attribute x of whatever is ".x"."""
    names: set[str] = set()
    _collect_names(node, names)
    return frozenset(names)
