"""The text of one snapshot: a literal where the value is plain, else what can be said of it.

Plain are values of the built-in types, exactly, and of numpy's, all the way down; ``literals.read_value`` reads what is
written here. They are walked without running any code of the program. Of anything else a class name is shown, and more
only where nobody's ``__repr__`` is needed for it.
"""

from __future__ import annotations

import sys
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from re import Match, Pattern
from typing import Any

from execground_ray.tracing.inspection import LEAVES, ids, length_of, name_of, numpy_of, slot
from execground_ray.tracing.machine_paths import ADDRESS

LITERAL, CUT, OPAQUE = "literal", "cut", "opaque"
LITERAL_CHARS = 4000
CUT_CHARS = 400
MAX_LEVELS = 20
_TEXTS = ids(str, bytes, bytearray)
_HARMLESS = ids(
    *(types.FunctionType, types.BuiltinFunctionType, types.GeneratorType, type),
    *(Decimal, date, timedelta, Pattern, Match, array, type(NotImplemented), type(...)),
)
_PLAIN_DTYPES = frozenset("biufcSU")


class _TooLargeError(Exception):
    """There is no room for the rest of a value."""


class SnapshotText:
    """Writes one value.

    Args:
        show: turns a value into the text that the trace shows.

    Attributes:
        has_arrays: whether it holds one of numpy's.
        is_plain_object: whether all that can be said of it is what class it is of.
    """

    def __init__(self, show: Callable[[object], str]) -> None:
        """See the class."""
        self._show = show
        self._parts: list[str] = []
        self._room = LITERAL_CHARS
        self._is_literal = True
        self.has_arrays = False
        self.is_plain_object = False

    def describe(self, value: Any) -> tuple[str, str, int]:
        """Return kind, text and length of a value."""
        length = length_of(value)
        if length * 3 > LITERAL_CHARS and not (id(type(value)) in _TEXTS and length < LITERAL_CHARS):
            self._room = CUT_CHARS  # it will be cut: do not write it for nothing
        try:
            self._write(value, 0)
        except _TooLargeError:
            return (CUT if self._is_literal else OPAQUE), "".join(self._parts)[:CUT_CHARS], length
        text = "".join(self._parts)
        return (LITERAL, text, length) if self._is_literal else (OPAQUE, text[:CUT_CHARS], length)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._room -= len(text)
        if self._room < 0:
            raise _TooLargeError

    def _write(self, value: Any, level: int) -> None:
        kind = type(value)
        write = _WRITERS.get(id(kind)) or self._numpy_writer(kind)
        if write is not None and level <= MAX_LEVELS:
            write(self, value, level)
            return
        self._is_literal = False
        self._put("..." if write is not None else self._opaque(value, kind))

    def _opaque(self, value: Any, kind: type) -> str:
        if id(kind) in _HARMLESS:
            return ADDRESS.sub("", self._show(value))[:CUT_CHARS]
        if slot(kind, "__repr__") is object.__repr__ and type(kind) is type:
            self.is_plain_object = not self._parts
            return ADDRESS.sub("", object.__repr__(value))[:CUT_CHARS]
        if (kind is datetime or kind is time) and value.tzinfo is None:
            return repr(value)
        return f"<{name_of(kind)} object>"[:CUT_CHARS]

    def _numpy_writer(self, kind: type) -> Callable[[SnapshotText, Any, int], None] | None:
        numpy = numpy_of(kind)
        if numpy is None:
            return None
        self.has_arrays = True
        if kind is numpy.ndarray:
            return SnapshotText._array
        return SnapshotText._numpy_scalar if issubclass(kind, numpy.generic) else None

    def _array(self, value: Any, level: int) -> None:
        if value.size * 3 > self._room:
            self._is_literal = self._is_literal and value.dtype.kind in _PLAIN_DTYPES
            value = value.reshape(-1)[: self._room]
        self._put("array(")
        self._write(value.tolist(), level + 1)
        self._put(")")

    def _numpy_scalar(self, value: Any, level: int) -> None:
        plain = value.item()
        if id(type(plain)) in LEAVES or type(plain) is complex:
            self._write(plain, level)
        else:
            self._is_literal = False
            self._put(f"<{name_of(type(value))} object>")

    def _number(self, value: Any, level: int) -> None:
        self._put(repr(value))

    def _integer(self, value: int, level: int) -> None:
        if value.bit_length() > 3 * LITERAL_CHARS:
            raise _TooLargeError
        self._put(repr(value))

    def _complex(self, value: complex, level: int) -> None:
        text = repr(value)
        self._is_literal = self._is_literal and "n" not in text  # no literal of inf or nan
        self._put(text)

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

    def _dict(self, value: dict[Any, Any], level: int) -> None:
        self._put("{")
        self._entries(value, level)
        self._put("}")

    def _named_dict(self, value: dict[Any, Any], level: int) -> None:
        self._put(name_of(type(value)) + "({")
        self._entries(value, level)
        self._put("})")

    def _items(self, items: Any, level: int) -> None:
        if len(items) * 3 <= self._room and {*map(id, map(type, items))} <= LEAVES and self._has_room(items):
            self._put(", ".join(map(repr, items)))
            return
        separator = ""
        for item in items:
            self._put(separator)
            separator = ", "
            self._write(item, level + 1)

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


_Write = Callable[[SnapshotText, Any, int], None]
_KINDS: tuple[tuple[_Write, tuple[type, ...]], ...] = (
    (SnapshotText._number, (bool, float, type(None), range)),
    (SnapshotText._integer, (int,)),
    (SnapshotText._complex, (complex,)),
    (SnapshotText._string, (str, bytes, bytearray)),
    (SnapshotText._list, (list, type({}.keys()), type({}.values()), type({}.items()))),
    (SnapshotText._tuple, (tuple,)),
    (SnapshotText._set, (set,)),
    (SnapshotText._frozenset, (frozenset,)),
    (SnapshotText._deque, (deque,)),
    (SnapshotText._dict, (dict,)),
    (SnapshotText._named_dict, (defaultdict, Counter, OrderedDict)),
)
_WRITERS = {id(kind): write for write, kinds in _KINDS for kind in kinds}
