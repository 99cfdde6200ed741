"""What is known about the values of names in one call while it is told."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field

from execground_ray.translators.template.citations import Lines
from execground_ray.translators.template.code_map import Program, own_parts
from execground_ray.translators.template.known_values import FUNCTIONS, UnknownValueError, completed, read_value
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
    shortened: dict[str, str] = field(default_factory=dict)  # as printed, of the values that are known whole
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
        node = action.node
        self._update_shown(action)
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

    def _update_shown(self, action: Action) -> None:
        """Take the printed changes; a value that was shortened is made whole where that is sure.

        Such a value may change and look the same. A list is whole for one statement only, as nobody can tell who
        changes it; a string until something is assigned to its name.
        """
        before = dict(self.known)
        printed = {change.name: change.text for change in action.changes}
        unclear = action.node is None or action.line in self.program.crowded  # more may happen than is looked at
        for name, text in list(self.shortened.items()):
            if unclear or name in stored(action.node) or not before.get(name, "").startswith(("'", '"')):
                printed.setdefault(name, text)
        for name, text in printed.items():
            value = assigned_value(action.node, name) if name not in self.program.shared else None
            self.known[name] = completed(text, value, before) if value else text
            self.shortened.pop(name, None)
            if self.known[name] != text:
                self.shortened[name] = text


def stored(node: ast.AST | None) -> set[str]:
    """Give the names that a statement binds, without the statements in its blocks."""
    targets = [getattr(node, "target", None), getattr(node, "pattern", None)]
    targets += [item.optional_vars for item in getattr(node, "items", [])]
    parts = own_parts(node) + [part for target in targets if target for part in ast.walk(target)]
    names = {part.id for part in parts if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)}
    return names | {str(name) for part in [node, *parts] if (name := getattr(part, "name", None))}


def assigned_value(node: ast.AST | None, name: str) -> ast.expr | None:
    """Give the expression whose value a statement gives to a name, if it does that alone."""
    match node:
        case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
            return value
        case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
            return value
        case ast.AugAssign(target=ast.Name(id=target) as place, op=op, value=value) if target == name:
            return ast.BinOp(place, op, value)
    return None


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
