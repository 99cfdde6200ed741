"""Says in words what one statement did, as clauses that the template writer joins into sentences.

In come an `Action` and the values that the names of its scope had; out come clauses, and the scope brought up to date.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from execground_ray.translators.template.assignments import LONG, Assignments, shown_once
from execground_ray.translators.template.code_map import inside, own_parts
from execground_ray.translators.template.descriptions import description
from execground_ray.translators.template.known_values import UnknownValueError, evaluate, read_value, value_text
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.substitution import write
from execground_ray.translators.template.wording import (
    LONG_SOURCE,
    Clause,
    Comprehension,
    collecting,
    exact_text,
    known_text,
    listed,
    proven,
    shown_source,
)

LEAVES = "leaves"
_ADDING = {"append": ("append", "to"), "add": ("add", "to"), "appendleft": ("put", "at the front of")}
_SILENT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class Teller(Assignments):
    """Says what one action did.

    Args:
        action: Not the header of a loop, whose iterations the template writer tells.
        scope: The values before the action; `tell` brings them up to date.
        called: Whether calls made by the action have been told already.
    """

    def tell(self) -> list[Clause]:
        """Give the clauses in order; none where there is nothing worth saying."""
        frame = self.scope.frame
        ends = frame.actions and self.action is frame.actions[-1]
        returns = ends and (frame.ended in ("Yield", "") or isinstance(self.action.node, ast.Return))
        lines = frozenset(self.action.lines + (frame.closing if returns else []))
        clauses = self._clauses()
        for clause in clauses:
            clause.lines |= lines
        return clauses

    def _clauses(self) -> list[Clause]:
        node, frame = self.action.node, self.scope.frame
        self.scope.update(self.action)
        if frame.ended == "Yield" and self.action is frame.actions[-1]:
            exact = exact_text(frame.value)
            return [Clause(f"{self.scope.function} yields " + (code(exact) if exact else description(frame.value)))]
        if self.action.raised:
            return [self._raising(node)]
        if self.action.line in self.scope.program.crowded:
            return list(self._crowded(node))
        clauses = list(self._statement(node))
        if isinstance(node, ast.Return | ast.If):
            what = "what to return" if isinstance(node, ast.Return) else code(write(node.test))
            return list(self._unsaid(f"working out {what} {LEAVES}")) + clauses
        return clauses + list(self._unsaid("now" if clauses else f"after {code(self._source(node))},"))

    def _statement(self, node: ast.AST | None) -> Iterator[Clause]:  # noqa: C901 - one line per kind
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from shown_once([clause for target in targets for clause in self._assignment(target, value)])
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self._assignment(target, value)
            case ast.AugAssign(target=target, op=op, value=value):
                yield from self._assignment(target, ast.BinOp(target, op, value))
            case ast.Expr(value=ast.Call() as call):
                yield from self._call(call)
            case ast.If() if not _unseen(node.body):
                yield self._condition(node, inside(self.action.following, node.body))
            case ast.Return(value=value):
                yield self._return(value)
            case ast.Assert(test=test):
                yield Clause(f"the assertion {code(ast.unparse(test))} holds")
            case ast.Break():
                yield Clause("the loop stops here")
            case ast.Continue():
                yield Clause("the rest of this iteration is skipped")
            case ast.ExceptHandler():
                yield self._handling(node)
            case ast.match_case(pattern=pattern, guard=guard, body=body):
                fits = inside(self.action.following, body)
                case = f"the pattern {code(ast.unparse(pattern))}" + (
                    f" with {code(ast.unparse(guard))}" if guard else ""
                )
                text = f"{case} {'fits' if fits else 'does not fit'}"
                yield Clause(text, "test", body if fits else ())

    def _raising(self, node: ast.AST | None) -> Clause:
        """Tell that a statement raised an exception, or that one came out of a call that it made."""
        frame, frames, raised = self.scope.frame, self.action.frames, code(self.action.raised)
        if self.called and frames and not frames[-1].ended:
            text = f"{raised} passes on to {self.scope.function}"
        elif isinstance(node, ast.Raise):
            text = f"{self.scope.function} raises {raised}"
        else:
            value = node.value if isinstance(node, ast.Assign | ast.Return) else None
            text = f"{code(ast.unparse(value) if value else self._source(node))} raises {raised}"
        ends = not frame.ended and self.action is frame.actions[-1]
        return Clause(f"{text}, which ends this call of {self.scope.function}" if ends else text, "alone")

    def _handling(self, node: ast.ExceptHandler) -> Clause:
        """Tell whether an `except` caught what was raised, as the next line shows."""
        branch = f"the {code(f'except {ast.unparse(node.type)}' if node.type else 'except')} branch"
        if not inside(self.action.following, node.body):
            return Clause(f"{branch} does not fit")
        if node.name and any(change.name == node.name for change in self.action.changes):
            self.told.add(node.name)
            branch = f"with {self.scope.show(node.name)}, {branch}"
        return Clause(f"{branch} takes over", "test", node.body)

    def _unsaid(self, start: str) -> Iterator[Clause]:
        """Show what else changed: a list that was popped from, a variable of an enclosing function."""
        node = self.action.node
        bound = {part.id for part in comprehension_targets(node)}  # Python 3.12 shows them as variables of the function
        rest = [change.name for change in self.action.changes if change.name not in self.told | bound]
        if rest and not isinstance(node, _SILENT):
            shown = listed([self.scope.show(name) for name in rest])
            yield Clause(f"{start} {shown if start.endswith(LEAVES) else self.scope.state(rest)}", "alone")

    def _source(self, node: ast.AST | None) -> str:
        text = ast.unparse(node) if isinstance(node, ast.stmt) and not hasattr(node, "body") else ""
        return text if text and "\n" not in text else self.action.source.strip().rstrip(":")

    def _condition(self, node: ast.If, outcome: bool) -> Clause:
        clause = self.scope.test(node.test, outcome, self.before)
        clause.consequence = node.body if outcome else node.orelse
        return clause

    def _call(self, call: ast.Call) -> Iterator[Clause]:
        names = [change.name for change in self.action.changes]
        function, arguments = call.func, call.args
        adds = isinstance(function, ast.Attribute) and function.attr in _ADDING and len(arguments) == 1
        if adds and isinstance(function, ast.Attribute) and not self.called:
            yield from self._adding(function, arguments[0])
        elif names:
            self.told.update(names)
            source = shown_source(call, self.before)
            start = "after that," if self.called or len(source) > LONG_SOURCE else f"after {code(source)},"
            yield Clause(f"{start} {self.scope.state(names)}", "alone")
        elif not self.called and not (isinstance(function, ast.Name) and function.id == "print"):
            yield self._without_effect(call)

    def _without_effect(self, call: ast.Call) -> Clause:
        """Tell a call after which nothing looks different; of a container that was seen whole this is sure."""
        source, owner = shown_source(call, self.before), call.func
        name = owner.value.id if isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) else ""
        try:
            seen = isinstance(read_value(self.before.get(name, "<")), list | dict | set)
        except UnknownValueError:
            seen = False
        return Clause(f"{code(source)} leaves {code(name)} as it is" if seen else f"{code(source)} is called")

    def _adding(self, function: ast.Attribute, argument: ast.expr) -> Iterator[Clause]:
        item = known_text(argument, self.before)
        item = item if item and exact_text(item) and len(item) <= LONG else shown_source(argument, self.before)
        verb, where = _ADDING[function.attr]
        name = function.value.id if isinstance(function.value, ast.Name) else ""
        owner = name or shown_source(function.value, self.before)
        text = next((change.text for change in self.action.changes if change.name == name), "")
        if text and len(text) <= LONG and exact_text(text):
            self.told.add(name)
            yield Clause(f"adding {code(item)} gives {self.scope.show(name)}")
        elif function.attr == "add" and not text and exact_text(self.before.get(name, "<")).startswith(("{", "set(")):
            yield Clause(f"{code(item)} is in {code(owner)} already")
        else:
            yield from self._with_container(Clause(f"we {verb} {code(item)} {where} {code(owner)}"), name)

    def _return(self, value: ast.expr | None) -> Clause:
        frame, function = self.scope.frame, self.scope.function
        if value is None or frame.ended != "Return":
            return Clause(f"{function} returns")
        exact = exact_text(frame.value)
        if not exact:
            return Clause(
                f"{function} returns {code(ast.unparse(value))}"
                if len(ast.unparse(value)) <= LONG_SOURCE
                else f"{function} returns its result"
            )
        if isinstance(value, Comprehension):
            return Clause(f"{collecting(value)} gives {code(exact)}, which {function} returns")
        source = shown_source(value, self.before)
        told = len(source) <= LONG_SOURCE and source != exact and proven(value, exact, self.before)
        if told and exact in ("True", "False") and isinstance(value, ast.Compare | ast.BoolOp | ast.UnaryOp):
            return Clause(f"{code(source)} is {exact.lower()}, so {function} returns {code(exact)}", "alone")
        if told and isinstance(value, ast.BinOp | ast.Subscript | ast.Call):
            return Clause(f"{function} returns {code(f'{source} = {exact}')}")
        return Clause(f"{function} returns {code(exact)}")

    def _crowded(self, node: ast.AST | None) -> Iterator[Clause]:
        """Tell a line with several statements; of a condition and its block it is not always clear how it went."""
        if isinstance(node, ast.FunctionDef) and self.action.line == self.scope.frame.line:
            yield from self._statement(node.body[0])
        elif isinstance(node, ast.If) and not node.orelse and (outcome := self._crowded_outcome(node)) is not None:
            yield self._condition(node, outcome)
            if outcome:
                for inner in node.body:
                    yield from self._statement(inner)
        elif self.action.changes:
            self.told.update(change.name for change in self.action.changes)
            names = [change.name for change in self.action.changes]
            yield Clause(f"after {code(self.action.source.strip())}, {self.scope.state(names)}", "alone")

    def _crowded_outcome(self, node: ast.If) -> bool | None:
        """Find out whether the block after the colon ran."""
        if self.action.changes:
            return True
        if isinstance(node.body[-1], ast.Return):
            if self.action.following:
                return False
            if self.scope.frame.value != "None":
                return True
        try:
            return bool(evaluate(node.test, self.before))
        except UnknownValueError:
            return None


def _unseen(body: list[ast.stmt]) -> bool:
    """Tell a block that leaves no line behind when it runs, so that nobody can say whether it did."""
    return all(
        isinstance(part, ast.Global | ast.Nonlocal)
        or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        for part in body
    )


def comprehension_targets(node: ast.AST | None) -> list[ast.Name]:
    """Give the loop variables of the comprehensions in a statement."""
    return [
        name
        for part in own_parts(node)
        if isinstance(part, Comprehension)
        for generator in part.generators
        for name in ast.walk(generator.target)
        if isinstance(name, ast.Name)
    ]


def comprehension_source(node: ast.AST | None, name: str, known: Mapping[str, str]) -> list[str]:
    """Give the texts of all values that a comprehension's only variable takes, or none where that is not sure."""
    parts = [part for part in own_parts(node) if isinstance(part, Comprehension)]
    if len(parts) != 1 or len(parts[0].generators) != 1 or not isinstance(parts[0].generators[0].target, ast.Name):
        return []
    generator = parts[0].generators[0]
    try:
        values = evaluate(generator.iter, known)
    except UnknownValueError:
        return []
    sure = isinstance(generator.target, ast.Name) and generator.target.id == name
    return [value_text(value) for value in values] if sure and isinstance(values, list | tuple | str | range) else []
