"""Instrumenting: the copy of a program in which every expression inside a function passes its value to the recorder.

``wrapping`` says what becomes of an expression. Behind a statement that assigns, and at the beginning of the body of a
loop or ``with`` that does, stands ``NOTE((id, name, …))``: what was assigned. RECORD and NOTE are constants in the code
itself, so there is no name that a program could see; functions, names and lines are what they were.
"""

from __future__ import annotations

import ast
import operator
import os
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from execground_ray.tracing.places import Constants, at, call, is_constant
from execground_ray.tracing.plan import Entry, Plan
from execground_ray.tracing.wrapping import Wrapper

TOKEN_BYTES = 16
_OUTSIDE_FIELDS_LEFT = frozenset(("annotation", "returns", "type_params"))


def instrument(tree: ast.Module, filename: str, switches: tuple[Any, Any]) -> tuple[CodeType, Plan]:
    """Turn a program into its instrumented copy, in place, and compile that.

    Args:
        tree: the program as it was parsed.
        filename: of its code.
        switches: what ``Constants`` calls record and note.

    Raises:
        SyntaxError, ValueError, RecursionError: it does not compile, or not so.
    """
    constants = Constants(*(os.urandom(TOKEN_BYTES) for _ in Constants._fields))
    statements = _Statements(tree, constants)
    for statement in tree.body:
        statements.outside(statement)
    code = compile(tree, filename, "exec", dont_inherit=True)
    functions = (*switches, operator.truth)
    return _with_constants(code, dict(zip(constants, functions, strict=True))), statements.plan


def _with_constants(code: CodeType, replaced: dict[bytes, Any]) -> CodeType:
    constants = []
    for constant in code.co_consts:
        if type(constant) is bytes:
            constants.append(replaced.get(constant, constant))
        else:
            constants.append(_with_constants(constant, replaced) if isinstance(constant, CodeType) else constant)
    return code.replace(co_consts=tuple(constants))


