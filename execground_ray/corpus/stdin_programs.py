"""Programs that read and print: the source of one goes in, the same with its statements in a function comes out.

Imports, functions and classes stay where they are; all else is indented, in its order, below a ``def``. A function or
class that knows a name which is bound there moves into it too, and its ``global`` becomes ``nonlocal``::

    import math                          import math
    n = int(input())                     def main():
    print(math.isqrt(n))                     n = int(input())
                                             print(math.isqrt(n))

Texts over several lines keep their lines. What the program prints is compared with what is recorded, so that what this
cannot do (``globals()``, a built-in that is used before its name is bound anew) is a run that fails, no wrong row.
"""

from __future__ import annotations

import ast
import io
import symtable
import tokenize
import warnings
from collections.abc import Iterator

from execground_ray.corpus.decoding import BOM

NAMES = ("main", "run", "run_program")  # of the function; the first that the program does not use
INDENT = "    "
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def as_function(code: str) -> tuple[str, str]:
    """Return a program whose statements are those of a function, and the name of that.

    A program that does not compile, or has nothing to do, comes back as it is.
    """
    code = code.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the program: invalid escapes, "is" with a literal
            tree = ast.parse(code)
            compile(tree, "<code>", "exec", dont_inherit=True)
            tables = symtable.symtable(code, "<code>", "exec").get_children()
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return code, NAMES[0]
    name = next((name for name in NAMES if name not in code), f"{NAMES[-1]}_")
    inside = _inside(tree.body, tables)
    if not inside:
        return code, name
    lines = _with_nonlocal(code, inside).split("\n")
    kept: list[str] = []
    moved: list[str] = []
    done = 0
    continued = _continued_lines(code)
    for group in _by_lines(tree.body):
        end = group[-1].end_lineno or group[-1].lineno
        is_inside = any(statement in inside for statement in group)
        for number in range(done + 1, end + 1):
            line = lines[number - 1]
            indented = line if number in continued or not line.strip() else INDENT + line
            (moved if is_inside else kept).append(indented if is_inside else line)
        done = end
    text = "\n".join([*kept, f"def {name}():", *moved, *lines[done:]])
    return text, name


def _inside(body: list[ast.stmt], tables: list[symtable.SymbolTable]) -> list[ast.stmt]:
    """The statements that become the function's: all but imports and definitions, and those that these need."""
    inside = [statement for statement in body if not isinstance(statement, (*DEFINITIONS, *IMPORTS))]
    left = {statement: _needed(statement, tables) for statement in body if isinstance(statement, DEFINITIONS)}
    while True:
        bound = {name for statement in inside for name in _bound(statement)}
        more = [statement for statement, needed in left.items() if not bound.isdisjoint(needed)]
        if not more:
            return inside
        inside += more
        for statement in more:
            del left[statement]


def _needed(statement: ast.stmt, tables: list[symtable.SymbolTable]) -> set[str]:
    """The names of the module that a definition knows: those of its body, and of what stands around that."""
    found = set()
    waiting = [table for table in tables if table.get_lineno() == statement.lineno]
    while waiting:
        table = waiting.pop()
        found |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        waiting += table.get_children()
    body = set(getattr(statement, "body", ()))
    around = [child for child in ast.iter_child_nodes(statement) if child not in body]
    return found | {node.id for child in around for node in ast.walk(child) if isinstance(node, ast.Name)}


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds where it stands."""
    if isinstance(statement, DEFINITIONS):
        yield statement.name
        return
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, DEFINITIONS):
            yield node.name
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            continue
        waiting.extend(ast.iter_child_nodes(node))


def _by_lines(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Group the statements that share a line."""
    group: list[ast.stmt] = []
    for statement in body:
        if group and statement.lineno > (group[-1].end_lineno or 0):
            yield group
            group = []
        group.append(statement)
    if group:
        yield group


def _with_nonlocal(code: str, inside: list[ast.stmt]) -> str:
    """Let the functions that move inside bind the names that move with them."""
    bound = {name for statement in inside for name in _bound(statement)}
    lines = code.split("\n")
    for statement in inside:
        for node in ast.walk(statement):
            if isinstance(node, ast.Global) and bound.issuperset(node.names):
                line = lines[node.lineno - 1].encode()  # columns are those of its bytes
                before, after = line[: node.col_offset].decode(), line[node.col_offset :].decode()
                lines[node.lineno - 1] = before + after.replace("global", "nonlocal", 1)
    return "\n".join(lines)


def _continued_lines(code: str) -> set[int]:
    """The lines that begin inside a text over several lines."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if tokenize.tok_name[token.type] in ("STRING", "FSTRING_MIDDLE"):
            found.update(range(token.start[0] + 1, token.end[0] + 1))
    return found
