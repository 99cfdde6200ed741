"""The outside of the instrumented run: an accepted execution goes in, its evidence comes out, or why there is none.

The program runs once more, in a caged worker of its own kind, as it ran for its trace: same interpreter, same imports,
same limits. Only what comes of the same run is evidence: the same record, line by line, and the same returned value.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from execground_ray.python.values import read_json
from execground_ray.records import Problem
from execground_ray.tracing.evidence import Evidence, NoEvidence, decode
from execground_ray.tracing.machine_paths import without_machine
from execground_ray.tracing.packages import Preloads
from execground_ray.tracing.running import Failure, request_for, run_in, settings_of
from execground_ray.tracing.same_run import difference, renamed, renaming
from execground_ray.tracing.sandbox import CagedWorker
from execground_ray.tracing.trace_runner import TRACING_HASH_SEED
from execground_ray.tracing.values import same_value, to_json

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing


@dataclass(frozen=True)
class RunCosts:
    """What one run has cost.

    Attributes:
        wall_seconds: of the run in the cage, fork included.
        cpu_seconds: likewise.
        json_bytes: of the evidence.
    """

    wall_seconds: float
    cpu_seconds: float
    json_bytes: int


class EvidenceRunner:
    """Runs instrumented programs, one at a time, in caged workers of its own.

    Args:
        tracing: the limits and settings that the traces were written with.
        caged: whether to use the sandbox.

    Attributes:
        last_run: what the last run that returned has cost.
    """

    def __init__(self, tracing: Tracing, *, caged: bool) -> None:
        """See the class; a worker starts with the first program that needs it."""
        self._worker_runs = tracing.worker_runs
        self.last_run = RunCosts(0, 0, 0)
        self._preloads = Preloads(tracing)
        self._workers = [
            CagedWorker(settings_of(tracing, "witness", modules, caged=caged), TRACING_HASH_SEED)
            for modules in self._preloads.kinds
        ]

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that have been started, always in the same order."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def __enter__(self) -> EvidenceRunner:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers and everything in their cages."""
        for worker in self._workers:
            worker.close()

    def evidence(self, problem: Problem, arguments: dict[str, Any], trace: str, output: str) -> Evidence | NoEvidence:
        """Run a program again as ``run`` does, and read what comes of it."""
        found = self.run(problem, arguments, trace, output)
        if isinstance(found, NoEvidence):
            return found
        try:
            evidence = decode(found)
        except ValueError as error:
            return NoEvidence("invalid", str(error))
        if len(evidence.lines) != trace.count("\n") + 1:
            return NoEvidence("invalid", f"it has {len(evidence.lines)} record lines")
        return evidence

    def run(
        self, problem: Problem, arguments: dict[str, Any], trace: str, output: str, watches: Collection[str] = ()
    ) -> str | NoEvidence:
        """Run a program again, instrumented, and return its evidence as text, which ``decode`` has yet to believe.

        Args:
            problem: what to run.
            arguments: of the call, by name.
            trace: of the run that was accepted.
            output: what that returned, as JSON text.
            watches: what to look up besides, see ``watches``.
        """
        worker = self._workers[self._preloads.kind_for(problem.refcode)]
        request = request_for(problem) | {"calls": [to_json(arguments, exact=True)], "watches": list(watches)}
        result = run_in(worker, request, self._worker_runs)
        if isinstance(result, Failure):
            return NoEvidence(str(result.reason), result.detail)
        self.last_run = RunCosts(result["wall_seconds"], result["cpu_seconds"], len(result["evidence"]))
        if not same_value(read_json(output), read_json(result["value"]), 0):
            return NoEvidence("mismatch", f"returned {result['value'][:80]}, recorded {output[:80]}")
        names = renaming(result["trace"], trace)
        if names is None:  # unless it is of an earlier version, which showed what is another on every machine
            names = renaming(result["trace"], without_machine(trace))
        if names is None:
            return NoEvidence("mismatch", difference(result["trace"], trace))
        return renamed(result["evidence"], names)
