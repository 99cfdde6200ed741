"""Snapshots: what values were at a moment, as text that does not change when they do.

Plain values (built-in types, exactly, and numpy's) become literals, which ``literals.read_value`` reads back; they are
walked without asking them anything that a program could have written. Of anything else a class name is shown, and more
only where no code of a program can run for it.
"""

from __future__ import annotations

import marshal
import sys
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from re import Match, Pattern
from typing import Any

from execground_ray.tracing.tracer import ADDRESS

LITERAL_CHARS = 4000
CUT_CHARS = 400
OPAQUE_CHARS = 400
MAX_LEVELS = 20
# All values of a run together: characters of what is kept, and bytes of what is looked at.
MAX_CHARS, MAX_WORK = 1_000_000, 50_000_000
MARKS = 4096
LITERAL, CUT, OPAQUE = "literal", "cut", "opaque"

_HASHED = frozenset((int, bool, str, type(None)))
_LEAVES = frozenset((int, bool, str, float, type(None)))
_MARKED = frozenset((list, dict, set, tuple, frozenset))
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset, deque, defaultdict, Counter, OrderedDict, range)
_OBJECT_REPR = object.__repr__
SLOT = (type(list.__len__), type(deque.__copy__))
_HARMLESS = frozenset(
    (
        *(types.FunctionType, types.BuiltinFunctionType, types.GeneratorType, types.ModuleType, type),
        *(Decimal, date, timedelta, Pattern, Match, array, type(NotImplemented), type(...)),
    )
)
_MRO = type.__dict__["__mro__"].__get__
_NAME = type.__dict__["__name__"].__get__


class _TooLargeError(Exception):
    """There is no room for the rest of a value."""


class SnapshotsFullError(Exception):
    """There is no room for more values."""


class Snapshots:
    """The table of the distinct values of a run.

    Args:
        show: turns a value into the text that the trace shows.
    """

    def __init__(self, show: Callable[[object], str]) -> None:
        """See the class."""
        self._show = show
        self.rows: list[tuple[str, str, str, int]] = []
        self._known: dict[tuple[str, str, str, int], int] = {}
        self._scalars: dict[tuple[type, Any], int] = {}
        self._marks: dict[int, tuple[type, int, bytes, int]] = {}
        self._chars = self._work = 0

    def index(self, value: object, shown: str | None = None) -> int:
        """Return the index of a value as it is now.

        Args:
            value: any.
            shown: what the trace shows of it, where it has just been shown.

        Raises:
            SnapshotsFullError: there is no room for it.
        """
        kind = type(value)
        if kind in _HASHED:
            known = self._scalars.get((kind, value))
            if known is None:
                known = self._scalars[kind, value] = self._add(value, kind, None)
            return known
        mark = self._marks.get(id(value))
        if mark is not None and mark[0] is kind and len(value) == mark[1]:  # type: ignore[arg-type]
            data = _marshal(value)
            self._spend(len(data))
            if data == mark[2]:  # the same types and values in the same order, whether or not it is the same object
                return mark[3]
        return self._add(value, kind, shown)

    def _add(self, value: Any, kind: type, shown: str | None) -> int:
        writer = Writer(self._show)
        row_kind, text, length = writer.describe(value, kind)
        if row_kind == OPAQUE and shown is not None:
            text = ADDRESS.sub("", shown)
        self._spend(len(text) + 16)
        row = (row_kind, text, _NAME(kind)[:200], length)
        known = self._known.get(row)
        if known is None:
            self._chars += len(text)
            if self._chars > MAX_CHARS:
                raise SnapshotsFullError
            known = self._known[row] = len(self.rows)
            self.rows.append(row)
        if row_kind == LITERAL and kind in _MARKED and not writer.has_arrays:
            if len(self._marks) >= MARKS:
                self._marks.clear()
            if data := _marshal(value):
                self._marks[id(value)] = (kind, length, data, known)
        return known

    def _spend(self, size: int) -> None:
        self._work += size
        if self._work > MAX_WORK:
            raise SnapshotsFullError


