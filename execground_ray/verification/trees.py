"""Trees of expressions, looked at over and over: what is in each of them is found once."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key")
CACHED = 20_000  # trees that are remembered, by identity


@lru_cache(maxsize=CACHED)
def nodes_in(node: ast.AST) -> tuple[ast.AST, ...]:
    """The tree itself and all that is in it, in the order of ``ast.walk``."""
    found = [node]
    for each in found:
        found += children_of(each)
    return tuple(found)


@lru_cache(maxsize=CACHED)
def children_of(node: ast.AST) -> tuple[ast.AST, ...]:
    """What is directly in a tree."""
    return tuple(ast.iter_child_nodes(node))


@lru_cache(maxsize=CACHED)
def expressions_in(node: ast.AST) -> tuple[ast.expr, ...]:
    """The expressions directly in a tree; those in a slice count as directly in it."""
    found: list[ast.expr] = []
    for each in children_of(node):
        if isinstance(node, ast.Call) and each is node.func and isinstance(each, ast.Attribute):
            found.append(each.value)
        is_sliced = isinstance(each, ast.Tuple) and any(isinstance(part, ast.Slice) for part in each.elts)
        if is_sliced or isinstance(each, ast.Slice | ast.keyword | ast.comprehension):
            found += expressions_in(each)
        elif isinstance(each, ast.expr):
            found.append(each)
    return tuple(found)


@lru_cache(maxsize=CACHED)
def key_of(node: ast.AST) -> str:
    """A tree as text, the same whether it is read or assigned to."""
    fields = []
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            fields += [key_of(value)] if name != "ctx" else []
        elif name != "kind":
            fields.append(f"[{', '.join(map(_key, value))}]" if isinstance(value, list) else repr(value))
    return f"{type(node).__name__}({', '.join(fields)})"


def _key(item: Any) -> str:
    return key_of(item) if isinstance(item, ast.AST) else repr(item)


@lru_cache(maxsize=CACHED)
def atoms_of(node: ast.AST) -> frozenset[str]:
    """What a tree is made of: its names, attributes, constants and operators."""
    found = set()
    for each in nodes_in(node):
        if isinstance(each, ast.Name | ast.Attribute):
            found.add(getattr(each, "attr", getattr(each, "id", "")))
        elif isinstance(each, ast.Constant):
            found.add(repr(each.value))
        elif isinstance(each, ast.operator):
            found.add(type(each).__name__)
    return frozenset(found - {"self"})


def program_names(program: ast.AST | str) -> frozenset[str]:
    """The identifiers that a program uses; none of a text that is no program."""
    try:
        tree = ast.parse(program) if isinstance(program, str) else program
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    found = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            found.add(node.name or "")
        elif isinstance(node, ast.alias):
            found |= {part for name in (node.name, node.asname or "") for part in name.split(".")}
        elif isinstance(node, ast.keyword):
            found.add(node.arg or "")
    return frozenset(found)


def name_of_call(node: ast.AST) -> str:
    """The name of the function or method that a call is of; empty for what is none."""
    function = getattr(node, "func", None)
    return getattr(function, "attr", getattr(function, "id", ""))


@lru_cache(maxsize=CACHED)
def operations_of(node: ast.AST) -> tuple[str, ...]:
    """What a node does: its kind, the names of its operators, of what it calls, or of what it names."""
    kind = type(node).__name__
    if isinstance(node, ast.BinOp | ast.UnaryOp | ast.AugAssign):
        return kind, type(node.op).__name__
    if isinstance(node, ast.Compare):
        return kind, *(type(op).__name__ for op in node.ops)
    if isinstance(node, ast.Call):
        return kind, name_of_call(node)
    if isinstance(node, ast.Name | ast.Attribute):
        return kind, getattr(node, "attr", getattr(node, "id", ""))
    return (kind,)


def first_name(target: ast.expr) -> ast.expr:
    """The first name of a loop's target."""
    while isinstance(target, ast.Tuple | ast.List):
        target = target.elts[0]
    return target


def grouped(many: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Things by what ``key`` says of each."""
    found: dict[Key, list[Item]] = defaultdict(list)
    for each in many:
        found[key(each)].append(each)
    return found


def pairs_in(comparison: ast.Compare) -> Iterator[tuple[ast.expr, ast.cmpop, ast.expr]]:
    """What is compared with what: ``a < b < c`` compares two pairs."""
    lefts = [comparison.left, *comparison.comparators]
    return zip(lefts, comparison.ops, comparison.comparators, strict=False)


def compared_in(nodes: Iterable[ast.AST]) -> dict[tuple[str, str], set[type[ast.cmpop]]]:
    """How some nodes compare two expressions, by their keys."""
    found: dict[tuple[str, str], set[type[ast.cmpop]]] = defaultdict(set)
    for node in nodes:
        if isinstance(node, ast.Compare):
            for left, op, right in pairs_in(node):
                found[key_of(left), key_of(right)].add(type(op))
    return found


def tests_in(nodes: Iterable[ast.AST]) -> list[frozenset[str]]:
    """The atoms of what some nodes take for true or false."""
    found: list[frozenset[str]] = []
    for node in nodes:
        tests: list[ast.AST] = [*node.ifs] if isinstance(node, ast.comprehension) else []
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            tests = [node.test]
        elif isinstance(node, ast.BoolOp):
            tests = [*node.values]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            tests = [node.operand]
        found += [atoms_of(test) for test in tests if not isinstance(test, ast.Compare | ast.BoolOp)]
    return found
