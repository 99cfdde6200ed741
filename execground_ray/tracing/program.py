"""One program and the runs of it, inside the cage, each in a process of its own.

In comes a program (analysed once, shared by all its runs) and the arguments of one call; out goes how the call ended,
the exact value that it returned and its trace.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import linecache
import os
import re
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from execground_ray.tracing.source import SourceFile, SourceFiles, normalize_newlines
from execground_ray.tracing.tracer import LineCounter, Raised, RunEnd, TooLong, Tracer, TurnedOff
from execground_ray.tracing.values import UnsupportedValueError, to_json

FILENAME = "main.py"
DEFINITION = re.compile(r"\bdef\s+\w+\s*\([^)\n]*\)")
Send = Callable[[str, str, str, str], None]

WARM_UP_RUNS = 30  # CPython 3.11 specializes a function after some calls
WARM_UP = """
def pick(items, least):
    for item in items:
        if item >= least:
            yield item

def main_solution(words, count):
    total, seen = 0.5, {}
    for word in words:
        seen[word] = [(word, n) for n in range(count)]
        total += len(word)
    chosen = list(pick(range(count), 1))
    return {"total": total, "seen": [len(items) for items in seen.values()], "chosen": chosen, "none": None}
"""


class _WarmError(Exception):
    """Thrown where a real run would end its process."""


def _send_nothing(*_: str) -> None:
    raise _WarmError


@dataclass(frozen=True)
class RunLimits:
    """What one run may use.

    Attributes:
        max_lines: a trace must have fewer lines.
        result_bytes: the trace, and the returned value as JSON, must each have fewer characters.
        timeout_seconds: CPU time; a run that only waits may take longer, see ``worker``.
        memory_mb: address space beyond what the idle worker has.
    """

    max_lines: int
    result_bytes: int
    timeout_seconds: float
    memory_mb: int


class Program:
    """A program, compiled and ready to be run in a fork."""

    def __init__(self, refcode: str, funcname: str) -> None:
        """Compile ``refcode``.

        Raises:
            SyntaxError, ValueError: if it does not compile.
        """
        text = normalize_newlines(refcode)
        self.code = compile(text, FILENAME, "exec", dont_inherit=True)
        self.funcname = funcname
        self.targets = frozenset(
            constant
            for constant in self.code.co_consts
            if isinstance(constant, types.CodeType) and constant.co_name == funcname
        )
        # The reference's rule: as many levels as the source has function definitions.
        self.depth = max(1, len(DEFINITION.findall(text)))
        self.text = text
        self._source: SourceFile | None = None

    @property
    def source(self) -> SourceFile:
        """The program's lines and statements."""
        if self._source is None:
            self._source = SourceFile(self.text)
        return self._source

    def analyse(self) -> None:
        """Do now what a trace will need of the source."""
        self.source.statement(1)
        self.source.qualified_name(self.funcname, 1)


class Runner:
    """Runs programs; made once, used once in every fork: what it has done before the fork is shared by all.

    Args:
        limits: see ``RunLimits``; time and memory are the worker's to enforce.
        show: turns a value into the text that the trace shows.
    """

    def __init__(self, limits: RunLimits, show: Callable[[object], str]) -> None:
        """Make the module that the program will be, and builtins of its own.

        What a program replaces in its builtins is not what the tracer uses.
        """
        self._limits = limits
        self._show = show
        self._send: Send = _send_nothing
        self._builtins = types.ModuleType("builtins")
        self._builtins.__dict__.update(builtins.__dict__)

    def count(self, program: Program, arguments: dict[str, Any], send: Send) -> NoReturn:
        """Run without writing a trace; stop as soon as the trace would be too long or show an exception.

        Args:
            program: what to run.
            arguments: of its function, by name.
            send: takes outcome, detail, value and trace; called once, and then the process ends.
        """
        tracer = LineCounter(program.targets, program.depth, self._limits.max_lines, self._stop)
        self._run(program, tracer, arguments, send)

    def trace(self, program: Program, arguments: dict[str, Any], send: Send) -> NoReturn:
        """Run and write the trace; the arguments are those of ``count``."""
        linecache.cache[FILENAME] = (len(program.text), None, program.text.splitlines(keepends=True), FILENAME)
        limits = (self._limits.max_lines, self._limits.result_bytes)
        sources = SourceFiles({FILENAME: program.source})
        tracer = Tracer(program.targets, program.depth, sources, self._show, limits, self._stop)
        self._run(program, tracer, arguments, send)

    def warm_up(self) -> None:
        """Run a small program some times here, so that no fork has to begin with cold code."""
        program = Program(WARM_UP, "main_solution")
        kept = {name: sys.modules[name] for name in ("__main__", "builtins")}
        for run in (self.count, self.trace):
            for _ in range(WARM_UP_RUNS):
                with contextlib.suppress(_WarmError):
                    run(program, {"words": ["a", "b"], "count": 3}, _send_nothing)
        sys.modules.update(kept)
        linecache.cache.pop(FILENAME)

    def _run(self, program: Program, tracer: LineCounter | Tracer, arguments: dict[str, Any], send: Send) -> NoReturn:
        self._send = send
        try:
            function = self._define(program)
            sys.settrace(tracer)
            try:
                value = function(**arguments)
            finally:
                still_tracing = sys.gettrace() is tracer
                sys.settrace(None)
        except BaseException as error:
            self._stop(Raised(error))
        if not (still_tracing and tracer.returned):
            self._finish("no_return", "the program ended or turned off its own tracing")
        try:
            text = to_json(value)
        except (UnsupportedValueError, RecursionError) as error:
            self._finish("unsupported_value", str(error))
        except MemoryError as error:
            self._stop(Raised(error))
        if len(text) >= self._limits.result_bytes:
            self._finish("unsupported_value", f"its JSON has {len(text)} characters")
        self._finish("returned", "", value=text, trace=tracer.text())

    def _define(self, program: Program) -> Callable[..., Any]:
        main = types.ModuleType("__main__")
        main.__dict__.update(__file__=FILENAME, __builtins__=self._builtins)
        sys.modules.update(__main__=main, builtins=self._builtins)
        exec(program.code, main.__dict__)  # noqa: S102  (what this project is for; see sandbox)
        function: Callable[..., Any] = getattr(main, program.funcname)
        return function

    def _stop(self, end: RunEnd) -> NoReturn:
        sys.settrace(None)
        if isinstance(end, TurnedOff):
            self._finish("no_return", "the program turned off its own tracing")
        if isinstance(end, TooLong):
            self._finish("too_long", f"{self._limits.max_lines} lines or more")
        error = end.error if isinstance(end, Raised) else None
        if isinstance(error, MemoryError):
            self._finish("memory", f"more than {self._limits.memory_mb} MB")
        self._finish("exception", _describe(error))

    def _finish(self, outcome: str, detail: str, value: str = "", trace: str = "") -> NoReturn:
        gc.disable()
        self._send(outcome, detail, value, trace)
        os._exit(0)


def _describe(error: BaseException | None) -> str:
    """Name an exception; its own ``__str__`` may do anything, and is given one chance."""
    if error is None:
        return "a call ended by an exception"
    name = type(error).__name__
    try:
        return f"{name}: {error}"[:200]
    except BaseException:
        return str(name)
