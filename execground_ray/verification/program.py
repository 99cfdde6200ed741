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

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the program."""
        return walk(self.tree) if self.tree else []

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that the program uses."""
        names = set(self.functions)
        for node in self.nodes:
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.arg | ast.keyword):
                names.add(node.arg or "")
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.alias):
                names.add(node.asname or node.name)
        return frozenset(names)

    @cached_property
    def first_lines(self) -> set[int]:
        """Where the simple statements, conditions and loops begin."""
        plain = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.If, ast.For, ast.While)
        return {node.lineno for node in self.nodes if isinstance(node, plain)}

    @cached_property
    def functions(self) -> frozenset[str]:
        """Names of the program's functions and classes."""
        return frozenset(node.name for node in self.nodes if isinstance(node, ast.FunctionDef | ast.ClassDef))

    @cached_property
    def defaults(self) -> dict[str, int]:
        """How many arguments a call of each function may leave out."""
        return {node.name: len(node.args.defaults) for node in self.nodes if isinstance(node, ast.FunctionDef)}

    @cached_property
    def expressions(self) -> dict[type, list[ast.expr]]:
        """The program's calls, subscripts and operations, by the type of their node."""
        found: dict[type, list[ast.expr]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Call | ast.Subscript | ast.BinOp | ast.ListComp):
                found.setdefault(type(node), []).append(node)
        return found

    @cached_property
    def conditions(self) -> list[Any]:
        """The program's comparisons and what it makes of them."""
        return [node for node in self.nodes if isinstance(node, ast.Compare | ast.BoolOp) or _is_not(node)]

    def conditions_like(self, node: ast.expr) -> list[ast.expr]:
        """Those of them that are made with the same operators as ``node``."""
        return self._by_operators.get(_operators(node), [])

    @cached_property
    def _by_operators(self) -> dict[tuple[Any, ...], list[ast.expr]]:
        found: dict[tuple[Any, ...], list[ast.expr]] = {}
        for node in self.conditions:
            found.setdefault(_operators(node), []).append(node)
        return found

    @cached_property
    def parts(self) -> dict[ast.expr, ast.expr]:
        """The conditions that a larger condition is made of, and which that is."""
        larger = (node for node in self.conditions if isinstance(node, ast.BoolOp | ast.UnaryOp))
        return {
            part: node for node in larger for part in (node.values if isinstance(node, ast.BoolOp) else [node.operand])
        }

    @cached_property
    def assigned(self) -> dict[str, list[ast.expr]]:
        """What the program assigns to each name and attribute (".x"); ``x += 1`` assigns ``x + 1``."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    for name, value in assignments(target, node.value):
                        found.setdefault(name, []).append(value)
            elif isinstance(node, ast.AugAssign):
                value = ast.BinOp(left=node.target, op=node.op, right=node.value)
                found.setdefault(target_name(node.target), []).append(value)
        return found

    @cached_property
    def bound_otherwise(self) -> frozenset[str]:
        """The names that get values in other ways, too: arguments, loop variables, parts of what is unpacked."""
        stored = {node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        plain = {
            name
            for node in self.nodes
            if isinstance(node, ast.Assign | ast.AugAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for name, _ in assignments(target, node.value)
        }
        loops = {
            name.id
            for node in self.nodes
            if isinstance(node, ast.For)
            for name in walk(node.target)
            if isinstance(name, ast.Name)
        }
        arguments = {node.arg for node in self.nodes if isinstance(node, ast.arg)}
        return frozenset((stored - plain) | loops | arguments)

    @cached_property
    def loops(self) -> dict[str, list[ast.expr]]:
        """What each loop variable of the program goes through."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            if isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
                found.setdefault(node.target.id, []).append(node.iter)
        return found

    @cached_property
    def counters(self) -> frozenset[str]:
        """The loop variables that nothing but their loops sets: one value for a whole round."""
        # Where the program itself makes the values of a loop, a text may tell of that in the first round.
        plain = [node for node in self.nodes if isinstance(node, ast.For) and not self._calls(node.iter)]
        targets = [name for node in plain for name in walk(node.target)]
        loops = {id(name) for name in targets}
        names = {name.id for name in targets if isinstance(name, ast.Name)}
        others = {
            node.id
            for node in self.nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in loops
        }
        return frozenset(names - others - _counted_twice(plain))

    def _calls(self, node: ast.expr) -> bool:
        """Whether an expression calls a function of the program."""
        return any(
            isinstance(part, ast.Name | ast.Attribute) and names_of(part) & self.functions for part in walk(node)
        )

    @cached_property
    def foreign(self) -> bool:
        """Whether the program imports what cannot be replayed."""
        modules = {alias.name for node in self.nodes if isinstance(node, ast.Import) for alias in node.names}
        modules |= {node.module or "" for node in self.nodes if isinstance(node, ast.ImportFrom)}
        return not modules <= MODULES.keys() | {TYPING}

    @cached_property
    def recursive(self) -> frozenset[str]:
        """The functions that the program itself calls, or may call."""
        return frozenset(
            node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )

    @cached_property
    def generators(self) -> frozenset[str]:
        """Names of the program's generator functions."""
        return frozenset(
            node.name
            for node in self.nodes
            if isinstance(node, ast.FunctionDef)
            and any(isinstance(part, ast.Yield | ast.YieldFrom) for part in walk(node))
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


def _is_not(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
