"""Reads a trace back: from the text that ``snoop`` wrote to a ``History``.

It is the evidence where a program cannot be replayed. ``snoop`` does not print a value that a plain assignment of a
literal shows already, so those are taken from the code; the outcome of a condition is seen from the line that follows.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from execground_ray.verification.allowed import PRINTED
from execground_ray.verification.expressions import Evaluator, Scope, Unsupported
from execground_ray.verification.history import OPAQUE, History
from execground_ray.verification.parsed import MAX_SOURCE, parse, parse_expression
from execground_ray.verification.program import Program
from execground_ray.verification.recorder import Recorder
from execground_ray.verification.syntax import assignments, walk

_LINE = re.compile(
    r"^\ *(?:(?P<number>\d+)\ \|\ .*"
    r"|>>>\ Call\ to\ (?P<call>\S+)"
    r"|>>>\ (?:Start|Re-enter)\ generator\ (?P<generator>\S+)"
    r"|<<<\ Yield\ value\ from\ (?P<pausing>[^:]+):\ (?P<yielded>.*)"
    r"|<<<\ Return\ value\ from\ (?P<function>[^:]+):\ (?P<returned>.*)"
    r"|\.{6,}\ Values\ of\ (?P<target>\w+):\ (?P<values>.*)"
    r"|\.{6,}\ (?P<name>[\w.]+)\ =\ (?P<value>.*)"
    r"|Result:\ (?P<result>.*))$",
    re.VERBOSE,
)
_BEGINNING = re.compile(
    r" *(?:\d+ \| |\.{6,} |>>> |<<< |Result: |!!! |\w+ comprehension:|Generator expression:|Lambda:|$)"
)
_NUMPY_ARRAY = re.compile(r"(?<=[\d.\]])\s+(?=[-\d.\[])")
_ELIDED = "..."


_PRINTED = Scope({**PRINTED, "nan": float("nan"), "inf": float("inf")})


def parse_value(text: str) -> Any:
    """The value that ``text`` shows; ``OPAQUE`` for objects and for what is cut. Values of usual length are remembered."""
    return _remembered(text) if len(text) <= MAX_SOURCE else _read_value(text)


def _read_value(text: str) -> Any:
    text = text.strip()
    if "np." in text:
        text = re.sub(r"\bnp\.\w+\(([^()]*)\)", r"\1", text)
    if "dtype" in text:
        text = re.sub(r",\s*dtype=[\w.<>'\"]+", "", text)
    if text.startswith("defaultdict("):
        text = re.sub(r"<class '\w+'>|<function .*?>", "None", text)
    if "<" in text and re.search(r"<\w[^>]* object|<class|<function|<built-in", text):
        return OPAQUE
    if _ELIDED in text:
        return OPAQUE
    parsed = parse_expression(text) if len(text) <= MAX_SOURCE else parse(text)
    if parsed is None:
        return OPAQUE
    try:
        return Evaluator().evaluate(parsed[0], _PRINTED)
    except (ValueError, TypeError, NameError, Unsupported, RecursionError, MemoryError, ArithmeticError):
        return OPAQUE


_remembered = lru_cache(maxsize=2_048)(_read_value)


def _whole_lines(trace: str) -> list[str]:
    """The lines of a trace; a value of several lines in one."""
    lines: list[str] = []
    for line in trace.splitlines():
        if lines and not _BEGINNING.match(line) and _LINE.match(lines[-1]):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


class _Statements:
    """What the lines of the code do, as far as a trace does not show it."""

    def __init__(self, program: Program) -> None:
        self.literals: dict[int, list[tuple[str, Any]]] = {}
        self.tests: dict[int, tuple[ast.expr, int]] = {}
        self.unseen: set[str] = set()  # attributes that change where no line of a trace shows it
        self.attributes: dict[int, list[tuple[str, ast.expr]]] = {}
        functions = program.of(ast.FunctionDef)
        self.bodies = {node.name: node for node in functions}
        self.functions = len(functions)
        # A trace shows the names that a function has from around it together with its arguments.
        self.parameters: dict[str, set[str]] = {}
        for node in functions:
            names = (part.arg for part in walk(node.args) if isinstance(part, ast.arg))
            self.parameters.setdefault(node.name, set()).update(names)
        self.calling: dict[int, set[str]] = {}
        for node in program.of(ast.Call):
            if _name_of(node.func) in self.bodies:
                self.calling.setdefault(node.lineno, set()).add(_name_of(node.func))
        for node in program.of(ast.AugAssign):
            if isinstance(node.target, ast.Attribute):
                self.unseen.add("." + node.target.attr)
        for node in program.of(ast.Assign):
            self._literal(node)
            self._attribute(node)
        for node in program.of(ast.If, ast.While):
            if node.body[0].lineno != node.test.lineno:
                self.tests[node.lineno] = (node.test, node.body[0].lineno)

    def _literal(self, node: ast.Assign) -> None:
        with contextlib.suppress(Exception):  # not a literal
            value = Evaluator().evaluate(node.value, Scope({}))
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            self.literals.setdefault(node.lineno, []).extend((name, value) for name in names)

    def _attribute(self, node: ast.Assign) -> None:
        """Attributes are not shown at all; ``self.n = n`` is told from the names that are."""
        for target in node.targets:
            for name, value in assignments(target, node.value):
                if name.startswith("."):
                    self.attributes.setdefault(node.lineno, []).append((name, value))


def _hidden(called: set[str], bodies: dict[str, ast.FunctionDef]) -> set[str]:
    """The functions that ``called`` can reach, and every name in them."""
    names: set[str] = set()
    waiting = list(called)
    while waiting:
        name = waiting.pop()
        if name in names or name not in bodies:
            continue
        names.add(name)
        for node in walk(bodies[name]):
            if isinstance(node, ast.Call) and _name_of(node.func) in bodies:
                waiting.append(_name_of(node.func))
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add("." + node.attr)
    return names


def _name_of(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))


class _Reader:
    def __init__(self, program: Program) -> None:
        self.statements = _Statements(program)
        self.recorder = Recorder()
        self.entering: str | None = None
        self.arguments: dict[str, Any] = {}
        self.running: list[tuple[str, int]] = []  # generators, and the calls to go back to
        self.paused: dict[str, list[int]] = {}  # their frames
        self.changed: set[int] = set()  # steps of tests that changed a value
        self.waiting: dict[int, tuple[ast.expr, int, int]] = {}
        self.cut: set[str] = set()  # a trace stops at a depth, as many calls as the program has functions

    def read(self, trace: str) -> History:
        for line in _whole_lines(trace):
            found = _LINE.match(line)
            if found is not None and found.lastgroup is not None:
                _TAKES[found.lastgroup](self, found)
        history = self.recorder.history
        history.counts.update(history.passes.values())
        history.counts.update(count - 1 for count in history.passes.values())
        history.counts.update(len(calls) for calls in history.calls.values())
        history.hidden = _hidden(self.cut, self.statements.bodies)
        history.clipped |= self.statements.unseen
        return history

    def _enter(self) -> None:
        if self.entering is not None:
            name = self.entering.rpartition(".")[2]
            own = self.statements.parameters.get(name, self.arguments.keys())
            around = {other: value for other, value in self.arguments.items() if other not in own}
            self.recorder.enter(name, {each: self.arguments[each] for each in self.arguments if each in own}, around)
            self.entering, self.arguments = None, {}

    def _depth(self) -> int:
        frame, depth = self.recorder.frame, 0
        while frame >= 0:
            frame, depth = self.recorder.history.parents[frame], depth + 1
        return depth

    def _call(self, found: re.Match[str]) -> None:
        self._enter()
        self.entering = found["call"]

    def _resumed(self, found: re.Match[str]) -> None:
        """A generator goes on, or begins: its names and tests are not those of the call that waits for it."""
        self._enter()
        recorder, name = self.recorder, found["generator"]
        self.running.append((name, recorder.frame))
        if self.paused.get(name):
            recorder.frame = self.paused[name].pop()
        else:
            recorder.history.parents.append(recorder.frame)
            recorder.history.functions.append(name)
            recorder.frame = len(recorder.history.parents) - 1

    def _yielded(self, found: re.Match[str]) -> None:
        if self.running:
            self._decided(False)
            self.paused.setdefault(self.running[-1][0], []).append(self.recorder.frame)
            self._back()
        self._result_of(self._value(found["yielded"]))

    def _back(self) -> None:
        self.recorder.frame = self.running.pop()[1]
        self.recorder.step += 1
        self.recorder.history.resumed.append((self.recorder.step, self.recorder.frame))

    def _returned(self, found: re.Match[str]) -> None:
        self._enter()
        if self.running and self.running[-1][0] == found["function"]:
            self._decided(False)
            self._back()
        elif self.recorder.frame >= 0:
            self._decided(False)  # a call that ends at a test did not go into its body
            self.recorder.leave(self._value(found["returned"]))

    def _line(self, found: re.Match[str]) -> None:
        self._enter()
        number = int(found["number"])
        recorder = self.recorder
        recorder.step += 1
        recorder.history.passes[number] += 1
        called = self.statements.calling.get(number)
        if called and not called <= self.cut and self._depth() >= self.statements.functions:
            self.cut |= called
        if not self._within_test(number):
            self._decided(number)
        if number in self.statements.tests:
            self.waiting[recorder.frame] = (*self.statements.tests[number], recorder.step)
        for name, value in self.statements.literals.get(number, ()):
            recorder.assign(name, value)
        for name, node in self.statements.attributes.get(number, ()):
            try:
                value = Evaluator().evaluate(node, Scope(recorder.visible()))
            except Exception:
                value = OPAQUE
            recorder.assign(name, value)
            if isinstance(value, list | dict | set):
                recorder.history.clipped.add(name)  # how it changes is not shown

    def _within_test(self, number: int) -> bool:
        """A test of several lines is shown line by line."""
        waiting = self.waiting.get(self.recorder.frame)
        return waiting is not None and waiting[0].lineno < number <= (waiting[0].end_lineno or 0)

    def _decided(self, number: int) -> None:
        """What follows a test shows how it came out."""
        if self.recorder.frame in self.waiting:
            test, body, step = self.waiting.pop(self.recorder.frame)
            self.recorder.history.tests.setdefault(test, []).append((step, self.recorder.frame, number == body))
            if step in self.changed:  # what the test changed was shown before its outcome
                self.recorder.history.decided[step] = self.recorder.step

    def _elements(self, found: re.Match[str]) -> None:
        values = parse_value(f"[{found['values']}]")
        if not isinstance(values, list):
            self.recorder.history.clipped.add(found["target"])
            self.recorder.history.partial = True
            return
        for value in values:
            self.recorder.step += 1
            self.recorder.assign(found["target"], value)

    def _assigned(self, found: re.Match[str]) -> None:
        value = self._value(found["value"])
        if self.entering is not None:
            self.arguments[found["name"]] = value
        else:
            self.recorder.step += 1
            self.recorder.assign(found["name"], value)
            if self.recorder.frame in self.waiting:
                self.changed.add(self.waiting[self.recorder.frame][2])

    def _result(self, found: re.Match[str]) -> None:
        self._result_of(self._value(found["result"]))

    def _result_of(self, value: Any) -> None:
        if isinstance(value, int | str | float):
            self.recorder.history.seen.add(value)
        else:
            self.recorder.note(value)

    def _value(self, text: str) -> Any:
        value = parse_value(text)
        if value is OPAQUE and _ELIDED in text:
            self.recorder.history.partial = True
        return value if value is not OPAQUE or "array" not in text else parse_value(_NUMPY_ARRAY.sub(", ", text))


_TAKES: dict[str, Callable[[_Reader, re.Match[str]], None]] = {
    "call": _Reader._call,
    "generator": _Reader._resumed,
    "yielded": _Reader._yielded,
    "returned": _Reader._returned,
    "number": _Reader._line,
    "values": _Reader._elements,
    "value": _Reader._assigned,
    "result": _Reader._result,
}


def read_trace(trace: str, program: Program) -> History:
    """The history that ``trace``, of a run of ``program``, shows."""
    return _Reader(program).read(trace)
