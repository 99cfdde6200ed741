"""Decides claims: true, false, or beyond what the evidence can tell.

A claim without names is computed. A claim about names of the program is true if some moment of the run bears it out,
and false if the run was there and never did: a text may tell the steps in any order, but not steps that never were.
"""

from __future__ import annotations

import ast
import math
from functools import lru_cache
from typing import Any

from execground_ray.verification.allowed import BUILTINS
from execground_ray.verification.claims import Claim
from execground_ray.verification.expressions import Evaluator, Scope, Unsupported
from execground_ray.verification.facts import Facts
from execground_ray.verification.history import OPAQUE, Call, History, freeze

MAX_STATES = 600
_METHODS = frozenset(
    """count endswith find get index isalnum isalpha isdigit islower isnumeric isspace isupper items join keys lower
    lstrip replace rfind rstrip split startswith strip title upper values""".split()
)


class Unknown(Exception):  # noqa: N818 - it says what the evidence lacks
    """The evidence does not say."""


class CitedEvaluator(Evaluator):
    """Evaluates an expression that a text cites, in one state of the run."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.aliases: dict[str, str] = {}

    def attribute(self, value: Any, name: str) -> Any:
        """Only methods that look at a value and leave it as it is."""
        if name not in _METHODS:
            raise Unsupported(name)
        return getattr(value, name)

    def _Name(self, node: ast.Name, scope: Scope) -> Any:  # noqa: N802 - named after the node
        for name in (node.id, "." + node.id):
            if name in scope.values:
                return scope.values[name]
        raise Unknown(node.id)

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Any:  # noqa: N802
        if "." + node.attr in scope.values:
            return scope.values["." + node.attr]
        return super()._Attribute(node, scope)

    def _Call(self, node: ast.Call, scope: Scope) -> Any:  # noqa: N802
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        arguments = [self.evaluate(argument, scope) for argument in node.args]
        alias, name = name in self.aliases, self.aliases.get(name, name)
        if name not in self.facts.functions:
            if isinstance(node.func, ast.Attribute):
                return self.evaluate(node.func, scope)(*arguments)
            if name in scope.values or name not in BUILTINS:
                raise Unknown(name)
            return self.call(BUILTINS[name], arguments, {})
        arguments = [freeze(argument) for argument in arguments]
        for history in self.facts.histories():
            for call in history.calls.get(name, ()):
                if _is_call(call, arguments, alias) and call.returned is not OPAQUE:
                    return call.returned
        raise Unknown(name)


def _is_call(call: Call, arguments: list[Any], first: bool) -> bool:
    """Whether ``call`` had these arguments: all, all but ``self``, or, with ``first``, these at the beginning."""
    given = call.arguments[: len(arguments)] if first else call.arguments[len(call.arguments) - len(arguments) :]
    whole = first or len(given) == len(call.arguments) or call.arguments[0] is OPAQUE
    return whole and OPAQUE not in given and [freeze(each) for each in given] == arguments


class Checker:
    """Decides the claims of one text."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.evaluator = CitedEvaluator(facts)

    def value(self, node: ast.expr, state: dict[str, Any]) -> Any:
        """The value of ``node`` in ``state``; raises ``Unknown``."""
        try:
            return self.evaluator.evaluate(node, Scope(state))
        except (Unknown, Unsupported, NameError) as error:
            raise Unknown from error

    def decide(self, claim: Claim) -> bool | None:
        """Whether ``claim`` is true; None if the evidence cannot tell.

        What the trace shows to be true is true. Otherwise the replay decides; without one, the trace does.
        """
        if not claim.names:
            return self.holds(claim, {})
        if isinstance(claim.parts[-1].node, ast.Name) and claim.parts[-1].names <= self.facts.functions:
            return None  # "`solver` becomes a `Solver`"
        verdict: bool | None = None
        for history in self.facts.histories():
            found = self._decide(claim, history)
            if found:
                return True
            if found is not None or history.whole:
                verdict = found
        return verdict

    def _returned(self, claim: Claim, history: History) -> bool | None:
        """What the text says that a function returned, against all that it did return."""
        calls = history.calls.get(next(iter(claim.names)), ())
        try:
            value = self.value(claim.parts[1].node, {})
        except (Unknown, ArithmeticError, ValueError, TypeError, LookupError):
            return None
        if any(call.returned is not OPAQUE and same(value, call.returned) for call in calls):
            return True
        return None if not calls or any(call.returned is OPAQUE for call in calls) else False

    def _decide(self, claim: Claim, history: History) -> bool | None:
        if claim.sign == "verb" and len(claim.names) == 1 and claim.names <= self.facts.functions:
            return self._returned(claim, history)
        names = _recorded(claim.names, history)
        tested = _tested(claim, history)
        if tested is not None:
            return tested
        if names & history.clipped:
            return None
        states = history.states(names) if names else [{}]
        if len(states) > MAX_STATES:
            return None
        verdict: bool | None = None
        for state in states:
            held = self.holds(claim, state)
            if held:
                return True
            if held is not None:
                verdict = False
        return verdict

    def never_together(self, claims: list[Claim]) -> bool:
        """Whether no moment bears out all of ``claims``, each of which is true of some moment."""
        told = frozenset().union(*(claim.names for claim in claims))
        if len(told) < 2:
            return False
        known = False
        for history in self.facts.histories():
            names = _recorded(told, history)
            if len(names) == len(told) and not names & history.clipped:
                known = True
                if any(all(self.holds(claim, state) for claim in claims) for state in history.states(names)):
                    return False
        return known

    def find_aliases(self, claims: list[Claim]) -> None:
        """A text may write J(5) for ``josephus(5, k)``: taken so if most of what it says about J is then true."""
        foreign: dict[str, list[Claim]] = {}
        for claim in claims:
            node = claim.node
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call) and isinstance(node.left.func, ast.Name):
                name = node.left.func.id
                if name not in self.facts.functions and name not in BUILTINS and claim.names == {name}:
                    foreign.setdefault(name, []).append(claim)
        for alias, about in foreign.items():
            for function in sorted(self.facts.functions & self.facts.best.calls.keys()):
                self.evaluator.aliases[alias] = function
                true = sum(self.holds(claim, {}) is True for claim in about)
                if true >= 2 and 2 * true > len(about):
                    break
                del self.evaluator.aliases[alias]

    def holds(self, claim: Claim, state: dict[str, Any]) -> bool | None:
        """Whether ``claim`` is true in one state; None if that cannot be told."""
        node = claim.node
        try:
            if claim.sign in ("=", "verb", "→", "->") and isinstance(node, ast.Compare):
                left, right = self.value(node.left, state), self.value(node.comparators[0], state)
                if claim.sign == "verb" and isinstance(right, bool) and bool(left) is right:
                    return True  # "`items`, which is true" of a list that is not empty
                return same(left, right) or _rounded(left, right, node) or _floored(node, left, right)
            return bool(self.value(node, state)) is claim.truth
        except Unknown:
            return None
        except Exception:  # noqa: BLE001 - an expression of a text may fail in any way: it holds in no such state
            return None


