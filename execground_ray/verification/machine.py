"""Interprets the simple statements of a program and keeps every step: what a name became, how a condition came out.

``replay`` adds the statements that have a body, functions and classes, and is the way in.
"""

from __future__ import annotations

import ast
from collections import OrderedDict, defaultdict, deque
from typing import Any

from execground_ray.verification.allowed import MODULES, TYPING, Namespace
from execground_ray.verification.expressions import Evaluator, Scope, Unsupported
from execground_ray.verification.history import SCALARS
from execground_ray.verification.recorder import Recorder
from execground_ray.verification.syntax import walk

MAX_STEPS = 12_500  # statements, rounds of loops and results of operations
_MUTABLE = (list, dict, set, deque, defaultdict, OrderedDict)
BREAK, CONTINUE = object(), object()


class Returned:
    """A value on its way out of a function."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Machine(Evaluator):
    """Interprets statements; keeps what happens in ``recorder``."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self.seen = self.recorder.history.seen
        self.steps = 0
        self.classes: set[type] = set()
        self._mentioned: dict[ast.AST, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {}

    def run(self, body: list[ast.stmt], scope: Scope) -> Any:
        """Run statements until one of them leaves the block; returns what leaves, or None."""
        for statement in body:
            self.tick(statement.lineno)
            method = self.methods.get(type(statement))
            if method is None:
                raise Unsupported(type(statement).__name__)
            leaving = method(self, statement, scope)
            if leaving is not None:
                return leaving
        return None

    def spend(self) -> None:
        """Count one step against the budget."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Unsupported("too many steps")

    def tick(self, line: int) -> None:
        """A statement, or another round of a loop."""
        self.spend()
        self.recorder.step += 1
        self.recorder.history.passes[line] += 1

    def note(self, value: Any) -> Any:
        """Keep the result of an operation."""
        self.spend()
        kind = type(value)
        if kind is int or kind is str or kind is float:
            self.seen.add(value)
        elif kind is not bool:
            self.recorder.note(value)
        return value

    def attribute(self, value: Any, name: str) -> Any:
        """Attributes of the program's own objects may be private; nothing else differs."""
        if name.startswith("_") and not (name.startswith("__") and name.endswith("__")) and type(value) in self.classes:
            return getattr(value, name)
        if name == "__init__" and isinstance(value, super):
            return getattr(value, name)
        return super().attribute(value, name)

    def bind_target(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Assign to names, elements and attributes, and keep the new values."""
        if isinstance(target, ast.Name):
            scope.bind(target.id, value)
            self.recorder.assign(target.id, value, (scope.nonlocals.get(target.id) or scope).frame)
        elif isinstance(target, ast.Subscript):
            self.evaluate(target.value, scope)[self.evaluate(target.slice, scope)] = value
        elif isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value, scope)
            if type(owner) not in self.classes or (target.attr.startswith("__") and target.attr.endswith("__")):
                raise Unsupported("attribute of a foreign object")
            setattr(owner, target.attr, value)
            self.recorder.assign("." + target.attr, value)
        else:
            super().bind_target(target, value, scope)

    # -- what a statement may have changed -------------------------------------------------------------------------

    def watch(self, node: ast.AST, scope: Scope) -> None:
        """Keep the containers that ``node`` mentions, if they have changed."""
        mentioned = self._mentioned.get(node)
        if mentioned is None:
            mentioned = self._mentioned[node] = _changeable(node)
        names_here, owned_here = mentioned
        for name in names_here:
            place = scope.owner(name)
            if place is not None:
                value = place.values[name]
                if type(value) not in SCALARS and isinstance(value, _MUTABLE):
                    self.recorder.observe(name, value, place.frame)
        for name, attribute in owned_here:
            place = scope.owner(name)
            owner = None if place is None else place.values[name]
            if type(owner) in self.classes:
                value = vars(owner).get(attribute)
                if isinstance(value, _MUTABLE):
                    self.recorder.observe("." + attribute, value, self.recorder.frame)

    def decide(self, test: ast.expr, scope: Scope) -> bool:
        """Evaluate a condition and keep its outcome."""
        outcome = bool(self.evaluate(test, scope))
        self.recorder.test(test, outcome)
        return outcome

    # -- simple statements -----------------------------------------------------------------------------------------

    def _Expr(self, node: ast.Expr, scope: Scope) -> None:  # noqa: N802 - named after the node
        if not isinstance(node.value, ast.Constant):
            self.evaluate(node.value, scope)
            self.watch(node, scope)

    def _Assign(self, node: ast.Assign, scope: Scope) -> None:  # noqa: N802
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self.bind_target(target, value, scope)
        self.watch(node, scope)

    def _AnnAssign(self, node: ast.AnnAssign, scope: Scope) -> None:  # noqa: N802
        if node.value is not None:
            self.bind_target(node.target, self.evaluate(node.value, scope), scope)

    def _AugAssign(self, node: ast.AugAssign, scope: Scope) -> None:  # noqa: N802
        current = self.evaluate(node.target, scope)
        change = self.evaluate(node.value, scope)
        if isinstance(current, list) and isinstance(node.op, ast.Add):
            current += change
            value: Any = current
        else:
            value = self.operate(type(node.op), current, change)
        self.bind_target(node.target, self.note(value), scope)
        self.watch(node, scope)

    def _Delete(self, node: ast.Delete, scope: Scope) -> None:  # noqa: N802
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                del self.evaluate(target.value, scope)[self.evaluate(target.slice, scope)]
            elif isinstance(target, ast.Name):
                scope.values.pop(target.id, None)
            else:
                raise Unsupported("del")
        self.watch(node, scope)

    def _Return(self, node: ast.Return, scope: Scope) -> Returned:  # noqa: N802
        value = self.evaluate(node.value, scope) if node.value else None
        self.watch(node, scope)
        return Returned(value)

    def _Pass(self, *_: Any) -> None:  # noqa: N802
        return None

    def _Break(self, *_: Any) -> object:  # noqa: N802
        return BREAK

    def _Continue(self, *_: Any) -> object:  # noqa: N802
        return CONTINUE

    def _Assert(self, node: ast.Assert, scope: Scope) -> None:  # noqa: N802
        if not self.decide(node.test, scope):
            raise AssertionError

    def _Raise(self, node: ast.Raise, scope: Scope) -> None:  # noqa: N802
        if node.exc is None:
            raise Unsupported("raise")
        raise self.evaluate(node.exc, scope)

    def _Import(self, node: ast.Import, scope: Scope) -> None:  # noqa: N802
        for alias in node.names:
            if alias.name not in MODULES:
                raise Unsupported(f"import {alias.name}")
            scope.values[alias.asname or alias.name] = MODULES[alias.name]

    def _ImportFrom(self, node: ast.ImportFrom, scope: Scope) -> None:  # noqa: N802
        for alias in node.names:
            if node.module == TYPING:
                scope.values[alias.asname or alias.name] = Namespace({})
            elif node.module in MODULES:
                scope.values[alias.asname or alias.name] = self.attribute(MODULES[node.module], alias.name)
            else:
                raise Unsupported(f"import {node.module}")


def _changeable(node: ast.AST) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The names and attributes whose containers a statement may change: none without a call or a subscript."""
    parts = walk(node)
    if not any(isinstance(part, ast.Call | ast.Subscript | ast.AugAssign) for part in parts):
        return (), ()
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    attributes = (part for part in parts if isinstance(part, ast.Attribute))
    owned = {(part.value.id, part.attr) for part in attributes if isinstance(part.value, ast.Name)}
    return tuple(sorted(names)), tuple(sorted(owned))
