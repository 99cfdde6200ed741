"""Literals: the text of a plain value, read back without running anything.

What is read is Python's own literals and, as ``snapshots`` writes them: ``inf``, ``nan``, ``set()``,
``frozenset({…})``, ``deque([…])``, ``defaultdict({…})``, ``Counter({…})``, ``OrderedDict({…})``, ``range(…)``,
``bytearray(b'…')`` and ``array([…])``, which is read as nested lists.
"""

from __future__ import annotations

import ast
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from execground_ray.python.values import Expression, written

MAX_CHARS = 5000
NAMES = {"inf": float("inf"), "nan": float("nan")}


@lru_cache(maxsize=4096)
def read_value(text: str) -> Any:
    """Return the value of a literal; it is shared by all who ask, and must not be changed.

    Raises:
        ValueError: the text is no literal, or one beyond what is read.
    """
    if len(text) > MAX_CHARS:
        raise ValueError("the text is too long for a literal")
    try:
        return _read(ast.parse(text, mode="eval").body)
    except (SyntaxError, TypeError, RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(f"no literal: {type(error).__name__}") from None


def can_be_text_of(text: str, value: Any) -> bool:
    """Whether a trace can show a value by a text: that of a set or an expression is not always its own."""
    if text == repr(value) or isinstance(value, Expression):
        return True
    try:
        return written(read_value(text)) == written(value)
    except ValueError:
        return False


def _read(node: ast.expr) -> Any:
    read = _READERS.get(type(node))
    if read is None:
        raise ValueError(f"no literal: {type(node).__name__}")
    return read(node)


def _read_name(node: ast.Name) -> float:
    if node.id not in NAMES:
        raise ValueError(f"no literal: {node.id}")
    return NAMES[node.id]


def _read_sign(node: ast.UnaryOp) -> Any:
    value = _read(node.operand)
    if type(value) in (int, float, complex) and isinstance(node.op, ast.USub | ast.UAdd):
        return -value if isinstance(node.op, ast.USub) else value
    raise ValueError("no literal: an operator")


def _read_complex(node: ast.BinOp) -> complex:
    real, imaginary = _read(node.left), _read(node.right)
    if type(real) in (int, float) and type(imaginary) is complex and isinstance(node.op, ast.Add | ast.Sub):
        return real + imaginary if isinstance(node.op, ast.Add) else real - imaginary
    raise ValueError("no literal: an operator")


def _read_dict(node: ast.Dict) -> dict[Any, Any]:
    if None in node.keys:
        raise ValueError("no literal: **")
    keys = [_read(key) for key in node.keys if key is not None]
    return dict(zip(keys, map(_read, node.values), strict=True))


def _read_call(node: ast.Call) -> Any:
    make = _CALLS.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if make is None or node.keywords:
        raise ValueError("no literal: a call")
    return make(*map(_read, node.args))


def _array(items: Any) -> Any:
    return items


_CALLS: dict[str, Callable[..., Any]] = {
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
    "defaultdict": lambda items: defaultdict(None, items),
    "Counter": Counter,
    "OrderedDict": OrderedDict,
    "array": _array,
    "range": range,
    "bytearray": bytearray,
}
_READERS: dict[type[ast.expr], Callable[[Any], Any]] = {
    ast.Constant: lambda node: node.value,
    ast.Name: _read_name,
    ast.UnaryOp: _read_sign,
    ast.BinOp: _read_complex,
    ast.List: lambda node: [_read(item) for item in node.elts],
    ast.Tuple: lambda node: tuple(_read(item) for item in node.elts),
    ast.Set: lambda node: {_read(item) for item in node.elts},
    ast.Dict: _read_dict,
    ast.Call: _read_call,
}
