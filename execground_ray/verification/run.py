"""The evidence of one run, indexed: what each record line evaluated, and what the names were around it."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

from execground_ray.tracing.evidence import Evidence, read_value
from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.trees import expressions_in, key_of, nodes_in, program_names
from execground_ray.verification.values import Inside, Opaque, freeze

WIDEN = 2  # lines that a citation may be too narrow by
GLOBALS = -1
_SHOWN = frozenset({"source", "call", "def"})


class Event(NamedTuple):
    """At a record line, in a call: an expression was evaluated, or a target was given a value.

    The node of an augmented assignment is the operation that it is; ``outcome`` is 1 or 0 of a condition, -1 of others;
    ``operands`` are the events of the expressions directly in it, by ``id`` of their nodes.
    """

    line: int
    frame: int
    node: ast.expr
    value: Any
    outcome: int
    operands: dict[int, Event]


class Frame(NamedTuple):
    """One call that the record shows."""

    name: str
    parent: int
    caller: int
    first: int
    last: int
    arguments: tuple[tuple[str, Any], ...]
    returned: Any


class Run:
    """Answers questions about one run of a program, by its evidence."""

    def __init__(self, refcode: str, evidence: Evidence) -> None:
        """See the class."""
        self.tree = ast.parse(refcode.replace("\r\n", "\n").replace("\r", "\n"))
        self._evidence = evidence
        self._nodes = nodes_in(self.tree)
        self._values: dict[int, Any] = {}
        self._scopes: dict[tuple[int, bool], tuple[tuple[int, ...], dict[str, Any]]] = {}
        self._inside: dict[int, Inside] = {}
        self.lines = evidence.lines
        self.count = len(evidence.lines)
        self.frames = [self._frame(each) for each in evidence.frames]
        self.frame_of = [line[1] for line in evidence.lines]
        self.incomplete = evidence.incomplete_lines
        self.loops: dict[int, list[list[int]]] | None = None  # filled by those who count rounds

    def value(self, index: int) -> Any:
        """The value of that index; ``Opaque`` where it is not known exactly."""
        if index not in self._values:
            self._values[index] = self._read(index)
        return self._values[index]

    def _read(self, index: int) -> Any:
        if index < 0:
            return Opaque("", "", -1, False)
        kind, text, name, length = self._evidence.values[index][:4]
        if kind == "literal":
            try:
                return read_value(text)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                return Opaque(text, name, length, True)
        return Opaque(text, name, length, kind == "cut")

    def _frame(self, row: Any) -> Frame:
        name, parent, caller, _, first, last, arguments, returned = row[:8]
        values = tuple((argument, self.value(value)) for argument, value in arguments)
        return Frame(name, parent, caller, first, last, values, self.value(returned))

    @cached_property
    def events(self) -> list[Event]:
        """All events in their order, operands filled in."""
        found: list[Event] = []
        last: dict[tuple[int, int], Event] = {}
        latest: dict[tuple[int, str], Event] = {}
        for line, frame, node, value, outcome in self._evidence.events:
            tree = self._nodes[node]
            if not isinstance(tree, ast.expr):
                continue
            operands = {id(each): last[frame, id(each)] for each in expressions_in(tree) if (frame, id(each)) in last}
            event = Event(line, frame, tree, self.value(value), outcome, operands)
            augmented = self._augmented.get(id(tree))
            if augmented is not None and not isinstance(getattr(tree, "ctx", None), ast.Load):
                found.append(self._augmentation(event, augmented, last, latest))
            last[frame, id(tree)] = event
            if isinstance(tree, ast.Name | ast.Attribute | ast.Subscript):
                latest[frame, key_of(tree)] = event
            found.append(event)
        return found

    def _augmentation(self, event: Event, statement: ast.AugAssign, last: Any, latest: Any) -> Event:
        """``total += x`` as the operation ``total + x``."""
        operation = self._operations[id(statement)]
        operands = {}
        before = latest.get((event.frame, key_of(statement.target)))
        if before is None and isinstance(statement.target, ast.Name):
            known = self.state(event.frame, event.line, before=True).get(statement.target.id)
            before = Event(event.line, event.frame, operation.left, known, -1, {}) if known is not None else None
        if before is not None:
            operands[id(operation.left)] = before
        right = last.get((event.frame, id(statement.value)))
        if right is not None:
            operands[id(operation.right)] = right
        return Event(event.line, event.frame, operation, event.value, -1, operands)

    @cached_property
    def _augmented(self) -> dict[int, ast.AugAssign]:
        return {id(node.target): node for node in self._nodes if isinstance(node, ast.AugAssign)}

    @cached_property
    def _operations(self) -> dict[int, ast.BinOp]:
        return {id(node): ast.BinOp(node.target, node.op, node.value) for node in self._augmented.values()}

    @cached_property
    def _event_lines(self) -> dict[int, list[Event]]:
        found: dict[int, list[Event]] = defaultdict(list)
        for event in self.events:
            found[event.line].append(event)
        return found

    @cached_property
    def _following(self) -> dict[str, list[tuple[int, Any]]]:
        """By attribute or element: when it was evaluated, and its values."""
        found: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        for event in self.events:
            if isinstance(event.node, ast.Attribute | ast.Subscript):
                found[key_of(event.node)].append((event.line, event.value))
        return found

    def next_value(self, key: str, line: int) -> list[Any]:
        """The value that an attribute or an element has when it is evaluated next behind a line: what a call made of it."""
        return [value for at, value in self._following.get(key, ()) if at > line][:1]

    def events_at(self, line: int) -> list[Event]:
        """The events of the statement that record line ``line`` shows."""
        return self._event_lines.get(line, [])

    @cached_property
    def _names(self) -> dict[int, tuple[list[int], list[dict[str, Any]]]]:
        """By frame: the lines after which names changed, and all names after each."""
        found: dict[int, tuple[list[int], list[dict[str, Any]]]] = {}
        for line, frame, name, value in self._evidence.names:
            lines, states = found.setdefault(frame, ([], []))
            if not lines or lines[-1] != line:
                lines.append(line)
                states.append(dict(states[-1]) if states else {})
            if value < 0:
                states[-1].pop(name, None)
            else:
                states[-1][name] = self.value(value)
        return found

    def state(self, frame: int, line: int, *, before: bool = False) -> dict[str, Any]:
        """The names of a call after (or before) the statement of record line ``line``."""
        lines, states = self._names.get(frame, ([], []))
        index = (bisect_left if before else bisect_right)(lines, line) - 1
        return states[index] if index >= 0 else {}

    def scope(self, line: int, *, before: bool) -> tuple[tuple[int, ...], dict[str, Any]]:
        """The names in the call of a line, over those of the calls around it and of the globals; first a mark of them."""
        if (line, before) not in self._scopes:
            frame = parent = self.frame_of[line - 1]
            layers = [self.state(frame, line, before=before)]
            while 0 <= parent < len(self.frames):
                caller, parent = self.frames[parent].caller, self.frames[parent].parent
                if parent >= 0:
                    layers.append(self.state(parent, caller, before=True))
            layers.append(self.state(GLOBALS, line, before=before))
            state = {name: value for layer in reversed(layers) for name, value in layer.items()}
            self._scopes[line, before] = tuple(map(id, state.values())), state
        return self._scopes[line, before]

    def inside(self, value: Any) -> Inside:
        """What is in a value of this run."""
        if id(value) not in self._inside:
            self._inside[id(value)] = Inside(value)
        return self._inside[id(value)]

    @cached_property
    def names(self) -> frozenset[str]:
        """All names of the program: variables, parameters, functions, attributes."""
        return program_names(self.tree)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of all expressions of the program."""
        nodes = [node for node in self._nodes if isinstance(node, ast.expr)]
        return frozenset(map(key_of, [*nodes, *self._operations.values()]))

    @cached_property
    def constants(self) -> frozenset[Any]:
        """The constants of the program, those included that are written as a calculation: the run has no event of it."""
        folded = []
        for node in self._nodes:
            if isinstance(node, ast.BinOp | ast.UnaryOp) and is_pure(node):
                with suppress(UnknownError):
                    folded.append(freeze(evaluate(node, {})))
        return frozenset(freeze(node.value) for node in self._nodes if isinstance(node, ast.Constant)) | set(folded)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The integers in the program."""
        return frozenset(each for each in self.constants if isinstance(each, int))

    @cached_property
    def texts(self) -> list[str]:
        """The strings in the program."""
        return [node.value for node in self._nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]

    @cached_property
    def displays(self) -> frozenset[int]:
        """How many elements the lists, tuples and sets have that the program writes out: not each of them has an event."""
        return frozenset(len(node.elts) for node in self._nodes if isinstance(node, ast.List | ast.Tuple | ast.Set))

    @cached_property
    def literal_counts(self) -> frozenset[int]:
        """How many parts the program's own expressions and functions have: three conditions, four arguments."""
        many = [each for node in self._nodes for _, each in ast.iter_fields(node) if isinstance(each, list)]
        return frozenset(map(len, many))

    @cached_property
    def longest(self) -> int:
        """The most lines, elements or letters that anything has: no index is larger."""
        return max(
            (len(each) for each in map(self.value, range(len(self._evidence.values))) if hasattr(each, "__len__")),
            default=0,
        )

    def statement_parts(self, line: int) -> list[ast.AST]:
        """What a line of the program evaluates: of a compound statement its head."""
        return self._statements.get(line, [])

    @cached_property
    def _statements(self) -> dict[int, list[ast.AST]]:
        found: dict[int, list[ast.AST]] = defaultdict(list)
        for node in self._nodes:
            if isinstance(node, ast.stmt):
                heads = [
                    each
                    for name, each in ast.iter_fields(node)
                    if name not in {"body", "orelse", "finalbody", "handlers", "cases"}
                ]
                parts = [part for head in heads for part in (head if isinstance(head, list) else [head])]
                found[node.lineno] += [part for part in parts if isinstance(part, ast.AST)]
                if not hasattr(node, "body"):
                    found[node.lineno].append(node)
        return found

    @cached_property
    def owners(self) -> list[int]:
        """By record line: the line of the statement that it belongs to, first element unused."""
        owners = [0]
        for number, (kind, frame, source, _, owner) in enumerate(self.lines, 1):
            if kind == "again":
                owners.append(self._again(number, frame, source))
            else:
                owners.append(owner if owner > 0 else number)
        return owners

    def _again(self, number: int, frame: int, source: int) -> int:
        """The line at which the statement that is shown again began."""
        for earlier in range(number - 1, 0, -1):
            kind, other, line = self.lines[earlier - 1][:3]
            if other == frame and line == source and kind in _SHOWN:
                return earlier
        return number

    @cached_property
    def groups(self) -> dict[int, list[int]]:
        """By line of a statement: all record lines that belong to it."""
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(1, self.count + 1):
            found[self.owners[number]].append(number)
        return found

    @cached_property
    def statements(self) -> list[int]:
        """The record lines that show a statement about to run."""
        return [number for number, line in enumerate(self.lines, 1) if line[0] == "source"]
