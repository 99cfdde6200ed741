"""From a problem and its pairs to one accepted execution, or to why there is none; every run is a real caged one."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from execground_ray.config.schema import Tracing
from execground_ray.python.values import Expression, read_json
from execground_ray.records import Pair, Problem, Reason
from execground_ray.stages.trace_execution import pair_order
from execground_ray.tracing import sandbox
from execground_ray.tracing.sandbox import SandboxUnavailableError
from execground_ray.tracing.trace_runner import CHECKING_HASH_SEED, Execution, Failure, TraceRunner

SQUARE = "def main_solution(n):\n    return n * n\n"
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]
MakeRunner = Callable[..., TraceRunner]


def make_problem(refcode: str, *pairs: tuple[Any, Any]) -> Problem:
    """A problem whose function takes one argument ``n``."""
    ios = tuple(Pair({"n": n}, output) for n, output in pairs)
    return Problem("Do it.", "A number.", refcode, "main_solution", ios, "", "", {})


@pytest.fixture(scope="module")
def tracing(paper: Tracing) -> Tracing:
    return dataclasses.replace(paper, preload=(), timeout_s=1.0, max_lines=60)


@pytest.fixture(scope="module")
def runner(tracing: Tracing) -> Iterator[TraceRunner]:
    """For the tests that only ask what it answers; one more promise is that no run spoils the next."""
    with TraceRunner(tracing, caged=True) as runner:
        yield runner


@pytest.fixture
def make_runner(tracing: Tracing) -> Iterator[MakeRunner]:
    """For the tests that need other settings, or look at the workers."""
    runners = []

    def make(**changes: Any) -> TraceRunner:
        runners.append(TraceRunner(dataclasses.replace(tracing, **changes), caged=True))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def test_an_accepted_execution(runner):
    (execution,) = runner.trace_problem(make_problem(SQUARE, (7, 49)), [0])
    assert isinstance(execution, Execution)
    assert (execution.pair, execution.output) == (0, "49")
    assert execution.trace.split("\n") == [
        " >>> Call to main_solution",
        " ...... n = 7",
        "    1 | def main_solution(n):",
        "    2 |     return n * n",
        " <<< Return value from main_solution: 49",
    ]
    assert 0 < execution.wall_seconds < 1


def test_stops_at_the_first_accepted_pair(make_runner):
    runner = make_runner()
    problem = make_problem(SQUARE, (2, 5), (3, 9), (4, 16), (5, 25))
    (execution,) = runner.trace_problem(problem, [0, 2, 1, 3])
    assert execution.pair == 2
    assert (runner._workers[0].checker.runs, runner._workers[0].tracer.runs) == (2, 1)


def test_finds_as_many_as_are_wanted_in_the_given_order(runner):
    problem = make_problem(SQUARE, (2, 4), (3, 0), (4, 16), (5, 25))
    assert [found.pair for found in runner.trace_problem(problem, [3, 1, 0, 2], wanted=2)] == [3, 0]
    assert [found.pair for found in runner.trace_problem(problem, [3, 1, 0, 2], wanted=9)] == [3, 0, 2]


def test_the_order_of_pairs_depends_on_seed_and_problem_alone():
    pairs = list(range(10))
    order = pair_order("problem", pairs, 1)
    assert sorted(order) == pairs
    assert pair_order("problem", pairs, 1) == order
    assert pair_order("problem", pairs, 2) != order != pair_order("another", pairs, 1)


def test_same_answer_from_other_workers(runner, make_runner):
    problem = make_problem("def main_solution(n):\n    return sorted(set('abc'))[n:]\n", (1, ["b", "c"]))
    found = [runner.trace_problem(problem, [0]), make_runner().trace_problem(problem, [0])]
    first, second = (dataclasses.replace(executions[0], wall_seconds=0) for executions in found)
    assert first == second


@pytest.mark.parametrize(
    ("refcode", "n", "output", "reason", "detail"),
    [
        (SQUARE, 2, 5, Reason.OUTPUT_MISMATCH, "returned 4, recorded 5"),
        (SQUARE, 2, 4.0, Reason.OUTPUT_MISMATCH, "returned 4, recorded 4.0"),
        (SQUARE, 2, True, Reason.OUTPUT_MISMATCH, "returned 4, recorded true"),
        ("def main_solution(n):\n    return 'x' * n\n", 999, "y", Reason.OUTPUT_MISMATCH, "…"),
        ("def main_solution(n):\n    return 1 // n\n", 0, 1, Reason.EXCEPTION, "ZeroDivisionError"),
        ("def main_solution(n, m):\n    return 1\n", 0, 1, Reason.EXCEPTION, "TypeError"),
        ("1 // 0\ndef main_solution(n):\n    return 1\n", 0, 1, Reason.EXCEPTION, "ZeroDivisionError"),
        ("def main_solution(n:\n", 0, 1, Reason.EXCEPTION, "SyntaxError"),
        (
            "def main_solution(n):\n    try:\n        return 1 // n\n    except ZeroDivisionError:\n        return 0\n",
            0,
            0,
            Reason.EXCEPTION,
            "ZeroDivisionError",
        ),
        ("def main_solution(n):\n    for i in range(n):\n        pass\n", 60, None, Reason.TOO_LONG, "60 lines"),
        ("def main_solution(n):\n    while True:\n        n += 1\n", 0, 1, Reason.TOO_LONG, "60 lines"),
        ("def main_solution(n):\n    return sum(iter(int, 1))\n", 0, 1, Reason.TIMEOUT, "1 s"),
        ("def main_solution(n):\n    return {n}\n", 0, [0], Reason.UNSUPPORTED_VALUE, "set"),
        ("import os\ndef main_solution(n):\n    os._exit(n)\n", 0, 0, Reason.NO_RETURN, "exit code 0"),
        ("def main_solution(n):\n    return len(bytearray(n))\n", 10**11, 1, Reason.MEMORY, "MB"),
    ],
)
def test_failures(runner, refcode, n, output, reason, detail):
    failure = runner.trace_problem(make_problem(refcode, (n, output)), [0])
    assert isinstance(failure, Failure)
    assert failure.reason is reason, failure
    assert detail in failure.detail


HANDLING = """import statistics
def main_solution(n):
    try:
        return [n // 0]
    except ZeroDivisionError:
        return statistics.mode([n] * 2)
"""
DEEP = """import json
def main_solution(n):
    try:
        return json.loads("[" * 10**5)
    except RecursionError:
        return 0
"""
HUGE = "def main_solution(n):\n    try:\n        n = bytearray(10**11)\n    except MemoryError:\n        return 0\n"


def test_a_run_may_raise_what_it_handles(make_runner):
    runner = make_runner(exceptions="handled")
    (execution,) = runner.trace_problem(make_problem(HANDLING, (3, 3)), [0])
    assert execution.trace.split("\n")[4:10] == [
        "    4 |         return [n // 0]",
        " !!! ZeroDivisionError: integer division or modulo by zero",
        " !!! When evaluating: n // 0",
        "    5 |     except ZeroDivisionError:",
        "    6 |         return statistics.mode([n] * 2)",
        " <<< Return value from main_solution: 3",
    ]
    for refcode, reason, detail in (
        ("def main_solution(n):\n    return 1 // n\n", Reason.EXCEPTION, "ZeroDivisionError"),
        (DEEP, Reason.EXCEPTION, "RecursionError"),  # how deep a program may go is not its own doing,
        (HUGE, Reason.MEMORY, "MB"),  # nor how much there is
    ):
        failure = runner.trace_problem(make_problem(refcode, (0, 0)), [0])
        assert (failure.reason, detail in failure.detail) == (reason, True), failure


SUMS = """def main_solution(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""


def test_where_all_inputs_are_too_long_a_smaller_one_is_derived(make_runner):
    problem = make_problem(SUMS, (900, 404550), (70, 2415), (333, 55278))
    runner = make_runner(smaller_inputs=True)
    (execution,) = runner.trace_problem(problem, [1, 0, 2])
    assert (execution.pair, execution.derived_input, execution.arguments) == (1, True, {"n": 12})
    assert execution.output == "66"
    assert 8 <= execution.trace.count("\n") + 1 < 60
    again = runner.trace_problem(problem, [1, 0, 2])
    assert dataclasses.replace(again[0], wall_seconds=0) == dataclasses.replace(execution, wall_seconds=0)
    assert make_runner().trace_problem(problem, [1, 0, 2]).reason is Reason.TOO_LONG
    short = make_problem(SUMS, (900, 404550), (5, 10), (70, 2415))
    assert [found.pair for found in runner.trace_problem(short, [0, 1, 2], wanted=3)] == [1]


@pytest.mark.parametrize(
    ("refcode", "pairs", "reason"),
    [
        (SUMS, [(900, 404550), (3, 5)], Reason.TOO_LONG),  # one is not too long, but wrong
        (SUMS.replace("range(n)", "range(99)"), [(900, 4851), (70, 4851)], Reason.TOO_LONG),  # whatever its input
        (SUMS.replace("total += i", "total += n // 70"), [(900, 10800), (700, 7000)], Reason.TOO_LONG),  # 0
        (SUMS.replace("total = 0", "total = n and {69: 0}[n]"), [(900, 1), (70, 1)], Reason.EXCEPTION),
        (SUMS.replace("return total", "return str(total)"), [(900, 404550), (70, 2415)], Reason.TOO_LONG),
    ],
)
def test_no_smaller_input_where_it_would_be_none_like_the_recorded_ones(make_runner, refcode, pairs, reason):
    failure = make_runner(smaller_inputs=True).trace_problem(make_problem(refcode, *pairs), list(range(len(pairs))))
    assert (failure.reason, type(failure)) == (reason, Failure), failure


def test_a_trace_as_long_as_the_limit_is_too_long(make_runner):
    problem = make_problem(SQUARE, (7, 49))  # 5 lines
    assert make_runner(max_lines=5).trace_problem(problem, [0]).reason is Reason.TOO_LONG
    assert len(make_runner(max_lines=6).trace_problem(problem, [0])) == 1


def test_floats_may_differ_by_the_tolerance(runner):
    third = "def main_solution(n):\n    return [n / 3]\n"
    assert len(runner.trace_problem(make_problem(third, (1, [0.3333])), [0])) == 1
    assert runner.trace_problem(make_problem(third, (1, [0.34])), [0]).reason is Reason.OUTPUT_MISMATCH


def test_order_of_a_set_is_not_deterministic(runner):
    code = f"list(set({WORDS}))"
    environment = os.environ | {"PYTHONHASHSEED": str(CHECKING_HASH_SEED)}
    printed = subprocess.run([sys.executable, "-c", f"print({code})"], env=environment, capture_output=True, check=True)
    recorded = json.loads(printed.stdout.decode().replace("'", '"'))
    refcode = f"def main_solution(n):\n    return {code}\n"
    failure = runner.trace_problem(make_problem(refcode, (0, recorded)), [0])
    assert failure.reason is Reason.NONDETERMINISTIC, failure
    assert len(runner.trace_problem(make_problem(refcode.replace("list(", "sorted("), (0, sorted(WORDS))), [0])) == 1


def test_what_is_only_nearly_the_same_twice_is_not_deterministic(runner):
    """The tolerance is for the corpus's record, not for two runs of one program."""
    refcode = "import time\ndef main_solution(n):\n    return time.time()\n"
    now = float(subprocess.run([sys.executable, "-c", "import time; print(time.time())"], capture_output=True).stdout)
    assert runner.trace_problem(make_problem(refcode, (0, now)), [0]).reason is Reason.NONDETERMINISTIC


@pytest.mark.parametrize(
    "drawn", ["__import__('random').random()", "__import__('time').time()", "numpy.random.rand()", "id(object)"]
)
def test_what_nobody_can_foresee_is_not_deterministic_whatever_comes_of_it(make_runner, drawn):
    """An address is another one in each process, but says nothing that a text would tell."""
    refcode = f"import numpy\n\n\ndef main_solution(n):\n    drawn = {drawn}\n    return n\n"
    found = make_runner(preload=("numpy.random",)).trace_problem(make_problem(refcode, (1, 1)), [0])
    if drawn == "id(object)":
        assert len(found) == 1
    else:
        assert found.reason is Reason.NONDETERMINISTIC
        assert found.detail.startswith("another run differs: record line 5: ")


@pytest.mark.parametrize(
    ("drawn", "is_foreseen"), [("numpy.random.rand()", True), ("__import__('random').random()", False)]
)
def test_a_generator_with_a_seed_of_its_own_is_deterministic(make_runner, drawn, is_foreseen):
    refcode = f"import numpy\n\n\ndef main_solution(n):\n    numpy.random.seed(n)\n    drawn = {drawn}\n    return n\n"
    assert isinstance(make_runner().trace_problem(make_problem(refcode, (1, 1)), [0]), list) == is_foreseen


def test_the_smallest_recorded_input_is_made_smaller(make_runner):
    refcode = "def main_solution(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
    pairs = [(n, n * (n - 1) // 2) for n in (9000, 70, 500, 8000, 7000)]
    (found,) = make_runner(smaller_inputs=True).trace_problem(make_problem(refcode, *pairs), [0, 1, 2, 3, 4])
    assert (found.pair, found.derived_input) == (1, True)


def test_a_problem_gets_the_commonest_reason_and_all_counts(runner):
    problem = make_problem("def main_solution(n):\n    return 1 // n\n", (0, 0), (1, 5), (0, 1), (0, 2), (1, 6))
    failure = runner.trace_problem(problem, [1, 0, 2, 3, 4])
    assert failure.reason is Reason.EXCEPTION
    assert failure.detail.startswith("ZeroDivisionError")
    assert failure.detail.endswith("(5 pairs: 3 exception, 2 output_mismatch)")


def test_gives_up_a_problem_after_some_timeouts(make_runner):
    runner = make_runner(timeout_s=0.5, max_timeouts=2)
    problem = make_problem("def main_solution(n):\n    return sum(iter(int, n))\n", *[(1, 1)] * 5, (0, 0))
    failure = runner.trace_problem(problem, [0, 1, 2, 3, 4, 5])
    assert (failure.reason, runner._workers[0].checker.runs) == (Reason.TIMEOUT, 2)
    assert [found.pair for found in runner.trace_problem(problem, [0, 5, 1])] == [5]


def test_a_trace_does_not_depend_on_the_problems_before(paper):
    """A call of ``isinstance`` shows the classes that are there: of numpy, only if the program names it."""
    code = "from collections.abc import Mapping\n" + "def unused():\n    pass\n" * 4
    code += "def main_solution(n):\n    return isinstance((n,), Mapping)\n"
    asks, names_numpy = make_problem(code, (7, False)), make_problem(f"{code}# numpy", (7, False))
    with TraceRunner(dataclasses.replace(paper, max_lines=1000), caged=True) as runner:
        (first,) = runner.trace_problem(asks, [0])
        assert "collections.UserDict" in first.trace
        assert len(runner.worker_pids) == 2
        (beside_numpy,) = runner.trace_problem(names_numpy, [0])
        assert "NpzFile" in beside_numpy.trace
        assert len(runner.worker_pids) == 4
        (again,) = runner.trace_problem(asks, [0])
    assert again.trace == first.trace


def test_workers_are_replaced_after_some_runs(make_runner):
    runner = make_runner(worker_runs=3)
    problem = make_problem(SQUARE, (7, 49))
    seen = []
    for _ in range(7):
        assert len(runner.trace_problem(problem, [0])) == 1
        seen.append(tuple(runner.worker_pids))
    assert [seen.index(pids) for pids in seen] == [0, 0, 0, 3, 3, 3, 6]
    assert not any(is_alive(pid) for pids in seen[:6] for pid in pids)


def test_a_dead_worker_is_a_fault_of_the_sandbox_and_replaced(make_runner):
    runner = make_runner()
    problem = make_problem(SQUARE, (7, 49))
    first = runner.trace_problem(problem, [0])
    for killed in (0, 1):
        os.kill(runner.worker_pids[killed], signal.SIGKILL)
        (again,) = runner.trace_problem(problem, [0])
        assert (again.output, again.trace) == (first[0].output, first[0].trace)


def test_where_no_worker_starts_no_program_is_blamed(make_runner, monkeypatch):
    monkeypatch.setattr(sandbox, "START_SECONDS", 0.0)  # no worker can be that fast
    runner = make_runner()
    with pytest.raises(SandboxUnavailableError, match="the worker did not start"):
        runner.trace_problem(make_problem(SQUARE, (7, 49)), [0])
    monkeypatch.undo()
    assert len(runner.trace_problem(make_problem(SQUARE, (7, 49)), [0])) == 1


def test_nothing_is_left_when_it_is_closed(tracing):
    before = set(Path("/proc/self/fd").iterdir())
    with TraceRunner(tracing, caged=True) as runner:
        runner.trace_problem(make_problem(SQUARE, (7, 49)), [0])
        pids = runner.worker_pids
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_without_a_cage(tracing):
    with TraceRunner(tracing, caged=False) as runner:
        assert len(runner.trace_problem(make_problem(SQUARE, (7, 49)), [0])) == 1
        slow = make_problem("def main_solution(n):\n    return sum(iter(int, 1))\n", (0, 0))
        assert runner.trace_problem(slow, [0]).reason is Reason.TIMEOUT


def test_what_the_worker_has_imported_is_not_a_runs_to_collect(runner: TraceRunner) -> None:
    """Else each run that collects its garbage would touch, and so copy, the memory that all of them share."""
    code = """
def main_solution(n):
    import gc
    gc.collect()
    return gc.get_freeze_count() > n and len(gc.get_objects()) < n
"""
    assert isinstance(runner.trace_problem(make_problem(code, (10_000, True)), [0], 1), list)


def other_problem(layout: str, refcode: str, given: dict[str, Any], output: Any) -> Problem:
    funcname = "main" if layout == "stdin" else "f"
    return Problem("", "", refcode, funcname, (Pair(given, output),), "", "", {}, layout)


@pytest.mark.parametrize(
    ("refcode", "given", "output"),
    [
        (
            "def f(pair, table):\n    a, b = pair\n    return {b: table[a]}, (a,)",
            {"pair": (1, 2), "table": {1: "x"}},
            ({2: "x"}, (1,)),
        ),
        ("def f(words):\n    return {word[0] for word in words}", {"words": {"ab", "cd", "ef"}}, {"a", "c", "e"}),
        ("def f(data):\n    return data + b'!'", {"data": b"\xff"}, b"\xff!"),
        (
            "def f(items, key):\n    return sorted(items, key=key)",
            {"items": [1, 2], "key": Expression("lambda n: -n")},
            [2, 1],
        ),
    ],
)
def test_values_of_python_reach_the_program_and_come_back(runner: TraceRunner, refcode, given, output) -> None:
    (found,) = runner.trace_problem(other_problem("function", refcode, given, output), [0])
    assert read_json(found.output) == output


def test_values_of_python_are_compared_by_their_types(runner: TraceRunner) -> None:
    found = runner.trace_problem(other_problem("function", "def f():\n    return [(1, 2)]", {}, [[1, 2]]), [0])
    assert (found.reason, found.detail) == (
        Reason.OUTPUT_MISMATCH,
        'returned [{"__python__": "tuple", "of": [1, 2]}], recorded [[1, 2]]',
    )


READER = """
import sys
first = sys.stdin.readline
def main():
    n = int(first())
    print("n", n, end=" \\n")
    sys.stdout.buffer.write(sys.stdin.buffer.read())
    sys.stdout.flush()
"""


def test_a_program_that_reads_and_prints(runner: TraceRunner) -> None:
    (found,) = runner.trace_problem(
        other_problem(
            "stdin", "def main():\n    n = int(input())\n    print(n)\n    print(input())", {"stdin": "3\né\n"}, "3\né"
        ),
        [0],
    )
    assert found.output == json.dumps("3\né\n")
    assert found.trace.startswith(" >>> Call to main\n")
    found = runner.trace_problem(other_problem("stdin", READER, {"stdin": "3\n"}, "n 4"), [0])
    assert (found.reason, found.detail) == (Reason.OUTPUT_MISMATCH, 'returned "n 3 \\n", recorded "n 4"')
    found = runner.trace_problem(other_problem("stdin", READER, {"stdin": ""}, ""), [0])
    assert found.reason is Reason.EXCEPTION


def test_nothing_of_a_call_by_values_of_python_stays_for_the_next(runner: TraceRunner) -> None:
    assert runner.trace_problem(other_problem("function", "def f():\n    return ()", {}, ()), [0])
    (found,) = runner.trace_problem(make_problem("def main_solution(n):\n    return (n,)", (1, [1])), [0])
    assert found.output == "[1]"


def test_no_input_is_made_smaller_where_a_recorded_one_fits(make_runner: MakeRunner) -> None:
    code = "def main_solution(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
    problem = make_problem(code, *((n, sum(range(n))) for n in (90, 95, 12)))
    runner = make_runner(smaller_inputs=True)
    (found,) = runner.trace_problem(problem, [0, 1, 2])
    assert (found.pair, found.derived_input) == (2, False)
    (found,) = runner.trace_problem(problem, [0, 1])
    assert found.derived_input
