"""What is known about the values of names in one call while it is told."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field

from execground_ray.translators.template.citations import Lines
from execground_ray.translators.template.code_map import Program
from execground_ray.translators.template.known_values import FUNCTIONS, UnknownValueError, read_value
from execground_ray.translators.template.trace_reader import Action, Frame
from execground_ray.translators.template.wording import Clause, assigned, condition, holds, listed


@dataclass(slots=True)
class Scope:
    """What is known in one frame while it is told."""

    program: Program
    frame: Frame
    function: str  # how to call the function in a sentence
    known: dict[str, str]
    seen: set[ast.AST]  # conditions that were already written out, over all frames
    pending: dict[str, Lines] = field(default_factory=dict)  # long containers that changed since, and where last
    loops: int = 0  # around what is being told

    def show(self, name: str) -> str:
        """Write `name = value` as the result of something."""
        self.pending.pop(name, None)
        return assigned(name, self.known.get(name, "<"))

    def state(self, names: list[str]) -> str:
        """Write which values names have now."""
        for name in names:
            self.pending.pop(name, None)
        return listed([holds(name, self.known.get(name, "<")) for name in names])

    def test(self, test: ast.expr, outcome: bool, known: dict[str, str], brief: bool = False) -> Clause:
        """Say how a condition went; it is written out with its names only the first time."""
        clause = condition(test, outcome, known, brief or test in self.seen)
        self.seen.add(test)
        return clause

    def update(self, action: Action) -> None:
        """Bring the known values up to date with what an action did.

        A constant that reads as in the source (`x = 0`) is not printed as a change: it is taken from the code.
        """
        for change in action.changes:
            self.known[change.name] = change.text
        node = action.node
        if not isinstance(node, ast.Assign) or action.raised or len(node.targets) > 1:
            return
        name, _, text = self.program.lines[node.lineno - 1].strip().partition(" = ")
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == name and all(c.name != name for c in action.changes):
            try:
                if repr(read_value(text)) == text:
                    self.known[name] = text
            except UnknownValueError:
                pass


def global_values(tree: ast.Module) -> dict[str, str]:
    """Give the constants of the module, and make every other name that it binds hide the built-in of that name."""
    stores = Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    stores.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    values: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            values[node.name] = "<function>"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            values.update({alias.asname or alias.name: "<module>" for alias in node.names})
    if "*" in values:
        values.update(dict.fromkeys(FUNCTIONS, "<function>"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            once = len(node.targets) == 1 and stores[name] == 1 and isinstance(node.value, ast.Constant)
            values[name] = ast.unparse(node.value) if once else "<global>"
    return values
