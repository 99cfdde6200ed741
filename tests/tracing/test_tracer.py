"""The tracer writes what snoop writes, to the character; snoop itself is asked.

``programs.txt`` holds programs of every construct, and the bundled sample and the public corpus hold real ones. Both
sides run in forks of one process with one hash seed, so that only addresses can differ between them.
"""

import difflib
import json
import os
import re
import sys
from pathlib import Path

import pytest
from snoop_oracle import Traced

import execground_ray
from execground_ray.records import Problem
from execground_ray.stages.filter_problems import filter_problem
from execground_ray.tracing.machine_paths import without_machine
from execground_ray.tracing.sandbox import CagedWorker

HERE = Path(__file__).parent
SAMPLE = Path(execground_ray.__file__).parent / "corpus" / "sample.jsonl"
REWRITE_GOLDEN = "REWRITE_GOLDEN_TRACES"
GOLDEN = HERE / "golden" / f"{sys.version_info.major}.{sys.version_info.minor}"
GOLDEN_PROGRAMS = (
    "nested_comprehensions",
    "generators",
    "decorators",
    "class_with_everything",
    "recursion",
    "multi_line_statements",
    "long_values",
    "match_statement",
    "numpy_arrays",
)
SAMPLE_LINES, CORPUS_LINES, CORPUS_PROBLEMS = 10_000, 300, 150
LAYOUTS = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "cr": lambda text: text.replace("\n", "\r"),
    "no newline at the end": lambda text: text.rstrip("\n"),
    "blank lines around": lambda text: "\n\n" + text + "\n\n\n",
    "form feeds": lambda text: "\x0c\n" + text.replace("def main", "\x0cdef main"),
    "other line separators": lambda text: "A = '\x85 \u2028 \x1c \x0b'\n" + text,
    "declared encoding": lambda text: "# -*- coding: utf-8 -*-\n" + text,
}
# Each definition makes the trace one level deeper.
DEEPER = "".join(f"\n\ndef unused_{number}():\n    pass\n" for number in range(3))
# An address that a program sees as a number, e.g. as a key of ``copy.deepcopy``'s memo, and the time of day.
MOVING_NUMBER = re.compile(r"\b(?:9|1[34])\d{13}\b|\b1[78]\d{8}\.\d+\b")
LINE_NUMBER = re.compile(r"^ *\d+(?= \|)")
NOT_AS_SNOOP = {
    "integer_too_long_to_print": "after one such integer snoop shows no integer of the run any more: we still do",
}


def read_programs(path: Path) -> dict[str, tuple[str, str]]:
    """Name: source and arguments, from the sections of a file such as ``programs.txt``."""
    programs = {}
    for section in path.read_text("utf-8").split("=== ")[1:]:
        head, _, source = section.partition("\n")
        name, _, arguments = head.partition(" ")
        programs[name] = (source, arguments)
    return programs


PROGRAMS = read_programs(HERE / "programs.txt")


def difference(traced: Traced) -> str:
    """A diff from snoop's lines to ours, empty when they agree."""
    snoop, ours = ([MOVING_NUMBER.sub("#", line) for line in lines] for lines in (traced.snoop, traced.tracer))
    return "\n".join(difflib.unified_diff(snoop, ours, "snoop", "tracer", lineterm="", n=1))


def miscount(traced: Traced, max_lines: int) -> str:
    """What is wrong with the count, empty when nothing is."""
    if traced.counter >= max_lines:
        return "" if len(traced.tracer) >= max_lines else f"too long, but only {len(traced.tracer)} lines"
    return f"counted {traced.counter} of {len(traced.tracer)}" if traced.counter > len(traced.tracer) else ""


@pytest.mark.parametrize("name", PROGRAMS)
def test_writes_what_snoop_writes(request, oracle, name):
    if name in NOT_AS_SNOOP:
        request.applymarker(pytest.mark.xfail(reason=NOT_AS_SNOOP[name], strict=True, raises=AssertionError))
    source, arguments = PROGRAMS[name]
    for text in (source, source + DEEPER):
        traced = oracle.trace(text, arguments)
        assert traced.snoop[0].startswith(" >>> "), "snoop traced nothing"
        found = difference(traced)
        assert not found, found


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["multi_line_statements", "decorator_over_lines", "docstring_and_comments"])
def test_layout_of_the_source(oracle, name, layout):
    source, arguments = PROGRAMS[name]
    traced = oracle.trace(LAYOUTS[layout](source), arguments)
    assert len(traced.snoop) > 5
    found = difference(traced)
    assert not found, found


def test_counter_never_counts_more_than_there_is(oracle):
    every = {name: oracle.trace(source + DEEPER, arguments) for name, (source, arguments) in PROGRAMS.items()}
    assert not {name: wrong for name, traced in every.items() if (wrong := miscount(traced, 10**6))}


