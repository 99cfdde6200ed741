"""Exact values: how a returned value becomes JSON, and when two JSON values are the same.

What JSON cannot hold is treated in one way, stated here:

======================================  =====================================================
returned value                          recorded as
======================================  =====================================================
None, bool, int, float, str             itself (integers of any size, NaN and infinities too)
list, tuple, and subclasses             a list (as JSON does: a tuple's type is not kept)
dict and subclasses                     an object; int, float, bool and None keys become text
numpy scalar or array                   the value of its ``tolist()``
str, int, float subclass (e.g. enums)   the plain value that the base type holds
set, bytes, complex, any other object   nothing: the problem is rejected as unsupported_value
dict with both 1 and "1" as keys        nothing: likewise, as one of the two would be lost
cyclic, or deeper than 100 levels       nothing: likewise
======================================  =====================================================
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

MAX_DEPTH = 100
_encode = json.JSONEncoder().encode  # bound here: a program may replace what ``json`` has


class UnsupportedValueError(ValueError):
    """The value, or something in it, has no JSON form."""


def to_json(value: object) -> str:
    """Return the exact JSON text of a returned value, by the table above.

    Subclasses are read through their base type's own methods, so that an overridden one cannot lie.

    Raises:
        UnsupportedValueError: if the value, or something in it, has no JSON form.
    """
    try:
        return _encode(_plain(value, MAX_DEPTH))
    except ValueError as error:  # an integer with more digits than Python prints
        raise UnsupportedValueError(str(error)) from None


def _plain(value: Any, levels: int) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool or value is None:
        return value
    if levels == 0:
        raise UnsupportedValueError(f"nested deeper than {MAX_DEPTH} levels, or cyclic")
    if issubclass(kind, list):
        return [_plain(item, levels - 1) for item in list.__iter__(value)]
    if issubclass(kind, tuple):
        return [_plain(item, levels - 1) for item in tuple.__iter__(value)]
    if issubclass(kind, dict):
        return _plain_dict(value, levels)
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return _plain(numpy.ndarray.tolist(value), levels - 1)
    return _plain_scalar(value, kind)


def _plain_dict(value: dict[Any, Any], levels: int) -> dict[Any, Any]:
    plain = {_key(key): _plain(item, levels - 1) for key, item in dict.items(value)}
    if len({key if type(key) is str else json.dumps(key) for key in plain}) < dict.__len__(value):
        raise UnsupportedValueError("two keys of a dict have the same JSON form")
    return plain


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
    """Tell whether two decoded JSON values are the same, type by type.

    ``5``, ``5.0``, ``"5"`` and ``True`` all differ. Floats may differ by ``float_tolerance``, relative to the recorded
    one (1e-3 in CodeI/O, arXiv 2502.07316); NaN equals NaN. The order of an object's keys does not count.

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
    if isinstance(recorded, list):
        return len(recorded) == len(returned) and all(
            same_value(one, other, float_tolerance) for one, other in zip(recorded, returned, strict=True)
        )
    if isinstance(recorded, dict):
        return recorded.keys() == returned.keys() and all(
            same_value(item, returned[key], float_tolerance) for key, item in recorded.items()
        )
    return bool(recorded == returned)
