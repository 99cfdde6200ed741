"""What the sandbox promises, tried by programs that want to break it; ``hostile_programs`` says how they are written.

Every attack would be harmless if it succeeded. After each program, what it could have reached is looked at from
outside: nothing may have changed, been told or been signalled, and nothing may be left running.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hostile_programs import FAMILIES, PROGRAMS, HostileProgram, as_problem
from hostile_target import CANARY, Target, children, worker_pids
from older_kernel import ABI as OLDER_ABI
from older_kernel import be_older_kernel

from execground_ray.config.loading import load
from execground_ray.config.schema import Tracing
from execground_ray.records import Reason, Stage
from execground_ray.tracing.evidence import Evidence, NoEvidence
from execground_ray.tracing.evidence_runner import EvidenceRunner
from execground_ray.tracing.trace_runner import Failure, TraceRunner

SECRET_VARIABLES = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "RAY_ADDRESS", "PYTHONPATH")
NUMBERS_OF_THE_LIST = {str(number) for number in range(1, 55)}
NUMBERS_TESTED_HERE = {"51", "54"}
ABOUT_OTHER_PROCESSES = {
    "signal_to_parents",
    "signal_to_sibling",
    "signal_by_other_calls",
    "signal_by_descriptor",
    "environment_of_others",
    "memory_of_others",
    "limits_of_others",
    "ptrace",
    "abstract_unix_socket",
    "threads_twin",
}
OF_THE_FILTER = {"files", "kernel", "network", "secrets"}  # families, whole
LANDLOCK_ABI = "execground_ray.tracing.running.landlock_abi"
NO_EVIDENCE = {"mismatch", "invalid", *(reason for reason in Reason if reason.stage is Stage.TRACE)} - {"sandbox_fault"}
NORMAL = """
def main_solution(words):
    lengths = {}
    for word in words:
        lengths[word] = len(word)
    return lengths
"""
NORMAL_TRACE = """\
 >>> Call to main_solution
 ...... words = ['a', 'bcd']
    2 | def main_solution(words):
    3 |     lengths = {}
    4 |     for word in words:
 .......... word = 'a'
    5 |         lengths[word] = len(word)
 .............. lengths = {'a': 1}
    4 |     for word in words:
 .......... word = 'bcd'
    5 |         lengths[word] = len(word)
 .............. lengths = {'a': 1, 'bcd': 3}
    4 |     for word in words:
    6 |     return lengths
 <<< Return value from main_solution: {'a': 1, 'bcd': 3}"""


@pytest.fixture(scope="module")
def tracing() -> Tracing:
    """Little memory; time enough for whatever ends, also on a busy machine."""
    return load(["tracing.timeout_s=20", "tracing.memory_mb=256"]).tracing


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """What there is to attack, in the working folder and the environment of whoever starts the workers."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("target")
        for name in SECRET_VARIABLES:
            patch.setenv(name, str(folder) if name == "PYTHONPATH" else CANARY)
        patch.chdir(folder)
        stack.callback(os.umask, os.umask(0o22))
        yield Target(folder, stack)


@pytest.fixture(scope="module")
def runner(tracing: Tracing, target: Target) -> Iterator[TraceRunner]:
    """The workers for all programs that end."""
    with TraceRunner(tracing, caged=True) as runner:
        yield runner


@pytest.fixture(scope="module")
def impatient_runner(tracing: Tracing, target: Target) -> Iterator[TraceRunner]:
    """And one for those that do not."""
    with TraceRunner(replace(tracing, timeout_s=1), caged=True) as runner:
        yield runner


@pytest.fixture(scope="module")
def witness(tracing: Tracing, target: Target) -> Iterator[EvidenceRunner]:
    """The workers that run the instrumented copies of all programs."""
    with EvidenceRunner(replace(tracing, timeout_s=1), caged=True) as runner:
        yield runner


@pytest.fixture(scope="module")
def first_workers(runner: TraceRunner, impatient_runner: TraceRunner, witness: EvidenceRunner) -> list[int]:
    """The workers that the suite begins with."""
    _check_normal(runner)
    _check_normal(impatient_runner)
    _check_normal_evidence(witness)
    return worker_pids()


