"""The program of a run, read: what it defines, writes out, compares and looks at."""

from __future__ import annotations

import ast
from collections import Counter
from contextlib import suppress
from functools import cached_property
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.trees import (
    compared_in,
    expressions_in,
    grouped,
    key_of,
    name_of_call,
    nodes_in,
    program_names,
)
from execground_ray.verification.values import freeze

_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_CALLING = frozenset("map filter reduce starmap accumulate groupby takewhile dropwhile".split())


class Program:
    """Answers questions about a program by its source."""

    def __init__(self, refcode: str) -> None:
        """See the class."""
        self.tree = ast.parse(refcode.replace("\r\n", "\n").replace("\r", "\n"))
        self._nodes = nodes_in(self.tree)

    @cached_property
    def _augmented(self) -> dict[int, ast.BinOp]:
        """By target of an augmented assignment: the operation that it is."""
        found = [node for node in self._nodes if isinstance(node, ast.AugAssign)]
        return {id(node.target): ast.BinOp(node.target, node.op, node.value) for node in found}

    def operation_of(self, node: ast.AST) -> ast.BinOp | None:
        """The operation that an augmented assignment is."""
        return self._augmented.get(id(node.target)) if isinstance(node, ast.AugAssign) else None

    @cached_property
    def generators(self) -> frozenset[str]:
        """The functions that yield: what a call of them gives is no value."""
        yielding = ast.Yield | ast.YieldFrom
        nodes = [(name, node) for name, many in self.definitions.items() for node in many]
        return frozenset(name for name, node in nodes if any(isinstance(each, yielding) for each in nodes_in(node)))

    @cached_property
    def functions(self) -> dict[str, set[str]]:
        """By name of a function of the program: that name, and its parameters and variables."""
        found: dict[str, set[str]] = {}
        for name, nodes in self.definitions.items():
            inside = [each for node in nodes for each in nodes_in(node)]
            found[name] = {name} | {each.arg for each in inside if isinstance(each, ast.arg)}
            found[name] |= {each.id for each in inside if isinstance(each, ast.Name)}
        return found

    @cached_property
    def definitions(self) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
        """The functions and methods of the program by name."""
        nodes = [node for node in self._nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        return grouped(nodes, lambda node: node.name)

    def is_of_object(self, call: ast.AST) -> bool:
        """Whether it is a call like ``super().__init__()`` that can only be of ``object``: no class has another as its base."""
        function = getattr(call, "func", None)
        is_super = isinstance(function, ast.Attribute) and name_of_call(function.value) == "super"
        return is_super and self._has_plain_classes

    @cached_property
    def _has_plain_classes(self) -> bool:
        classes = [node for node in self._nodes if isinstance(node, ast.ClassDef)]
        return all(getattr(base, "id", "object") == "object" for node in classes for base in node.bases)

    def joins_otherwise(self, written: ast.BoolOp) -> bool:
        """Whether the program joins the same conditions, and only by the other of ``and`` and ``or``."""
        parts = [key_of(each) for each in written.values]
        joins = {
            type(node.op)
            for node in self._nodes
            if isinstance(node, ast.BoolOp) and [*map(key_of, node.values)] == parts
        }
        return bool(joins) and type(written.op) not in joins

    @cached_property
    def empty(self) -> frozenset[str]:
        """The functions that do nothing: no call of theirs evaluates anything."""
        return frozenset(
            name
            for name, nodes in self.definitions.items()
            if all(
                isinstance(each, ast.Pass) or isinstance(getattr(each, "value", 0), ast.Constant)
                for node in nodes
                for each in node.body
            )
        )

    def written_on(self, lines: frozenset[int]) -> set[ast.AST]:
        """The statements that begin on some lines of the program, and the expressions directly in them."""
        plain = [
            node
            for line in lines
            for node in self.statements_on.get(line, ())
            if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        return {*plain, *(each for node in plain for part in expressions_in(node) for each in nodes_in(part))}

    @cached_property
    def statements_on(self) -> dict[int, list[ast.stmt]]:
        """The statements that begin on each line of the program."""
        return grouped([node for node in self._nodes if isinstance(node, ast.stmt)], lambda node: node.lineno)

    @cached_property
    def _spanning(self) -> dict[int, int]:
        """By line of the program: the first line of the statement without a block that goes over more than that one."""
        simple = [node for node in self._nodes if isinstance(node, ast.stmt) and not hasattr(node, "body")]
        spans = [range(node.lineno, (node.end_lineno or node.lineno) + 1) for node in simple]
        return {line: span[0] for span in spans if len(span) > 1 for line in span}

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names that are assigned to somewhere in the program, and are those of nothing else in it."""
        stored = {each.id for each in self._nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        keys = {each.value for each in self._nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        return frozenset(stored - self.attributes - keys)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The names of attributes in the program."""
        return frozenset(each.attr for each in self._nodes if isinstance(each, ast.Attribute))

    @cached_property
    def comprehended(self) -> frozenset[str]:
        """The names that comprehensions run through."""
        return frozenset().union(*self.targets.values())

    @cached_property
    def targets(self) -> dict[ast.AST, frozenset[str]]:
        """The names that each comprehension runs through."""
        return {
            node: frozenset(each.id for each in nodes_in(node.target) if isinstance(each, ast.Name))
            for node in self._nodes
            if isinstance(node, ast.comprehension)
        }

    @cached_property
    def calling_again(self) -> dict[ast.AST, frozenset[str]]:
        """By statement or comprehension: the variables of which it calls methods again and again."""
        loops = [node for node in self._nodes if isinstance(node, _COMPREHENSIONS)]
        found: dict[ast.AST, frozenset[str]] = {node: frozenset(_receivers(node)) for node in loops}
        for node in self._nodes:
            if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign):
                found[node] = frozenset(name for name, count in Counter(_receivers(node)).items() if count > 1)
        return {node: names for node, names in found.items() if names}

    @cached_property
    def passed(self) -> frozenset[str]:
        """The names of what is not only called but handed on, ``map(int, xs)``: nobody sees those calls."""
        calls = [node for node in self._nodes if isinstance(node, ast.Call)]
        given = [keyword.value for call in calls for keyword in call.keywords]
        given += [each for call in calls if name_of_call(call) in _CALLING for each in call.args]
        return frozenset(getattr(each, "attr", getattr(each, "id", "")) for each in given)

    @cached_property
    def iterating(self) -> frozenset[str]:
        """The names of what loops call for what they go through: a text may name it again with each round."""
        heads = [node.iter for node in self._nodes if isinstance(node, ast.For)]
        return frozenset(name_of_call(each) for head in heads for each in nodes_in(head) if isinstance(each, ast.Call))

    @cached_property
    def names(self) -> frozenset[str]:
        """All names of the program: variables, parameters, functions, attributes."""
        return program_names(self.tree)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all expressions of the program."""
        nodes = [node for node in self._nodes if isinstance(node, ast.expr)]
        return frozenset(map(key_of, [*nodes, *self._augmented.values()]))

    @cached_property
    def constants(self) -> frozenset[Any]:
        """Keys of what the program writes out: constants, calculations and collections of them; the run has no event of all."""
        found = set()
        for node in self._nodes:
            if isinstance(
                node, ast.Constant | ast.BinOp | ast.UnaryOp | ast.List | ast.Tuple | ast.Set | ast.Dict
            ) and is_pure(node):
                with suppress(UnknownError):
                    found.add(freeze(value_of(node)))
        return frozenset(found)

    @cached_property
    def displays(self) -> frozenset[int]:
        """How many elements the lists, tuples and sets have that the program writes out: not each of them has an event."""
        return frozenset(len(node.elts) for node in self._nodes if isinstance(node, ast.List | ast.Tuple | ast.Set))

    @cached_property
    def literal_counts(self) -> frozenset[int]:
        """How many parts the program's own expressions and functions have: three elements, conditions, arguments."""
        many = [each for node in self._nodes for _, each in ast.iter_fields(node) if isinstance(each, list)]
        return frozenset(map(len, many))

    @cached_property
    def compared(self) -> dict[tuple[str, str], set[type[ast.cmpop]]]:
        """How the program compares two expressions, by their keys."""
        return compared_in(self._nodes)


def _receivers(tree: ast.AST) -> list[str]:
    """The variables of which methods are called, as often as that is written."""
    calls = [node.func for node in nodes_in(tree) if isinstance(node, ast.Call)]
    return [func.value.id for func in calls if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name)]
