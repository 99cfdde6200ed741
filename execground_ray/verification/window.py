"""What a sentence is held against: it asks the lines that it cites, and what belongs to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.verification.arithmetic import UnknownError, evaluate
from execground_ray.verification.conditions import Conditions
from execground_ray.verification.lines import MAX_STATES
from execground_ray.verification.matching import bounds_of
from execground_ray.verification.notation import Side
from execground_ray.verification.own_calls import returned_by
from execground_ray.verification.run import Run
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.values import MUTABLE, PLAIN, Opaque, fits, kind_of, same

_WORKED_OUT = ast.BinOp | ast.Call | ast.ListComp | ast.SetComp | ast.DictComp


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


class Window(Conditions):
    """Answers what expressions were, did and became at some ranges of record lines."""

    def __init__(self, run: Run, ranges: tuple[tuple[int, int], ...]) -> None:
        """See the class."""
        super().__init__(run, ranges)
        self._possible: dict[str, Possible] = {}

    def has(self, side: Side, value: Any, tolerance: float) -> bool:
        """Whether an expression had a value at these lines."""
        return any(fits(value, each, tolerance) for each in self._had(side))

    def _had(self, side: Side) -> Iterator[Any]:
        """The values of an expression; of a variable, which most sentences give a value that it has, as they come."""
        if not isinstance(side.node, ast.Name):
            yield from self.possible(side).values
            return
        yield from (event.value for event in self.by_key(side.key))
        yield from (state[side.source] for state in self.states if side.source in state)
        yield from self._given(side)

    def _given(self, side: Side) -> list[Any]:
        """What the calls that begin or end at these lines were given as a variable."""
        return [value for frame in self.touched for name, value in frame.arguments if name == side.source]

    def possible(self, side: Side) -> Possible:
        """The values that an expression had at these lines."""
        if side.key not in self._possible:
            self._possible[side.key] = self._called(side) or self._find(side)
        return self._possible[side.key]

    def _called(self, side: Side) -> Possible | None:
        node = side.node
        if not isinstance(node, ast.Call):
            return None
        found = returned_by(node, self.run, self.states)
        names = {each.id for argument in node.args for each in nodes_in(argument) if isinstance(each, ast.Name)}
        # Of what a comprehension runs through only the last is known behind its statement.
        closed = name_of_call(node) not in self.hidden and names.isdisjoint(self.comprehended)
        made = [event.value for event in self.by_key(side.key)]  # whatever its arguments were
        return found and Possible([*found[0], *made], found[1] and closed)

    def _find(self, side: Side) -> Possible:
        events = self.evaluated(side)
        done = [event.value for event in events if event.line in self.core_statements]
        if done and isinstance(side.node, _WORKED_OUT) and name_of_call(side.node) != "len":
            return Possible(done, self.recorded and not any(isinstance(each, Opaque) for each in done))
        found = [event.value for event in events]
        exact = bool(self.by_key(side.key))
        names = side.names
        failed: list[UnknownError] = []
        for state in self.states:
            try:
                found.append(evaluate(side.node, state))
            except UnknownError as error:
                failed += [error] if names <= state.keys() else []
        if isinstance(side.node, ast.Name):  # what a call that ends there was given
            found += self._given(side)
        each_once = {id(value): value for value in found}.values()
        values = list({(self.run.type_of(value), repr(value)): value for value in each_once}.values())
        whole = self.recorded and len(self.states) < MAX_STATES and names.isdisjoint(self.hidden)
        whole = whole and names.isdisjoint(self.passing | self._of_lambdas)
        whole = whole and not (isinstance(side.node, ast.Name) and self._may_be_attribute(side))
        # The name that a class gives its private attributes is another one.
        whole = whole and "__" not in side.source
        if any(bounds_of(each) and isinstance(each, ast.Tuple) for each in nodes_in(side.node)):
            return Possible(values, closed=False)  # `m[0, :] = 1` makes all that is there a 1
        if not values:  # there is no such element, or variable, at any time
            missing = bool(failed) and all(isinstance(error.__cause__, LookupError) for error in failed)
            is_part = any(isinstance(each, ast.Subscript) for each in nodes_in(side.node))
            return Possible([], whole and ((missing and is_part) or self._is_unset(side)))
        known = [value for value in values if not isinstance(value, Opaque)]
        whole = whole and not self._is_aliased(side)
        # What such a call does to a list of its object is seen when it is used again; likewise of one that nobody watched.
        is_unseen = self.inner or side.source not in self.run.watches
        is_changeable = isinstance(side.node, ast.Attribute) and any(isinstance(each, MUTABLE) for each in known)
        whole = whole and not (is_unseen and is_changeable)
        kinds = self._kinds(values) if whole or (exact and done and self.recorded) else None
        # Of what a comprehension runs through a part may be looked at for some only.
        exact = exact and not isinstance(side.node, ast.Subscript | ast.Attribute)
        whole = whole and (exact or names.isdisjoint(self.comprehended))
        return Possible(known, whole and len(known) == len(values), kinds)

    @cached_property
    def _of_lambdas(self) -> frozenset[str]:
        """The names that lambdas of these lines are given."""
        lambdas = [node for node in self.nodes if isinstance(node, ast.Lambda)]
        return frozenset(each.arg for node in lambdas for each in node.args.args)

    @cached_property
    def inner_states(self) -> list[dict[str, Any]]:
        """The names of the calls of these lines that have no lines of their own."""
        return [state for state, frame in self._states if frame < 0]

    @cached_property
    def unseen(self) -> frozenset[str]:
        """The variables of calls without lines of their own that hold what may be changed: how, is not known."""
        return frozenset(
            name for state in self.inner_states for name, value in state.items() if isinstance(value, MUTABLE)
        )

    def _may_be_attribute(self, side: Side) -> bool:
        """Whether a name may be that of an object's attribute, and not of the variable that has it too."""
        stores = {event.line for event in self.run.stores(side.key)}
        begun = [frame for frame in self.touched if frame.first in self.core]
        given = [value for frame in begun for name, value in frame.arguments if side.source == name]
        if given and not any(isinstance(value, MUTABLE | Opaque) for value in given):
            return False
        return side.source in self.run.attributes and (
            len(self.core) == self.run.count or stores.isdisjoint(self.core_statements)
        )

    def _is_unset(self, side: Side) -> bool:
        """Whether it is a variable of the program that has no value yet."""
        return isinstance(side.node, ast.Name) and side.node.id in self.run.variables

    def _kinds(self, values: list[Any]) -> frozenset[str] | None:
        """The kinds of values; None where one of them may be written as another kind."""
        found = frozenset(map(kind_of, values))
        return found if found <= PLAIN else None

    def at_moment(self, side: Side, known: dict[str, Any]) -> list[Any]:
        """The values that an expression had when names of its had those that are known; none where that cannot be told."""
        shared = side.names & known.keys()
        if not shared or isinstance(side.node, ast.Name) or not self.recorded or not self.hidden.isdisjoint(side.names):
            return []
        if len(self.states) >= MAX_STATES:
            return []
        states = self._with(known, shared, self.states)
        try:
            values = [evaluate(side.node, state) for state in states]
        except UnknownError:
            return []
        return [] if any(isinstance(value, Opaque) for value in values) else values

    def is_never(self, side: Side, known: dict[str, Any]) -> bool:
        """Whether names of an expression have the values that are known at no time: another moment is spoken of."""
        shared = side.names & known.keys()
        shown = [state for state, frame in self._states if frame >= 0]
        return bool(shared) and not self._with(known, shared, shown)

    @staticmethod
    def _with(known: dict[str, Any], names: frozenset[str], states: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            state for state in states if all(name in state and fits(known[name], state[name], 0.0) for name in names)
        ]

    def _is_aliased(self, side: Side) -> bool:
        """Whether its attribute is set at these lines by another name, which may be the same object's."""
        stores = (event for event in self.of_kind(ast.Attribute) if isinstance(event.node.ctx, ast.Store))  # type: ignore[attr-defined]
        name = getattr(side.node, "attr", "")
        return bool(name) and any(name == event.node.attr and side.key != key_of(event.node) for event in stores)  # type: ignore[attr-defined]

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The names of the functions that these lines call without the record showing it, and of what is in them."""
        calls = [event for event in self.of_kind(ast.Call) if not self.run.is_of_object(event.node)]
        called = {(event.line, name_of_call(event.node)) for event in calls}
        return frozenset().union(*(self.run.functions.get(name, ()) for _, name in called - self.run.shown_calls))

    @cached_property
    def inner(self) -> bool:
        """Whether the cited lines make calls of which only the events are known: what they do to a list is seen when it is used."""
        core = set(self.core_statements)
        return any(
            self.run.is_inner(frame) and self.run.frames[frame].first in core for frame in range(len(self.run.frames))
        )

    @cached_property
    def comprehended(self) -> frozenset[str]:
        """The names that comprehensions of these lines run through, and those in calls that have no lines."""
        if self.hidden or self.inner:
            return self.run.comprehended
        return frozenset().union(*(self.run.targets[node] for node in self.nodes & self.run.targets.keys()))

    def changed(self, side: Side) -> list[Any]:
        """The values that it has behind those of them that change it, or what is in it."""
        times = [[self._value_at(side, line, before=when) for when in (True, False)] for line in self.core_statements]
        return [after[0] for before, after in times if before and after and not same(before[0], after[0])]

    def _value_at(self, side: Side, line: int, *, before: bool) -> list[Any]:
        """The value that it has before or behind a statement; empty where that is not known."""
        with suppress(UnknownError):
            return [evaluate(side.node, self.run.scope(line, before=before)[1])]
        return []

    def returned(self, name: str) -> list[Any]:
        """What the calls of a function gave that end at these lines; none if there is one that the record does not show."""
        if name in self.hidden:
            return []
        return [frame.returned for frame in self.touched if frame.last in self.lines and frame.is_of(name)]
