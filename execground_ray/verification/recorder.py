"""Takes the steps of a run in, from the replay or from the text of a trace, and makes a ``History`` of them."""

from __future__ import annotations

import ast
from typing import Any

from execground_ray.verification.history import DICTS, LISTS, OPAQUE, SCALARS, SETS, Call, History, freeze

# Larger containers are not copied at each step: a claim about one cannot be checked, the rest of the run can.
MAX_ELEMENTS = 400
MAX_NOTED = 40  # elements of a container that is the value of an expression, but of no name
MAX_COPIED_ELEMENTS = 20_000  # of one run; from then on only small containers are copied


class Recorder:
    """Takes the steps of a run in and makes a ``History`` of them."""

    def __init__(self) -> None:
        self.history = History()
        self.step = 0
        self.frame = -1
        self._copied = 0
        self._last: dict[tuple[int, str], Any] = {}
        self._open: list[Call] = []

    def enter(self, function: str, arguments: dict[str, Any], around: dict[str, Any] | None = None) -> None:
        """A function was called; its arguments, and the names ``around`` it, have their values in the same step."""
        self.history.parents.append(self.frame)
        self.history.functions.append(function)
        self.frame = len(self.history.parents) - 1
        self.step += 1
        values = {name: self.snapshot(value) for name, value in (arguments | (around or {})).items()}
        for name, value in values.items():
            self._append(name, value, self.frame)
        call = Call(function, tuple(arguments), tuple(map(values.get, arguments)), self.frame, self.step)
        self._open.append(call)
        self.history.calls.setdefault(function, []).append(call)

    def leave(self, value: Any) -> None:
        """The innermost call returned ``value``."""
        call = self._open.pop()
        call.returned, call.end = self.snapshot(value), self.step
        self.frame = self.history.parents[self.frame]
        self.step += 1
        self.history.resumed.append((self.step, self.frame))

    def assign(self, name: str, value: Any, frame: int | None = None) -> None:
        """A name got a value, in the innermost call unless another is given."""
        self._append(name, self.snapshot(value), self.frame if frame is None else frame)

    def observe(self, name: str, value: Any, frame: int) -> None:
        """The container that a name stands for may have changed."""
        if name in self.history.clipped:
            return
        last = self._last.get((frame, name), OPAQUE)
        if last is not OPAQUE and type(last) is type(value) and last == value:
            return
        copied = self.snapshot(value)
        if last is OPAQUE or type(last) is not type(copied) or last != copied:
            self._append(name, copied, frame)

    def visible(self) -> dict[str, Any]:
        """The names of the innermost call and their values."""
        return {name: value for (frame, name), value in self._last.items() if frame == self.frame}

    def test(self, condition: ast.expr, outcome: bool) -> None:
        """A condition of the program was decided."""
        self.history.tests.setdefault(condition, []).append((self.step, self.frame, outcome))

    def note(self, value: Any) -> None:
        """An expression had this value."""
        kind = type(value)
        if (kind in LISTS or kind in SETS or kind in DICTS) and len(value) <= MAX_NOTED:
            copied = self.snapshot(value)
            if copied is not OPAQUE:
                self.history.seen.add(freeze(copied))

    def snapshot(self, value: Any) -> Any:
        """A copy of plain data that later changes do not reach, or ``OPAQUE``."""
        if type(value) in SCALARS:
            return value
        most = MAX_ELEMENTS if self._copied <= MAX_COPIED_ELEMENTS else MAX_NOTED
        room = [most]
        copied = _copy(value, room)
        if room[0] < 0:
            self.history.partial = True
        self._copied += most - room[0]
        return copied

    def _append(self, name: str, value: Any, frame: int) -> None:
        events = self.history.names.setdefault(name, [])
        if value is OPAQUE:
            self.history.clipped.add(name)
            return
        self._last[frame, name] = value
        events.append((self.step, frame, value))


def _copy(value: Any, room: list[int]) -> Any:
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is range:
        return value if len(value) <= MAX_ELEMENTS else OPAQUE
    if kind in DICTS:
        keys = _copy_all(list(value), room)
        values = _copy_all(list(value.values()), room)
        try:
            return OPAQUE if keys is None or values is None else dict(zip(keys, values, strict=True))
        except TypeError:  # a frozen set among the keys, copied as a set
            return OPAQUE
    if kind not in LISTS and kind not in SETS:
        return OPAQUE
    items = _copy_all(list(value), room)
    if items is None:
        return OPAQUE
    if kind in SETS:
        return set(items)
    return tuple(items) if kind is tuple else items


def _copy_all(items: list[Any], room: list[int]) -> list[Any] | None:
    room[0] -= len(items)
    if room[0] < 0:
        return None
    if SCALARS.issuperset(map(type, items)):
        return items
    copied = [_copy(item, room) for item in items]
    return None if any(item is OPAQUE for item in copied) else copied
