"""The recorder: takes the value of every instrumented expression while the program runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from execground_ray.tracing.inspection import MISSING, attribute_of, item_of, part_of, truth_of
from execground_ray.tracing.plan import Entry, Plan
from execground_ray.tracing.snapshots import Snapshots, SnapshotsFullError

MAX_EVENTS = 20_000
EVENTS_PER_LINE = 2_000
FAULT_CHARS = 200


class Place(Protocol):
    """Where the program is: in which frame that has a trace, and on which line of the record."""

    frame: int
    line: int
    unclaimed: list[int]


def record(node: int, value: Any) -> Any:
    """Return the value of an expression; that it is called is what the tracer sees."""
    return value


def note(passed: tuple[Any, ...]) -> None:
    """Be called with what targets have been given; see ``record``."""


class Switches:
    """RECORD and NOTE, the two constants in an instrumented program: off, they cost it next to nothing."""

    def __init__(self) -> None:
        """Make them, off."""
        self.record = functools.partial({}.get)
        self.note = functools.partial(().count)
        self._off = self.record.__reduce__()[2], self.note.__reduce__()[2]

    def on(self) -> None:
        """Let values be seen."""
        self.record.__setstate__((record, (), {}, None))  # type: ignore[attr-defined]
        self.note.__setstate__((note, (), {}, None))  # type: ignore[attr-defined]

    def off(self) -> None:
        """Let values pass."""
        self.record.__setstate__(self._off[0])  # type: ignore[attr-defined]
        self.note.__setstate__(self._off[1])  # type: ignore[attr-defined]


class Recorder:
    """Writes down events, called by the tracer: so nothing here is traced, nor any code of the program that runs here.

    Args:
        plan: of the program.
        snapshots: the table of values.
        switches: of the program.

    Attributes:
        events: record line, frame, node, value and outcome of each.
        snapshots: the table of values.
        place: where the program is; None outside the calls that have a trace.
        claims: node ids of the calls that made frames, by frame.
        missing: the record lines of which something is.
        stopped_at: the record line from which on nothing more was taken, 0 for none.
        fault: what went wrong here, empty if nothing did.
    """

    def __init__(self, plan: Plan, snapshots: Snapshots, switches: Switches) -> None:
        """See the class."""
        self._plan = plan
        self.snapshots = snapshots
        self._switches = switches
        self._special = {*plan.follows, *plan.walrus, *plan.kept}
        self._conditions = plan.conditions
        self._scalars = snapshots.scalars
        self._kept: dict[int, dict[int, Any]] = {}
        self._line_ends_at = 0
        self._has_stopped = False
        self.events: list[tuple[int, int, int, int, int]] = []
        self.place: Place | None = None
        self.claims: dict[int, int] = {}
        self.missing: set[int] = set()
        self.stopped_at = 0
        self.fault = ""

    def see_value(self, frame: FrameType) -> None:
        """Take what ``record`` is called with; whatever it is, the program goes on as if this were not."""
        place = self.place
        if place is None:
            return
        passed = frame.f_locals
        node, value = passed["node"], passed["value"]
        kind = type(value)
        if (kind is int or kind is bool or kind is str) and node not in self._special and not place.unclaimed:
            known = self._scalars.get((kind, value))
            if known is not None and len(self.events) < self._line_ends_at:  # most values are such: no time is lost
                outcome = (1 if value else 0) if node in self._conditions else -1
                self.events.append((place.line, place.frame, node, known, outcome))
                return
        self._guard(self._take, node, value, frame.f_back)

    def see_note(self, frame: FrameType) -> None:
        """Take what ``note`` is called with; likewise."""
        if self.place is not None:
            self._guard(self._note, frame.f_locals["passed"], frame.f_back)

    def _guard(self, take: Callable[..., None], *arguments: Any) -> None:
        try:
            take(*arguments)
        except SnapshotsFullError:
            self._stop(for_good=True)
        except Exception as error:
            self.fault = f"{type(error).__name__}: {error}"[:FAULT_CHARS]

    def stand(self, place: Place | None) -> None:
        """Tell where the program is now."""
        self.place = None if self._has_stopped else place

    def begin_line(self) -> None:
        """Let a statement begin: each may have so many events, and one that has too many ends none but its own."""
        if self._has_stopped:
            return
        if len(self.events) >= self._line_ends_at:
            self._switches.on()
        self._line_ends_at = min(len(self.events) + EVENTS_PER_LINE, MAX_EVENTS)

    def miss(self, place: Place) -> None:
        """Take note that something of a line is missing."""
        self.missing.add(place.line)

    def incomplete_lines(self, lines: int) -> list[int]:
        """Return the record lines, of so many, of which something is missing."""
        behind = range(self.stopped_at, lines + 1) if self.stopped_at else ()
        return sorted(self.missing.union(behind))

    def _stop(self, *, for_good: bool) -> None:
        self._switches.off()
        if self.place is not None:
            self.miss(self.place)
            self.stopped_at = self.place.line if for_good else 0
        if for_good:
            self._has_stopped, self.place = True, None

    def _take(self, node: int, value: Any, frame: FrameType | None) -> None:
        plan = self._plan
        if node not in self._special:
            self._emit(node, value)
            return
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
        outcome = truth_of(value) if node in self._conditions else -1
        if len(self.events) >= self._line_ends_at:
            self._stop(for_good=len(self.events) >= MAX_EVENTS)
        else:
            self.events.append((place.line, place.frame, node, self.snapshots.index(value), outcome))
        return outcome

    def _note(self, passed: tuple[Any, ...], frame: FrameType | None) -> None:
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
        return part_of(value, entry.detail)
    if entry.kind == "item":
        return item_of(value, kept.get(entry.detail, MISSING))
    return attribute_of(value, entry.detail)
