"""The evidence of one run, indexed: what each record line evaluated, and what the names were around it."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.tracing.evidence import Evidence, read_value
from execground_ray.tracing.watches import root_of
from execground_ray.verification.arithmetic import UnknownError, value_of
from execground_ray.verification.statements import Statements
from execground_ray.verification.trees import expressions_in, grouped, key_of, name_of_call
from execground_ray.verification.values import Inside, Opaque

GLOBALS = -1
NOT_KNOWN = Opaque("", "", -1, False)  # a value of which nothing is known


class Event(NamedTuple):
    """At a record line, in a call: an expression was evaluated, or a target was given a value.

    The node of an augmented assignment is the operation that it is; ``outcome`` is 1 or 0 of a condition, -1 of others;
    ``operands`` are the events of the expressions directly in it, by ``id`` of their nodes.
    """

    line: int
    frame: int
    node: ast.expr
    value: Any
    outcome: int
    operands: dict[int, Event]


class Frame(NamedTuple):
    """One call that the record shows."""

    name: str
    parent: int
    caller: int
    first: int
    last: int
    arguments: tuple[tuple[str, Any], ...]
    returned: Any

    def is_of(self, function: str) -> bool:
        """Whether a function or method of that name was called."""
        return self.name.rpartition(".")[2] == function


class Recorded(Statements):
    """What the evidence of a run has."""

    def __init__(self, refcode: str, evidence: Evidence) -> None:
        """See the class."""
        super().__init__(refcode, evidence.lines)
        self._evidence = evidence
        self._values: dict[int, Any] = {}
        self._types: dict[int, str] = {}
        self._scopes: dict[tuple[int, bool], tuple[tuple[int, ...], dict[str, Any]]] = {}
        self._inside: dict[int, Inside] = {}
        self._held: dict[int, dict[int, Any]] = {}
        self.frames = [self._frame(each) for each in evidence.frames]
        self.incomplete = frozenset(self.owners[line] for line in evidence.incomplete_lines if line <= self.count)

    def value(self, index: int) -> Any:
        """The value of that index; ``Opaque`` where it is not known exactly."""
        if index not in self._values:
            self._values[index] = self._read(index)
        return self._values[index]

    def _read(self, index: int) -> Any:
        if index < 0:
            return NOT_KNOWN
        kind, text, name, length = self._evidence.values[index][:4]
        if kind == "literal":
            try:
                value = read_value(text)
                self._types[id(value)] = name  # each text has an object of its own
                return value
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                return Opaque(text, name, length, True)
        return Opaque(text, name, length, kind == "cut")

    def type_of(self, value: Any) -> str:
        """The name of the type of a value, as the run had it: an array is read as a list."""
        return self._types.get(id(value)) or type(value).__name__

    def has_types(self, names: frozenset[str]) -> bool:
        """Whether any value of the run is of one of some types."""
        return not names.isdisjoint(self._type_names)

    @cached_property
    def _type_names(self) -> frozenset[str]:
        return frozenset(value.type for value in self._evidence.values)

    def _frame(self, row: Any) -> Frame:
        name, parent, caller, _, first, last, arguments, returned = row[:8]
        values = tuple((argument, self.value(value)) for argument, value in arguments)
        return Frame(
            name, parent, self.owners[caller] if caller > 0 else caller, first, last, values, self.value(returned)
        )

    @cached_property
    def callers(self) -> dict[int, list[int]]:
        """By line that a call begins or ends at: the lines of the statements that made it."""
        found: dict[int, list[int]] = defaultdict(list)
        for frame in self.frames:
            if frame.caller > 0:
                found[frame.first].append(frame.caller)
                found[frame.last].append(frame.caller)
        return found

    @cached_property
    def events(self) -> list[Event]:
        """All events in their order, operands filled in."""
        found: list[Event] = []
        lasts: dict[int, dict[int, Event]] = defaultdict(dict)  # by frame and expression
        latest: dict[tuple[int, str], Event] = {}
        for line, frame, node, value, outcome in self._evidence.events:
            tree = self._nodes[node]
            if not isinstance(tree, ast.expr):
                continue
            last = lasts[frame]
            operands = {key: last[key] for each in expressions_in(tree) if (key := id(each)) in last}
            event = Event(self.owners[line], frame, tree, self.value(value), outcome, operands)
            augmented = self._augmented.get(id(tree))
            if augmented is not None and not isinstance(getattr(tree, "ctx", None), ast.Load):
                found.append(self._augmentation(event, augmented, last, latest))
            last[id(tree)] = event
            if type(tree) is ast.Name:
                latest[frame, key_of(tree)] = event
            found.append(event)
        return found

    def _augmentation(self, event: Event, operation: ast.BinOp, last: dict[int, Event], latest: Any) -> Event:
        """``total += x`` as the operation ``total + x``."""
        target = operation.left
        before = latest.get((event.frame, key_of(target)))
        if before is None or before.line < event.line:  # what it had then may have changed since, unseen or in place
            before = Event(event.line, event.frame, target, self._before(event, target), -1, event.operands)
        operands = {id(target): before, id(operation.right): last.get(id(operation.right))}
        known_ones = {key: each for key, each in operands.items() if each is not None}
        return Event(event.line, event.frame, operation, event.value, -1, known_ones)

    def _before(self, event: Event, target: ast.expr) -> Any:
        """What a target had before it was given the value of ``event``; ``NOT_KNOWN`` where nobody saw it."""
        if isinstance(target, ast.Name):
            return self.state(event.frame, event.line, before=True).get(target.id, NOT_KNOWN)
        if not isinstance(target, ast.Subscript) or id(target.value) not in event.operands:
            return NOT_KNOWN
        index = event.operands.get(id(target.slice))
        with suppress(UnknownError, LookupError, TypeError):
            return event.operands[id(target.value)].value[index.value if index else value_of(target.slice)]
        return NOT_KNOWN

    @cached_property
    def _event_lines(self) -> dict[int, list[Event]]:
        return grouped(self.events, lambda event: event.line)

    @cached_property
    def keyed(self) -> dict[str, dict[int, list[Event]]]:
        """By expression and line."""
        found: dict[str, dict[int, list[Event]]] = defaultdict(lambda: defaultdict(list))
        for event in self.events:
            found[key_of(event.node)][event.line].append(event)
        return found

    @cached_property
    def values_at(self) -> dict[int, dict[int, Any]]:
        """By line: the values of its expressions, by ``id``."""
        found: dict[int, dict[int, Any]] = defaultdict(dict)
        for event in self.events:
            found[event.line][id(event.value)] = event.value
        return found

    def values_in(self, state: dict[str, Any]) -> dict[int, Any]:
        """The values of the variables of a state that this run has given, by ``id``."""
        if id(state) not in self._held:
            self._held[id(state)] = {id(value): value for name, value in state.items() if name not in self.watches}
        return self._held[id(state)]

    def events_at(self, line: int) -> list[Event]:
        """The events of the statement that record line ``line`` shows."""
        return self._event_lines.get(line, [])

    @cached_property
    def _calls(self) -> dict[tuple[int, str], list[Event]]:
        calls = [event for event in self.events if type(event.node) is ast.Call]
        return grouped(calls, lambda event: (event.line, name_of_call(event.node)))

    def calls_at(self, line: int, name: str) -> list[Event]:
        """Those of them that called something of that name."""
        return self._calls.get((line, name), [])

    @cached_property
    def _names(self) -> dict[int, tuple[list[int], list[dict[str, Any]]]]:
        """By frame: the lines after which names changed, and all names after each."""
        found: dict[int, tuple[list[int], list[dict[str, Any]]]] = {}
        for place, frame, name, value in self._evidence.names:
            line = self.owners[place]
            lines, states = found.setdefault(frame, ([], []))
            if not lines or lines[-1] != line:
                lines.append(line)
                states.append(dict(states[-1]) if states else {})
            if value < 0:
                states[-1].pop(name, None)
            else:
                states[-1][name] = self.value(value)
        return found

    def state(self, frame: int, line: int, *, before: bool = False) -> dict[str, Any]:
        """The names of a call after (or before) the statement of record line ``line``."""
        lines, states = self._names.get(frame, ([], []))
        index = (bisect_left if before else bisect_right)(lines, line) - 1
        return states[index] if index >= 0 else {}

    def inner_states(self, line: int) -> list[dict[str, Any]]:
        """The names of the calls that a line makes and that have no lines of their own, whenever one gets a value."""
        return self._inner_states.get(line, [])

    @cached_property
    def _inner_states(self) -> dict[int, list[dict[str, Any]]]:
        states: dict[tuple[int, int], dict[str, Any]] = {}
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for event in self.events:
            if not self.is_inner(event.frame):
                continue
            call = event.line, event.frame
            fresh = call not in states
            if fresh:
                states[call] = dict(self.frames[event.frame].arguments)
            name = event.node.id if isinstance(event.node, ast.Name) and isinstance(event.node.ctx, ast.Store) else ""
            if name:
                states[call] = states[call] | {name: event.value}
            if fresh or name:
                found[event.line].append(states[call])
        return found

    @cached_property
    def shown_calls(self) -> frozenset[tuple[int, str]]:
        """The lines that make calls which the record shows, each with the name of what is called."""
        return frozenset(
            (self.owners[frame.caller], frame.name.rpartition(".")[2]) for frame in self.frames if frame.caller
        )

    @cached_property
    def _shown(self) -> frozenset[int]:
        return frozenset(self.frame_of)

    def is_inner(self, frame: int) -> bool:
        """Whether a call has no lines of its own: it is too deep for the record."""
        return frame >= 0 and frame not in self._shown

    def scope(self, line: int, *, before: bool) -> tuple[tuple[int, ...], dict[str, Any]]:
        """The names in the call of a line, over those of the calls around it and of the globals; first a mark of them."""
        if (line, before) not in self._scopes:
            frame = parent = self.frame_of[line - 1]
            layers = [self.state(frame, line, before=before)]
            while 0 <= parent < len(self.frames):
                caller, parent = self.frames[parent].caller, self.frames[parent].parent
                if parent >= 0:
                    layers.append(self.state(parent, caller, before=True))
            layers.append(self.state(GLOBALS, line, before=before))
            state: dict[str, Any] = {}
            for layer in reversed(layers):
                for watch, root in self.watches.items():
                    if root in layer:
                        state.pop(watch, None)  # of another object
                state.update(layer)
            self._scopes[line, before] = tuple(map(id, state.values())), state
        return self._scopes[line, before]

    @cached_property
    def watches(self) -> dict[str, str]:
        """The variable that each watch begins with."""
        found = {name.name for name in self._evidence.names}
        return {name: root_of(name) for name in found if "." in name[1:] or "[" in name or "(" in name}

    def inside(self, value: Any) -> Inside:
        """What is in a value of this run."""
        if id(value) not in self._inside:
            self._inside[id(value)] = Inside(value)
        return self._inside[id(value)]