class Writer:
    """Writes one value.

    Args:
        show: see ``Snapshots``.

    Attributes:
        has_arrays: whether it holds one of numpy's.
    """

    def __init__(self, show: Callable[[object], str]) -> None:
        """See the class."""
        self._show = show
        self._parts: list[str] = []
        self._room = LITERAL_CHARS
        self._is_literal = True
        self.has_arrays = False

    def describe(self, value: Any, kind: type) -> tuple[str, str, int]:
        """Return kind, text and length of a value."""
        length = length_of(value, kind)
        if length * 3 > LITERAL_CHARS:  # it will be cut: do not write it for nothing
            self._room = max(CUT_CHARS, length if kind in (str, bytes, bytearray) and length < LITERAL_CHARS else 0)
        try:
            self._write(value, 0)
        except _TooLargeError:
            text = "".join(self._parts)[:CUT_CHARS]
            return (CUT if self._is_literal else OPAQUE), text, length
        text = "".join(self._parts)
        return (LITERAL, text, length) if self._is_literal else (OPAQUE, text[:OPAQUE_CHARS], length)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._room -= len(text)
        if self._room < 0:
            raise _TooLargeError

    def _write(self, value: Any, level: int) -> None:
        write = _WRITERS.get(type(value)) or self._numpy_writer(type(value))
        if write is None:
            self._is_literal = False
            self._put(self._opaque(value))
        elif level > MAX_LEVELS:
            self._is_literal = False
            self._put("...")
        else:
            write(self, value, level)

    def _opaque(self, value: Any) -> str:
        kind = type(value)
        if kind in _HARMLESS or (slot(kind, "__repr__") is _OBJECT_REPR):
            return ADDRESS.sub("", self._show(value))[:OPAQUE_CHARS]
        if kind in (datetime, time) and value.tzinfo is None:
            return repr(value)
        return f"<{_NAME(kind)} object>"

    def _numpy_writer(self, kind: type) -> Callable[[Writer, Any, int], None] | None:
        if kind.__class__ is not type or "numpy" not in sys.modules or kind.__module__ != "numpy":
            return None
        numpy = sys.modules["numpy"]
        self.has_arrays = True
        if kind is numpy.ndarray:
            return Writer._array
        return Writer._numpy_scalar if issubclass(kind, numpy.generic) else None

    def _array(self, value: Any, level: int) -> None:
        if value.size * 3 > self._room:
            self._is_literal = self._is_literal and value.dtype.kind in "biufcSU"
            value = value.reshape(-1)[: self._room]
        self._put("array(")
        self._write(value.tolist(), level + 1)
        self._put(")")

    def _numpy_scalar(self, value: Any, level: int) -> None:
        plain = value.item()
        if type(plain) in _LEAVES or type(plain) is complex:
            self._write(plain, level)
        else:
            self._is_literal = False
            self._put(f"<{_NAME(type(value))} object>")

    def _number(self, value: float | None, level: int) -> None:
        self._put(repr(value))

    def _integer(self, value: int, level: int) -> None:
        if value.bit_length() > 4 * LITERAL_CHARS:
            raise _TooLargeError
        self._put(repr(value))

    def _complex(self, value: complex, level: int) -> None:
        self._is_literal = self._is_literal and "n" not in repr(value)
        self._put(repr(value))

    def _string(self, value: Any, level: int) -> None:
        self._put(repr(value[: self._room + 1]))

    def _list(self, value: Iterable[Any], level: int) -> None:
        self._put("[")
        self._items(value, level)
        self._put("]")

    def _tuple(self, value: tuple[Any, ...], level: int) -> None:
        self._put("(")
        self._items(value, level)
        self._put(",)" if len(value) == 1 else ")")

    def _set(self, value: set[Any], level: int) -> None:
        self._put("{" if value else "set(")
        self._items(value, level)
        self._put("}" if value else ")")

    def _frozenset(self, value: frozenset[Any], level: int) -> None:
        self._put("frozenset({" if value else "frozenset(")
        self._items(value, level)
        self._put("})" if value else ")")

    def _deque(self, value: deque[Any], level: int) -> None:
        self._put("deque([")
        self._items(value, level)
        self._put("])")

    def _items(self, items: Any, level: int) -> None:
        if len(items) * 3 <= self._room and set(map(type, items)) <= _LEAVES and self._has_room(items):
            self._put(", ".join(map(repr, items)))
            return
        separator = ""
        for item in items:
            self._put(separator)
            separator = ", "
            self._write(item, level + 1)

    def _dict(self, value: dict[Any, Any], level: int) -> None:
        self._put("{")
        self._entries(value, level)
        self._put("}")

    def _named_dict(self, value: dict[Any, Any], level: int) -> None:
        self._put(_NAME(type(value)) + "({")
        self._entries(value, level)
        self._put("})")

    def _entries(self, value: dict[Any, Any], level: int) -> None:
        separator = ""
        for key, item in dict.items(value):
            self._put(separator)
            separator = ", "
            self._write(key, level + 1)
            self._put(": ")
            self._write(item, level + 1)

    def _has_room(self, items: Any) -> bool:
        """Tell whether numbers and strings are small enough to be written at once."""
        return sum(map(sys.getsizeof, items)) <= 80 * len(items) + 2 * self._room


_WRITERS: dict[type, Callable[[Writer, Any, int], None]] = {
    int: Writer._integer,
    bool: Writer._number,
    float: Writer._number,
    type(None): Writer._number,
    complex: Writer._complex,
    str: Writer._string,
    bytes: Writer._string,
    bytearray: Writer._string,
    range: Writer._number,
    list: Writer._list,
    tuple: Writer._tuple,
    set: Writer._set,
    frozenset: Writer._frozenset,
    deque: Writer._deque,
    dict: Writer._dict,
    defaultdict: Writer._named_dict,
    Counter: Writer._named_dict,
    OrderedDict: Writer._named_dict,
    **dict.fromkeys(_VIEWS, Writer._list),
}


def slot(kind: type, name: str) -> Any:
    """Return what a class has under a name, looked up past anything that a program could have put in the way."""
    for base in _MRO(kind):
        members = type.__dict__["__dict__"].__get__(base)
        if name in members:
            return members[name]
    return None


def length_of(value: Any, kind: type) -> int:
    """Return the length of a value, -1 where it has none or one that a program works out."""
    if kind in _SIZED:
        return len(value)
    if isinstance(slot(kind, "__len__"), SLOT):
        try:
            return len(value)
        except Exception:  # e.g. of an array without dimensions
            return -1
    return -1


def truth_of(value: Any) -> int:
    """Return 1 or 0 as a value is true or false, -1 where only the program could tell."""
    kind = type(value)
    if kind is bool:
        return int(value)
    if kind not in _LEAVES:
        found = slot(kind, "__bool__") or slot(kind, "__len__")
        if found is None:
            return 1
        if not isinstance(found, SLOT):
            return -1
    try:
        return int(bool(value))
    except Exception:  # e.g. of an array of several elements
        return -1


def _marshal(value: Any) -> bytes:
    """Return bytes that are the same only for the same plain value; nothing where there are none."""
    try:
        return marshal.dumps(value)
    except ValueError:
        return b""