def test_counter_finds_most_of_the_lines(oracle):
    """A count of 0 would pass the test above."""
    traced = oracle.trace(*PROGRAMS["sieve"])
    assert traced.counter > 0.4 * len(traced.tracer)


@pytest.mark.parametrize("name", ["sieve", "permutations", "generators", "nested_comprehensions"])
def test_counter_says_too_long_at_its_limit_and_not_before(oracle, name):
    counted = oracle.trace(*PROGRAMS[name]).counter
    assert oracle.trace(*PROGRAMS[name], max_lines=counted + 1).counter == counted
    assert oracle.trace(*PROGRAMS[name], max_lines=counted - 5).counter in range(counted - 5, counted)


def test_stops_at_the_limit_of_lines(oracle):
    whole = oracle.trace(*PROGRAMS["sieve"])
    cut = oracle.trace(*PROGRAMS["sieve"], max_lines=20)
    assert cut.tracer == whole.tracer[:20]


def test_bundled_sample(oracle):
    lines = [line for line in SAMPLE.read_text("utf-8").splitlines() if '"expect": "accepted"' in line]
    accepted = [json.loads(line) for line in lines]
    assert len(accepted) >= 60
    wrong = {}
    for problem in accepted:
        traced = oracle.trace(problem["refcode"], json.dumps(problem["ios"][0]["input"]), max_lines=SAMPLE_LINES)
        if found := difference(traced) or miscount(traced, SAMPLE_LINES):
            wrong[problem["problem_description"][:60]] = found
    assert not wrong


def test_public_corpus(oracle, shared_data):
    wrong, compared, unfinished = {}, 0, []
    for number, line in enumerate(shared_data("pyedu_toy.jsonl").read_text("utf-8").splitlines()[:CORPUS_PROBLEMS]):
        problem = Problem.from_json(line)
        pairs = filter_problem(problem)
        if not isinstance(pairs, list) or "random" in problem.refcode:
            continue
        arguments = json.dumps(problem.ios[pairs[0]].input)
        traced = oracle.try_to_trace(problem.refcode, arguments, max_lines=CORPUS_LINES)
        if traced is None:
            unfinished.append(number)
            continue
        compared += 1
        if found := difference(traced) or miscount(traced, CORPUS_LINES):
            wrong[number] = found
    assert not wrong
    assert compared > 0.8 * CORPUS_PROBLEMS, unfinished


def test_reference_traces(oracle, shared_data, worker_settings):
    """The traces that the reference implementation wrote, through the caged worker; line numbers are offset there."""
    records = [json.loads(line) for line in shared_data("reference_traces.jsonl").read_text("utf-8").splitlines()]
    worker = CagedWorker(worker_settings(max_lines=100_000, result_bytes=10**7), oracle.hash_seed)
    wrong, with_exception = {}, 0
    try:
        for record in records:
            arguments = json.dumps(record["input"])
            if "!!!" in record["trace"]:  # the worker has imported before what they import, or gives no trace
                with_exception += 1
                lines = oracle.trace(record["refcode"], arguments).tracer
            else:
                request = {"refcode": record["refcode"], "funcname": "main_solution"}
                lines = worker.run(request | {"calls": [arguments]})["trace"].split("\n")
            expected = [comparable(line) for line in record["trace"].rstrip("\n").split("\n")]
            written = [comparable(line) for line in lines]
            if written != expected:
                diff = difflib.unified_diff(expected, written, "reference", "tracer", lineterm="", n=1)
                wrong[record["problem"], record["pair"]] = "\n".join(diff)
    finally:
        worker.close()
    assert not wrong
    assert (len(records), with_exception) == (162, 6)


def comparable(line: str) -> str:
    """A line without what may differ: its number (the width is kept), addresses, space at the end."""
    return LINE_NUMBER.sub(lambda found: "#" * len(found[0]), without_machine(line)).rstrip()


@pytest.mark.parametrize("name", GOLDEN_PROGRAMS)
def test_golden_traces(oracle, name):
    """Traces depend on the interpreter, so each version has its own; REWRITE_GOLDEN_TRACES=1 writes them anew."""
    path = GOLDEN / f"{name}.txt"
    written = "\n".join(oracle.trace(*PROGRAMS[name]).tracer) + "\n"
    if os.environ.get(REWRITE_GOLDEN):
        path.parent.mkdir(exist_ok=True)
        path.write_text(written, "utf-8")
    if not GOLDEN.exists():
        pytest.skip(f"no golden traces of Python {GOLDEN.name}; {REWRITE_GOLDEN}=1 writes them")
    assert written == path.read_text("utf-8")
