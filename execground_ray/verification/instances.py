"""Finds an expression of a text in the program, with values in the place of names.

"`3 == 7`" is an instance of ``n == 7`` where ``n`` was 3. An expression that has the form of one in the program, but
values that were never there at the same time, is a mistake even where it is true by itself, as ``2 < 7`` would be.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from execground_ray.verification.allowed import BUILTINS
from execground_ray.verification.cited import (
    ANY,
    CitedEvaluator,
    Failed,
    Unknowable,
    Unknown,
    called_name,
    elided,
    is_call,
    same,
)
from execground_ray.verification.facts import Facts
from execground_ray.verification.history import LAST_STEP, OPAQUE, History, Span, freeze
from execground_ray.verification.parsed import names_of
from execground_ray.verification.syntax import walk

MAX_STATES = 600
MIN_QUOTED = 10  # nodes of an expression that is too large to be the text's own
_CONSTANT = re.compile(r"value=(?:-?[\d.e+-]+|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|None|True|False)(?=[,)])")
_VALUES = frozenset((ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp))
Bindings = list[tuple[ast.expr, Any]]  # an expression of the program and the value that stands in its place
Nodes = tuple[ast.expr, ...]
Key = tuple[Any, ...]  # a value for each node
UNKNOWN = object()


class Index:
    """Moments of a run by the values that some expressions had then."""

    def __init__(self, entries: Iterable[tuple[Key | None, Any]]) -> None:
        self._moments: dict[Key, list[Any]] = {}
        self._written: dict[Key, Key] = {}
        for key, moment in entries:
            if key is not None:
                frozen = tuple(map(freeze, key))
                self._written.setdefault(frozen, key)
                self._moments.setdefault(frozen, []).append(moment)
        self._open = [key for key in self._written.values() if any(part is UNKNOWN for part in key)]

    def find(self, values: Key) -> tuple[list[Any], list[Any]]:
        """The moments at which the expressions had ``values``, and those at which they may have had them."""
        sure: list[Any] = []
        if any(map(elided, values)):
            for frozen, key in self._written.items():
                if all(known is not UNKNOWN and same(known, value) for known, value in zip(key, values, strict=True)):
                    sure += self._moments[frozen]
        else:
            sure += self._moments.get(tuple(map(freeze, values)), ())
        maybe: list[Any] = []
        for key in self._open:
            if all(known is UNKNOWN or same(known, value) for known, value in zip(key, values, strict=True)):
                maybe += self._moments[tuple(map(freeze, key))]
        return sure, maybe


class Instances:
    """Looks expressions of one text up in the program."""

    def __init__(self, facts: Facts, evaluator: CitedEvaluator) -> None:
        self.facts = facts
        self.evaluator = evaluator
        self._unified: dict[tuple[ast.expr, ast.expr], Bindings | None] = {}
        self._decided: dict[tuple[Any, ...], Index] = {}
        self._computed: dict[tuple[Any, ...], Index] = {}

    def outcomes(self, node: ast.expr, truth: bool, history: History) -> list[Span] | None:
        """When a test of the program of this form and with these values came out so.

        Returns:
            The moments, none if it never did; None if the program tests nothing of this form.
        """
        found: list[Span] | None = None
        tests = [test for test in history.tests if not isinstance(test, ast.Compare | ast.BoolOp)]
        for test in (*self.facts.program.conditions_like(node), *tests):
            bindings = self._instance(test, node)
            if bindings is None:
                continue
            events = self._events(test, history)
            if events is None:
                return None
            found = found or []
            nodes, values = _split(bindings)
            key = (id(history), test, *nodes)
            index = self._decided.get(key)
            if index is None:
                index = self._decided[key] = Index(
                    (self._at(nodes, history, frame, step), (step, outcome)) for step, frame, outcome in events
                )
            for step, outcome in itertools.chain(*index.find(values)):
                if outcome in (truth, None):
                    found += ((step, step), (history.decided.get(step, step),) * 2)
        return None if found is None else sorted(found)

    def _events(self, test: ast.expr, history: History) -> list[tuple[int, int, bool | None]] | None:
        """When a condition was decided and how; the outcome of a part follows from the whole, or is None."""
        if test in history.tests:
            return list(history.tests[test])
        whole = self.facts.program.parts.get(test)
        if whole is None:
            if test not in self.facts.program.tests:
                raise Unknowable  # the program computes it, but goes no way by it
            return None
        events = self._events(whole, history)
        if events is None:
            return None
        if isinstance(whole, ast.UnaryOp):
            return [(step, frame, None if outcome is None else not outcome) for step, frame, outcome in events]
        sure = isinstance(whole.op, ast.And) if isinstance(whole, ast.BoolOp) else None
        return [(step, frame, outcome if outcome is sure else None) for step, frame, outcome in events]

    def loop_moments(self, name: str, node: ast.expr, history: History) -> list[Span] | None:
        """When a loop over ``name`` can have gone through what ``node`` says; None if that is unknown."""
        found: list[Span] | None = None
        for candidate in self.facts.program.loops.get(name, ()):
            if (type(candidate) is not type(node) and not _closed(node)) or (
                isinstance(node, ast.Call) and not _alike(candidate, node)
            ):
                return None
            bindings = self._instance(candidate, node)
            moments = [] if bindings is None else self._moments(bindings, history)
            if moments is None:
                return None
            found = [*(found or []), *moments]
        return None if found is None else sorted(found)

    def happened(self, node: ast.expr, history: History) -> bool | None:
        """Whether the program computed an expression of this form with these values; None if that is unknown.

        Raises:
            Unknowable: no history could tell.
        """
        if isinstance(node, ast.Call):
            name = called_name(node)
            if name in self.facts.program.functions:
                return self._was_called(node, history)
            if name not in BUILTINS or not isinstance(node.func, ast.Name):
                raise Unknowable
        verdict: bool | None = None
        for candidate in self.facts.program.expressions_like(node):
            if isinstance(node, ast.Call) and not _alike(candidate, node):
                continue
            bindings = self._instance(candidate, node)
            if bindings is None:
                verdict = False if isinstance(node, ast.Call) and verdict is None else verdict
                continue
            found = self._moments(bindings, history)
            if found or found is None:
                return None if found is None else True
            verdict = False
        if verdict is None:
            raise Unknowable  # the program has nothing of this form
        return verdict

    def was_assigned(self, target: str, node: ast.expr, history: History) -> bool | None:
        """Whether an assignment to a name or attribute computed this with these values; None if that is unknown.

        Raises:
            Unknowable: no history could tell.
        """
        verdict: bool | None = None
        for candidate in self.facts.program.assigned.get(target, ()):
            if not _same_operation(candidate, node):
                continue
            for turned in _orders(node):
                bindings = self._instance(candidate, turned)
                if bindings is not None:
                    found = self._moments(bindings, history)
                    if found or found is None:
                        return None if found is None else True
                    verdict = False
            closed = _closed(node) and target not in self.facts.program.bound_otherwise
            if verdict is None and (closed or skeleton(candidate) == skeleton(node)):
                verdict = False
        if verdict is None:
            raise Unknowable  # nothing of this form is assigned to it
        return verdict

    def misquoted(self, node: ast.expr) -> bool:
        """Whether this is an expression of the program, a large one, with another constant in it."""
        if len(walk(node)) < MIN_QUOTED:
            return False
        candidates = self.facts.program.expressions_like(node)
        if any(self._instance(candidate, node) is not None for candidate in candidates):
            return False
        shape = skeleton(node)
        return any(skeleton(candidate) == shape for candidate in candidates)

    def _was_called(self, node: ast.Call, history: History) -> bool | None:
        arguments = [self._argument(argument) for argument in node.args]
        if called_name(node) in self.facts.program.classes or all(argument is ANY for argument in arguments):
            raise Unknowable
        calls = history.calls.get(called_name(node), [])
        if not calls:
            return None  # a function that was passed on
        optional = self.facts.program.defaults.get(called_name(node), 0)
        if any(is_call(call, arguments, optional, isinstance(node.func, ast.Attribute)) for call in calls):
            return True
        known = [
            place
            for place, argument in enumerate(arguments, int(isinstance(node.func, ast.Attribute)))
            if argument is not ANY
        ]
        hidden = any(OPAQUE in call.arguments[place : place + 1] for call in calls for place in known)
        return None if node.keywords or hidden else False

    def _argument(self, node: ast.expr) -> Any:
        try:
            return freeze(self.evaluator.value(node, {}))
        except Unknown:
            return ANY

    def _moments(self, bindings: Bindings, history: History) -> list[Span] | None:
        names = frozenset().union(*(names_of(node) for node, _ in bindings)) if bindings else frozenset()
        recorded = {
            name if name in history.names else "." + name for name in names if not self._callable(name, history)
        }
        nodes, values = _split(bindings)
        if not recorded:
            sure, open_ = Index([(self._project(nodes, {}), (0, LAST_STEP))]).find(values)
            return sure or (None if open_ else [])
        if not recorded <= history.names.keys() or recorded & history.clipped:
            return None
        key = (id(history), *nodes)
        index = self._computed.get(key)
        if index is None:
            states = history.distinct(recorded)
            if len(states) > MAX_STATES:
                return None
            index = self._computed[key] = Index(
                (self._project(nodes, state), span) for state, spans in states for span in spans
            )
        sure, open_ = index.find(values)
        return sorted(sure) if sure or not open_ else None

    def _callable(self, name: str, history: History) -> bool:
        return name not in history.names and (name in BUILTINS or name in self.facts.program.functions)

    def _at(self, nodes: Nodes, history: History, frame: int, step: int) -> Key | None:
        """``_project`` of what a call saw at a step."""
        key = []
        for node in nodes:
            if type(node) is ast.Name:
                value = history.value_at(node.id, frame, step)
                key.append(UNKNOWN if value is OPAQUE else value)
                continue
            seen = ((name, history.value_at(name, frame, step)) for name in names_of(node))
            part = self._project((node,), {name: value for name, value in seen if value is not OPAQUE})
            if part is None:
                return None
            key += part
        return tuple(key)

    def _project(self, nodes: Nodes, state: dict[str, Any]) -> Key | None:
        """The values of expressions in one state, ``UNKNOWN`` where that is open; None if one has no value there."""
        key = []
        for node in nodes:
            if type(node) is ast.Name and node.id in state:
                key.append(state[node.id])
                continue
            try:
                key.append(self.evaluator.value(node, state))
            except Failed:
                return None
            except Unknown:
                key.append(UNKNOWN)
        return tuple(key)

    def _instance(self, pattern: ast.expr, cited: ast.expr) -> Bindings | None:
        """The bindings that make ``cited`` of ``pattern``; None if none do."""
        key = (pattern, cited)
        if key not in self._unified:
            bindings: Bindings = []
            self._unified[key] = bindings if self._unify(pattern, cited, bindings) else None
        return self._unified[key]

    def _unify(self, pattern: ast.expr, cited: ast.expr, bindings: Bindings) -> bool:
        """Whether ``cited`` is ``pattern`` with values in the place of some of its expressions."""
        if type(cited) is ast.Constant:
            if type(pattern) is ast.Constant:
                return bool(freeze(pattern.value) == freeze(cited.value))
            if _closed(pattern):
                return self._is_value(cited, pattern)
            bindings.append((pattern, cited.value))
            return True
        if _closed(cited):
            if _closed(pattern):
                return ast.dump(pattern) == ast.dump(cited)
            try:
                bindings.append((pattern, self.evaluator.value(cited, {})))
            except Unknown:
                return False
            if type(cited) in _VALUES:
                return True
            bindings.pop()  # an expression itself: compare part by part, so that a wrong part shows
        if type(pattern) is not type(cited):
            return False
        form, parts = _taken_apart(pattern)
        cited_form, cited_parts = _taken_apart(cited)
        return form == cited_form and all(map(self._unify, parts, cited_parts, itertools.repeat(bindings)))

    def _is_value(self, cited: ast.Constant, pattern: ast.expr) -> bool:
        """Whether ``cited`` is the number that an operation on numbers in the program comes out as."""
        if not isinstance(pattern, ast.BinOp):
            return False
        try:
            return same(self.evaluator.value(pattern, {}), cited.value)
        except Unknown:
            return False


@lru_cache(maxsize=4_096)
def skeleton(node: ast.expr) -> str:
    """The form of an expression without its constants."""
    return _CONSTANT.sub("?", ast.dump(node)).replace("Store()", "Load()")


@lru_cache(maxsize=8_192)
def _taken_apart(node: ast.expr) -> tuple[tuple[Any, ...], tuple[ast.expr, ...]]:
    """What an expression is by itself, names and operators included, and the nodes that it consists of."""
    if isinstance(node, ast.Attribute):
        return (ast.Attribute, node.attr), ()
    form: list[Any] = [type(node)]
    parts = []
    for name in node._fields:
        value = getattr(node, name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.AST) and item._fields:
                parts.append(item)
                form.append(name)
            elif name not in ("ctx", "kind"):
                form.append(type(item) if isinstance(item, ast.AST) else item)
    return tuple(form), tuple(parts)  # type: ignore[arg-type]  # with the keywords and loops in it


def _same_operation(candidate: ast.expr, node: ast.expr) -> bool:
    if isinstance(candidate, ast.BinOp) and isinstance(node, ast.BinOp):
        return type(candidate.op) is type(node.op)
    return isinstance(node, ast.Call) and _alike(candidate, node) and called_name(node) in BUILTINS


def _orders(node: ast.expr) -> Iterator[ast.expr]:
    """An operation with its operands in either order, where the order is all the same."""
    yield node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        for left in _orders(node.left):
            for right in _orders(node.right):
                yield ast.BinOp(left=left, op=node.op, right=right)
                yield ast.BinOp(left=right, op=node.op, right=left)


def _split(bindings: Bindings) -> tuple[Nodes, Key]:
    return tuple(node for node, _ in bindings), tuple(value for _, value in bindings)


def _closed(node: Any) -> bool:
    return type(node) is ast.Constant or (isinstance(node, ast.expr) and not names_of(node))


def _alike(candidate: ast.expr, node: ast.Call) -> bool:
    return (
        isinstance(candidate, ast.Call)
        and called_name(candidate) == called_name(node)
        and len(candidate.args) == len(node.args)
    )
