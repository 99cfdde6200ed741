"""What a run went through, step by step: values of names, calls, outcomes of conditions, counts of loops.

``recorder`` takes the steps in, from the replay or from the text of a trace; the finished ``History`` answers what a
claim asks: which values a name ever had, which values several names had at the same time, what a call returned.
"""

from __future__ import annotations

import ast
import itertools
from bisect import bisect_right
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

# The types of plain data.
SCALARS = frozenset((bool, int, float, complex, str, type(None)))
LISTS = frozenset((list, tuple, deque))
SETS = frozenset((set, frozenset))
DICTS = frozenset((dict, OrderedDict, defaultdict, Counter))

MAX_AROUND = 4  # calls that a name is looked for in
LAST_STEP = 1_000_000_000


class Opaque:
    """Stands for a value that cannot be written as a literal: an object, a function, something too large."""

    def __repr__(self) -> str:
        return "<opaque>"


OPAQUE = Opaque()


Span = tuple[int, int]  # steps of a run, both included


@dataclass(slots=True)
class Call:
    """One call of a function of the program: arguments by position and what came back."""

    function: str
    names: tuple[str, ...]
    arguments: tuple[Any, ...]
    frame: int
    begin: int
    returned: Any = OPAQUE
    end: int = -1


_when = itemgetter(0, 1, 2)


