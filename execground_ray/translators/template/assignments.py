"""Says in words what an assignment did: to a name, to several at once, to an element or an attribute.

In come an `Action` and the values that the names of its scope had; out come clauses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import pairwise

from execground_ray.translators.template.marks import code
from execground_ray.translators.template.scope import Scope
from execground_ray.translators.template.trace_reader import Action
from execground_ray.translators.template.wording import (
    LONG_SOURCE,
    Clause,
    Comprehension,
    becomes,
    exact_text,
    known_text,
    listed,
    shown_source,
)

LONG = 72  # characters: a container above it is not repeated at every change
GIVES = ", which gives "


class Assignments:
    """Says what an action assigned.

    Args:
        action: Not the header of a loop.
        scope: The values before the action.
        called: Whether calls made by the action have been told already.
    """

    def __init__(self, action: Action, scope: Scope, called: bool) -> None:
        self.action = action
        self.scope = scope
        self.called = called
        self.before = dict(scope.known)
        self.told: set[str] = set()
        self.changing: set[str] = set()  # names that the assignments beside this one change

    def _assignment(self, target: ast.expr, value: ast.expr) -> Iterator[Clause]:
        if isinstance(target, ast.Name):
            self.told.add(target.id)
            self.scope.pending.pop(target.id, None)
            text = self.scope.known.get(target.id, "<")
            if self._reads_changing(value) and exact_text(text):
                yield Clause(f"{code(target.id)} becomes {code(text)}")
            else:
                yield becomes(target.id, value, text, self.before, self.called)
        elif isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            if len(values) == len(target.elts):
                yield from self._parallel(target.elts, values)
            else:
                yield from self._unpacking(target, value)
        else:
            yield from self._part(target, value)

    def _reads_changing(self, value: ast.expr) -> bool:
        """Tell whether an expression of `a[0], a[1] = …` as written reads what its neighbour seems to have changed."""
        if not self.changing:
            return False
        parts = ast.walk(ast.parse(shown_source(value, self.before), mode="eval"))
        return any(isinstance(part, ast.Name) and part.id in self.changing for part in parts)

    def _parallel(self, targets: list[ast.expr], values: list[ast.expr]) -> Iterator[Clause]:
        """Tell `a, b = b, a`: a container that several targets are parts of is shown once, at the end."""
        self.changing = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        clauses = [c for pair in zip(targets, values, strict=True) for c in self._assignment(*pair)]
        self.changing = set()
        yield from shown_once(clauses)

    def _unpacking(self, target: ast.expr, value: ast.expr) -> Iterator[Clause]:
        names = [part.id for part in ast.walk(target) if isinstance(part, ast.Name) and part.id in self.scope.known]
        self.told.update(names)
        source = shown_source(value, self.before)
        start = f"from {code(source)} come" if len(source) <= LONG_SOURCE else "this gives"
        if names:
            yield Clause(f"{start} {listed([self.scope.show(name) for name in names])}")

    def _part(self, target: ast.expr, value: ast.expr) -> Iterator[Clause]:
        """Say what an attribute or an element was set to."""
        place = shown_source(target, self.before)
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice):
            result = exact_text(known_text(value, self.before) or self._returned(value))
            items = code(result) if result else f"the items of {code(shown_source(value, self.before))}"
            yield from self._with_container(Clause(f"the slice {code(place)} is replaced by {items}"), _base(target))
            return
        element = known_text(target, self.scope.known)  # where the container is known
        result = element or known_text(value, self.before) or self._returned(value)
        if result and exact_text(result):
            clause = becomes(place, value, result, self.before, self.called)
            shown = isinstance(value, ast.BinOp | ast.Call) and not self._reads_changing(value)
            if not shown or not clause.text.rstrip("` ").endswith(f" = {result}".rstrip("` ")):
                clause = Clause(f"{code(place)} is set to {code(result)}", "set")
        else:
            clause = Clause(f"{code(place)} takes the value of {code(shown_source(value, self.before))}")
        yield from self._with_container(clause, _base(target))

    def _returned(self, value: ast.expr) -> str:
        """Give the result of a call, or of a comprehension, that was the whole value."""
        frames = self.action.frames
        if isinstance(value, Comprehension) and frames and not frames[-1].name:
            return frames[-1].value
        if isinstance(value, ast.Call) and len(frames) == 1 and frames[0].ended == "Return":
            name = ast.unparse(value.func).rpartition(".")[2]
            return frames[0].value if name == frames[0].name.rpartition(".")[2] else ""
        return ""

    def _with_container(self, clause: Clause, name: str) -> Iterator[Clause]:
        """Add the container as the change left it, a long one only once its changes are over."""
        text = next((change.text for change in self.action.changes if change.name == name), "")
        self.told.add(name)
        if len(text) > LONG and exact_text(text):
            self.scope.pending[name] = frozenset(self.action.lines)
        elif exact_text(text):
            clause = Clause(f"{clause.text}{GIVES}{self.scope.show(name)}")
        yield clause


def _base(target: ast.expr) -> str:
    """Give the name that an element or an attribute hangs on, or an empty text."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def shown_once(clauses: Sequence[Clause]) -> list[Clause]:
    """Show a container that several assignments of one statement change after the last of them only."""
    for clause, later in pairwise(clauses):
        text, gives, shown = clause.text.partition(GIVES)
        if gives and later.text.endswith(gives + shown):
            clause.text = text
    return list(clauses)