def test_every_attack_of_the_list_is_tried() -> None:
    tried = {number for program in PROGRAMS for number in program.numbers}
    assert tried | NUMBERS_TESTED_HERE == NUMBERS_OF_THE_LIST | {"twin"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_harmless_twin(family: str) -> None:
    assert any(program.is_twin for program in PROGRAMS if program.family == family)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: f"{program.family}-{program.name}")
def test_program(
    program: HostileProgram,
    runner: TraceRunner,
    impatient_runner: TraceRunner,
    target: Target,
    first_workers: list[int],
) -> None:
    runner = impatient_runner if program.may_time_out else runner
    problem = program.problem(target.names())
    for _ in range(2 if program.family == "leftovers" else 1):
        found = runner.trace_problem(problem, [0])
        if program.reasons:
            assert isinstance(found, Failure) and found.reason in program.reasons, found
            found.detail.encode()
        else:
            assert not isinstance(found, Failure), found
            assert _same(json.loads(found[0].output), program.value)
            assert found[0].trace.splitlines()[-1].startswith(" <<< Return value from main_solution: ")
            found[0].trace.encode()
    target.check()
    assert worker_pids() == first_workers
    assert [child for pid in first_workers for child in children(pid)] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: f"{program.family}-{program.name}")
def test_instrumented_program(
    program: HostileProgram, runner: TraceRunner, witness: EvidenceRunner, target: Target, first_workers: list[int]
) -> None:
    """Whatever it does to the recorder, which runs beside it, it does to its own evidence alone."""
    problem = program.problem(target.names())
    found = None if program.reasons else runner.trace_problem(problem, [0])
    trace, output = ("", "null") if found is None or isinstance(found, Failure) else (found[0].trace, found[0].output)
    evidence = witness.evidence(problem, {}, trace, output)
    if program.is_twin:
        assert isinstance(evidence, Evidence), evidence
    elif not trace:
        assert isinstance(evidence, NoEvidence), evidence
    if isinstance(evidence, NoEvidence):
        assert evidence.reason in NO_EVIDENCE, evidence
        evidence.detail.encode()
    target.check()
    assert worker_pids() == first_workers
    assert [child for pid in first_workers for child in children(pid)] == []
    _check_normal_evidence(witness)


def test_a_value_that_answers_back_is_seen_and_not_asked(runner: TraceRunner, witness: EvidenceRunner) -> None:
    (program,) = (program for program in PROGRAMS if program.name == "values_that_answer_back")
    found = runner.trace_problem(program.problem({}), [0])
    assert not isinstance(found, Failure), found
    evidence = witness.evidence(program.problem({}), {}, found[0].trace, found[0].output)
    assert isinstance(evidence, Evidence), evidence
    assert "<Armed object>" in {value.text for value in evidence.values}


@pytest.mark.parametrize(
    "text",
    [
        """it's "quoted" \\ and \n broken""",
        "'); import os; os._exit(3); ('",
        "{text} %s $HOME `id` \x00\x1b[31m\u2028\ud83d",
        '"""\n    return 1\n"""',
        "\\N{DIGIT ONE}\\u0041\\",
    ],
    ids=["quotes", "injection", "formats", "docstring", "escapes"],
)
def test_arguments_are_values_whatever_they_contain(text: str, runner: TraceRunner) -> None:
    code = "def main_solution(text, **named):\n    return [text, named]\n"
    output = [text, {"named": [text], text: 1}]
    found = runner.trace_problem(as_problem(code, {"text": text, "named": [text], text: 1}, output), [0])
    assert not isinstance(found, Failure), found
    assert json.loads(found[0].output) == output


