"""The record lines that a sentence cites, and what is at them: events, names, values, operations."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import cached_property
from typing import Any

from execground_ray.verification.citations import WIDEN
from execground_ray.verification.matching import matches
from execground_ray.verification.notation import Side
from execground_ray.verification.recorded import Event, Frame
from execground_ray.verification.run import Run
from execground_ray.verification.trees import grouped, key_of, name_of_call, nodes_in, operations_of
from execground_ray.verification.values import LASTING, Opaque, freeze

MAX_STATES = 150  # states of names in which an expression is evaluated
MAX_POOL = 60_000
_ITERATORS = frozenset(
    "permutations combinations combinations_with_replacement product islice chain map filter zip enumerate count cycle accumulate generator "
    "takewhile dropwhile groupby starmap repeat zip_longest reversed list_iterator".split()
)


class Lines:
    """What the run did at some ranges of record lines."""

    def __init__(self, run: Run, ranges: tuple[tuple[int, int], ...]) -> None:
        """See the class."""
        self.run = run
        self.core = {line for first, last in ranges for line in range(max(1, first), min(run.count, last) + 1)}
        wide = [(max(1, first - WIDEN), min(run.count, last + WIDEN)) for first, last in ranges if first <= run.count]
        near = {line for first, last in wide for line in range(first, last + 1)}
        # A call is told with the statement that makes it.
        callers = {caller for line in near for caller in run.callers.get(line, ())}
        self.lines = near | callers | {member for line in self.core for member in run.groups[run.owners[line]]}
        self.statements = sorted({run.owners[line] for line in self.lines})
        self.core_statements = sorted({run.owners[line] for line in self.core})

    @cached_property
    def events(self) -> list[Event]:
        """What was evaluated."""
        return [event for line in self.statements for event in self.run.events_at(line)]

    @cached_property
    def states(self) -> list[dict[str, Any]]:
        """The names before and after each statement, those of the calls around them included."""
        return [state for state, _ in self._states]

    @cached_property
    def _states(self) -> list[tuple[dict[str, Any], int]]:
        """The names, and the call that they are those of; -1 for one that has no lines."""
        found: list[tuple[dict[str, Any], int]] = []
        seen: set[tuple[int, ...]] = set()
        core = set(self.core_statements)
        for line in self.statements:
            for before in (True, False) if line in core else (False,):
                mark, state = self.run.scope(line, before=before)
                if mark not in seen:
                    seen.add(mark)
                    found.append((state, self.run.frame_of[line - 1]))
            found += [(state, -1) for state in self.run.inner_states(line)]
        return found[:MAX_STATES]

    @cached_property
    def recorded(self) -> bool:
        """Whether nothing of what the program does at these lines is missing in the evidence."""
        return self.run.incomplete.isdisjoint(self.statements)

    @cached_property
    def core_recorded(self) -> bool:
        """Whether nothing of it is missing at the very lines that are cited."""
        return self.run.incomplete.isdisjoint(self.core_statements)

    @cached_property
    def core_complete(self) -> bool:
        """Whether nothing of what they do is missing: they are the program's own, too."""
        return self.core_recorded and not any(self.run.frame_of[line - 1] in self.run.foreign for line in self.core)

    @cached_property
    def complete(self) -> bool:
        """Whether nothing of what all these lines do is missing."""
        return self.recorded and self.core_complete

    def by_key(self, key: str) -> list[Event]:
        """When these lines evaluated an expression, or gave it a value."""
        lines = self.run.keyed.get(key)
        return [event for line in self.statements for event in lines.get(line, ())] if lines else []

    def of_kind(self, kind: type[ast.expr]) -> list[Event]:
        """Events whose expressions are of some kind."""
        return [event for event in self.events if type(event.node) is kind]

    def evaluated(self, side: Side) -> list[Event]:
        """When these lines evaluated an expression: as it is written, or with values in place of names."""
        found = self.by_key(side.key)
        if isinstance(side.node, ast.Name | ast.Constant):
            return found
        alike = [event for event in self.of_kind(type(side.node)) if key_of(event.node) != side.key]
        return [*found, *(event for event in alike if matches(side.node, event))]

    @cached_property
    def raises(self) -> bool:
        """Whether an exception is raised at these lines: nothing is known of the call that it came from."""
        return any(self.run.lines[line - 1][0] == "raised" for line in self.lines)

    @cached_property
    def values(self) -> list[Any]:
        """Every value at these lines, each once: of expressions, names, arguments, and what came back."""
        found: dict[int, Any] = {}
        for line in self.statements:
            found |= self.run.values_at.get(line, {})
        for state in self.states:
            found |= self.run.values_in(state)
        for frame in self.touched:
            for value in (frame.returned, *(value for _, value in frame.arguments)):
                found[id(value)] = value
        return list(found.values())

    @cached_property
    def touched(self) -> list[Any]:
        """The calls that begin or end at these lines."""
        return [frame for frame in self.run.frames if frame.first in self.lines or frame.last in self.lines]

    @cached_property
    def begun_calls(self) -> list[Frame]:
        """The calls that begin at these lines, or that the very lines which are cited make."""
        core = set(self.core_statements)
        return [frame for frame in self.run.frames if frame.first in self.lines or frame.caller in core]

    @cached_property
    def around(self) -> list[Any]:
        """The calls that these lines are in, and those around them."""
        found = {self.run.frame_of[line - 1] for line in self.lines}
        for frame in list(found):
            while 0 <= frame < len(self.run.frames):
                found.add(frame)
                frame = self.run.frames[frame].parent
        return [self.run.frames[frame] for frame in sorted(found) if 0 <= frame < len(self.run.frames)]

    @cached_property
    def pool(self) -> frozenset[Hashable]:
        """Keys of every value, of what is in it, and of the constants of the program."""
        found: set[Hashable] = set()
        for value in self.values:
            found |= self.run.inside(value).keys
            if len(found) > MAX_POOL:
                break
        return frozenset(found)

    def has_key(self, key: Hashable) -> bool:
        """Whether a value of these lines, or something in one, has a key: the pool need not be made for it."""
        return any(key in self.run.inside(value).keys for value in self.values)

    @cached_property
    def texts(self) -> list[str]:
        """Every string at these lines."""
        return list({text for value in self.values for text in self.run.inside(value).texts})

    @cached_property
    def opaque(self) -> list[Opaque]:
        """The values that are not known exactly."""
        return [value for value in self.values if isinstance(value, Opaque) and (value.text or value.cut)]

    @cached_property
    def iterators(self) -> bool:
        """Whether what is worked out at these lines stays inside of an iterator."""
        return any(entry.type in _ITERATORS for entry in self.opaque)

    @cached_property
    def sizes(self) -> frozenset[int]:
        """The lengths of everything at these lines."""
        return frozenset(size for value in self.values for size in self.run.inside(value).sizes)

    @cached_property
    def numbers(self) -> list[float]:
        """Every number at these lines."""
        return [key for key in self.pool if isinstance(key, int | float)]

    @cached_property
    def sequences(self) -> list[tuple[Hashable, ...]]:
        """Keys of the elements of every list and tuple."""
        return [key[1] for key in self.pool if isinstance(key, tuple) and key[0] == "list"]

    @cached_property
    def set_pool(self) -> frozenset[Hashable]:
        """Keys of what has no order: the elements of sets, and of the keys and values of dictionaries."""
        many = list(map(tuple, self.sets))
        many += [tuple(entry[0] for entry in entries) for entries in self.dict_entries]
        many += [tuple(entry[1] for entry in entries) for entries in self.dict_entries]
        return frozenset(("list", tuple(sorted(each, key=repr))) for each in many)

    @cached_property
    def sets(self) -> list[frozenset[Hashable]]:
        """Keys of the elements of every set."""
        return [key[1] for key in self.pool if isinstance(key, tuple) and key[0] == "set"]

    @cached_property
    def dict_entries(self) -> list[frozenset[tuple[Hashable, Hashable]]]:
        """Keys of the entries of every dictionary."""
        return [key[1] for key in self.pool if isinstance(key, tuple) and key[0] == "dict"]

    def has_entry(self, name: str, value: Any) -> bool:
        """Whether some dictionary has a value by a name."""
        entry, shown = (freeze(name), freeze(value)), f"{name!r}: {value!r}"
        return any(entry in each for each in self.dict_entries) or any(shown in each.text for each in self.opaque)

    def has_slice(self, wanted: list[Hashable]) -> bool:
        """Whether these elements stand one behind the other in some list."""
        length, target = len(wanted), tuple(wanted)
        return any(
            many[place : place + length] == target
            for many in self.sequences
            for place in range(len(many) - length + 1)
            if many[place] == target[0]
        )

    def is_reordered(self, keys: tuple[Hashable, ...]) -> bool:
        """Whether a list, or what an expression was time after time, is these in another order, and none in this or back."""
        events = grouped(self.events, lambda event: id(event.node)).values()
        rows = {*self.sequences, *(tuple(freeze(event.value) for event in each) for each in events)}
        rows |= {tuple(freeze(value) for _, value in frame.arguments[: len(keys)]) for frame in self.begun_calls}
        is_a_row = any(way in rows or self.has_slice(list(way)) for way in (keys, keys[::-1]))
        count = Counter(keys)
        return not (is_a_row or self.has_unordered(keys)) and any(Counter(row) == count for row in rows)

    def has_unordered(self, wanted: Iterable[Hashable]) -> bool:
        """Whether these are all that is in something that has no order."""
        return ("list", tuple(sorted(wanted, key=repr))) in self.set_pool

    @cached_property
    def operations(self) -> frozenset[str]:
        """What these lines do: names of operators, of what is called, and of the kinds of their statements and expressions."""
        found = {name for node in self.nodes for name in operations_of(node)}
        sums = [
            event.value for event in self.of_kind(ast.BinOp) if isinstance(getattr(event.node, "op", None), ast.Add)
        ]
        found |= {"Concat"} if any(not isinstance(each, int | float) for each in sums) else set()
        return frozenset(found)

    @cached_property
    def passing(self) -> frozenset[str]:
        """The variables of which one statement of these lines calls methods again and again: what they have in between is not known."""
        names = set().union(*(self.run.calling_again[node] for node in self.nodes & self.run.calling_again.keys()))
        return frozenset(name for name in names if not self._is_lasting(name))

    def _is_lasting(self, name: str) -> bool:
        """Whether no call can change what a variable has at these lines."""
        values = [state[name] for state in self.states if name in state]
        return bool(values) and all(isinstance(value, LASTING) for value in values)

    @cached_property
    def called(self) -> frozenset[str]:
        """The names of what these lines call."""
        return frozenset(name_of_call(node) for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def begun(self) -> frozenset[ast.AST]:
        """What is in the loops, branches and calls that begin at these lines."""
        blocks: list[ast.AST] = [each for each in self.nodes if isinstance(each, ast.For | ast.While | ast.If)]
        called = {frame.name.rpartition(".")[2] for frame in self.run.frames if frame.first in self.lines}
        blocks += [each for name in called for each in self.run.definitions.get(name, ())]
        return frozenset(each for block in blocks for each in nodes_in(block))

    @cached_property
    def nodes(self) -> set[ast.AST]:
        """What these lines evaluate, and their statements."""
        shown = {self.run.lines[line - 1][2] for line in self.lines}
        return {event.node for event in self.events} | self.run.written_on(frozenset(shown))

    @cached_property
    def core_nodes(self) -> set[ast.AST]:
        """The statements at the very lines that are cited, and what is directly in them."""
        return self.run.written_on(frozenset(self.run.lines[line - 1][2] for line in self.core_statements))
