"""The tracer: snoop's text, line by line, at a fraction of its cost.

In comes a call; out goes the text that snoop 0.6 writes for it with ``columns=''``, ``replace_watch_extras=()`` and
call lines without a file name. snoop itself is the oracle in the tests: any difference is a bug here. What is saved:
the analysis of the source is shared by all runs of a problem, values that cannot have changed are not shown again, and
a run stops at once when its outcome is known (too many lines, or an exception where none may be).

    >>> Call to main_solution
    ...... n = 2
       1 | def main_solution(n):
       2 |     return n + 1
    <<< Return value from main_solution: 3
"""

from __future__ import annotations

import ast
import inspect
import opcode
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from execground_ray.tracing.calls import COMPREHENSIONS, Calls, Raised, RunEnd, TooLong, TurnedOff
from execground_ray.tracing.machine_paths import ADDRESS, hide_paths
from execground_ray.tracing.raised import exception_lines
from execground_ray.tracing.source import SourceFile, SourceFiles

INDENT = "    "
UNCHANGING = (int, float, str, bool, type(None))
ENDED_BY_EXCEPTION = "!!! Call ended by exception"
RETURNS = ("RETURN_VALUE", "YIELD_VALUE", "RETURN_CONST")


class _Code:
    """What never changes about a code object."""

    __slots__ = ("comprehension", "is_generator", "is_genexpr", "name", "names", "source", "yields")

    def __init__(self, code: CodeType, source: SourceFile) -> None:
        self.source = source
        self.comprehension = COMPREHENSIONS.get(code.co_name, "")
        self.is_generator = bool(code.co_flags & inspect.CO_GENERATOR)
        self.yields = bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
        self.is_genexpr = code.co_name == "<genexpr>"
        self.name = source.qualified_name(code.co_name, code.co_firstlineno)
        self.names = tuple(dict.fromkeys(code.co_varnames + code.co_cellvars + code.co_freevars))


class _Frame:
    """What is remembered about a frame between two of its events."""

    __slots__ = ("code", "collected", "last_line", "reprs", "values")

    def __init__(self, code: _Code, line: int) -> None:
        self.code = code
        self.last_line = line
        self.values: dict[str, object] = {}
        self.reprs: dict[str, str] = {}
        self.collected: dict[str, list[str]] = {}


