"""One run of a program: what was assigned, called and gone through, and in which order."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.verification.recorded import Event, Recorded
from execground_ray.verification.trees import first_name, grouped, key_of
from execground_ray.verification.values import MUTABLE, Opaque, freeze, parts, same


def _is_named(target: ast.expr, name: str, parts: bool) -> bool:
    """Whether a target is a variable, or a part of it."""
    if parts:
        return isinstance(target, ast.Subscript) and getattr(target.value, "id", "") == name
    return getattr(target, "id", "") == name


class Looping(NamedTuple):
    """One time that a loop ran: in which call, and the record lines at which its rounds began."""

    frame: int
    begun: list[int]


class Change(NamedTuple):
    """At a record line a variable got another value; or what it has was changed, in place."""

    line: int
    name: str
    value: Any
    in_place: bool


class Run(Recorded):
    """Answers questions about one run of a program, by its evidence."""

    def stores(self, key: str) -> list[Event]:
        """When a name was given a value."""
        return self._stores.get(key, [])

    @cached_property
    def _stores(self) -> dict[str, list[Event]]:
        names = [event for event in self.events if isinstance(getattr(event.node, "ctx", None), ast.Store)]
        return grouped(names, lambda event: key_of(event.node))

    @cached_property
    def foreign(self) -> frozenset[int]:
        """The calls that the record shows of code that is not the program's: nothing is known of what they evaluate."""
        silent = {number for number, frame in enumerate(self.frames) if frame.name.rpartition(".")[2] in self.empty}
        unknown = {self.frame_of[line - 1] for line in self.incomplete}  # what these evaluate was left out
        return frozenset(range(len(self.frames))) - {event.frame for event in self.events} - silent - unknown

    @cached_property
    def changes(self) -> list[Change]:
        """What the program's own statements change; not where a call may have done it, whose lines tell that."""
        unsure = {self.owners[frame.caller] for frame in self.frames if frame.caller > 0} | self.incomplete
        lines = dict.fromkeys(self.owners[line] for line in self.statements)
        return [change for line in lines if line not in unsure for change in self._changed_at(line)]

    def _changed_at(self, line: int) -> Iterator[Change]:
        frame, events = self.frame_of[line - 1], self.events_at(line)
        if frame in self.foreign or any(event.frame != frame for event in events):
            return
        stores = [event for event in events if isinstance(getattr(event.node, "ctx", None), ast.Store)]
        for event in stores:
            if isinstance(event.node, ast.Attribute) and not isinstance(event.value, Opaque):
                yield Change(line, ast.unparse(event.node), event.value, in_place=False)
        given = {event.node.id for event in stores if isinstance(event.node, ast.Name)} - self.comprehended
        before, after = self.scope(line, before=True)[1], self.scope(line, before=False)[1]
        for name, value in after.items():
            is_as_before = name in before and (before[name] is value or same(before[name], value))
            is_given = name in given or isinstance(value, MUTABLE)
            if is_given and not is_as_before and name not in self.watches and not isinstance(value, Opaque):
                yield Change(line, name, value, in_place=name not in given)

    @cached_property
    def looped(self) -> list[Any]:
        """What the loops of the run go through."""
        loops = {id(node.iter) for node in self._nodes if isinstance(node, ast.For)}
        return [event.value for event in self.events if id(event.node) in loops]

    def alike(self, key: Hashable, values: list[Any]) -> list[Any]:
        """What has a key among some values and their parts."""
        inside = [value for value in values if key in self.inside(value).keys]
        return [part for value in inside for part in parts(value) if freeze(part) == key]

    def rounds(self, name: str) -> list[list[Any]]:
        """What a name gets in the rounds of each loop that runs through it, for each time the loop ran."""
        stores = grouped(self.stores(key_of(ast.Name(name, ast.Load()))), lambda event: (event.frame, event.line))
        return [
            [event.value for line in dict.fromkeys(looping.begun) for event in stores[looping.frame, line]]
            for loops in self.loops
            for looping in loops
            if all((looping.frame, line) in stores for line in looping.begun)
        ]

    @cached_property
    def loops(self) -> list[list[Looping]]:
        """Of each loop, each time it ran."""
        found: dict[int, list[Looping]] = defaultdict(list)
        loops = [node for node in self._nodes if isinstance(node, ast.For | ast.While)]
        begins = {id(first_name(node.target) if isinstance(node, ast.For) else node.test): node for node in loops}
        starts = {id(node.iter): id(node) for node in loops if isinstance(node, ast.For)}
        running: dict[tuple[int, int], list[int]] = {}
        for event in self.events:
            running.pop((event.frame, starts.get(id(event.node), 0)), None)
            loop = begins.get(id(event.node))
            if loop is None:
                continue
            key = event.frame, id(loop)
            if key not in running:
                running[key] = []
                found[id(loop)].append(Looping(event.frame, running[key]))
            if isinstance(loop, ast.For) or event.outcome == 1:
                running[key].append(event.line)
            else:
                running.pop(key)
        return list(found.values())
