"""The recorder: takes the value of every instrumented expression while the program runs."""

from __future__ import annotations

import functools
import sys
from types import FrameType, MemberDescriptorType
from typing import Any, Protocol

from execground_ray.tracing.plan import Entry, Plan
from execground_ray.tracing.snapshots import SLOT, Snapshots, SnapshotsFullError, slot, truth_of

MAX_EVENTS = 20_000
EVENTS_PER_LINE = 2_000
PLAIN_KEYS = (int, bool, str, float, type(None))
MISSING = object()


class Place(Protocol):
    """Where the program is: in which frame that has a trace, and on which line of the record."""

    frame: int
    line: int
    unclaimed: list[int]


class Switches:
    """RECORD and NOTE, the two constants in an instrumented program: off, they cost it next to nothing."""

    def __init__(self) -> None:
        """Make them, off."""
        self.record = functools.partial({}.get)
        self.note = functools.partial(().count)
        self._off = self.record.__reduce__()[2], self.note.__reduce__()[2]

    def on(self, recorder: Recorder) -> None:
        """Let values go to a recorder."""
        self.record.__setstate__((recorder.record, (), {}, None))  # type: ignore[attr-defined]
        self.note.__setstate__((recorder.note, (), {}, None))  # type: ignore[attr-defined]

    def off(self) -> None:
        """Let values pass."""
        self.record.__setstate__(self._off[0])  # type: ignore[attr-defined]
        self.note.__setstate__(self._off[1])  # type: ignore[attr-defined]


class Recorder:
    """Writes down events; whatever a value is, the program goes on as if there were no recorder.

    Args:
        plan: of the program.
        snapshots: the table of values.
        switches: of the program.

    Attributes:
        events: record line, frame, node, value and outcome of each.
        snapshots: the table of values.
        busy: whether what runs is not the program, but what watches it.
        place: where the program is; None outside the calls that have a trace.
        claims: node ids of the calls that made frames, by frame.
        complete_until: the first record line of which something is missing, 0 for none.
        fault: what went wrong here, empty if nothing did.
    """

    def __init__(self, plan: Plan, snapshots: Snapshots, switches: Switches) -> None:
        """See the class."""
        self._plan = plan
        self.snapshots = snapshots
        self._switches = switches
        self._kept: dict[int, dict[int, Any]] = {}
        self._line_ends_at = 0
        self._has_stopped = False
        self.events: list[tuple[int, int, int, int, int]] = []
        self.busy = False
        self.place: Place | None = None
        self.claims: dict[int, int] = {}
        self.complete_until = 0
        self.fault = ""

    def record(self, node: int, value: Any) -> Any:
        """Take the value of an expression and return it."""
        if self.busy or self.place is None:
            return value
        self.busy = True
        try:
            self._take(node, value, sys._getframe(1))
        except SnapshotsFullError:
            self._stop(for_good=True)
        except Exception as error:
            self.fault = f"{type(error).__name__}: {error}"
        self.busy = False
        return value

    def note(self, passed: tuple[Any, ...]) -> None:
        """Take what targets have been given."""
        if self.busy or self.place is None:
            return
        self.busy = True
        try:
            self._note(passed, sys._getframe(1))
        except SnapshotsFullError:
            self._stop(for_good=True)
        except Exception as error:
            self.fault = f"{type(error).__name__}: {error}"
        self.busy = False

    def stand(self, place: Place | None) -> None:
        """Tell where the program is now."""
        self.place = None if self._has_stopped else place

    def begin_line(self) -> None:
        """Let a statement begin: each may have so many events, and one that has too many ends none but its own."""
        if self._has_stopped:
            return
        if len(self.events) >= self._line_ends_at:
            self._switches.on(self)
        self._line_ends_at = min(len(self.events) + EVENTS_PER_LINE, MAX_EVENTS)

    def miss(self, place: Place) -> None:
        """Take note that something of a line is missing."""
        self.complete_until = self.complete_until or place.line

    def _stop(self, *, for_good: bool) -> None:
        self._switches.off()
        if self.place is not None:
            self.miss(self.place)
        if for_good:
            self._has_stopped, self.place = True, None

    def _take(self, node: int, value: Any, frame: FrameType) -> None:
        plan = self._plan
        target = plan.walrus.get(node)
        if target is not None:
            self._emit(target, value)
        while True:
            outcome = self._emit(node, value)
            if node in plan.kept:
                self._kept.setdefault(id(frame), {})[node] = value
            rule, node = plan.follows.get(node, ("", -1))
            if not rule:
                return
            if rule == "not":
                if outcome < 0:
                    return
                value = not outcome
            elif rule != "same" and outcome != (rule == "or"):
                return

    def _emit(self, node: int, value: Any) -> int:
        """Write one event down; return its outcome."""
        place = self.place
        if place is None:
            return -1
        if place.unclaimed:
            if node in self._plan.calls:
                self.claims.update(dict.fromkeys(place.unclaimed, node))
            place.unclaimed.clear()
        outcome = truth_of(value) if node in self._plan.conditions else -1
        if len(self.events) >= self._line_ends_at:
            self._stop(for_good=len(self.events) >= MAX_EVENTS)
            return outcome
        self.events.append((place.line, place.frame, node, self.snapshots.index(value), outcome))
        return outcome

    def _note(self, passed: tuple[Any, ...], frame: FrameType) -> None:
        entries = self._plan.notes[passed[0]]
        kept: dict[int, Any] = {}
        if any(entry.kind != "name" for entry in entries):
            kept = self._kept.pop(id(frame), kept)
        for entry in entries:
            value = passed[entry.source] if entry.kind == "name" else _look_up(entry, kept)
            if value is not MISSING:
                self._emit(entry.target, value)


def _look_up(entry: Entry, kept: dict[int, Any]) -> Any:
    value = kept.get(entry.source, MISSING)
    if value is MISSING:
        return value
    if entry.kind == "given":
        return _part(value, entry.detail)
    if entry.kind == "item":
        return _item(value, kept.get(entry.detail, MISSING))
    return _attribute(value, entry.detail)


def _part(value: Any, path: tuple[int, ...]) -> Any:
    for index in path:
        if type(value) not in (tuple, list) or index >= len(value):
            return MISSING
        value = value[index]
    return value


def _item(owner: Any, key: Any) -> Any:
    """Look an item up where no code of a program runs for it."""
    if not _is_plain_key(key) or not isinstance(slot(type(owner), "__getitem__"), SLOT):
        return MISSING
    try:
        return dict.get(owner, key, MISSING) if isinstance(owner, dict) else owner[key]
    except Exception:  # it is no longer there
        return MISSING


def _is_plain_key(key: Any) -> bool:
    if type(key) is tuple:
        return all(map(_is_plain_key, key))
    return type(key) in PLAIN_KEYS


def _attribute(owner: Any, name: str) -> Any:
    """Look an attribute up where no code of a program runs for it."""
    if slot(type(owner), "__getattribute__") is not object.__getattribute__:
        return MISSING
    found = slot(type(owner), name)
    try:
        if type(found) is MemberDescriptorType:
            return found.__get__(owner)
        members = object.__getattribute__(owner, "__dict__")
        return members.get(name, MISSING) if type(members) is dict else MISSING
    except Exception:  # it has none
        return MISSING
