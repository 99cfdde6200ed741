"""Find, among the pairs of a problem, one whose execution is worth training on.

In comes a problem and the pairs to try; out comes the first accepted execution, or why there is none. The program runs
in two caged workers whose interpreters hash strings differently:

1. the first only counts the lines that a trace would have, and returns the value; most pairs end here, cheaply:
   too long (several pairs in a row cost one process), an exception, a value that is not the recorded one
2. the second writes the trace; what it returns must be what the first returned, or the program is not deterministic
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from execground_ray.records import Problem, Reason
from execground_ray.tracing.sandbox import CagedWorker, SandboxFaultError, landlock_abi
from execground_ray.tracing.values import same_value

if TYPE_CHECKING:
    from execground_ray.config import Tracing

TRACING_HASH_SEED, CHECKING_HASH_SEED = 0, 1
TRIES_AFTER_FAULT = 2


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


class TraceRunner:
    """Runs problems, one at a time, in two caged workers of its own.

    Args:
        tracing: the limits.
        caged: whether to use the sandbox.
    """

    def __init__(self, tracing: Tracing, *, caged: bool) -> None:
        """See the class; the workers start with the first problem."""
        self._tracing = tracing
        settings = {
            "caged": caged,
            "landlock_abi": landlock_abi() if caged else 0,
            "preload": list(tracing.preload),
            "value_chars": tracing.value_chars,
            "limits": {
                "max_lines": tracing.max_lines,
                "result_bytes": tracing.trace_bytes,
                "timeout_seconds": tracing.timeout_s,
                "memory_mb": tracing.memory_mb,
            },
        }
        self._checker = CagedWorker(settings | {"records": False}, CHECKING_HASH_SEED)
        self._tracer = CagedWorker(settings | {"records": True}, TRACING_HASH_SEED)

    def __enter__(self) -> TraceRunner:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers and everything in their cages."""
        self._checker.close()
        self._tracer.close()

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
        request = {"refcode": problem.refcode, "funcname": problem.funcname}
        calls = [json.dumps(problem.ios[index].input) for index in pairs]
        done = 0
        while done < len(pairs):
            checked = self._run(self._checker, request | {"calls": calls[done:]})
            if isinstance(checked, Failure):
                yield from repeat(checked, checked.pairs)
                done += checked.pairs
            else:
                yield self._trace(problem, pairs[done], request | {"calls": [calls[done]]}, checked)
                done += 1

    def trace_pair(self, problem: Problem, index: int) -> Execution | Failure:
        """Run one pair."""
        return next(self._outcomes(problem, [index]))

    def _trace(
        self, problem: Problem, index: int, request: dict[str, Any], checked: dict[str, Any]
    ) -> Execution | Failure:
        """Compare what the first run of a pair returned with the recorded value; then make the second."""
        pair = problem.ios[index]
        value = json.loads(checked["value"])
        if not same_value(pair.output, value, self._tracing.float_tolerance):
            return Failure(
                Reason.OUTPUT_MISMATCH,
                f"returned {_short(checked['value'])}, recorded {_short(json.dumps(pair.output))}",
            )
        traced = self._run(self._tracer, request)
        if isinstance(traced, Failure):
            return traced
        if not same_value(value, json.loads(traced["value"]), 0):
            return Failure(
                Reason.NONDETERMINISTIC, f"returned {_short(checked['value'])}, then {_short(traced['value'])}"
            )
        return Execution(index, traced["value"], traced["trace"], traced["wall_seconds"])

    def _run(self, worker: CagedWorker, request: dict[str, Any]) -> dict[str, Any] | Failure:
        """Run a request; a fault of the sandbox is tried again on a fresh worker."""
        if worker.runs >= self._tracing.worker_runs:
            worker.close()
        detail = ""
        for _ in range(1 + TRIES_AFTER_FAULT):
            try:
                result = worker.run(request)
            except SandboxFaultError as error:
                detail = str(error)
                continue
            if result["outcome"] == "returned":
                return result
            if result["outcome"] != Reason.SANDBOX_FAULT:
                return Failure(Reason(result["outcome"]), result["detail"], result["calls"])
            detail = result["detail"]
            worker.close()
        return Failure(Reason.SANDBOX_FAULT, detail)


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
