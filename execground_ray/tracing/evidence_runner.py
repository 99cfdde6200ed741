"""The outside of the instrumented run: an accepted execution goes in, its evidence comes out, or why there is none.

The program runs once more, in a caged worker of its own kind, as it ran for its trace: same interpreter, same imports,
same limits. Only what comes of the same run is evidence: the same record, line by line, and the same returned value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from execground_ray.records import Problem
from execground_ray.tracing.evidence import Evidence, NoEvidence, decode
from execground_ray.tracing.running import Failure, names_one_of, packages_of, run_in, settings_of
from execground_ray.tracing.sandbox import CagedWorker
from execground_ray.tracing.trace_runner import TRACING_HASH_SEED
from execground_ray.tracing.values import same_value

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing

# An address that a program sees as a number (``copy.deepcopy`` does), or a hash made of one.
MOVING_NUMBER = re.compile(r"(?<![\w.])-?\d{12,20}(?![\w.])")


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
        packages = packages_of(tracing)
        plain = [name for name in tracing.preload if name not in packages]
        self._packages = frozenset(name.partition(".")[0] for name in packages)
        self._plain, self._with_packages = (
            CagedWorker(settings_of(tracing, "witness", preload, caged=caged), TRACING_HASH_SEED)
            for preload in (plain, list(tracing.preload))
        )

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that have been started, always in the same order."""
        return [worker.pid for worker in (self._plain, self._with_packages) if worker.pid is not None]

    def __enter__(self) -> EvidenceRunner:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers and everything in their cages."""
        self._plain.close()
        self._with_packages.close()

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

    def run(self, problem: Problem, arguments: dict[str, Any], trace: str, output: str) -> str | NoEvidence:
        """Run a program again, instrumented, and return its evidence as text, which ``decode`` has yet to believe.

        Args:
            problem: what to run.
            arguments: of the call, by name.
            trace: of the run that was accepted.
            output: what that returned, as JSON text.
        """
        worker = self._with_packages if names_one_of(self._packages, problem.refcode) else self._plain
        calls = [json.dumps(arguments)]
        request = {"refcode": problem.refcode, "funcname": problem.funcname, "calls": calls}
        result = run_in(worker, request, self._worker_runs)
        if isinstance(result, Failure):
            return NoEvidence(str(result.reason), result.detail)
        self.last_run = RunCosts(result["wall_seconds"], result["cpu_seconds"], len(result["evidence"]))
        if not same_value(json.loads(output), json.loads(result["value"]), 0):
            return NoEvidence("mismatch", f"returned {result['value'][:80]}, recorded {output[:80]}")
        renamed = renaming(result["trace"], trace)
        if renamed is None:
            return NoEvidence("mismatch", difference(result["trace"], trace))
        return _renamed(result["evidence"], renamed)


def renaming(written: str, recorded: str) -> dict[str, str] | None:
    """Return which numbers of one record are others in another, if they are the same but for that; None else.

    An address differs from run to run. A program may see it, and all that its number says is which object it is: two
    records are the same if the numbers of one can be renamed into those of the other.
    """
    if written == recorded:
        return {}
    names: dict[str, str] = {}
    numbers, others = MOVING_NUMBER.findall(written), MOVING_NUMBER.findall(recorded)
    if len(numbers) != len(others):
        return None
    for number, other in zip(numbers, others, strict=True):
        if names.setdefault(number, other) != other:
            return None
    if len(set(names.values())) < len(names) or _renamed(written, names) != recorded:
        return None
    return names


def difference(written: str, recorded: str) -> str:
    """Say where two records part."""
    lines, others = written.split("\n"), recorded.split("\n")
    for number, (line, other) in enumerate(zip(lines, others, strict=False), 1):
        if line != other:
            return f"record line {number}: {line.strip()[:80]!r}, recorded {other.strip()[:80]!r}"
    return f"{len(lines)} record lines, recorded {len(others)}"


def _renamed(text: str, names: dict[str, str]) -> str:
    return MOVING_NUMBER.sub(lambda found: names.get(found[0], found[0]), text) if names else text
