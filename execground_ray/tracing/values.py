"""Exact values: how a returned value becomes JSON, and when two values are the same.

What JSON cannot hold is treated in one way, stated here. Where the corpus records values of JSON, they are what is
compared; where it records values of Python (``exact``), nothing of these is lost:

======================================  ==============================================  ============================
returned value                          recorded as                                     if exact
======================================  ==============================================  ============================
None, bool, int, float, str             itself (integers of any size, NaN, infinities)  the same
list and subclasses                     a list                                          the same
tuple and subclasses                    a list (as JSON does)                           a tuple
dict and subclasses                     an object; int, float, bool, None keys as text  a dict with its keys
numpy scalar or array                   the value of its ``tolist()``                   the same
str, int, float subclass (e.g. enums)   the plain value that the base type holds        the same
set, frozenset, bytes, complex          nothing: the problem is unsupported_value       themselves, sets in order
any other object                        nothing: likewise                               likewise
dict with both 1 and "1" as keys        nothing: likewise, as one would be lost         a dict
cyclic, or deeper than 100 levels       nothing: likewise                               likewise
======================================  ==============================================  ============================
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from typing import Any

from execground_ray.python.values import TAG, Expression, tagged

MAX_DEPTH = 100
_encode = json.JSONEncoder().encode  # bound here: a program may replace what ``json`` has


class UnsupportedValueError(ValueError):
    """The value, or something in it, has no JSON form."""


def to_json(value: object, *, exact: bool = False) -> str:
    """Return the JSON text of a returned value, by the table above; ``python.values.read_json`` reads it.

    Subclasses are read through their base type's own methods, so that an overridden one cannot lie.

    Args:
        value: of any type.
        exact: whether the types that JSON has not are kept.

    Raises:
        UnsupportedValueError: if the value, or something in it, has no JSON form.
    """
    try:
        return _encode(_plain(value, MAX_DEPTH, exact))
    except ValueError as error:  # an integer with more digits than Python prints
        raise UnsupportedValueError(str(error)) from None


def _plain(value: Any, levels: int, exact: bool) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if levels == 0:
        raise UnsupportedValueError(f"nested deeper than {MAX_DEPTH} levels, or cyclic")
    if issubclass(kind, list):
        return [_plain(item, levels - 1, exact) for item in list.__iter__(value)]
    if issubclass(kind, tuple):
        items = [_plain(item, levels - 1, exact) for item in tuple.__iter__(value)]
        return tagged("tuple", items) if exact else items
    if issubclass(kind, dict):
        return _exact_dict(value, levels) if exact else _plain_dict(value, levels)
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return _plain(numpy.ndarray.tolist(value), levels - 1, exact)
    return _exact(value, kind, levels) if exact else _plain_scalar(value, kind)


def _plain_dict(value: dict[Any, Any], levels: int) -> dict[Any, Any]:
    plain = {_key(key): _plain(item, levels - 1, False) for key, item in dict.items(value)}
    if len({key if type(key) is str else json.dumps(key) for key in plain}) < dict.__len__(value):
        raise UnsupportedValueError("two keys of a dict have the same JSON form")
    return tagged("dict", list(plain.items())) if TAG in plain else plain


def _exact_dict(value: dict[Any, Any], levels: int) -> dict[Any, Any]:
    items = [(_plain(key, levels - 1, True), _plain(item, levels - 1, True)) for key, item in dict.items(value)]
    is_object = all(type(key) is str and key != TAG for key, _ in items)
    return dict(items) if is_object else tagged("dict", items)


def _exact(value: Any, kind: type, levels: int) -> Any:
    """The exact form of what is no list, tuple, dict or array."""
    if issubclass(kind, Expression):
        return tagged("expression", str.__str__(value))
    for base in (set, frozenset):
        if issubclass(kind, base):
            items = [_plain(item, levels - 1, True) for item in base.__iter__(value)]
            return tagged(base.__name__, sorted(items, key=_encode))
    if issubclass(kind, bytes):
        return tagged("bytes", bytes.decode(value, "latin-1"))
    if issubclass(kind, complex):
        return tagged("complex", [complex.real.__get__(value), complex.imag.__get__(value)])
    return _plain_scalar(value, kind)


def _plain_scalar(value: Any, kind: type) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.generic):
        plain = numpy.generic.tolist(value)
        if type(plain) in (bool, int, float, str):
            return plain
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int):
        return int.__pos__(value)
    if issubclass(kind, float):
        return float.__pos__(value)
    raise UnsupportedValueError(f"a value of type {kind.__name__} has no JSON form")


def _key(key: Any) -> str | int | float | bool | None:
    plain = key if key is None else _plain_scalar(key, type(key)) if type(key) not in _KEY_TYPES else key
    if type(plain) in _KEY_TYPES or plain is None:
        return plain
    raise UnsupportedValueError(f"a dict key of type {type(key).__name__} has no JSON form")


_KEY_TYPES = (str, int, float, bool)


def same_value(recorded: Any, returned: Any, float_tolerance: float) -> bool:
    """Tell whether two values are the same, type by type.

    ``5``, ``5.0``, ``"5"`` and ``True`` all differ, and so do a list and a tuple. Floats may differ by
    ``float_tolerance``, relative to the recorded one (1e-3 in CodeI/O, arXiv 2502.07316), but not in a set or a key;
    NaN equals NaN. The order of a dictionary's keys does not count.

    Args:
        recorded: the output that the corpus holds.
        returned: the value that this execution returned.
        float_tolerance: relative; 0 asks for equality.
    """
    if type(recorded) is not type(returned):
        return False
    if isinstance(recorded, float):
        if math.isnan(recorded) or math.isnan(returned):
            return math.isnan(recorded) and math.isnan(returned)
        return recorded == returned or abs(recorded - returned) <= float_tolerance * abs(recorded) < math.inf
    if isinstance(recorded, list | tuple):
        return len(recorded) == len(returned) and all(
            same_value(one, other, float_tolerance) for one, other in zip(recorded, returned, strict=True)
        )
    if isinstance(recorded, dict):
        return _typed(recorded) == _typed(returned) and all(
            same_value(item, returned[key], float_tolerance) for key, item in recorded.items()
        )
    if isinstance(recorded, set | frozenset):
        return _typed(recorded) == _typed(returned)
    return bool(recorded == returned)


def same_print(recorded: str, printed: str) -> bool:
    """Tell whether two printed texts are the same but for blanks at the ends of lines, as judges of programs do."""
    one, other = ([line.rstrip() for line in text.rstrip().split("\n")] for text in (recorded, printed))
    return one == other


def _typed(values: Iterable[Any]) -> set[tuple[type, str]]:
    """Members of a set or keys with their types: 1, 1.0 and True are equal, and hash alike."""
    return {(type(value), value if type(value) is str else to_json(value, exact=True)) for value in values}
