"""From an accepted execution to its evidence, or to why there is none; every run is a real caged one."""

import dataclasses
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from evidence_programs import body, events_by_line, told
from hostile_programs import as_problem
from hostile_target import is_running, worker_pids

from execground_ray.config.schema import Tracing
from execground_ray.records import Problem
from execground_ray.tracing import sandbox
from execground_ray.tracing.evidence import Evidence, NoEvidence, decode
from execground_ray.tracing.evidence_runner import EvidenceRunner
from execground_ray.tracing.same_run import difference, renaming
from execground_ray.tracing.trace_runner import Failure, TraceRunner

SQUARE = "def main_solution(n):\n    return n * n\n"
MakeRunner = Callable[..., EvidenceRunner]


@pytest.fixture(scope="module")
def tracing(paper: Tracing) -> Tracing:
    return dataclasses.replace(paper, preload=(), timeout_s=2.0)


@pytest.fixture(scope="module")
def tracer(tracing: Tracing) -> Iterator[TraceRunner]:
    with TraceRunner(tracing, caged=True) as runner:
        yield runner


@pytest.fixture(scope="module")
def runner(tracing: Tracing) -> Iterator[EvidenceRunner]:
    with EvidenceRunner(tracing, caged=True) as runner:
        yield runner


@pytest.fixture
def make_runner(tracing: Tracing) -> Iterator[MakeRunner]:
    """For the tests that need other settings, or look at the workers."""
    runners = []

    def make(**changes: Any) -> EvidenceRunner:
        runners.append(EvidenceRunner(dataclasses.replace(tracing, **changes), caged=True))
        return runners[-1]

    yield make
    for runner in runners:
        runner.close()


def executed(tracer: TraceRunner, code: str, output: Any, **arguments: Any) -> tuple[Problem, dict[str, Any], str, str]:
    """What the runner is asked about a program: its accepted execution."""
    problem = as_problem(code, arguments, output)
    (execution,) = (
        found if not isinstance(found := tracer.trace_problem(problem, [0]), Failure) else pytest.fail(str(found))
    )
    return problem, arguments, execution.trace, execution.output


def test_the_evidence_of_an_execution(tracer, runner):
    found = runner.evidence(*executed(tracer, SQUARE, 49, n=7))
    assert isinstance(found, Evidence) and found.complete
    assert told(SQUARE, found) == ["n -> 7", "n -> 7", "n * n -> 49"]
    assert [line.kind for line in found.lines] == ["call", "value", "def", "source", "return"]
    assert found.complete_until == 6


def test_the_same_evidence_from_another_worker(tracer, runner, make_runner):
    asked = executed(tracer, body("s = {'a', 'b', 'c'}\nreturn sorted(x * 2 for x in s)"), ["aa", "bb", "cc"])
    assert runner.evidence(*asked) == make_runner().evidence(*asked)


def test_another_record_or_value_is_no_evidence(tracer, runner):
    problem, arguments, trace, output = executed(tracer, SQUARE, 49, n=7)
    changed = trace.replace("n * n", "n + n")
    assert runner.evidence(problem, arguments, changed, output) == NoEvidence(
        "mismatch", "record line 4: '2 |     return n * n', recorded '2 |     return n + n'"
    )
    assert runner.evidence(problem, arguments, trace + "\n", output) == NoEvidence(
        "mismatch", "5 record lines, recorded 6"
    )
    assert runner.evidence(problem, arguments, trace, "49.0").reason == "mismatch"
    assert runner.evidence(problem, {"n": -7}, trace, output).reason == "mismatch"


def test_a_record_of_an_earlier_version_which_shows_what_is_another_on_every_machine_has_evidence(tracer, runner):
    problem, arguments, trace, output = executed(tracer, body("import math\nreturn math.gcd(4, 6)"), 2)
    shown = trace.replace("<module 'math'>", "<module 'math' from '/venv/lib/math.so'>")
    assert shown != trace
    assert runner.evidence(problem, arguments, shown, output) == runner.evidence(problem, arguments, trace, output)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("return sum(iter(int, 1))", "timeout"),
        ("return len(bytearray(10**11))", "memory"),
        ("return 1 // 0", "exception"),
        ("for n in range(1000):\n    pass", "too_long"),
        ("import os\nos._exit(0)", "no_return"),
        ("import os\nos.abort()", "killed"),
        ("return {1}", "unsupported_value"),
        ("x = " + "-" * 900 + "1\nreturn x", "exception"),  # too deep to be instrumented
        ("x = " + "+".join(["given"] * 900) + "\nreturn 1", "exception"),
        ("return (", "exception"),
    ],
)
def test_how_a_run_ends_is_the_reason(code, reason, runner):
    found = runner.evidence(as_problem(body(code), {}, None), {}, "", "null")
    assert isinstance(found, NoEvidence)
    assert found.reason == reason, found


