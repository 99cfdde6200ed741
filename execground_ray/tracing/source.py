"""The source text behind a code object, and which statement stands on which line.

The rules are those of ``executing.Source``, on which snoop is built; only what a trace needs is computed.
"""

from __future__ import annotations

import ast
import linecache
from typing import Any

from executing.executing import QualnameVisitor

UNAVAILABLE = "SOURCE IS UNAVAILABLE"


class SourceFile:
    """The lines of one file and the statement on each line.

    Attributes:
        lines: the file's lines without line ends; empty when the source cannot be had.
        tree: its syntax tree, or None when it does not parse.
    """

    def __init__(self, text: str) -> None:
        """Parse ``text``; a text that is not Python still has lines."""
        self.lines: list[str] = text.split("\n") if text else []
        self.tree: ast.Module | None = None
        self._names: dict[tuple[str, int], str] | None = None
        self._statements: dict[int, ast.stmt | None] | None = None
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError):
            self.lines = []

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1."""
        return self.lines[number - 1] if self.lines else UNAVAILABLE

    def qualified_name(self, name: str, line: int) -> str:
        """Return the dotted name of the function, class or lambda of this name that begins on a line."""
        if self._names is None:
            visitor = QualnameVisitor()
            if self.tree:
                visitor.visit(self.tree)
            self._names = visitor.qualnames
        return self._names.get((name, line), name)

    def statement(self, number: int) -> ast.stmt | None:
        """Return the one statement on a line, or None when there is none or more than one."""
        if self._statements is None:
            self._statements = _statements_by_line(self.tree) if self.tree else {}
        return self._statements.get(number)


def _statements_by_line(tree: ast.Module) -> dict[int, ast.stmt | None]:
    found: dict[int, ast.stmt | None] = {}
    stack: list[tuple[ast.AST, ast.stmt | None]] = [(tree, None)]
    while stack:
        node, statement = stack.pop()
        if isinstance(node, ast.stmt):
            statement = node
        first = getattr(node, "lineno", None)
        if first is not None:
            last = node.end_lineno if isinstance(node, ast.expr) else first
            for number in range(first, (last or first) + 1):
                if found.setdefault(number, statement) is not statement:
                    found[number] = None
        stack.extend((child, statement) for child in ast.iter_child_nodes(node))
    return found


class SourceFiles:
    """The sources of a run by file name: the problem's own and those of the standard library that it enters."""

    def __init__(self, own: dict[str, SourceFile]) -> None:
        """Start with sources that are known already, so that their analysis is shared by every later fork."""
        self._files = own

    def get(self, filename: str, module_globals: dict[str, Any]) -> SourceFile:
        """Return the source of ``filename``, reading and analysing it on first use."""
        source = self._files.get(filename)
        if source is None:
            text = "".join(linecache.getlines(filename, module_globals))
            source = self._files[filename] = SourceFile(text.removesuffix("\n"))
        return source
