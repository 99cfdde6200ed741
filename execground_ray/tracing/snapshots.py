"""Snapshots: the table of all values of a run, each as it was at a moment."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from typing import Any

from execground_ray.tracing.inspection import ids, name_of
from execground_ray.tracing.machine_paths import ADDRESS
from execground_ray.tracing.snapshot_text import LITERAL, OPAQUE, SnapshotText

# Of all values together: characters that are kept, and bytes that are looked at.
MAX_CHARS, MAX_WORK = 1_000_000, 20_000_000
MARKS = 4096
NAME_CHARS = 200
SMALL_BITS, SMALL_CHARS = 64, 100
_MARKED = ids(list, dict, set, tuple, frozenset)


class SnapshotsFullError(Exception):
    """There is no room for more values."""


class Snapshots:
    """The table of the distinct values of a run.

    Most values have been seen before, so that is found out first: of small ones by looking them up, of containers by
    comparing bytes that the interpreter itself makes of them.

    Args:
        show: turns a value into the text that the trace shows.

    Attributes:
        rows: kind, text, type and length of each value.
        scalars: index by type and value, of some types.
    """

    def __init__(self, show: Callable[[object], str]) -> None:
        """See the class."""
        self._show = show
        self._known: dict[tuple[str, str, str, int], int] = {}
        self._marks: dict[int, tuple[type, int, bytes, int]] = {}
        self._plain_objects: dict[int, tuple[type, int]] = {}  # it keeps the class, so that its id stays its own
        self._chars = self._work = 0
        self.rows: list[tuple[str, str, str, int]] = []
        self.scalars: dict[tuple[type, Any], int] = {}

    def index(self, value: Any, shown: str | None = None) -> int:
        """Return the index of a value as it is now.

        Args:
            value: any.
            shown: what the trace shows of it, where it has just been shown.

        Raises:
            SnapshotsFullError: there is no room for it.
        """
        kind = type(value)
        if kind is int or kind is str or kind is bool or value is None:
            known = self.scalars.get((kind, value))
            if known is None:
                known = self.scalars[kind, value] = self._add_scalar(value, kind)
            return known
        plain = self._plain_objects.get(id(kind))
        if plain is not None and shown is None:
            return plain[1]
        mark = self._marks.get(id(value))
        if mark is not None and mark[0] is kind and len(value) == mark[1]:
            data = _marshal(value)
            self._spend(len(data))
            if data == mark[2]:  # the same types and values in the same order, whether or not it is the same object
                return mark[3]
        return self._add(value, kind, shown)

    def _add_scalar(self, value: Any, kind: type) -> int:
        if (kind is int and value.bit_length() < SMALL_BITS) or (kind is str and len(value) < SMALL_CHARS):
            return self._add_row((LITERAL, repr(value), kind.__name__, len(value) if kind is str else -1))
        return self._add(value, kind, None)

    def _add(self, value: Any, kind: type, shown: str | None) -> int:
        text = SnapshotText(self._show)
        row_kind, written, length = text.describe(value)
        if row_kind == OPAQUE and shown is not None:
            written = ADDRESS.sub("", shown)
        known = self._add_row((row_kind, written, name_of(kind)[:NAME_CHARS], length))
        if row_kind == LITERAL and id(kind) in _MARKED and not text.has_arrays:
            if len(self._marks) >= MARKS:
                self._marks.clear()
            if data := _marshal(value):
                self._marks[id(value)] = (kind, length, data, known)
        elif text.is_plain_object and shown is None:
            self._plain_objects[id(kind)] = (kind, known)
        return known

    def _add_row(self, row: tuple[str, str, str, int]) -> int:
        self._spend(len(row[1]) + 16)
        known = self._known.get(row)
        if known is None:
            self._chars += len(row[1])
            if self._chars > MAX_CHARS:
                raise SnapshotsFullError
            known = self._known[row] = len(self.rows)
            self.rows.append(row)
        return known

    def _spend(self, size: int) -> None:
        self._work += size
        if self._work > MAX_WORK:
            raise SnapshotsFullError


def _marshal(value: Any) -> bytes:
    """Return bytes that are the same only for the same plain value; nothing where there are none."""
    try:
        return marshal.dumps(value)
    except ValueError:
        return b""