class Tracer:
    """Writes the trace of a call.

    Args:
        calls: those that have a trace.
        sources: where the text of the code comes from.
        show: turns a value into text; see ``reprs.ValueShower``.
        limits: the run ends with TooLong at this many lines, or characters, of trace.
        end: called with the RunEnd. If it returns, the trace goes on.
    """

    def __init__(
        self,
        calls: Calls,
        sources: SourceFiles,
        show: Callable[[object], str],
        limits: tuple[int, int],
        end: Callable[[RunEnd], None],
    ) -> None:
        self._calls = calls
        self._sources = sources
        self._show = show
        self._max_lines, self._max_chars = limits
        self._end = end
        self._codes: dict[CodeType, _Code] = {}
        self._frames: dict[FrameType, _Frame] = {}
        self._last_frame: FrameType | None = None
        self._depth = -1
        self._chars = 0
        self.lines: list[str] = []
        self.returned = False

    def text(self) -> str:
        """Return the trace, without memory addresses and paths of this machine, which differ from run to run."""
        return hide_paths(ADDRESS.sub("", "\n".join(self.lines)))

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Take one event of ``sys.settrace``."""
        state = self._frames.get(frame)
        if state is None:
            if not self._calls.have(frame):
                return None
            state = self._frames[frame] = self._enter(frame)
        code = state.code
        if event == "call":
            self._depth += 1
        elif self._last_frame is not frame:
            self._write(_numbered(code.source, state.last_line))
        self._last_frame = frame

        before = state.last_line
        changed = []
        if not code.is_genexpr or event in ("return", "exception"):
            state.last_line = frame.f_lineno
            changed = self._changes(frame, state, event)
        if event == "call":
            self._write_call(frame, code, changed, before)
        elif event == "exception":
            self._write_exception(frame, arg)
        else:
            self._write_variables(code, changed, before)
            if event == "return":
                self._write_return(frame, code, arg)
                self._leave(frame)
            elif not code.comprehension:
                self._write_line(code.source, frame.f_lineno, before)
        self._check_length()
        return self

    def _check_length(self) -> None:
        if len(self.lines) >= self._max_lines or self._chars >= self._max_chars:
            self._end(TooLong())

    def _leave(self, frame: FrameType) -> None:
        if not frame.f_trace_lines:
            self._end(TurnedOff())
        del self._frames[frame]
        self._depth -= 1
        self.returned = self.returned or self._calls.is_target(frame.f_code)

    def _enter(self, frame: FrameType) -> _Frame:
        code = self._codes.get(frame.f_code)
        if code is None:
            source = self._sources.get(frame.f_code.co_filename, frame.f_globals)
            code = self._codes[frame.f_code] = _Code(frame.f_code, source)
        return _Frame(code, frame.f_lineno)

    def _changes(self, frame: FrameType, state: _Frame, event: str) -> list[tuple[str, str]]:
        old_values, old_reprs = state.values, state.reprs
        values: dict[str, object] = {}
        reprs: dict[str, str] = {}
        changed = []
        for name, value in _variables(frame.f_locals, state.code.names):
            old = old_reprs.get(name)
            if old is not None and value is old_values[name] and type(value) in UNCHANGING:
                text = old
            else:
                text = self._show(value)
            values[name], reprs[name] = value, text
            if text is not old and text != old:
                changed.append((name, text))
        state.values, state.reprs = values, reprs
        if state.code.comprehension:
            return _collect(state, event)
        return changed

    def _write(self, text: str) -> None:
        self.lines.append(f"{INDENT * self._depth} {text}")
        self._chars += len(text)

    def _write_value(self, prefix: str, value: str) -> None:
        first, *others = value.splitlines() or [""]
        self._write(prefix + first)
        for other in others:
            self._write(" " * len(prefix) + other)

    def _write_call(self, frame: FrameType, code: _Code, changed: list[tuple[str, str]], before: int) -> None:
        if code.comprehension:
            self._write(f"{code.comprehension}:")
        elif not code.is_generator:
            self._write(f">>> Call to {code.name}")
        elif _opname(frame) == "YIELD_VALUE":
            self._write(f">>> Re-enter generator {code.name}")
        else:
            self._write(f">>> Start generator {code.name}")
        self._write_variables(code, changed, before)
        self._write(_numbered(code.source, _definition_line(code.source, frame.f_lineno)))

    def _write_line(self, source: SourceFile, line: int, before: int) -> None:
        this, last = source.statement(line), source.statement(before)
        if this and last and this is not last and this.lineno != line and not isinstance(this, ast.Try):
            for number in range(this.lineno, line):
                self._write(_numbered(source, number))
        self._write(_numbered(source, line))

    def _write_variables(self, code: _Code, changed: list[tuple[str, str]], before: int) -> None:
        if not changed:
            return
        last = code.source.statement(before)
        line = code.source.line(last.lineno) if last else ""
        text = line.strip()
        dots = line[: len(line) - len(line.lstrip())].replace(" ", ".").replace("\t", "....")
        for name, value in changed:
            defined = isinstance(last, ast.FunctionDef) and not last.decorator_list and name == last.name
            if defined or f"{name} = {value}" == text:
                continue
            if name.startswith(".") and name[1:].isdigit():
                description = "Iterating over"
            else:
                description = f"Values of {name}:" if code.comprehension else f"{name} ="
            self._write_value(f"......{dots} {description} ", value)

    def _write_exception(self, frame: FrameType, exception: tuple[type, BaseException, Any]) -> None:
        self._end(Raised(exception[1]))
        for line in exception_lines(frame, exception):
            self._write(line)

    def _write_return(self, frame: FrameType, code: _Code, value: object) -> None:
        operation = _opname_at(frame, frame.f_lasti) if value is None or code.yields else "RETURN_VALUE"
        if value is None and operation not in RETURNS:
            self._end(Raised(None))
            self._write(ENDED_BY_EXCEPTION)
            return
        verb = "Yield" if operation in ("YIELD_VALUE", "RESUME") else "Return"
        prefix = "Result: " if code.comprehension else f"<<< {verb} value from {code.name}: "
        self._write_value(prefix, self._show(value))


def _variables(local_values: dict[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name in local_values:
            yield name, local_values[name]
    if len(local_values) > len(names) or any(name not in names for name in local_values):
        for name, value in local_values.items():
            if name not in names:
                yield name, value


def _collect(state: _Frame, event: str) -> list[tuple[str, str]]:
    """Gather the values of a comprehension's variables; they are shown when it ends, 11 of each at most."""
    for name, text in state.reprs.items():
        values = state.collected.setdefault(name, [])
        if not values or values[-1] != text:
            values.append(text)
            if len(values) > 11:
                values[:] = [*values[:5], "...", *values[-5:]]
    return [(name, ", ".join(values)) for name, values in state.collected.items()] if event == "return" else []


def _numbered(source: SourceFile, line: int) -> str:
    return f"{line:4} | {source.line(line)}"


def _definition_line(source: SourceFile, line: int) -> int:
    """Skip decorators: the call of a decorated function is shown at its ``def``."""
    if not source.line(line).lstrip().startswith("@"):
        return line
    for number in range(line + 1, len(source.lines) + 1):
        if source.line(number).lstrip().startswith("def"):
            return number
    return line


def _opname_at(frame: FrameType, index: int) -> str:
    return opcode.opname[frame.f_code.co_code[index]]


def _opname(frame: FrameType) -> str:
    """Return the operation at which a generator stands, fillers aside."""
    for index in range(frame.f_lasti, -1, -1):
        name = _opname_at(frame, index)
        if name not in ("RESUME", "CACHE", "POP_TOP", "PUSH_NULL"):
            return name
    return ""