def test_a_line_that_does_too_much_ends_nothing_but_its_own_evidence(tracer, runner):
    code = body("a = sum(n % 7 for n in range(9000) if n)\nb = a + 1\nc = [x for x in range(9)]\nreturn b")
    evidence = runner.evidence(*executed(tracer, code, 26996))
    assert isinstance(evidence, Evidence) and not evidence.complete
    (line,) = evidence.incomplete_lines
    assert evidence.complete_until == line
    assert len(events_by_line(evidence)[line]) == 2000
    lines = told(code, evidence)
    assert "a + 1 -> 26996" in lines
    assert lines[-4:] == ["x -> 8", "[x for x in range(9)] -> [0, 1, 2, 3, 4, 5, 6, 7, 8]", lines[-2], "b -> 26996"]


def test_after_too_many_events_there_are_no_more(tracer, runner):
    code = body("t = 0\nfor k in range(30):\n    t += sum(n % 7 for n in range(450) if n)\nreturn t")
    evidence = runner.evidence(*executed(tracer, code, 40350))
    assert isinstance(evidence, Evidence) and not evidence.complete
    assert len(evidence.events) == 20_000
    assert max(evidence.incomplete_lines) == len(evidence.lines)
    assert evidence.incomplete_lines == frozenset(range(min(evidence.incomplete_lines), len(evidence.lines) + 1))
    assert evidence.events[-1].line == evidence.complete_until


def test_a_large_list_that_changes_in_a_loop_is_cheap(tracer, runner):
    code = body("xs = list(range(10_000))\nfor i in range(50):\n    xs[i] += 1\n    xs.append(i)\nreturn len(xs)")
    asked = executed(tracer, code, 10_050)
    evidence = runner.evidence(*asked)
    assert isinstance(evidence, Evidence) and evidence.complete
    cuts = [value for value in evidence.values if value.kind == "cut"]
    assert {value.length for value in cuts} >= {10_000, 10_001, 10_050}


def test_addresses_carry_the_numbers_of_the_record(tracer, runner):
    """An object stands somewhere else in each worker."""
    code = body("a = []\nx = id(a)\ny = {x: id(a), 5: 10**15}\nreturn len(y)")
    problem, arguments, trace, output = executed(tracer, code, 2)
    evidence = runner.evidence(problem, arguments, trace, output)
    assert isinstance(evidence, Evidence)
    (shown,) = (line.partition(" x = ")[2] for line in trace.split("\n") if " x = " in line and "|" not in line)
    texts = [value.text for value in evidence.values]
    assert shown in texts and f"{{{shown}: {shown}, 5: 1000000000000000}}" in texts


@pytest.mark.parametrize(
    ("written", "recorded", "names"),
    [
        ("a = 5", "a = 5", {}),
        ("a = 5", "a = 6", None),
        ("a = 140000000000001", "a = 150000000000002", {"140000000000001": "150000000000002"}),
        ("140000000000001 140000000000001", "150000000000002 150000000000003", None),
        ("140000000000001 140000000000002", "150000000000002 150000000000002", None),
        ("a140000000000001", "a150000000000002", None),
        ("0.140000000000001", "0.150000000000002", None),
        ("140000000000001 x", "150000000000002 y", None),
    ],
)
def test_records_that_are_the_same_but_for_addresses(written, recorded, names):
    assert renaming(written, recorded) == names


def test_a_difference_is_named():
    assert difference("a\nb\nc", "a\nx\nc") == "record line 2: 'b', recorded 'x'"


