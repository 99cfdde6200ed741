"""Decides claims: true, false, or beyond what the evidence can tell.

A claim without names is computed. A claim about names of the program is true if some moment of the run bears it out,
and false if the run was there and never did: a text may tell the steps in any order, but not steps that never were.
"""

from __future__ import annotations

import ast
import math
from typing import Any

from execground_ray.verification.allowed import BUILTINS
from execground_ray.verification.claims import Claim
from execground_ray.verification.expressions import Evaluator, Scope, Unsupported
from execground_ray.verification.facts import Facts
from execground_ray.verification.history import OPAQUE, freeze

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
        if node.id not in scope.values:
            raise Unknown(node.id)
        return scope.values[node.id]

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Any:  # noqa: N802
        if node.attr in scope.values:
            return scope.values[node.attr]
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
        for call in self.facts.history.calls.get(name, ()):
            given = call.arguments[: len(arguments)] if alias else call.arguments[len(call.arguments) - len(arguments) :]
            whole = alias or len(given) == len(call.arguments) or call.arguments[0] is OPAQUE
            if whole and OPAQUE not in given and [freeze(each) for each in given] == arguments:
                if call.returned is OPAQUE:
                    raise Unknown(name)
                return call.returned
        raise Unknown(name)


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
        """Whether ``claim`` is true; None if the evidence cannot tell."""
        if not claim.names:
            return self.holds(claim, {})
        names = self._variables(claim)
        tested = self._tested(claim)
        if tested is not None:
            return tested
        if names & self.facts.history.clipped:
            return None
        states = self.facts.history.states(names) if names else [{}]
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

    def complete(self, names: frozenset[str]) -> bool:
        """Whether every value that ``names`` had is known."""
        history = self.facts.history
        return names <= history.names.keys() and not names & history.clipped

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
            for function in sorted(self.facts.functions & self.facts.history.calls.keys()):
                self.evaluator.aliases[alias] = function
                true = sum(self.holds(claim, {}) is True for claim in about)
                if true >= 2 and 2 * true > len(about):
                    break
                del self.evaluator.aliases[alias]

    def _variables(self, claim: Claim) -> set[str]:
        return {name for name in claim.names if name in self.facts.history.names}

    def _tested(self, claim: Claim) -> bool | None:
        """What the program's own test of this condition came out as, where the replay kept every outcome."""
        if not self.facts.history.whole or claim.sign != "?":
            return None
        outcomes = self.facts.history.tests.get(ast.unparse(claim.node))
        return None if outcomes is None else claim.truth in outcomes

    def holds(self, claim: Claim, state: dict[str, Any]) -> bool | None:
        """Whether ``claim`` is true in one state; None if that cannot be told."""
        node = claim.node
        try:
            if claim.sign in ("=", "verb", "→", "->") and isinstance(node, ast.Compare):
                left, right = self.value(node.left, state), self.value(node.comparators[0], state)
                return same(left, right) or _rounded(left, right, node) or self._in_words(node, left, right)
            return bool(self.value(node, state)) is claim.truth
        except Unknown:
            return None
        except Exception:  # noqa: BLE001 - an expression of a text may fail in any way: it holds in no such state
            return None

    def _in_words(self, node: ast.Compare, left: Any, right: Any) -> bool:
        """``10 / 4 = 2`` of an integer division, ``2 ^ 3 = 1`` of an exclusive or."""
        if isinstance(node.left, ast.BinOp) and isinstance(left, float) and isinstance(right, int):
            return not isinstance(right, bool) and math.floor(left) == right and isinstance(node.left.op, ast.Div)
        return False


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
