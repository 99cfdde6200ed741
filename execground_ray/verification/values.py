"""Values: those that a text writes and those of the run, and when they are the same."""

from __future__ import annotations

import math
import re
from collections import OrderedDict, defaultdict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

MAX_PARTS = 3_000  # parts of one value that are looked at
MAX_DEPTH = 12
MAX_LOOKED_INTO = 500  # parts of one value whose text and length are looked at
_SIZED = str | list | tuple | dict | set | frozenset | deque | range
_FLOAT = re.compile(r"[-+]?(\d+)\.(\d+)(?:[eE]([-+]?\d+))?")


_KEYS = frozenset({int, str, type(None)})  # most values are of these, and their own keys


@dataclass(frozen=True)
class Opaque:
    """A value that is known by the beginning of what it shows and perhaps its length."""

    text: str
    type: str
    length: int
    cut: bool


def freeze(value: Any, depth: int = 0) -> Hashable:  # noqa: PLR0911
    """A key that is equal for values that are written alike: 1 and 1.0, a list and a tuple; not 1 and True."""
    if type(value) in _KEYS or isinstance(value, str | bytes | Opaque):
        return value
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, int | float | complex):
        return value if value == value else "nan"  # noqa: PLR0124
    if depth > MAX_DEPTH:
        return ("deep", id(value))
    if isinstance(value, dict):
        return (
            "dict",
            frozenset((freeze(key, depth + 1), freeze(item, depth + 1)) for key, item in value.items()),
        )
    if isinstance(value, set | frozenset):
        return ("set", frozenset(freeze(item, depth + 1) for item in value))
    if isinstance(value, list | tuple | deque | range):
        if len(value) > MAX_PARTS:
            return ("long", len(value))
        return ("list", tuple(freeze(item, depth + 1) for item in value))
    return ("other", repr(value))


def parts(value: Any, limit: int = MAX_PARTS) -> Iterator[Any]:
    """``value``, what is in it, what is in that, and the keys of dictionaries."""
    stack, count = [(value, 0)], 0
    while stack and count < limit:
        part, depth = stack.pop()
        count += 1
        yield part
        if depth >= MAX_DEPTH:
            continue
        if isinstance(part, dict):
            stack += [(item, depth + 1) for pair in list(part.items())[:limit] for item in pair]
        elif isinstance(part, range):
            stack += [(item, depth + 1) for item in (part.start, part.stop, part.step, *part[:limit])]
        elif isinstance(part, list | tuple | set | frozenset | deque):
            stack += [(item, depth + 1) for item in list(part)[:limit]]


class Inside:
    """What is in a value of the run: keys of all parts, the texts, the lengths; each found when it is asked for."""

    def __init__(self, value: Any) -> None:
        """See the class."""
        self._value = value

    @cached_property
    def keys(self) -> frozenset[Hashable]:
        """Keys of the value and of its parts."""
        return frozenset(map(freeze, parts(self._value)))

    @cached_property
    def _first(self) -> list[Any]:
        return list(parts(self._value, MAX_LOOKED_INTO))

    @cached_property
    def texts(self) -> list[str]:
        """The strings in it, and those that its lists of letters spell."""
        letters = [part for part in self._first if isinstance(part, list | tuple) and len(part) > 1]
        joined = ["".join(part) for part in letters if all(isinstance(each, str) and len(each) == 1 for each in part)]
        return [part for part in self._first if isinstance(part, str)] + joined

    @cached_property
    def sizes(self) -> frozenset[int]:
        """The lengths of it and of its parts."""
        found = {len(part) for part in self._first if isinstance(part, _SIZED)}
        return frozenset(
            found | {part.length for part in (self._value,) if isinstance(part, Opaque) and part.length >= 0}
        )


MUTABLE = list | dict | set | deque  # what a call may change
LASTING = int | float | str | tuple | None  # and what none can
# What has a literal.
PLAIN = frozenset({"bool", "number", "str", "list", "tuple", "dict", "set", "NoneType"})
_KIND_OF_TYPE = {
    "int": "number",
    "float": "number",
    "deque": "list",
    "frozenset": "set",
    "defaultdict": "dict",
    "Counter": "dict",
}


