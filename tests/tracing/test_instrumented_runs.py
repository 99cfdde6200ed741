"""An instrumented run is the same run: same record, same value, for every construct that the tracer is tested on."""

import difflib
import io
import json
import tokenize
from collections.abc import Iterator
from typing import Any

import pytest
from test_tracer import DEEPER, HERE, LAYOUTS, PROGRAMS, SAMPLE, SAMPLE_LINES, read_programs

from execground_ray.tracing.evidence import decode
from execground_ray.tracing.same_run import renaming
from execground_ray.tracing.sandbox import CagedWorker

OBSERVERS = read_programs(HERE / "observers.txt")
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
LAST = ("outcome", "detail", "value")


@pytest.fixture(scope="module")
def workers(worker_settings) -> Iterator[tuple[CagedWorker, CagedWorker]]:
    """One that records, and one that witnesses."""
    limits = {"max_lines": SAMPLE_LINES, "result_bytes": 10**7}
    pair = tuple(
        CagedWorker(worker_settings(role=role, value_chars=400, **limits), 0) for role in ("record", "witness")
    )
    yield pair
    for worker in pair:
        worker.close()


def difference(workers: tuple[CagedWorker, CagedWorker], refcode: str, arguments: str) -> str:
    """How the two runs of a program differ, empty when they do not; what is evidence must be readable."""
    request = {"refcode": refcode, "funcname": "main_solution", "calls": [arguments]}
    recorded, witnessed = (worker.run(request) for worker in workers)
    ends = [[result[name] for name in LAST] for result in (recorded, witnessed)]
    if ends[0] != ends[1]:
        return f"{ends[0]} and {ends[1]}"
    if renaming(witnessed["trace"], recorded["trace"]) is None:
        lines = [result["trace"].split("\n") for result in (recorded, witnessed)]
        return "\n".join(difflib.unified_diff(*lines, "recorded", "witnessed", lineterm="", n=1))
    if recorded["outcome"] == "returned":
        assert len(decode(witnessed["evidence"]).lines) == recorded["trace"].count("\n") + 1
    return ""


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_construct(name: str, workers) -> None:
    source, arguments = PROGRAMS[name]
    for text in (source, source + DEEPER):
        found = difference(workers, text, arguments)
        assert not found, found


def spread(source: str) -> str:
    """The same program with every token that stands in brackets on a line of its own."""
    depth, spread_out = 0, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        depth += (token.string in OPENING) - (token.string in CLOSING) if token.type == tokenize.OP else 0
        if depth and token.type not in (tokenize.NL, tokenize.COMMENT):
            spread_out.append(token.end)
    lines = source.splitlines(keepends=True)
    for row, column in sorted(set(spread_out), reverse=True):
        line = lines[row - 1]
        lines[row - 1] = f"{line[:column]}\n{line[column:]}"
    return "".join(lines)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_construct_over_many_lines(name: str, workers) -> None:
    source, arguments = PROGRAMS[name]
    found = difference(workers, spread(source), arguments)
    assert not found, found


@pytest.mark.parametrize("name", OBSERVERS)
def test_a_program_sees_nothing_of_it(name: str, workers) -> None:
    """What each returns is what it has found out about itself, about what was called and how often."""
    source, arguments = OBSERVERS[name]
    found = difference(workers, source, arguments)
    assert not found, found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_of_the_source(layout: str, workers) -> None:
    for name in ("multi_line_statements", "decorator_over_lines", "docstring_and_comments"):
        source, arguments = PROGRAMS[name]
        found = difference(workers, LAYOUTS[layout](source), arguments)
        assert not found, found


def test_bundled_sample(workers) -> None:
    lines = [line for line in SAMPLE.read_text("utf-8").splitlines() if '"expect": "accepted"' in line]
    accepted: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert len(accepted) >= 60
    wrong = {}
    for problem in accepted:
        if found := difference(workers, problem["refcode"], json.dumps(problem["ios"][0]["input"])):
            wrong[problem["problem_description"][:60]] = found
    assert not wrong


def test_reference_traces(workers, shared_data) -> None:
    wrong = {}
    for line in shared_data("reference_traces.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        if found := difference(workers, record["refcode"], json.dumps(record["input"])):
            wrong[record["problem"], record["pair"]] = found
    assert not wrong
