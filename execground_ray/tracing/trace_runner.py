"""Find, among the pairs of a problem, one whose execution is worth training on.

In comes a problem and the pairs to try; out comes the first accepted execution, or why there is none. The program runs
in two caged workers whose interpreters hash strings differently:

1. the checker only counts the lines that a trace would have, and returns the value; most pairs end here, cheaply:
   too long (several pairs in a row cost one process), an exception, a value that is not the recorded one
2. the tracer writes the trace; what it returns must be what the first run returned, or the program is not deterministic

Programs that name a package run in two workers that have imported it, see ``packages``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from execground_ray.python.values import read_json
from execground_ray.records import PYEDU, STDIN, Problem, Reason
from execground_ray.tracing.machine_paths import has_path
from execground_ray.tracing.packages import Preloads
from execground_ray.tracing.plausible import is_plausible
from execground_ray.tracing.recorded_inputs import RecordedInputs
from execground_ray.tracing.running import Failure, request_for, run_in, settings_of
from execground_ray.tracing.same_run import difference, may_vary, renaming
from execground_ray.tracing.sandbox import CagedWorker
from execground_ray.tracing.smaller_inputs import size_of, smaller_inputs
from execground_ray.tracing.values import same_print, same_value, to_json

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing

TRACING_HASH_SEED, CHECKING_HASH_SEED = 0, 1
# Of smaller inputs: how many recorded ones they are derived from, how many of one kind and of all may be run and not
# be accepted, and the fewest lines of trace that are worth telling.
ORIGINS, MOST_REFUSED, MOST_RUNS, LEAST_LINES = 3, 3, 24, 8


@dataclass(frozen=True)
class Execution:
    """One accepted execution.

    Attributes:
        pair: index of the pair in the problem's ``ios``, or of the one from which the input was derived.
        arguments: of the call.
        output: the returned value, exact, as JSON text.
        trace: snoop's text.
        wall_seconds: of the traced run, fork included.
        derived_input: whether the arguments are smaller than the recorded ones.
    """

    pair: int
    arguments: dict[str, Any]
    output: str
    trace: str
    wall_seconds: float
    derived_input: bool = False


@dataclass(frozen=True)
class _Call:
    """One call to make; the attributes are those of ``Execution``."""

    pair: int
    arguments: dict[str, Any]
    derived_input: bool = False


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
        self._preloads = Preloads(tracing)
        self._workers = [_workers(tracing, modules, caged=caged) for modules in self._preloads.kinds]

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers that have been started, always in the same order."""
        workers = (worker for pair in self._workers for worker in (pair.checker, pair.tracer))
        return [worker.pid for worker in workers if worker.pid is not None]

    def __enter__(self) -> TraceRunner:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()

    def close(self) -> None:
        """End the workers and everything in their cages."""
        for workers in self._workers:
            workers.close()

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
        for outcome in self._outcomes(problem, [_Call(index, problem.ios[index].input) for index in pairs]):
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                accepted.append(outcome)
                if len(accepted) == wanted:
                    break
            if sum(failure.reason is Reason.TIMEOUT for failure in failures) >= self._tracing.max_timeouts:
                break
        may_shrink = self._tracing.smaller_inputs and problem.layout == PYEDU and not accepted
        if may_shrink and {failure.reason for failure in failures} == {Reason.TOO_LONG}:
            accepted = self._with_smaller_input(problem, pairs)
        return accepted or _summary(failures)

    def _with_smaller_input(self, problem: Problem, pairs: list[int]) -> list[Execution]:
        """Make a recorded input smaller until its trace is not too long; return no more than one execution.

        The smallest recorded ones are tried, as less of them has to go. Of each way to make one smaller the largest
        that fits is taken; where what it returns is not like what was recorded, the next one or two. All of it may
        take as long as one run.
        """
        known = RecordedInputs([pair.input for pair in problem.ios], f"{problem.question}\n{problem.refcode}")
        runs, seconds = 0, 0.0
        for pair in sorted(pairs, key=lambda pair: size_of(problem.ios[pair].input))[:ORIGINS]:
            all_too_long = True
            for smaller in smaller_inputs(known, problem.ios[pair].input):
                refused, last = 0, None
                for outcome in self._outcomes(problem, [_Call(pair, each, derived_input=True) for each in smaller]):
                    if isinstance(outcome, Execution):
                        if outcome.trace.count("\n") + 1 >= LEAST_LINES:
                            return [outcome]
                        break
                    if outcome is not last:
                        runs, seconds = runs + 1, seconds + outcome.cpu_seconds
                    if runs >= MOST_RUNS or seconds >= self._tracing.timeout_s:
                        return []
                    last = outcome
                    refused += outcome.reason is not Reason.TOO_LONG
                    if refused == MOST_REFUSED:
                        break
                all_too_long = all_too_long and not refused
            if all_too_long:  # and so will be those that are made of another
                return []
        return []

    def _outcomes(self, problem: Problem, calls: list[_Call]) -> Iterator[Execution | Failure]:
        """Yield how each call ends: count and compare, then trace and compare."""
        workers = self._workers[self._preloads.kind_for(problem.refcode)]
        request = request_for(problem)
        texts = [to_json(call.arguments, exact=True) for call in calls]
        done = 0
        while done < len(calls):
            checked = self._run(workers.checker, request | {"calls": texts[done:]})
            if isinstance(checked, Failure):
                yield from repeat(checked, checked.pairs)
                done += checked.pairs
            else:
                one_call = request | {"calls": [texts[done]]}
                refused = self._refused(problem, calls[done], checked["value"])
                yield refused or self._trace(workers.tracer, one_call, checked, calls[done])
                done += 1

    def trace_pair(self, problem: Problem, index: int, smaller: dict[str, Any] | None = None) -> Execution | Failure:
        """Run one pair, or the smaller input that was derived from it."""
        call = _Call(index, smaller or problem.ios[index].input, derived_input=smaller is not None)
        return next(self._outcomes(problem, [call]))

    def _refused(self, problem: Problem, call: _Call, returned: str) -> Failure | None:
        """Say why what the first run of a call returned is not what was recorded, or not like that."""
        value = read_json(returned)
        if call.derived_input:
            recorded = [pair.output for pair in problem.ios]
            if is_plausible(value, problem.ios[call.pair].output, recorded, problem.refcode):
                return None
            return Failure(Reason.OUTPUT_MISMATCH, f"returned {_short(returned)}, which is not like what is recorded")
        output = problem.ios[call.pair].output
        if is_recorded(problem, output, value, self._tracing.float_tolerance):
            return None
        detail = f"returned {_short(returned)}, recorded {_short(to_json(output, exact=True))}"
        return Failure(Reason.OUTPUT_MISMATCH, detail)

    def _trace(
        self, tracer: CagedWorker, request: dict[str, Any], checked: dict[str, Any], call: _Call
    ) -> Execution | Failure:
        """Make the second run of a call, and compare it with the first one, and with a third if that may differ."""
        traced = self._run(tracer, request)
        if isinstance(traced, Failure):
            return traced
        if not same_value(read_json(checked["value"]), read_json(traced["value"]), 0):
            return Failure(
                Reason.NONDETERMINISTIC, f"returned {_short(checked['value'])}, then {_short(traced['value'])}"
            )
        if has_path(traced["value"]):
            return Failure(Reason.NONDETERMINISTIC, "returned a path of this machine, which is another elsewhere")
        if may_vary(request["refcode"]) and (varied := self._varied(tracer, request, traced["trace"])):
            return varied
        shown = traced["value"], traced["trace"], traced["wall_seconds"]
        return Execution(call.pair, call.arguments, *shown, derived_input=call.derived_input)

    def _varied(self, tracer: CagedWorker, request: dict[str, Any], trace: str) -> Failure | None:
        """Say how another run differs on its way: nobody can reason out what is drawn by lot, whatever comes of it."""
        again = self._run(tracer, request)
        if isinstance(again, Failure):
            return again
        if renaming(again["trace"], trace) is None:
            return Failure(Reason.NONDETERMINISTIC, f"another run differs: {difference(again['trace'], trace)}")
        return None

    def _run(self, worker: CagedWorker, request: dict[str, Any]) -> dict[str, Any] | Failure:
        return run_in(worker, request, self._tracing.worker_runs)


def is_recorded(problem: Problem, recorded: Any, returned: Any, float_tolerance: float) -> bool:
    """Tell whether a program has returned, or printed, what is recorded; see ``same_value``."""
    if problem.layout == STDIN:
        return same_print(recorded, returned)
    return same_value(recorded, returned, float_tolerance)


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