@dataclass
class History:
    """The steps of one run, as far as they are known."""

    # Functions of which calls may be missing, and the names inside of them: their values may not be all.
    hidden: set[str] = field(default_factory=set)
    # name -> (step, frame, value); the attribute x of any object is the name ".x"
    names: dict[str, list[tuple[int, int, Any]]] = field(default_factory=dict)
    parents: list[int] = field(default_factory=list)  # frame -> calling frame
    functions: list[str] = field(default_factory=list)  # frame -> name of its function
    resumed: list[tuple[int, int]] = field(default_factory=list)  # (step, frame) at which a call had returned to it
    calls: dict[str, list[Call]] = field(default_factory=dict)
    tests: dict[ast.expr, list[tuple[int, int, bool | None]]] = field(default_factory=dict)  # -> (step, frame, outcome)
    decided: dict[int, int] = field(default_factory=dict)  # step of a test -> step at which its outcome was there
    passes: Counter[int] = field(default_factory=Counter)  # how often a line was reached
    counts: set[int] = field(default_factory=set)  # how often loops went round, how often functions were called
    seen: set[Any] = field(default_factory=set)  # frozen results of expressions
    clipped: set[str] = field(default_factory=set)  # names with a value that could not be kept
    partial: bool = False  # a container was too large or was not shown as a whole
    _joint: dict[tuple[str, ...], list[tuple[Span, dict[str, Any]]]] = field(default_factory=dict)
    _distinct: dict[tuple[str, ...], dict[tuple[Any, ...], tuple[dict[str, Any], list[Span]]]] = field(
        default_factory=dict
    )
    _spans: dict[str, dict[Any, list[Span]]] = field(default_factory=dict)
    _rounds: dict[str, dict[Any, list[Span]]] = field(default_factory=dict)
    _depths: list[int] = field(default_factory=list)
    _frames: dict[tuple[str, int], tuple[list[int], list[Any]]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether no step is missing."""
        return not self.hidden

    @property
    def objects(self) -> int:
        """How many objects of the program's classes were made, as far as it is seen."""
        return len(self.calls.get("__init__", ()))

    def knows(self, names: Iterable[str]) -> bool:
        """Whether all that happened to ``names``, variables or functions, is there."""
        return not self.hidden or self.hidden.isdisjoint(names)

    def states(self, names: Iterable[str]) -> list[tuple[Span, dict[str, Any]]]:
        """The values that ``names`` had at the same time, in order; empty if one of them never had a value."""
        key = tuple(sorted(set(names)))
        if key not in self._joint:
            self._joint[key] = self._join(key)
        return self._joint[key]

    def distinct(self, names: Iterable[str]) -> list[tuple[dict[str, Any], list[Span]]]:
        """The different states of ``names``, each with all the times at which it was."""
        return list(self._by_values(tuple(sorted(set(names)))).values())

    def spans(self, name: str) -> dict[Any, list[Span]]:
        """Every value that ``name`` had, frozen, and when it had it."""
        if name not in self._spans:
            self._spans[name] = {value: spans for (value,), (_, spans) in self._by_values((name,)).items()}
        return self._spans[name]

    def _by_values(self, names: tuple[str, ...]) -> dict[tuple[Any, ...], tuple[dict[str, Any], list[Span]]]:
        if names not in self._distinct:
            found: dict[tuple[Any, ...], tuple[dict[str, Any], list[Span]]] = {}
            for span, state in self.states(names):
                found.setdefault(tuple([freeze(state[name]) for name in names]), (state, []))[1].append(span)
            self._distinct[names] = found
        return self._distinct[names]

    def rounds(self, name: str) -> dict[Any, list[Span]]:
        """Every value of ``name``, frozen, and when the call that gave it had it, its own calls included."""
        if name not in self._rounds:
            found: dict[Any, list[Span]] = {}
            ends = {call.frame: call.end for calls in self.calls.values() for call in calls if call.end >= 0}
            last: dict[int, tuple[int, Any]] = {}
            for step, frame, value in self.names.get(name, ()):
                if frame in last:
                    found.setdefault(freeze(last[frame][1]), []).append((last[frame][0], step))
                last[frame] = (step, value)
            for frame, (step, value) in last.items():
                found.setdefault(freeze(value), []).append((step, ends.get(frame, LAST_STEP)))
            self._rounds[name] = found
        return self._rounds[name]

    def course(self, name: str) -> tuple[Any, ...]:
        """The values that ``name`` had, frozen, one after the other."""
        return tuple(freeze(value) for _, _, value in self.names.get(name, ()))

    def changes(self, name: str) -> tuple[Any, ...]:
        """The same without repetitions, as ``snoop`` shows the course of a comprehension."""
        return tuple(value for value, _ in itertools.groupby(self.course(name)))

    def depth(self, frame: int) -> int:
        """How many calls of its function a call is inside of, itself included."""
        for place in range(len(self._depths), frame + 1):
            around = self.parents[place]
            while around >= 0 and self.functions[around] != self.functions[place]:
                around = self.parents[around]
            self._depths.append(1 + (self._depths[around] if around >= 0 else 0))
        return self._depths[frame]

    def value_at(self, name: str, frame: int, step: int) -> Any:
        """The value of ``name`` as a call saw it at a step; ``OPAQUE`` if there is none."""
        if name not in self.names:
            return OPAQUE
        if (name, -2) not in self._frames:
            self._frames[name, -2] = ([], [])
            for when, where, value in self.names[name]:
                for place in (where, -2):  # -2 stands for any frame
                    steps, values = self._frames.setdefault((name, place), ([], []))
                    steps.append(when)
                    values.append(value)
        for place in (*self._chain(frame), -2):
            found = self._frames.get((name, place))
            if found is not None:
                index = bisect_right(found[0], step)
                if index:
                    return found[1][index - 1]
        return OPAQUE

    def _chain(self, frame: int) -> list[int]:
        """A call and the calls around it, the nearest only: what is farther away is found as the latest value."""
        chain: list[int] = []
        while frame >= 0 and len(chain) < MAX_AROUND:
            chain.append(frame)
            frame = self.parents[frame]
        return chain

    def _join(self, names: tuple[str, ...]) -> list[tuple[Span, dict[str, Any]]]:
        if any(name not in self.names for name in names):
            return []
        if len(names) == 1 and (len(self.parents) <= 1 or not self.resumed):
            return self._course_of(names[0])
        events = [(step, frame, name, value) for name in names for step, frame, value in self.names[name]]
        if len(self.parents) > 1:
            frames = {frame for _, frame, _, _ in events}
            events += [(step, frame, "", None) for step, frame in self.resumed if frame in frames]
        events.sort(key=_when)
        values: dict[tuple[int, str], Any] = {}
        latest: dict[str, Any] = {}
        chains: dict[int, list[int]] = {}
        found: list[tuple[int, dict[str, Any]]] = []
        for index, (step, frame, name, value) in enumerate(events):
            if name:
                values[frame, name] = latest[name] = value
            if index + 1 < len(events) and events[index + 1][:2] == (step, frame):
                continue  # the other names change in the same step
            if len(latest) == len(names):
                if frame not in chains:
                    chains[frame] = self._chain(frame)
                found.append((step, {other: _lookup(values, latest, chains[frame], other) for other in names}))
        ends = [*(step for step, _ in found[1:]), LAST_STEP]
        return [((step, end), state) for (step, state), end in zip(found, ends, strict=False)]

    def _course_of(self, name: str) -> list[tuple[Span, dict[str, Any]]]:
        """The states of one name in a run of one call."""
        events = self.names[name]
        ends = [*(step for step, _, _ in events[1:]), LAST_STEP]
        pairs = zip(events, ends, strict=False)
        return [((step, end), {name: value}) for (step, _, value), end in pairs if step != end]


def _lookup(values: dict[tuple[int, str], Any], latest: dict[str, Any], chain: list[int], name: str) -> Any:
    for place in chain:
        if (place, name) in values:
            return values[place, name]
    return latest[name]


def freeze(value: Any) -> Any:
    """A hashable form of plain data in which lists and tuples are the same, and numbers are equal by value."""
    kind = type(value)
    if kind is bool:
        return ("bool", value)
    if kind in SCALARS:
        return value
    if kind is list or kind is tuple or kind is range:
        return ("list", *map(freeze, value))
    if kind in SETS:
        return ("set", frozenset(map(freeze, value)))
    if kind in DICTS:
        return ("dict", frozenset((freeze(key), freeze(item)) for key, item in value.items()))
    return ("other", repr(value))
