"""One program and one run of it, inside the cage, in a process of its own.

In comes a program (analysed once, shared by all its runs) and the arguments of one call; out goes a result, written to
the run's own descriptor behind a token that the program is not told.
"""

from __future__ import annotations

import builtins
import gc
import json
import linecache
import os
import re
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from execground_ray.tracing.source import SourceFile, SourceFiles, normalize_newlines
from execground_ray.tracing.tracer import LineCounter, Raised, RunEnd, TooLong, Tracer
from execground_ray.tracing.values import UnsupportedValueError, to_json

FILENAME = "main.py"
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
DEFINITION = re.compile(r"\bdef\s+\w+\s*\(.*?\)")


@dataclass(frozen=True)
class RunLimits:
    """What one run may use.

    Attributes:
        max_lines: a trace must have fewer lines.
        result_bytes: the trace, and the returned value as JSON, must each have fewer characters.
        timeout_seconds: wall-clock time.
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
        """The program's lines and statements; analysed when first asked for, before the fork that needs it."""
        if self._source is None:
            self._source = SourceFile(self.text)
            self._source.statement(1)
        return self._source


class Run:
    """The child's side of one run: it calls the function and sends one result, whatever happens.

    Args:
        program: the program to run.
        limits: see ``RunLimits``; time and memory are the worker's to enforce.
        send: writes outcome, detail, value and trace; called once.
    """

    def __init__(self, program: Program, limits: RunLimits, send: Callable[[tuple[str, str, str, str]], None]) -> None:
        """See the class."""
        self._program = program
        self._limits = limits
        self._send = send

    def count(self, arguments: str) -> NoReturn:
        """Run without writing a trace; stop as soon as the trace would be too long or show an exception."""
        program = self._program
        self._run(LineCounter(program.targets, program.depth, self._limits.max_lines, self._stop), arguments)

    def trace(self, arguments: str, show: Callable[[object], str], sources: dict[str, SourceFile]) -> NoReturn:
        """Run and write the trace."""
        program = self._program
        linecache.cache[FILENAME] = (len(program.text), None, program.text.splitlines(keepends=True), FILENAME)
        limits = (self._limits.max_lines, self._limits.result_bytes)
        files = SourceFiles(sources | {FILENAME: program.source})
        self._run(Tracer(program.targets, program.depth, files, show, limits, self._stop), arguments)

    def _run(self, tracer: LineCounter | Tracer, arguments: str) -> NoReturn:
        keywords = json.loads(arguments)
        try:
            function = self._define()
            sys.settrace(tracer)
            try:
                value = function(**keywords)
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
        trace = "\n".join(ADDRESS.sub("", line) for line in tracer.lines) if isinstance(tracer, Tracer) else ""
        self._finish("returned", "", value=text, trace=trace)

    def _define(self) -> Callable[..., Any]:
        # The program gets builtins of its own: what it replaces there is not what the tracer uses.
        own_builtins = types.ModuleType("builtins")
        own_builtins.__dict__.update(builtins.__dict__)
        main = types.ModuleType("__main__")
        main.__dict__.update(__file__=FILENAME, __builtins__=own_builtins)
        sys.modules.update(__main__=main, builtins=own_builtins)
        exec(self._program.code, main.__dict__)
        function: Callable[..., Any] = getattr(main, self._program.funcname)
        return function

    def _stop(self, end: RunEnd) -> NoReturn:
        sys.settrace(None)
        if isinstance(end, TooLong):
            self._finish("too_long", f"{self._limits.max_lines} lines or more")
        error = end.error if isinstance(end, Raised) else None
        if isinstance(error, MemoryError):
            self._finish("memory", f"more than {self._limits.memory_mb} MB")
        self._finish("exception", _describe(error))

    def _finish(self, outcome: str, detail: str, value: str = "", trace: str = "") -> NoReturn:
        gc.disable()
        self._send((outcome, detail, value, trace))
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
