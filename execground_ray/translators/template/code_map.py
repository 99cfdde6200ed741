"""What stands where in the code: the statement of each line, the loops around it, the functions.

In comes source text; out comes a `Program`, which the trace reader and the writers look lines up in.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

Node = ast.stmt | ast.ExceptHandler | ast.match_case


class Program:
    """What stands where in the code.

    Args:
        refcode: Source text. Code that does not parse has no nodes, which is not an error here.
    """

    def __init__(self, refcode: str) -> None:
        self.lines = refcode.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as Python counts them
        self.nodes: dict[int, Node] = {}
        self.loops: dict[Node, tuple[ast.stmt, ...]] = {}
        self.functions: dict[int, ast.FunctionDef | ast.AsyncFunctionDef] = {}
        self.crowded: set[int] = set()  # lines with more than one statement
        self.tree: ast.Module
        try:
            self.tree = ast.parse(refcode)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.tree = ast.Module([], [])
        self._visit(self.tree.body, ())
        self.shared = {  # names that a function changes in another's scope
            name for node in ast.walk(self.tree) if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names
        }

    def node_at(self, line: int, source: str) -> Node | None:
        """Give the statement of a line, or None when the line is not of this code (a library's frame)."""
        if 0 < line <= len(self.lines) and self.lines[line - 1].strip() == source.strip():
            return self.nodes.get(line)
        return None

    def _visit(self, body: Sequence[Node], loops: tuple[ast.stmt, ...]) -> None:
        for node in body:
            self._enter(node, loops)
            inner = loops
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = ()
            elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
                inner = (*loops, node)
            self._visit(getattr(node, "body", []), inner)
            for name in ("handlers", "orelse", "finalbody", "cases"):
                self._visit(getattr(node, name, []), loops)

    def _enter(self, node: Node, loops: tuple[ast.stmt, ...]) -> None:
        first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if body:
            last = max(first, getattr(body[0], "lineno", first + 1) - 1)
        else:
            last = getattr(node, "end_lineno", None) or first
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.functions[first] = node
        if isinstance(node, ast.Try | ast.Match):
            last = first
        decorators = getattr(node, "decorator_list", [])
        for line in range(min([first, *(each.lineno for each in decorators)]), last + 1):
            if line in self.nodes:
                self.crowded.add(line)
            else:
                self.nodes[line] = node
        self.loops[node] = loops


def own_parts(node: ast.AST | None) -> list[ast.AST]:
    """Give all parts of a statement without the statements in its blocks."""
    if node is None:
        return []
    if isinstance(node, ast.stmt) and not hasattr(node, "body"):
        return list(ast.walk(node))
    headers = [getattr(node, name, None) for name in ("test", "iter", "subject", "guard")]
    headers += [item.context_expr for item in getattr(node, "items", [])]
    return [part for header in headers if header is not None for part in ast.walk(header)]


def inside(line: int, body: Sequence[ast.stmt]) -> bool:
    """Tell whether a line belongs to a block of statements."""
    return bool(body) and body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)
