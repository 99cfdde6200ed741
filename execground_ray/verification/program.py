"""What a program says by itself, before it runs: its functions, conditions, assignments and loops.

Comes in: the source. Goes out: ``Program``, whose parts are worked out when they are first asked for.
"""

from __future__ import annotations

import ast
from functools import cached_property
from typing import Any

from execground_ray.verification.allowed import MODULES, TYPING
from execground_ray.verification.parsed import names_of
from execground_ray.verification.syntax import assignments, target_name, walk


class Program:
    """The syntax tree of one program; empty if the source cannot be parsed."""

    def __init__(self, refcode: str) -> None:
        try:
            self.tree: ast.Module | None = ast.parse(refcode)
        except (SyntaxError, ValueError, RecursionError):
            self.tree = None

    def of(self, *kinds: type) -> list[Any]:
        """The nodes of these types, those of the first type first."""
        return [node for kind in kinds for node in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[type, list[ast.AST]]:
        found: dict[type, list[ast.AST]] = {}
        for node in walk(self.tree) if self.tree else ():
            found.setdefault(type(node), []).append(node)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that the program uses."""
        names = {node.id for node in self.of(ast.Name)}
        names.update(node.attr for node in self.of(ast.Attribute))
        names.update(node.arg or "" for node in self.of(ast.arg, ast.keyword))
        names.update(node.asname or node.name for node in self.of(ast.alias))
        return self.functions.union(names)

    @cached_property
    def first_lines(self) -> set[int]:
        """Where the simple statements, conditions and loops begin."""
        plain = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.If, ast.For, ast.While)
        return {node.lineno for node in self.of(*plain)}

    @cached_property
    def functions(self) -> frozenset[str]:
        """Names of the program's functions and classes."""
        return frozenset(node.name for node in self.of(ast.FunctionDef, ast.ClassDef))

    @cached_property
    def classes(self) -> frozenset[str]:
        """Names of the program's classes."""
        return frozenset(node.name for node in self.of(ast.ClassDef))

    @cached_property
    def defaults(self) -> dict[str, int]:
        """How many arguments a call of each function may leave out."""
        return {node.name: len(node.args.defaults) for node in self.of(ast.FunctionDef)}

    def expressions_like(self, node: ast.expr) -> list[Any]:
        """The program's calls, subscripts and operations of the type of ``node``."""
        return self.of(type(node)) if isinstance(node, ast.Call | ast.Subscript | ast.BinOp | ast.ListComp) else []

    def conditions_like(self, node: ast.expr) -> list[ast.expr]:
        """The program's conditions that are made with the same operators as ``node``."""
        return self._by_operators.get(_operators(node), [])

    @cached_property
    def _by_operators(self) -> dict[tuple[Any, ...], list[ast.expr]]:
        found: dict[tuple[Any, ...], list[ast.expr]] = {}
        for node in (*self.of(ast.Compare, ast.BoolOp), *self._negations):
            found.setdefault(_operators(node), []).append(node)
        return found

    @cached_property
    def _negations(self) -> list[ast.UnaryOp]:
        return [node for node in self.of(ast.UnaryOp) if type(node.op) is ast.Not]

    @cached_property
    def parts(self) -> dict[ast.expr, ast.expr]:
        """The conditions that a larger condition is made of, and which that is."""
        parts = {part: node for node in self.of(ast.BoolOp) for part in node.values}
        return parts | {node.operand: node for node in self._negations}

    @cached_property
    def assigned(self) -> dict[str, list[ast.expr]]:
        """What the program assigns to each name and attribute (".x"); ``x += 1`` assigns ``x + 1``."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.of(ast.Assign):
            for target in node.targets:
                for name, value in assignments(target, node.value):
                    found.setdefault(name, []).append(value)
        for node in self.of(ast.AugAssign):
            value = ast.BinOp(left=node.target, op=node.op, right=node.value)
            found.setdefault(target_name(node.target), []).append(value)
        return found

    @cached_property
    def bound_otherwise(self) -> frozenset[str]:
        """The names that get values in other ways, too: arguments, loop variables, parts of what is unpacked."""
        loops = {name.id for node in self.of(ast.For) for name in walk(node.target) if isinstance(name, ast.Name)}
        arguments = {node.arg for node in self.of(ast.arg)}
        return frozenset((self._stored.keys() - self.assigned.keys()) | loops | arguments)

    @cached_property
    def _stored(self) -> dict[str, list[ast.Name]]:
        """The places where each name gets a value."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.of(ast.Name):
            if type(node.ctx) is ast.Store:
                found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names that get a value anywhere, and the attributes (".x")."""
        attributes = {"." + node.attr for node in self.of(ast.Attribute) if type(node.ctx) is ast.Store}
        arguments = {node.arg for node in self.of(ast.arg)}
        return frozenset(self._stored.keys() | arguments | attributes)

    @cached_property
    def tests(self) -> frozenset[ast.expr]:
        """The conditions that decide which way the program goes."""
        return frozenset(node.test for node in self.of(ast.If, ast.While, ast.Assert))

    @cached_property
    def loops(self) -> dict[str, list[ast.expr]]:
        """What each loop variable of the program goes through."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.of(ast.For, ast.comprehension):
            if isinstance(node.target, ast.Name):
                found.setdefault(node.target.id, []).append(node.iter)
        return found

    @cached_property
    def counters(self) -> frozenset[str]:
        """The loop variables that nothing but their loops sets: one value for a whole round."""
        # Where the program itself makes the values of a loop, a text may tell of that in the first round.
        plain = [node for node in self.of(ast.For) if not self._calls(node.iter)]
        targets = {name for node in plain for name in walk(node.target) if isinstance(name, ast.Name)}
        names = {name.id for name in targets if targets.issuperset(self._stored.get(name.id, ()))}
        return frozenset(names - _counted_twice(plain))

    def _calls(self, node: ast.expr) -> bool:
        """Whether an expression calls a function of the program."""
        return any(
            isinstance(part, ast.Name | ast.Attribute) and names_of(part) & self.functions for part in walk(node)
        )

    @cached_property
    def foreign(self) -> bool:
        """Whether the program imports what cannot be replayed."""
        modules = {alias.name for node in self.of(ast.Import) for alias in node.names}
        modules |= {node.module or "" for node in self.of(ast.ImportFrom)}
        return not modules <= MODULES.keys() | {TYPING}

    @cached_property
    def recursive(self) -> frozenset[str]:
        """The functions that the program itself calls, or may call."""
        return frozenset(node.id for node in self.of(ast.Name) if type(node.ctx) is ast.Load)

    @cached_property
    def generators(self) -> frozenset[str]:
        """Names of the program's generator functions."""
        if not self.of(ast.Yield, ast.YieldFrom):
            return frozenset()
        return frozenset(
            node.name
            for node in self.of(ast.FunctionDef)
            if any(isinstance(part, ast.Yield | ast.YieldFrom) for part in walk(node))
        )


def _operators(node: ast.expr) -> tuple[Any, ...]:
    if isinstance(node, ast.Compare):
        return (ast.Compare, *map(type, node.ops))
    return (ast.BoolOp, type(node.op), len(node.values)) if isinstance(node, ast.BoolOp) else (type(node),)


def _counted_twice(loops: list[ast.For]) -> set[str]:
    """The variables of loops that a loop inside of theirs has, too."""
    return {
        name.id
        for loop in loops
        for inner in walk(loop)
        if isinstance(inner, ast.For) and inner is not loop
        for name in walk(inner.target)
        if isinstance(name, ast.Name)
        and name.id in {each.id for each in walk(loop.target) if isinstance(each, ast.Name)}
    }