def _floored(node: ast.Compare, left: Any, right: Any) -> bool:
    """``10 / 4 = 2`` of an integer division."""
    divides = isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Div)
    return divides and isinstance(left, float) and type(right) is int and math.floor(left) == right


def _recorded(names: frozenset[str], history: History) -> set[str]:
    """The names as ``history`` has them: a text may leave out whose attribute it speaks of."""
    full = {name if name in history.names else "." + name for name in names}
    return full & history.names.keys()


def _tested(claim: Claim, history: History) -> bool | None:
    """What the program's own test of this condition came out as, as far as ``history`` has the outcomes."""
    if claim.sign != "?" or not history.tests:
        return None
    outcomes = history.outcomes(_written(claim.node))
    return claim.truth in outcomes if outcomes else None


@lru_cache(maxsize=4_096)
def _written(node: ast.expr) -> str:
    return ast.unparse(node)


def same(left: Any, right: Any) -> bool:
    """Equal as values of a run; an ellipsis in a container stands for any number of elements."""
    if _elided(left) or _elided(right):
        return _matches(left, right) if _elided(left) else _matches(right, left)
    return bool(freeze(left) == freeze(right))


def _elided(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(item is Ellipsis for item in value)


def _matches(pattern: Any, value: Any) -> bool:
    if not isinstance(value, list | tuple | range):
        return False
    items = list(pattern)
    cut = next(index for index, item in enumerate(items) if item is Ellipsis)
    before, behind = items[:cut], items[cut + 1 :]
    if any(item is Ellipsis for item in behind) or len(value) < len(before) + len(behind):
        return len(value) >= len(before)
    whole = list(value)
    return all(map(same, before, whole)) and all(map(same, reversed(behind), reversed(whole)))


def _rounded(left: Any, right: Any, node: ast.Compare) -> bool:
    """``2 / 3 = 0.67``: equal to the digits that are written."""
    if not isinstance(left, float | int) or not isinstance(right, float) or isinstance(left, bool):
        return False
    digits = len(repr(right).partition(".")[2])
    return math.isclose(left, right, rel_tol=1e-9) or (digits >= 2 and abs(left - right) <= 0.51 * 10**-digits)
