"""Recording: the run of a program that writes its trace."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from execground_ray.tracing.calls import Calls, Raised, RunEnd
from execground_ray.tracing.program import (
    FILENAME,
    Program,
    RunLimits,
    Runner,
    call_depth,
    normalize_newlines,
    targets_in,
    untraced,
)
from execground_ray.tracing.source import SourceFile, SourceFiles
from execground_ray.tracing.tracer import Tracer

# How much room there is, is the machine's and the tracer's doing: a program that handles that it is used up depends on
# them.
OF_THE_MACHINE = (MemoryError, RecursionError)


@dataclass(frozen=True)
class TracedProgram(Program):
    """A program whose source has been analysed.

    Attributes:
        source: its lines and statements.
    """

    source: SourceFile


def analyse(text: str, funcname: str) -> SourceFile:
    """Analyse a source once for all runs of it."""
    source = SourceFile(text)
    source.statement(1)
    source.qualified_name(funcname, 1)
    return source


class RecordingRunner(Runner):
    """Runs programs and writes their traces.

    Args:
        limits: see ``Runner``.
        show: turns a value into the text that the trace shows.
    """

    def __init__(self, limits: RunLimits, show: Callable[[object], str]) -> None:
        super().__init__(limits)
        self._show = show

    def prepare(self, refcode: str, funcname: str) -> TracedProgram:
        """Compile a program and analyse its source; the errors are those of ``Runner``."""
        text = normalize_newlines(refcode)
        code = compile(text, FILENAME, "exec", dont_inherit=True)
        return TracedProgram(
            text, code, funcname, targets_in(code, funcname), call_depth(text), analyse(text, funcname)
        )

    def _call(self, program: Program, function: Callable[..., Any], arguments: dict[str, Any]) -> tuple[Any, str]:
        assert isinstance(program, TracedProgram)  # noqa: S101
        linecache.cache[FILENAME] = (len(program.text), None, program.text.splitlines(keepends=True), FILENAME)
        tracer = self._tracer(program)
        trace = tracer.__call__  # looked up once, not at every event
        sys.settrace(trace)
        try:
            value = function(**arguments)
        finally:
            still_tracing = sys.gettrace() is trace
            sys.settrace(None)
        if not (still_tracing and tracer.returned):
            self._finish("no_return", untraced(program))
        return value, tracer.text()

    def _tracer(self, program: TracedProgram) -> Tracer:
        return Tracer(*self._tracer_arguments(program))

    def _tracer_arguments(self, program: TracedProgram) -> tuple[Any, ...]:
        limits = (self._limits.max_lines, self._limits.result_bytes)
        sources = SourceFiles({FILENAME: program.source})
        return Calls(program.targets, program.depth), sources, self._show, limits, self._end

    def _end(self, end: RunEnd) -> None:
        """End the run, unless what has happened may be handled by the program."""
        if self._limits.exceptions == "reject" or not isinstance(end, Raised) or isinstance(end.error, OF_THE_MACHINE):
            self._stop(end)
