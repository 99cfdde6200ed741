"""Decides claims: true, false, or beyond what the evidence can tell; and when the true ones were true.

A claim without names is computed. A claim about names of the program is true if some moment of the run bears it out,
and false if the run was there and never did.
"""

from __future__ import annotations

import ast
import contextlib
from typing import Any

from execground_ray.verification.allowed import BUILTINS
from execground_ray.verification.cited import CitedEvaluator, Failed, Unknowable, Unknown, equal_as_written, same
from execground_ray.verification.claims import Claim
from execground_ray.verification.facts import Facts
from execground_ray.verification.history import LAST_STEP, OPAQUE, History, Span, freeze
from execground_ray.verification.instances import MAX_STATES, Instances

_STATEMENTS = frozenset(("=", "verb", "→", "->"))


class Checker:
    """Decides the claims of one text."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.evaluator = CitedEvaluator(facts)
        self.instances = Instances(facts, self.evaluator)
        self._moments: dict[tuple[int, int], list[Span] | None] = {}
        self._unknowable: set[int] = set()  # claims that no history could decide

    def decide(self, claim: Claim) -> bool | None:
        """Whether ``claim`` is true; None if the evidence cannot tell.

        What the trace shows to be true is true. Otherwise the replay decides; without one, the trace does.
        """
        if not claim.names and self.holds(claim, {}) is False:
            return False
        if isinstance(claim.parts[-1].node, ast.Name) and claim.parts[-1].names <= self.facts.program.functions:
            return None  # "`solver` becomes a `Solver`"
        verdict: bool | None = None
        for history in self.facts.histories():
            found = self.moments(claim, history)
            if found:
                return True
            if history.knows(claim.names):
                verdict = None if found is None else False
            if id(claim) in self._unknowable or not (verdict is False or self._decidable(claim)):
                break
        if not claim.names and verdict is None:
            return self.holds(claim, {})
        return verdict

    def _decidable(self, claim: Claim) -> bool:
        """Whether a fuller history may decide what the trace does not."""
        if claim.sign not in _STATEMENTS or self._about_function(claim):
            return True
        return self.evaluator.understands(claim.node)

    def moments(self, claim: Claim, history: History) -> list[Span] | None:
        """When ``claim`` was true; None if ``history`` cannot tell."""
        key = (id(claim), id(history))
        if key not in self._moments:
            self._moments[key] = None
            try:
                self._moments[key] = self._find_moments(claim, history)
            except Unknowable:
                self._unknowable.add(id(claim))
        return self._moments[key]

    def _find_moments(self, claim: Claim, history: History) -> list[Span] | None:
        if claim.sign not in _STATEMENTS:
            found = None
            try:
                found = self._condition(claim, history)
            except Unknowable:
                if not claim.names:
                    raise
            if claim.sign == "phrase" and found is not None and claim.names:
                # "`3` is in `seen` already" tells how things are; the program need not have asked.
                return sorted([*found, *(self._by_state(claim, history) or ())])
            if found is not None or not claim.names:
                return found
        elif self._about_function(claim):
            if not recorded(claim.parts[0].names, history):
                return self._returns(claim, history)
            # A variable of the same name: either may be meant.
            found = None
            with contextlib.suppress(Unknowable):
                found = self._returns(claim, history)
            return sorted([*(found or ()), *(self._by_state(claim, history) or ())]) or found
        return self._by_state(claim, history)

    def _by_state(self, claim: Claim, history: History) -> list[Span] | None:
        names = recorded(claim.names, history)
        if not names:
            held = self.holds(claim, {})
            return None if held is None else [(0, LAST_STEP)] if held else []
        if not names & history.clipped:
            return self._in_states(claim, names, history)
        # Not all values are known: what was there was there, what was not is open, and so is how a condition came out.
        return (self._in_states(claim, names, history) or None) if claim.sign in _STATEMENTS else None

    def dated(self, claim: Claim, history: History) -> bool:
        """Whether all the moments of ``claim`` are known. Those of the program's own tests always are."""
        if claim.sign not in _STATEMENTS or not history.clipped:
            return True
        return history.clipped.isdisjoint(recorded(claim.names, history))

    def _in_states(self, claim: Claim, names: set[str], history: History) -> list[Span] | None:
        node = claim.node
        if len(names) == 1 and isinstance(node, ast.Compare) and isinstance(node.left, ast.Name | ast.Attribute):
            if claim.sign in _STATEMENTS and claim.parts[-1].closed:
                return self._value(claim, node, next(iter(names)), history)
        return self._search(claim, history.distinct(names))

    def _about_function(self, claim: Claim) -> bool:
        """Like "``f`` returns 3", not "``f`` = 3" of a variable that has the name of a method."""
        if claim.sign != "verb" or claim.becomes or not isinstance(claim.parts[0].node, ast.Name | ast.Attribute):
            return False
        names = {name.lstrip(".") for name in claim.names}
        return bool(names) and names <= self.facts.program.functions

    def _condition(self, claim: Claim, history: History) -> list[Span] | None:
        """A cited condition, as a test that the program made. A bare comparison of numbers may be the text's own."""
        if not claim.explicit and not claim.names:
            return None
        return self.instances.outcomes(claim.node, claim.truth, history)

    def _value(self, claim: Claim, node: ast.Compare, name: str, history: History) -> list[Span] | None:
        try:
            value = self.evaluator.value(node.comparators[0], {})
        except Unknown:
            return None
        found = history.spans(name).get(freeze(value))
        return self._search(claim, history.distinct((name,))) if found is None else found

    def _returns(self, claim: Claim, history: History) -> list[Span] | None:
        """What the text says that a function returned, against all that it did return."""
        name = next(iter(claim.names)).lstrip(".")
        if name in self.facts.program.generators:
            raise Unknowable  # what it yields is not what its call returned
        calls = history.calls.get(name, [])
        try:
            value = self.evaluator.value(claim.parts[1].node, {})
        except Unknown as error:
            if claim.parts[1].names & self.facts.program.variables:
                raise Unknowable from error  # which moment's value is meant cannot be told
            return None
        given = [call for call in calls if call.returned is not OPAQUE and same(value, call.returned)]
        found = sorted((call.end, call.end) for call in given)
        return found or (None if not calls or any(call.returned is OPAQUE for call in calls) else [])

    def _search(self, claim: Claim, states: list[tuple[dict[str, Any], list[Span]]]) -> list[Span] | None:
        if len(states) > MAX_STATES:
            return None
        known = False
        found: list[Span] = []
        for state, spans in states:
            held = self.holds(claim, state)
            known = known or held is not None
            if held:
                found += spans
        return sorted(found) if known else None

    def holds(self, claim: Claim, state: dict[str, Any]) -> bool | None:
        """Whether ``claim`` is true in one state; None if that cannot be told."""
        node = claim.node
        try:
            if claim.sign in _STATEMENTS and isinstance(node, ast.Compare):
                lefts = self.evaluator.values(node.left, state)
                right = self.evaluator.value(node.comparators[0], state)
                if claim.sign == "verb" and isinstance(right, bool) and any(bool(left) is right for left in lefts):
                    return True  # "`items`, which is true" of a list that is not empty
                return any(equal_as_written(node, left, right) for left in lefts)
            return bool(self.evaluator.value(node, state)) is claim.truth
        except Failed:
            return False
        except Unknown:
            return None

    def never_together(self, claims: list[Claim]) -> bool:
        """Whether no moment bears out all of ``claims``, each of which is true of some moment."""
        told = frozenset().union(*(claim.names for claim in claims))
        variables = self.facts.program.variables
        if len(told) < 2 or not all(name in variables or "." + name in variables for name in told):
            return False
        known = False
        for history in self.facts.histories():
            names = recorded(told, history)
            if len(names) == len(told) and not names & history.clipped:
                if history.objects > 1 and any(name.startswith(".") for name in names):
                    return False  # it is not known which object is meant
                known = known or history.knows(names)
                if any(all(self.holds(claim, state) for claim in claims) for state, _ in history.distinct(names)):
                    return False
        return known

    def find_aliases(self, claims: list[Claim]) -> None:
        """A text may write J(5) for ``josephus(5, k)``: taken so if most of what it says about J is then true."""
        foreign: dict[str, list[Claim]] = {}
        for claim in claims:
            node = claim.node
            if (
                isinstance(node, ast.Compare)
                and isinstance(node.left, ast.Call)
                and isinstance(node.left.func, ast.Name)
            ):
                name = node.left.func.id
                if name not in self.facts.program.functions and name not in BUILTINS and claim.names == {name}:
                    foreign.setdefault(name, []).append(claim)
        for alias, about in foreign.items():
            for function in sorted(self.facts.program.functions):
                self.evaluator.aliases[alias] = function
                true = sum(self.holds(claim, {}) is True for claim in about)
                if true >= 2 and 2 * true > len(about):
                    break
                del self.evaluator.aliases[alias]


def recorded(names: frozenset[str], history: History) -> set[str]:
    """The names as ``history`` has them: a text may leave out whose attribute it speaks of."""
    full = {name if name in history.names else "." + name for name in names}
    return full & history.names.keys()