def test_workers_are_those_of_the_traces(paper):
    """A call of ``isinstance`` shows the classes that are there: of numpy, only if the program names it."""
    code = "from collections.abc import Mapping\n" + "def unused():\n    pass\n" * 4
    code += "def main_solution(n):\n    return isinstance((n,), Mapping)\n"
    settings = dataclasses.replace(paper, max_lines=1000)
    with TraceRunner(settings, caged=True) as tracer, EvidenceRunner(settings, caged=True) as runner:
        for number, text in enumerate((code, f"{code}# numpy"), 1):
            assert isinstance(runner.evidence(*executed(tracer, text, False, n=7)), Evidence)
            assert len(runner.worker_pids) == number


def test_a_dead_worker_is_replaced(tracer, make_runner):
    runner, asked = make_runner(), executed(tracer, SQUARE, 49, n=7)
    first = runner.evidence(*asked)
    os.kill(runner.worker_pids[0], signal.SIGKILL)
    assert runner.evidence(*asked) == first


def test_a_lasting_fault_is_told(tracer, make_runner, monkeypatch):
    runner, asked = make_runner(), executed(tracer, SQUARE, 49, n=7)
    with monkeypatch.context() as patch:
        patch.setattr(sandbox, "START_SECONDS", 0.0)  # no worker can be that fast
        with pytest.raises(sandbox.SandboxUnavailableError, match="did not start"):
            runner.evidence(*asked)
    assert isinstance(runner.evidence(*asked), Evidence)


def test_workers_are_replaced_after_some_runs(tracer, make_runner):
    runner, asked = make_runner(worker_runs=2), executed(tracer, SQUARE, 49, n=7)
    pids = [runner.evidence(*asked) and runner.worker_pids[0] for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_nothing_is_left_when_it_is_closed(tracer, tracing):
    asked, before = executed(tracer, SQUARE, 49, n=7), (worker_pids(), set(Path("/proc/self/fd").iterdir()))
    with EvidenceRunner(tracing, caged=True) as runner:
        runner.evidence(*asked)
        (pid,) = runner.worker_pids
    assert not is_running(pid)
    assert (worker_pids(), set(Path("/proc/self/fd").iterdir())) == before


def test_without_a_cage(tracer, tracing):
    with EvidenceRunner(tracing, caged=False) as runner:
        assert isinstance(runner.evidence(*executed(tracer, SQUARE, 49, n=7)), Evidence)


GOOD = {
    "values": [["literal", "1", "int", -1]],
    "lines": [["call", 0, 0, "", 1]],
    "frames": [["f", -1, -1, -1, 1, 1, [["n", 0]], 0]],
    "events": [[1, 0, 3, 0, -1]],
    "names": [[1, 0, "n", 0]],
    "complete": True,
    "complete_until": 2,
    "incomplete_lines": [],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"values": None},
        {"values": [["literal", 1, "int", -1]]},
        {"values": [["other", "1", "int", -1]]},
        {"values": [["literal", "1", "int"]]},
        {"lines": [["call", 5, 0, "", 1]]},
        {"lines": [["call", 0, 0, "", 2]]},
        {"frames": [["f", -1, -1, -1, 1, 1, [["n", 7]], 0]]},
        {"frames": [["f", -1, -1, -1, 1, 9, [], 0]]},
        {"frames": [["f", -1, -1, -1, 1, 1, ["n0", "m0", "xyz"], 0]]},
        {"events": [[0, 0, 3, 0, -1]]},
        {"events": [[1, 0, 3, 1, -1]]},
        {"events": [[1, 0, 3, 0, 2]]},
        {"events": [[1, 0, 3.0, 0, -1]]},
        {"events": [[True, 0, 3, 0, -1]]},
        {"events": {"a": 1}},
        {"names": [[1, 0, None, 0]]},
        {"complete": 1},
        {"complete": False},
        {"complete_until": 1},
        {"incomplete_lines": [7]},
        {"fault": "the recorder failed"},
    ],
    ids=str,
)
def test_malformed_evidence_is_refused(changes):
    assert isinstance(decode(json.dumps(GOOD)), Evidence)
    with pytest.raises(ValueError, match=r"malformed|failed"):
        decode(json.dumps(GOOD | changes))


@pytest.mark.parametrize("text", ["", "[]", "5", "null", "{", '{"values": []}', "[" * 100_000, "NaN", '"x"'])
def test_what_is_no_evidence_is_refused(text):
    with pytest.raises(ValueError, match="malformed"):
        decode(text)
