"""Places: on which lines the compiler puts an expression, and nodes that stand nowhere in a source.

A trace shows each change of line, so a call that is put around an expression must begin on the line on which that
begins to be evaluated, and end where that ends. Which those are, the compiler is asked.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from typing import Any, NamedTuple

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Constants(NamedTuple):
    """Placeholders in the tree for functions that the code has as constants.

    Attributes:
        record: takes a node id and a value, and returns the value.
        note: takes a tuple of a note's id and values, and returns something that is false.
        truth: ``operator.truth``.
    """

    record: bytes
    note: bytes
    truth: bytes


class Places:
    """The places in one program.

    Args:
        tree: of the program, before anything is changed in it.
        imports: the statements in it that import modules.

    Attributes:
        modules: the names under which modules are imported anywhere.
    """

    def __init__(self, tree: ast.Module, imports: list[ast.Import]) -> None:
        """Find what the program imports."""
        self.modules = {name for node in imports for name in _names_of(node)}
        self._imported = set(_imported_by(tree))

    def edges(self, node: ast.expr) -> tuple[int, int]:
        """Return the lines on which an expression begins and ends to be evaluated."""
        if node.lineno == node.end_lineno:
            return node.lineno, node.lineno
        try:
            code = compile(ast.Expression(node), "", "eval", dont_inherit=True)
        except (SyntaxError, ValueError):  # an expression that only a function can have
            return node.lineno, node.lineno
        places = [step.positions for step in dis.get_instructions(code) if step.opname != "RESUME"]
        lines = [place.lineno for place in places if place is not None and place.lineno]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in self._imported:  # to the compiler here, it is no method
                lines.append(node.lineno)
        return (lines[0], lines[-1]) if lines else (node.lineno, node.lineno)


def at(line: int) -> Any:
    """Return the place of a node that stands nowhere in the source, on a line of it."""
    return {"lineno": line, "col_offset": 0, "end_lineno": line, "end_col_offset": 0}


def call(function: bytes, arguments: list[Any], first: int, last: int) -> ast.expr:
    """Return a call of what a constant stands for, from one line to another."""
    return ast.Call(ast.Constant(function, **at(first)), arguments, [], **at(last))


def _names_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]


def _imported_by(node: ast.AST) -> Iterator[str]:
    """Yield the names that a module itself imports, not its functions and classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from _names_of(child)
        elif isinstance(child, ast.stmt | ast.ExceptHandler) and not isinstance(child, SCOPES):
            yield from _imported_by(child)


def is_constant(node: ast.expr) -> bool:
    """Tell whether the compiler may make a constant of an expression."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return node.id == "__debug__"
    if isinstance(node, ast.UnaryOp):
        return is_constant(node.operand)
    if isinstance(node, ast.BinOp):
        return is_constant(node.left) and is_constant(node.right)
    if isinstance(node, ast.Tuple):
        return all(map(is_constant, node.elts))
    return isinstance(node, ast.Subscript) and is_constant(node.value) and is_constant(node.slice)