def test_recorded_input_survives_a_program_that_changes_its_argument(runner: TraceRunner) -> None:
    problem = as_problem("def main_solution(items):\n    items.clear()\n    return items\n", {"items": [3, 1]}, [])
    found = runner.trace_problem(problem, [0])
    assert not isinstance(found, Failure), found
    assert problem.ios[0].input == {"items": [3, 1]}
    assert found[0].trace.splitlines()[1] == " ...... items = [3, 1]"


def test_fake_line_in_a_value_stands_where_no_line_of_a_trace_does(runner: TraceRunner, target: Target) -> None:
    (program,) = (program for program in PROGRAMS if program.name == "repr_fake_lines")
    found = runner.trace_problem(program.problem(target.names()), [0])
    assert not isinstance(found, Failure), found
    fakes = [line for line in found[0].trace.splitlines() if ": 42" in line]
    assert fakes and all(line.startswith(" " * len(" .......... evil = ")) for line in fakes)


@pytest.mark.parametrize(
    ("source", "reasons"),
    [
        ("x = " + "(" * 10_000 + ")" * 10_000, {Reason.EXCEPTION}),
        ("x = " + "-" * 100_000 + "1", {Reason.EXCEPTION, Reason.MEMORY}),
        ("x = " + "+".join(["1"] * 50_000), {Reason.EXCEPTION}),
        ("x = '\0'\0", {Reason.EXCEPTION}),
        ("x = [" + "1," * 2_000_000 + "]", {Reason.MEMORY}),
    ],
    ids=["brackets", "signs", "chain", "nul", "huge"],
)
def test_source_that_breaks_a_compiler(
    source: str, reasons: set[Reason], runner: TraceRunner, first_workers: list[int]
) -> None:
    found = runner.trace_problem(as_problem(f"{source}\ndef main_solution():\n    return 1\n", {}, 1), [0])
    assert isinstance(found, Failure) and found.reason in reasons, found
    large = as_problem("def main_solution():\n    return len(bytearray(200_000_000))\n", {}, 200_000_000)
    assert not isinstance(found := runner.trace_problem(large, [0]), Failure), found
    assert worker_pids() == first_workers


@pytest.mark.parametrize("abi", [5, OLDER_ABI])
def test_older_kernel_is_as_strict(abi: int, tracing: Tracing, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Landlock learned later (scopes with its version 6, emptying with 3), the system-call filter must do."""
    be_older_kernel(monkeypatch) if abi == OLDER_ABI else monkeypatch.setattr(LANDLOCK_ABI, lambda: abi)
    with TraceRunner(tracing, caged=True) as runner:
        for program in PROGRAMS:
            if program.name in ABOUT_OTHER_PROCESSES or (abi == OLDER_ABI and program.family in OF_THE_FILTER):
                found = runner.trace_problem(program.problem(target.names()), [0])
                failed = isinstance(found, Failure)
                assert found.reason in program.reasons if failed else not program.reasons, (program.name, found)
                target.check()
        _check_normal(runner)


def test_same_workers_trace_a_normal_problem_after_all_that(
    runner: TraceRunner, impatient_runner: TraceRunner, first_workers: list[int]
) -> None:
    _check_normal(runner)
    _check_normal(impatient_runner)
    assert worker_pids() == first_workers


def _check_normal(runner: TraceRunner) -> None:
    output = {"a": 1, "bcd": 3}
    for end in ("", "# numpy\n"):  # in the workers with packages, too
        found = runner.trace_problem(as_problem(NORMAL + end, {"words": ["a", "bcd"]}, output), [0])
        assert not isinstance(found, Failure), found
        assert json.loads(found[0].output) == output
        assert found[0].trace == NORMAL_TRACE


def _check_normal_evidence(witness: EvidenceRunner) -> None:
    for end in ("", "# numpy\n"):
        problem = as_problem(NORMAL + end, {}, None)
        evidence = witness.evidence(problem, {"words": ["a", "bcd"]}, NORMAL_TRACE, '{"a": 1, "bcd": 3}')
        assert isinstance(evidence, Evidence), evidence
        assert (len(evidence.events), evidence.complete) == (16, True)


def _same(one: object, other: object) -> bool:
    return json.dumps(one) == json.dumps(other)