class _Statements(Wrapper):
    """Instruments statements, in place."""

    def outside(self, node: ast.AST) -> None:
        """Instrument the functions in what runs before the call: it has no trace itself."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = self._block(node.body)
            inside: list[ast.AST] = [node.args, *node.decorator_list]
        elif isinstance(node, ast.Lambda):
            node.body = self.value(node.body)
            inside = [node.args]
        else:
            inside = list(_inside(node))
        for part in inside:
            self.outside(part)

    def note(self, target: ast.expr) -> ast.expr | None:
        """See ``Wrapper``."""
        return self._note_of([target], None, last_line(target))

    def _note_of(self, targets: list[ast.expr], value: ast.expr | None, line: int) -> ast.expr | None:
        entries: list[Entry] = []
        names: list[str] = []
        for target in targets:
            self._entries(target, value, (), entries, names)
        return self._note_call(entries, names, line)

    def _note_call(self, entries: list[Entry], names: list[str], line: int) -> ast.expr | None:
        if not entries:
            return None
        number = ast.Constant(len(self.plan.notes), **at(line))
        self.plan.notes.append(tuple(entries))
        loads = [ast.Name(name, ast.Load(), **at(line)) for name in names]
        return call(self._constants.note, [ast.Tuple([number, *loads], ast.Load(), **at(line))], line, line)

    def _entries(
        self,
        target: ast.expr,
        value: ast.expr | None,
        path: tuple[int, ...] | None,
        entries: list[Entry],
        names: list[str],
    ) -> None:
        """Gather the targets in a target; without a value only names, of others what they were given is not known."""
        if isinstance(target, ast.Tuple | ast.List):
            starred = any(isinstance(item, ast.Starred) for item in target.elts)
            for index, item in enumerate(target.elts):
                inner = None if starred or path is None else (*path, index)
                self._entries(item, value, inner, entries, names)
        elif isinstance(target, ast.Starred):
            self._entries(target.value, value, None, entries, names)
        elif isinstance(target, ast.Name):
            names.append(target.id)
            entries.append(Entry("name", self._ids[target], len(names)))
        elif value is not None and path is not None:
            self.plan.kept.add(self._ids[value])
            entries.append(Entry("given", self._ids[target], self._ids[value], path))

    def _block(self, body: list[ast.stmt], first: ast.expr | None = None) -> list[ast.stmt]:
        """Return the statements of a block, instrumented, with a note at its beginning."""
        block: list[ast.stmt] = [] if first is None else [_statement(first)]
        for statement in body:
            note = None
            if isinstance(statement, ast.Assign):
                note = self._note_of(statement.targets, statement.value, last_line(statement.targets[-1]))
            elif isinstance(statement, ast.AnnAssign) and statement.value:
                note = self._note_of([statement.target], statement.value, last_line(statement.target))
            elif isinstance(statement, ast.AugAssign):
                note = self._note_in_place(statement.target)
            handle = _KINDS.get(type(statement))
            if handle:
                handle(self, statement)
            block.append(statement)
            if note is not None:
                block.append(_statement(note))
        return block

    def _note_in_place(self, target: Any) -> ast.expr | None:
        number, line = self._ids[target], last_line(target)
        if isinstance(target, ast.Name):
            return self._note_call([Entry("name", number, 1)], [target.id], line)
        owner = self._ids[target.value]
        if isinstance(target, ast.Attribute):
            self.plan.kept.add(owner)
            return self._note_call([Entry("attribute", number, owner, target.attr)], [], line)
        if isinstance(target.slice, ast.Slice):
            return None
        key = self._ids[target.slice]
        self.plan.kept.update((owner, key))
        return self._note_call([Entry("item", number, owner, key)], [], line)

    def _function(self, node: Any) -> None:
        node.body = self._block(node.body)
        self.arguments(node.args)

    def _class(self, node: ast.ClassDef) -> None:
        node.body = self._block(node.body)

    def _plain(self, node: Any) -> None:
        self._all_inside(node)

    def _assign(self, node: ast.Assign) -> None:
        node.value = self.value(node.value, even_constant=self._ids[node.value] in self.plan.kept)
        node.targets = [self.target(target) for target in node.targets]

    def _assign_in_place(self, node: Any) -> None:
        self.target(node.target)
        if isinstance(node.target, ast.Subscript) and is_constant(node.target.slice):
            node.target.slice = self.value(node.target.slice, even_constant=True)
        node.value = self.value(node.value)

    def _assign_annotated(self, node: ast.AnnAssign) -> None:
        if node.value:
            node.value = self.value(node.value, even_constant=self._ids[node.value] in self.plan.kept)
            self.target(node.target)

    def _delete(self, node: ast.Delete) -> None:
        node.targets = [self.target(target) for target in node.targets]

    def _for(self, node: Any) -> None:
        node.iter = self.iterable(node.iter)
        node.target = self.target(node.target)
        node.body = self._block(node.body, self.note(node.target))
        node.orelse = self._block(node.orelse)

    def _branch(self, node: Any) -> None:
        node.test = self.test(node.test)
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)

    def _with(self, node: Any) -> None:
        targets = [item.optional_vars for item in node.items if item.optional_vars]
        for item in node.items:
            item.context_expr = self.value(item.context_expr)
            if item.optional_vars:
                item.optional_vars = self.target(item.optional_vars)
        last = node.items[-1].optional_vars
        first = self._note_of(targets, None, last_line(last) if last else node.lineno)
        node.body = self._block(node.body, first)

    def _match(self, node: ast.Match) -> None:
        node.subject = self.value(node.subject)
        for case in node.cases:
            case.guard = case.guard and self.test(case.guard)
            case.body = self._block(case.body)

    def _assert(self, node: ast.Assert) -> None:
        node.test, node.msg = self.test(node.test), self.value(node.msg)

    def _try(self, node: Any) -> None:
        node.body, node.orelse = self._block(node.body), self._block(node.orelse)
        node.finalbody = self._block(node.finalbody)
        for handler in node.handlers:
            handler.body = self._block(handler.body)


_KINDS: dict[type[ast.stmt], Callable[[_Statements, Any], None]] = {
    ast.FunctionDef: _Statements._function,
    ast.AsyncFunctionDef: _Statements._function,
    ast.ClassDef: _Statements._class,
    ast.Return: _Statements._plain,
    ast.Expr: _Statements._plain,
    ast.Raise: _Statements._plain,
    ast.Assign: _Statements._assign,
    ast.AugAssign: _Statements._assign_in_place,
    ast.AnnAssign: _Statements._assign_annotated,
    ast.Delete: _Statements._delete,
    ast.For: _Statements._for,
    ast.AsyncFor: _Statements._for,
    ast.While: _Statements._branch,
    ast.If: _Statements._branch,
    ast.With: _Statements._with,
    ast.AsyncWith: _Statements._with,
    ast.Match: _Statements._match,
    ast.Assert: _Statements._assert,
    ast.Try: _Statements._try,
    ast.TryStar: _Statements._try,
}


def last_line(target: Any) -> int:
    """Return the line on which a target has been given its value."""
    if isinstance(target, ast.Tuple | ast.List) and target.elts:
        return last_line(target.elts[-1])
    if isinstance(target, ast.Starred):
        return last_line(target.value)
    line: Any = target.end_lineno if isinstance(target, ast.Attribute) else target.lineno
    return int(line)


def _statement(expression: ast.expr) -> ast.stmt:
    return ast.Expr(expression, **at(expression.lineno))


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    for name, inside in ast.iter_fields(node):
        if name in _OUTSIDE_FIELDS_LEFT:
            continue
        for part in inside if isinstance(inside, list) else [inside]:
            if isinstance(part, ast.AST):
                yield part
