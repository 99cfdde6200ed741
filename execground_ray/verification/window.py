"""The part of a run that a sentence is held against: the lines that it cites, and what belongs to them."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.verification.arithmetic import UnknownError, evaluate
from execground_ray.verification.matching import matches
from execground_ray.verification.notation import Side
from execground_ray.verification.own_calls import returned_by
from execground_ray.verification.run import WIDEN, Event, Run
from execground_ray.verification.trees import atoms_of, compared_in, grouped, key_of, name_of_call, nodes_in, tests_in
from execground_ray.verification.values import PLAIN, Opaque, fits, kind_of, parts

MAX_STATES = 150  # states of names in which an expression is evaluated
_ITERATORS = frozenset(
    "permutations combinations combinations_with_replacement product islice chain map filter zip enumerate count cycle accumulate generator "
    "takewhile dropwhile groupby starmap repeat zip_longest reversed list_iterator".split()
)
MAX_POOL = 60_000
MUTABLE = list | dict | set | deque


class Possible(NamedTuple):
    """The values that an expression had at some lines.

    Attributes:
        values: Those that are known.
        closed: There can be no others.
        kinds: The kinds of all of them; None where that is not known.
    """

    values: list[Any]
    closed: bool
    kinds: frozenset[str] | None = None


class Window:
    """What the run did at some ranges of record lines."""

    def __init__(self, run: Run, ranges: tuple[tuple[int, int], ...]) -> None:
        """See the class."""
        self.run = run
        self.core = {line for first, last in ranges for line in range(max(1, first), min(run.count, last) + 1)}
        near = {line + more for line in self.core for more in range(-WIDEN, WIDEN + 1)} & set(range(1, run.count + 1))
        self.lines = near | {member for line in self.core for member in run.groups[run.owners[line]]}
        self.statements = sorted({run.owners[line] for line in self.lines})
        self.core_statements = sorted({run.owners[line] for line in self.core})
        self._possible: dict[str, Possible] = {}

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
        """Whether nothing of it is, and they are the program's own."""
        return self.core_recorded and not any(self.run.frame_of[line - 1] in self.run.foreign for line in self.core)

    @cached_property
    def complete(self) -> bool:
        """Whether nothing of what these lines do is: they are the program's own."""
        return self.recorded and self.core_complete

    @cached_property
    def _by_key(self) -> dict[str, list[Event]]:
        return grouped(self.events, lambda event: key_of(event.node))

    @cached_property
    def by_type(self) -> dict[type[ast.expr], list[Event]]:
        """Events by the kind of their expressions."""
        return grouped(self.events, lambda event: type(event.node))

    def possible(self, side: Side) -> Possible:
        """The values that an expression had at these lines."""
        if side.key not in self._possible:
            self._possible[side.key] = self._called(side.node) or self._find(side)
        return self._possible[side.key]

    def _called(self, node: ast.expr) -> Possible | None:
        if not isinstance(node, ast.Call):
            return None
        found = returned_by(node, self.run, self.states)
        return found and Possible(found[0], found[1] and name_of_call(node) not in self.hidden)

    def _find(self, side: Side) -> Possible:
        found = [event.value for event in self._by_key.get(side.key, ())]
        exact = bool(found)
        found += [event.value for event in self.by_type.get(type(side.node), ()) if matches(side.node, event)]
        seen = len(found)
        names = side.names
        failed: list[UnknownError] = []
        is_lost = False  # where its names have values, and it has none that is known
        known_in: set[int] = set()  # calls
        for state, frame in self._states:
            try:
                found.append(evaluate(side.node, state))
                known_in.add(frame)
            except UnknownError as error:
                failed += [error] if names <= state.keys() else []
                is_lost = is_lost or names <= state.keys()
        values = list({(type(value).__name__, repr(value)): value for value in found}.values())
        whole = self.recorded and len(self.states) < MAX_STATES and names.isdisjoint(self.hidden)
        whole = whole and not (isinstance(side.node, ast.Name) and self._may_be_attribute(side))
        if not values:  # there is no such element, or variable, at any time
            missing = bool(failed) and all(isinstance(error.__cause__, LookupError) for error in failed)
            is_part = any(isinstance(each, ast.Subscript) for each in nodes_in(side.node))
            return Possible([], whole and ((missing and is_part) or self._is_unset(side)))
        known = [value for value in values if not isinstance(value, Opaque)]
        whole = whole and not (is_lost and (not seen or self._is_elsewhere(side, known_in)))
        kinds = self._kinds(values) if whole else None
        # What only the program has looked at, a call may have changed since.
        changing = (self.inner or len(found) == seen) and any(isinstance(value, MUTABLE) for value in known)
        # Of what a comprehension runs through a part may be looked at for some only.
        exact = exact and not isinstance(side.node, ast.Subscript | ast.Attribute)
        whole = whole and (exact or names.isdisjoint(self.run.comprehended))
        return Possible(known, whole and len(known) == len(values) and not changing, kinds)

    def _may_be_attribute(self, side: Side) -> bool:
        """Whether a name may be that of an object's attribute, and not of the variable that has it too."""
        stores = {event.line for event in self.run.stores(side.key)}
        return side.source in self.run.attributes and (
            len(self.core) == self.run.count or stores.isdisjoint(self.lines)
        )

    def _is_unset(self, side: Side) -> bool:
        """Whether it is a variable of the program that has no value yet."""
        return isinstance(side.node, ast.Name) and side.node.id in self.run.variables

    def _kinds(self, values: list[Any]) -> frozenset[str] | None:
        """The kinds of values; None where one of them may be written as another kind."""
        found = {
            "object" if isinstance(each, Opaque) and each.type in self.run.classes else kind_of(each) for each in values
        }
        return frozenset(found) if found <= PLAIN else None

    def at_moment(self, side: Side, known: dict[str, Any]) -> list[Any]:
        """The values that an expression had when names of its had those that are known; none where that cannot be told."""
        shared = side.names & known.keys()
        if not shared or isinstance(side.node, ast.Name) or not self.recorded or not self.hidden.isdisjoint(side.names):
            return []
        if len(self.states) >= MAX_STATES:
            return []
        states = [state for state in self.states if all(fits(known[name], state.get(name), 0.0) for name in shared)]
        if self.inner and any(isinstance(state.get(name), MUTABLE) for state in states for name in side.names):
            return []
        try:
            values = [evaluate(side.node, state) for state in states]
        except UnknownError:
            return []
        return [] if any(isinstance(value, Opaque) for value in values) else values

    def _is_elsewhere(self, side: Side, known_in: set[int]) -> bool:
        """Whether its attribute is looked at in one call, and in another, which has its own object, it is not."""
        if not any(isinstance(each, ast.Attribute) for each in nodes_in(side.node)):
            return False
        calls = {self.run.frame_of[line - 1] for line in self.lines}
        own = {call for call in calls if call >= 0 and side.names & dict(self.run.frames[call].arguments).keys()}
        return not own <= known_in | {event.frame for event in self._by_key.get(side.key, ())}

    @cached_property
    def round_places(self) -> frozenset[int]:
        """Of the rounds of loops that these lines are in, the how manieth of its loop each is, from 0 on; empty if not known."""
        found: set[int] = set()
        if self.run.is_endless:
            return frozenset()
        for runs in self.run.loops:
            for starts in runs:
                ends = [*starts[1:], None][: len(starts)]
                for place, (first, behind) in enumerate(zip(starts, ends, strict=True)):
                    last = behind - 1 if behind else max(self.lines)
                    if any(first <= line <= last for line in self.lines):
                        found.add(place)
        return frozenset(found)

    @cached_property
    def raises(self) -> bool:
        """Whether an exception is raised at these lines: nothing is known of the call that it came from."""
        return any(self.run.lines[line - 1][0] == "raised" for line in self.lines)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The names of the functions that these lines call without the record showing it, and of what is in them."""
        shown = {
            (self.run.owners[frame.caller], frame.name.rpartition(".")[2]) for frame in self.run.frames if frame.caller
        }
        calls = [event for event in self.by_type.get(ast.Call, ()) if not self.run.is_of_object(event.node)]
        called = {(event.line, name_of_call(event.node)) for event in calls}
        return frozenset().union(*(self.run.functions.get(name, ()) for _, name in called - shown))

    @cached_property
    def inner(self) -> bool:
        """Whether the cited lines make calls of which only the events are known: what they do to a list is seen when it is used."""
        core = set(self.core_statements)
        return any(
            self.run.is_inner(frame) and self.run.frames[frame].first in core for frame in range(len(self.run.frames))
        )

    @cached_property
    def changing(self) -> bool:
        """Whether these lines look at a part of something that a call may change: what becomes of it is not known."""
        parts = [*self.by_type.get(ast.Attribute, ()), *self.by_type.get(ast.Subscript, ())]
        return any(isinstance(event.value, MUTABLE) for event in parts)

    def found(self, side: Side) -> list[Any]:
        """The values that an expression of names has before the statements of these lines."""
        found = []
        for line in self.core_statements:
            with suppress(UnknownError):
                found.append(evaluate(side.node, self.run.scope(line, before=True)[1]))
        return found

    def left(self, side: Side) -> list[Any]:
        """The values that an expression of names has behind the statements of these lines."""
        found = []
        for line in self.core_statements:
            with suppress(UnknownError):
                found.append(evaluate(side.node, self.run.scope(line, before=False)[1]))
        return found

    def returned(self, name: str) -> list[Any]:
        """What the calls of a function gave that end at these lines; none if there is one that the record does not show."""
        if name in self.hidden:
            return []
        return [frame.returned for frame in self.touched if frame.last in self.lines and frame.is_of(name)]

    def outcomes(self, side: Side) -> set[bool]:
        """How a condition of the program came out at the very lines that are cited."""
        core = set(self.core_statements)
        return {
            event.outcome == 1 for event in self._by_key.get(side.key, ()) if event.line in core and event.outcome >= 0
        }

    @cached_property
    def all_outcomes(self) -> set[bool]:
        """How the conditions at the very lines that are cited came out, those for which something was tested."""
        return {
            event.outcome == 1
            for line in self.core_statements
            for event in self.run.events_at(line)
            if event.outcome >= 0
        }

    def changes(self, side: Side) -> tuple[list[Any], list[Any]]:
        """The values that a name gets at the lines that are cited, and those that it has behind the last of them.

        The first is empty where nothing is assigned to it there, or the name is none of a single call.
        """
        name, core = side.source, set(self.core_statements)
        events = [event for event in self._by_key.get(side.key, ()) if isinstance(event.node, ast.Name)]
        stores = [event for event in events if isinstance(getattr(event.node, "ctx", None), ast.Store)]
        frames = {event.frame for event in stores if event.line in core}
        if len(frames) != 1:
            return [], []
        (frame,) = frames
        last = self.core_statements[-1]
        behind = [self.run.state(frame, line).get(name) for line in self.statements if line >= last]
        return [event.value for event in stores], behind

    def looked_at(self, side: Side) -> list[Any]:
        """The values that a name of a comprehension had at these lines, one after the other."""
        is_one = side.source in self.run.comprehended
        return [event.value for event in self._by_key.get(side.key, ())] if is_one else []

    def assigned(self, side: Side) -> list[list[Any]]:
        """What a name gets, one after the other: at the lines that are cited, around them, and from there to the end."""
        core = set(self.core_statements)
        stores = [event for event in self.run.stores(side.key) if event.line >= min(core, default=0)]
        return [
            [event.value for event in stores if event.line in lines and event.frame == frame]
            for frame in {event.frame for event in stores if event.line in core}
            for lines in (core, self.lines, range(1, self.run.count + 1))
        ]

    @cached_property
    def values(self) -> list[Any]:
        """Every value at these lines, each once: of expressions, names, arguments, and what came back."""
        found: dict[int, Any] = {}
        for event in self.events:
            found[id(event.value)] = event.value
        for state in self.states:
            for name, value in state.items():
                if name not in self.run.watches:
                    found[id(value)] = value
        for frame in self.touched:
            for value in (frame.returned, *(value for _, value in frame.arguments)):
                found[id(value)] = value
        return list(found.values())

    @cached_property
    def touched(self) -> list[Any]:
        """The calls that begin or end at these lines."""
        return [frame for frame in self.run.frames if frame.first in self.lines or frame.last in self.lines]

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

    @cached_property
    def texts(self) -> list[str]:
        """Every string at these lines."""
        return list({text for value in self.values for text in self.run.inside(value).texts})

    @cached_property
    def opaque(self) -> list[Opaque]:
        """The values that are not known exactly."""
        return [value for value in self.values if isinstance(value, Opaque) and (value.text or value.cut)]

    @cached_property
    def types(self) -> frozenset[str]:
        """The names of the types of everything at these lines, and of what the program writes out or converts to."""
        found = {type(part).__name__ for value in self.values for part in parts(value)}
        names = {"Tuple": "tuple", "Dict": "dict", "DictComp": "dict", "Div": "float"}
        found |= {names.get(type(node).__name__, "") for node in self.nodes} | (
            self.operations & {"tuple", "dict", "float"}
        )
        return frozenset(found | ({"dict"} if {"defaultdict", "Counter", "OrderedDict"} & found else set()))

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
        many = [tuple(key[1]) for key in self.pool if isinstance(key, tuple) and key[0] == "set"]
        many += [tuple(entry[0] for entry in entries) for entries in self.dict_entries]
        many += [tuple(entry[1] for entry in entries) for entries in self.dict_entries]
        return frozenset(("list", tuple(sorted(each, key=repr))) for each in many)

    @cached_property
    def dict_entries(self) -> list[frozenset[tuple[Hashable, Hashable]]]:
        """Keys of the entries of every dictionary."""
        return [key[1] for key in self.pool if isinstance(key, tuple) and key[0] == "dict"]

    def has_slice(self, wanted: list[Hashable]) -> bool:
        """Whether these elements stand one behind the other in some list."""
        length, target = len(wanted), tuple(wanted)
        return any(
            many[place : place + length] == target
            for many in self.sequences
            for place in range(len(many) - length + 1)
            if many[place] == target[0]
        )

    @cached_property
    def operations(self) -> frozenset[str]:
        """What these lines do: names of operators, of what is called, and of the kinds of their statements and expressions."""
        found = {type(node).__name__ for node in self.nodes}
        for node in self.nodes:
            if isinstance(node, ast.BinOp | ast.UnaryOp | ast.AugAssign):
                found.add(type(node.op).__name__)
            elif isinstance(node, ast.Compare):
                found |= {type(op).__name__ for op in node.ops}
            elif isinstance(node, ast.Call):
                found.add(name_of_call(node))
            elif isinstance(node, ast.Name | ast.Attribute):
                found.add(getattr(node, "attr", getattr(node, "id", "")))
        return frozenset(found)

    @cached_property
    def nodes(self) -> set[ast.AST]:
        """What these lines evaluate, and their statements."""
        shown = {self.run.lines[line - 1][2] for line in self.lines}
        return {event.node for event in self.events} | self.run.written_on(frozenset(shown))

    @cached_property
    def _looking(self) -> set[ast.AST]:
        """These nodes, and those of the statements that make the calls that begin or end at these lines."""
        shown = {self.run.lines[line - 1][2] for line in self._callers}
        return self.nodes | self.run.written_on(frozenset(shown))

    @cached_property
    def _callers(self) -> set[int]:
        return {frame.caller for frame in self.touched if frame.caller > 0}

    @cached_property
    def comparing(self) -> list[Event]:
        """The comparisons of these lines and of those that make their calls."""
        more = [event for line in self._callers for event in self.run.events_at(self.run.owners[line])]
        return [event for event in (*self.events, *more) if isinstance(event.node, ast.Compare)]

    @cached_property
    def compared(self) -> dict[tuple[str, str], set[type[ast.cmpop]]]:
        """How these lines compare two expressions, by their keys."""
        return compared_in(self._looking)

    @cached_property
    def comparisons(self) -> list[frozenset[str]]:
        """The atoms of what these lines compare."""
        return [atoms_of(node) for node in self._looking if isinstance(node, ast.Compare | ast.Match)]

    @cached_property
    def tests(self) -> list[frozenset[str]]:
        """The atoms of what these lines take for true or false."""
        return tests_in(self._looking)

    @cached_property
    def branches(self) -> set[bool]:
        """How the conditions of the ``if`` statements of the very lines that are cited came out."""
        tests = {id(node.test) for node in self.nodes if isinstance(node, ast.If)}
        events = [event for line in self.core_statements for event in self.run.events_at(line)]
        return {event.outcome == 1 for event in events if event.outcome >= 0 and id(event.node) in tests}