def kind_of(value: Any) -> str:
    """The kind of a value, coarse: what text and run may not mix up."""
    if isinstance(value, Opaque):
        return _KIND_OF_TYPE.get(value.type, value.type)
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict | OrderedDict | defaultdict):
        return "dict"
    if isinstance(value, set | frozenset):
        return "set"
    if isinstance(value, list | deque | range):
        return "list"
    return type(value).__name__


def same(written: Any, actual: Any, tolerance: float = 0.0) -> bool:
    """Whether a text that writes ``written`` can mean ``actual``.

    Args:
        written: of the text.
        actual: of the run.
        tolerance: by how much numbers may differ, for those that a text rounds.
    """
    if isinstance(written, bool) or isinstance(actual, bool) or written is None or actual is None:
        return written is actual
    if isinstance(written, int | float) and isinstance(actual, int | float):
        return close(written, actual, tolerance)
    if isinstance(written, str) or isinstance(actual, str):
        return isinstance(written, str) and isinstance(actual, str) and written == actual
    if isinstance(written, dict) and isinstance(actual, dict):
        return _same_dicts(written, actual, tolerance)
    if isinstance(written, list | tuple | deque | range) and isinstance(actual, list | tuple | deque | range):
        return len(written) == len(actual) and all(map(same, written, actual, [tolerance] * len(actual)))
    if isinstance(written, set | frozenset) or isinstance(actual, set | frozenset):
        return _same_sets(written, actual)
    return bool(freeze(written) == freeze(actual))


def close(written: float, actual: float, tolerance: float) -> bool:
    """Whether two numbers are the same but for rounding."""
    if freeze(written) == freeze(actual):
        return True
    if isinstance(written, int) and isinstance(actual, int):
        return False
    try:
        return math.isclose(written, actual, rel_tol=1e-9, abs_tol=tolerance)
    except OverflowError:
        return False


def _same_dicts(written: dict[Any, Any], actual: dict[Any, Any], tolerance: float) -> bool:
    if len(written) != len(actual):
        return False
    others = {freeze(key): value for key, value in actual.items()}
    return all(freeze(key) in others and same(value, others[freeze(key)], tolerance) for key, value in written.items())


def _same_sets(written: Any, actual: Any) -> bool:
    """Sets, one of which may be written as a list of its elements, or as ``{}``."""
    if isinstance(written, dict) and not written:
        written = set()
    kinds = set | frozenset | list | tuple | deque
    if not (isinstance(written, kinds) and isinstance(actual, kinds)) or len(written) != len(actual):
        return False
    return {freeze(item) for item in written} == {freeze(item) for item in actual}


def fits(written: Any, actual: Any, tolerance: float) -> bool:
    """Whether a text can write ``written`` for ``actual``: not a list for a tuple or a set."""
    return same(written, actual, tolerance) and not _mixed_up(written, actual)


def _mixed_up(written: Any, actual: Any) -> bool:
    """Whether one is a list, the other a tuple, or one of both and the other a set; or something in them is.

    Nor does a text write ``3.0`` for ``3``, or the reverse.
    """
    if (isinstance(written, float) and type(actual) is int) or (type(written) is int and isinstance(actual, float)):
        return True
    if isinstance(written, set | frozenset):
        return isinstance(actual, list | tuple)
    if isinstance(written, dict) and isinstance(actual, set | frozenset):
        return True
    if isinstance(written, dict) and isinstance(actual, dict):
        others = {freeze(key): value for key, value in actual.items()}
        return any(_mixed_up(value, others.get(freeze(key), value)) for key, value in written.items())
    if not isinstance(written, list | tuple):
        return False
    if isinstance(actual, list | tuple | deque):
        return {type(written), type(actual)} == {list, tuple} or any(map(_mixed_up, written, actual))
    return isinstance(actual, set | frozenset)


def rounding(source: str) -> float:
    """By how much the number that ``source`` writes may be off: half a unit of its last digit, 0 for whole ones."""
    found = [_rounding(match) for match in _FLOAT.finditer(source)]
    return max(found, default=0.0)


def _rounding(match: re.Match[str]) -> float:
    if not match[2].strip("0"):
        return 0.0
    return 0.5000001 * 10.0 ** (int(match[3] or 0) - len(match[2]))
