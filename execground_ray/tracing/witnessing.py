"""Witnessing: the run of a program's instrumented copy, which writes its trace and the evidence beside it."""

from __future__ import annotations

import ast
import json
import linecache
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from execground_ray.tracing.calls import RunEnd
from execground_ray.tracing.evidence import Evidence, decode
from execground_ray.tracing.instrument import instrument
from execground_ray.tracing.plan import Plan
from execground_ray.tracing.program import (
    EVIDENCE_BYTES,
    FILENAME,
    RunLimits,
    call_depth,
    normalize_newlines,
    targets_in,
)
from execground_ray.tracing.recorder import Recorder, Switches
from execground_ray.tracing.recording import RecordingRunner, TracedProgram, analyse
from execground_ray.tracing.reprs import ValueShower, kept_limits
from execground_ray.tracing.snapshots import Snapshots
from execground_ray.tracing.tracer import Tracer
from execground_ray.tracing.values import to_json
from execground_ray.tracing.watches import Watches
from execground_ray.tracing.witness import Witness

_encode = json.JSONEncoder(separators=(",", ":")).encode  # bound here: a program may replace what ``json`` has


@dataclass(frozen=True)
class InstrumentedProgram(TracedProgram):
    """A program whose expressions pass their values to a recorder.

    Attributes:
        plan: what the recorder has to know of it.
        switches: the recorder's places in its code.
    """

    plan: Plan
    switches: Switches


class WitnessingRunner(RecordingRunner):
    """Runs instrumented programs; see ``RecordingRunner``."""

    def __init__(self, limits: RunLimits, show: Callable[[object], str]) -> None:
        """See the class."""
        super().__init__(limits, show)
        self._collected: tuple[Recorder, Witness] | None = None

    def prepare(self, refcode: str, funcname: str) -> InstrumentedProgram:
        """Compile the instrumented copy of a program.

        Raises:
            SyntaxError, ValueError, RecursionError: if it does not compile, or not so.
        """
        text = normalize_newlines(refcode)
        source = analyse(text, funcname)
        tree = source.tree or ast.parse(text, FILENAME)  # which says what is wrong with it
        switches = Switches()
        code, plan = instrument(tree, FILENAME, (switches.record, switches.note))
        targets, depth = targets_in(code, funcname), call_depth(text)
        return InstrumentedProgram(text, code, funcname, targets, depth, source, plan, switches)

    def _tracer(self, program: TracedProgram) -> Tracer:
        assert isinstance(program, InstrumentedProgram)  # noqa: S101
        snapshots = Snapshots(self._show)
        recorder = Recorder(program.plan, snapshots, program.switches)
        module = sys.modules["__main__"].__dict__
        witness = Witness(recorder, snapshots, (module, Watches(self.watches)), *self._tracer_arguments(program))
        self._collected = recorder, witness
        return witness

    def _evidence(self) -> str:
        assert self._collected is not None  # noqa: S101
        recorder, witness = self._collected
        if recorder.fault:
            return _encode({"fault": f"the recorder failed: {recorder.fault}"})
        incomplete = recorder.incomplete_lines(len(witness.lines))
        text = _encode(
            {
                "values": recorder.snapshots.rows,
                "lines": witness.kinds,
                "frames": witness.claimed_frames(),
                "events": recorder.events,
                "names": witness.names,
                "complete": not incomplete,
                "complete_until": min(incomplete, default=len(witness.lines) + 1),
                "incomplete_lines": incomplete,
            }
        )
        return text if len(text) < EVIDENCE_BYTES else _encode({"fault": f"it has {len(text)} characters"})


@dataclass(frozen=True)
class Witnessed:
    """One run and the evidence of it.

    Attributes:
        output: the returned value, as JSON text.
        trace: snoop's text.
        evidence: of the run.
    """

    output: str
    trace: str
    evidence: Evidence


def witness_here(
    refcode: str,
    funcname: str,
    arguments: dict[str, Any],
    limits: RunLimits,
    value_chars: int,
    watches: Sequence[str] = (),
) -> Witnessed:
    """Run a program in this process, with all its rights: for programs that are known to be harmless.

    Args:
        refcode: the program.
        funcname: the function to call.
        arguments: of the call, by name.
        limits: of lines and characters; nobody enforces time and memory here.
        value_chars: how much of a value the trace shows.
        watches: what to look up besides, see ``watches``.

    Raises:
        RuntimeError: it did not return.
        Exception: what it raised.
    """
    kept = {name: sys.modules[name] for name in ("__main__", "builtins")}
    before = linecache.cache.get(FILENAME)
    try:
        with warnings.catch_warnings(), kept_limits():
            warnings.simplefilter("ignore")  # a constant is called in an instrumented program
            runner = _RunnerHere(limits, ValueShower(value_chars))
            runner.watches = watches
            return runner.witness(runner.prepare(refcode, funcname), arguments)
    finally:
        sys.modules.update(kept)
        linecache.cache.pop(FILENAME, None)
        if before is not None:
            linecache.cache[FILENAME] = before


class _RunnerHere(WitnessingRunner):
    """One that raises where others end their process."""

    def witness(self, program: InstrumentedProgram, arguments: dict[str, Any]) -> Witnessed:
        value, trace = self._call(program, self._define(program), arguments)
        return Witnessed(to_json(value), trace, decode(self._evidence()))

    def _stop(self, end: RunEnd) -> NoReturn:
        sys.settrace(None)
        raise RuntimeError(f"{type(end).__name__}: {getattr(end, 'error', None)!r}")

    def _finish(self, outcome: str, detail: str, value: str = "", trace: str = "") -> NoReturn:
        sys.settrace(None)
        raise RuntimeError(f"{outcome}: {detail}")
