"""One run of a program: what was assigned, called and gone through, and in which order."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Hashable
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.verification.recorded import Event, Frame, Recorded
from execground_ray.verification.trees import first_name, grouped, key_of
from execground_ray.verification.values import freeze, parts


def _is_named(target: ast.expr, name: str, parts: bool) -> bool:
    """Whether a target is a variable, or a part of it."""
    if parts:
        return isinstance(target, ast.Subscript) and getattr(target.value, "id", "") == name
    return getattr(target, "id", "") == name


class Looping(NamedTuple):
    """One time that a loop ran: in which call, and the record lines at which its rounds began."""

    frame: int
    begun: list[int]


class Run(Recorded):
    """Answers questions about one run of a program, by its evidence."""

    def stores(self, key: str) -> list[Event]:
        """When a name was given a value."""
        return self._stores.get(key, [])

    def assigned_to(self, name: str, lines: set[int], *, parts: bool) -> list[ast.expr]:
        """What the statements of some record lines assign to a variable, or to parts of it: of `x += 1` the operation."""
        found: list[ast.expr] = []
        for shown in {self.lines[line - 1][2] for line in lines}:
            for node in self.statements_on.get(shown, ()):
                if isinstance(node, ast.AugAssign) and _is_named(node.target, name, parts):
                    found.append(self._augmented[id(node.target)])
                elif isinstance(node, ast.Assign) and all(_is_named(each, name, parts) for each in node.targets):
                    found.append(node.value)
        return found

    def passed_as(self, name: str, frame: Frame) -> list[ast.expr]:
        """What the statement that makes a call may give it for a parameter."""
        if frame.caller <= 0 or name not in dict(frame.arguments):
            return []
        function = frame.name.rpartition(".")[2]
        found = []
        calls = [each.node for each in self.calls_at(frame.caller, function) if isinstance(each.node, ast.Call)]
        for call in calls:
            found += [each.value for each in call.keywords if each.arg == name]
            for node in self.definitions.get(function, ()):
                places = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
                places = places[1:] if places[:1] == ["self"] else places
                found += [given for place, given in zip(places, call.args, strict=False) if place == name]
        return found

    @cached_property
    def _stores(self) -> dict[str, list[Event]]:
        names = [event for event in self.events if isinstance(getattr(event.node, "ctx", None), ast.Store)]
        return grouped(names, lambda event: key_of(event.node))

    @cached_property
    def foreign(self) -> frozenset[int]:
        """The calls that the record shows of code that is not the program's: nothing is known of what they evaluate."""
        silent = {number for number, frame in enumerate(self.frames) if frame.name.rpartition(".")[2] in self.empty}
        return frozenset(range(len(self.frames))) - {event.frame for event in self.events} - silent

    @cached_property
    def looped(self) -> list[Any]:
        """What the loops of the run go through."""
        loops = {id(node.iter) for node in self._nodes if isinstance(node, ast.For)}
        return [event.value for event in self.events if id(event.node) in loops]

    def never(self, key: str) -> bool:
        """Whether an expression was evaluated at no time."""
        return not self.incomplete and key not in self._evaluated

    @cached_property
    def _evaluated(self) -> frozenset[str]:
        return frozenset(key_of(event.node) for event in self.events)

    def types_of(self, key: Hashable, values: list[Any]) -> set[type]:
        """The types of what has a key among some values and their parts."""
        inside = [value for value in values if key in self.inside(value).keys]
        return {type(part) for value in inside for part in parts(value) if freeze(part) == key}

    @cached_property
    def longest(self) -> int:
        """The most lines, elements or letters that anything has: no index is larger."""
        return max(
            (len(each) for each in map(self.value, range(len(self._evidence.values))) if hasattr(each, "__len__")),
            default=0,
        )

    def rounds(self, name: str) -> list[list[Any]]:
        """What a name gets in the rounds of each loop that runs through it, for each time the loop ran."""
        stores = grouped(self.stores(key_of(ast.Name(name, ast.Load()))), lambda event: (event.frame, event.line))
        return [
            [event.value for line in dict.fromkeys(looping.begun) for event in stores[looping.frame, line]]
            for loops in self.loops
            for looping in loops
            if all((looping.frame, line) in stores for line in looping.begun)
        ]

    def call_places(self, *, of_one: bool) -> range:
        """The places, from 0 on, that calls have among those of the same function, or of them among those of one caller."""
        made = Counter((frame.parent if of_one else 0, frame.name) for frame in self.frames)
        return range(max(made.values(), default=0))

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
