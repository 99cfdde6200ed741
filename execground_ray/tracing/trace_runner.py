"""Find, among the pairs of a problem, one whose execution is worth training on.

In comes a problem and the pairs to try; out comes the first accepted execution, or why there is none. The program runs
in two caged workers whose interpreters hash strings differently:

1. the checker only counts the lines that a trace would have, and returns the value; most pairs end here, cheaply:
   too long (several pairs in a row cost one process), an exception, a value that is not the recorded one
2. the tracer writes the trace; what it returns must be what the first run returned, or the program is not deterministic

What a worker has imported can be seen in a trace: ``isinstance`` asks every registered class. So it must not depend on
the problems before. Programs that name a package (numpy) run in two workers that have imported the packages too.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from execground_ray.records import Problem, Reason
from execground_ray.tracing.machine_paths import has_path
from execground_ray.tracing.sandbox import (
    CagedWorker,
    SandboxFaultError,
    SandboxUnavailableError,
    WorkerStartError,
    landlock_abi,
)
from execground_ray.tracing.values import same_value

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing

TRACING_HASH_SEED, CHECKING_HASH_SEED = 0, 1
TRIES_AFTER_FAULT = 2
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Execution:
    """One accepted execution.

    Attributes:
        pair: index of the pair in the problem's ``ios``.
        output: the returned value, exact, as JSON text.
        trace: snoop's text.
        wall_seconds: of the traced run, fork included.
    """

    pair: int
    output: str
    trace: str
    wall_seconds: float


@dataclass(frozen=True)
class Failure:
    """Why a run, or a whole problem, gave nothing.

    Attributes:
        reason: its kind.
        detail: more about it, for people.
        pairs: how many pairs ended so, one after the other.
    """

    reason: Reason
    detail: str
    pairs: int = 1


@dataclass(frozen=True)
class _Workers:
    """The two workers that a program needs; each starts on first use."""

    checker: CagedWorker
    tracer: CagedWorker

    def close(self) -> None:
        self.checker.close()
        self.tracer.close()


class TraceRunner:
    """Runs problems, one at a time, in caged workers of its own.

    Args:
        tracing: the limits.
        caged: whether to use the sandbox.
    """

    def __init__(self, tracing: Tracing, *, caged: bool) -> None:
        """The workers start with the first problem."""
        self._tracing = tracing
        packages = packages_of(tracing)
        self._packages = frozenset(name.partition(".")[0] for name in packages)
        self._plain = _workers(tracing, [name for name in tracing.preload if name not in packages], caged=caged)
        self._with_packages = _workers(tracing, list(tracing.preload), caged=caged)

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that have been started, always in the same order."""
        workers = (self._plain.checker, self._plain.tracer, self._with_packages.checker, self._with_packages.tracer)
        return [worker.pid for worker in workers if worker.pid is not None]

    def __enter__(self) -> TraceRunner:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers and everything in their cages."""
        self._plain.close()
        self._with_packages.close()

    def trace_problem(self, problem: Problem, pairs: list[int], wanted: int = 1) -> list[Execution] | Failure:
        """Try pairs in the given order until ``wanted`` are accepted.

        Args:
            problem: what to run.
            pairs: indices into ``problem.ios``.
            wanted: how many executions to find at most.

        Returns:
            The accepted executions, at least one; or, when there is none, the commonest reason and all the counts.
        """
        accepted: list[Execution] = []
        failures: list[Failure] = []
        for outcome in self._outcomes(problem, pairs):
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                accepted.append(outcome)
                if len(accepted) == wanted:
                    break
            if sum(failure.reason is Reason.TIMEOUT for failure in failures) >= self._tracing.max_timeouts:
                break
        return accepted or _summary(failures)

    def _outcomes(self, problem: Problem, pairs: list[int]) -> Iterator[Execution | Failure]:
        """Yield how each pair ends: count and compare, then trace and compare."""
        workers = self._with_packages if names_one_of(self._packages, problem.refcode) else self._plain
        request: dict[str, Any] = {"refcode": problem.refcode, "funcname": problem.funcname}
        calls = [json.dumps(problem.ios[index].input) for index in pairs]
        done = 0
        while done < len(pairs):
            checked = self._run(workers.checker, request | {"calls": calls[done:]})
            if isinstance(checked, Failure):
                yield from repeat(checked, checked.pairs)
                done += checked.pairs
            else:
                one_call = request | {"calls": [calls[done]]}
                yield self._trace(workers.tracer, one_call, checked, pairs[done], problem.ios[pairs[done]].output)
                done += 1

    def trace_pair(self, problem: Problem, index: int) -> Execution | Failure:
        """Run one pair."""
        return next(self._outcomes(problem, [index]))

    def _trace(
        self, tracer: CagedWorker, request: dict[str, Any], checked: dict[str, Any], pair: int, recorded: Any
    ) -> Execution | Failure:
        """Compare what the first run of a pair returned with the recorded value; then make the second."""
        value = json.loads(checked["value"])
        if not same_value(recorded, value, self._tracing.float_tolerance):
            return Failure(
                Reason.OUTPUT_MISMATCH,
                f"returned {_short(checked['value'])}, recorded {_short(json.dumps(recorded))}",
            )
        traced = self._run(tracer, request)
        if isinstance(traced, Failure):
            return traced
        if not same_value(value, json.loads(traced["value"]), 0):
            return Failure(
                Reason.NONDETERMINISTIC, f"returned {_short(checked['value'])}, then {_short(traced['value'])}"
            )
        if has_path(traced["value"]):
            return Failure(Reason.NONDETERMINISTIC, "returned a path of this machine, which is another elsewhere")
        return Execution(pair, traced["value"], traced["trace"], traced["wall_seconds"])

    def _run(self, worker: CagedWorker, request: dict[str, Any]) -> dict[str, Any] | Failure:
        return run_in(worker, request, self._tracing.worker_runs)


def run_in(worker: CagedWorker, request: dict[str, Any], worker_runs: int) -> dict[str, Any] | Failure:
    """Run a request; a fault of the sandbox is tried again on a fresh worker.

    A run that was killed is tried again once: the program may have had no part in it (a machine out of memory).

    Args:
        worker: which one.
        request: see ``worker``.
        worker_runs: after so many runs the worker is replaced.

    Raises:
        SandboxUnavailableError: no worker starts, whatever it is to run.
    """
    if worker.runs >= worker_runs:
        worker.close()
    detail, was_killed, starts = "", False, False
    for _ in range(1 + TRIES_AFTER_FAULT):
        try:
            result = worker.run(request)
        except SandboxFaultError as error:
            detail, starts = str(error), not isinstance(error, WorkerStartError)
            continue
        starts = True
        if result["outcome"] == "returned":
            return result
        if (result["outcome"], result["detail"]) == (Reason.KILLED, signal.SIGKILL.name) and not was_killed:
            was_killed = True
            continue
        if result["outcome"] != Reason.SANDBOX_FAULT:
            return Failure(Reason(result["outcome"]), result["detail"], result["calls"])
        detail = result["detail"]
        worker.close()
    if not starts:
        raise SandboxUnavailableError(f"sandbox: {detail}; the log of its actor has what it said")
    return Failure(Reason.SANDBOX_FAULT, detail)


def settings_of(tracing: Tracing, role: str, preload: list[str], *, caged: bool) -> dict[str, Any]:
    """Return what ``CagedWorker`` takes.

    Args:
        tracing: the limits.
        role: see ``worker``.
        preload: what to import before the first run.
        caged: whether to use the sandbox.
    """
    return {
        "caged": caged,
        "landlock_abi": landlock_abi() if caged else 0,
        "role": role,
        "preload": preload,
        "value_chars": tracing.value_chars,
        "limits": {
            "max_lines": tracing.max_lines,
            "result_bytes": tracing.trace_bytes,
            "timeout_seconds": tracing.timeout_s,
            "memory_mb": tracing.memory_mb,
        },
    }


def packages_of(tracing: Tracing) -> list[str]:
    """Return the modules to preload that are not of the standard library."""
    return [name for name in tracing.preload if name.partition(".")[0] not in sys.stdlib_module_names]


def names_one_of(packages: frozenset[str], refcode: str) -> bool:
    """Tell whether a program names a package."""
    return not packages.isdisjoint(WORD.findall(refcode))


def _workers(tracing: Tracing, preload: list[str], *, caged: bool) -> _Workers:
    return _Workers(
        checker=CagedWorker(settings_of(tracing, "count", preload, caged=caged), CHECKING_HASH_SEED),
        tracer=CagedWorker(settings_of(tracing, "record", preload, caged=caged), TRACING_HASH_SEED),
    )


def _summary(failures: list[Failure]) -> Failure:
    """Give a problem the commonest reason of its pairs (of equals the first met), and the counts of all."""
    counts = Counter(failure.reason for failure in failures)
    reason, _ = counts.most_common(1)[0]
    first = next(failure for failure in failures if failure.reason is reason)
    if len(failures) == 1:
        return first
    tally = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    return Failure(reason, f"{first.detail} ({len(failures)} pairs: {tally})")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:38]}…{text[-38:]}"
