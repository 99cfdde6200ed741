"""The bundled sample keeps its promises: what is recorded is what the code returns, and every kind of problem is there.

The rejected problems are not run here: some of them crash or never end. They go through the whole stream elsewhere.
"""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import execground_ray
from execground_ray.records import Problem, Reason, Stage

SAMPLE = Path(execground_ray.__file__).parent / "corpus" / "sample.jsonl"
MAX_BYTES = 300_000
CONSTRUCTS = {
    "loops",
    "recursion",
    "classes",
    "generators",
    "strings",
    "dictionaries",
    "comprehensions",
    "exceptions-handled",
    "numpy",
    "floats",
    "big-integers",
    "tuples",
}
# A translator or the limits of a model cause the reasons of the later stages, a broken machine this one.
NOT_OF_A_PROBLEM = {
    Reason.SANDBOX_FAULT,
    Reason.AMBIGUOUS_NULL,
    Reason.NEAR_DUPLICATE,
    Reason.CONTAMINATED,
    Reason.INTERNAL_ERROR,
}
RUN_ALL = """
import json, sys
for line in sys.stdin:
    problem = json.loads(line)
    namespace = {"__name__": "__main__"}
    exec(problem["refcode"], namespace)
    function = namespace[problem["funcname"]]
    print(json.dumps([function(**pair["input"]) for pair in problem["ios"]]))
"""


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return SAMPLE.read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def records(lines: list[str]) -> list[dict[str, Any]]:
    """All lines that are JSON."""
    return [json.loads(line) for line in lines if _is_json(line)]


@pytest.fixture(scope="module")
def accepted(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["meta"]["expect"] == "accepted"]


def test_recorded_outputs_are_what_the_code_returns(accepted):
    asked = "".join(json.dumps(record) + "\n" for record in accepted)
    # Another hash seed than the one the outputs were recorded with: an accepted problem must not depend on it.
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL], input=asked, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    wrong = [
        (record["problem_description"], pair["input"], pair["output"], returned)
        for record, line in zip(accepted, done.stdout.splitlines(), strict=True)
        for pair, returned in zip(record["ios"], json.loads(line), strict=True)
        if not _same(pair["output"], returned)
    ]
    assert not wrong


def test_accepted_problems_are_complete(accepted):
    for record in accepted:
        problem = Problem.from_json(json.dumps(record))
        words = (problem.problem_description, problem.io_requirements, problem.category, problem.source)
        assert all(words) and problem.meta["tags"]
        assert f"def {problem.funcname}(" in problem.refcode
        assert 3 <= len(problem.ios) <= 6, problem.problem_description


def test_at_least_sixty_problems_are_accepted(accepted):
    assert len(accepted) >= 60


def test_accepted_problems_cover_every_construct(accepted):
    assert {tag for record in accepted for tag in record["meta"]["tags"]} >= CONSTRUCTS


def test_integers_beyond_64_bits_go_in_and_come_out(accepted):
    pairs = [pair for record in accepted for pair in record["ios"]]
    assert any(_is_big(value) for pair in pairs for value in pair["input"].values())
    assert any(_is_big(pair["output"]) for pair in pairs)


def test_every_reason_a_problem_can_have_by_itself_is_expected(lines, records):
    expected = {record["meta"]["expect"] for record in records}
    if len(records) < len(lines):
        expected.add(Reason.MALFORMED_JSON.value)
    own = {reason for reason in Reason if reason.stage in (Stage.READ, Stage.PREFILTER, Stage.TRACE)}
    assert expected == {"accepted", *(reason.value for reason in own - NOT_OF_A_PROBLEM)}


def test_lone_surrogates_are_where_they_are_expected_and_nowhere_else(records):
    for record in records:
        text = json.dumps(record, ensure_ascii=False)
        is_broken = any("\ud800" <= character <= "\udfff" for character in text)
        assert is_broken == (record["meta"]["expect"] == "invalid_unicode"), record["problem_description"]


def test_descriptions_are_unique_but_for_the_planned_duplicates(records):
    def question(record: dict[str, Any]) -> tuple[str, str]:
        return record["problem_description"], record["io_requirements"]

    copies = [record for record in records if record["meta"]["expect"] == "duplicate_problem"]
    others = [record for record in records if record["meta"]["expect"] != "duplicate_problem"]
    assert max(Counter(record["problem_description"] for record in others).values()) == 1
    codes = {question(record): record.get("refcode") for record in others}
    assert copies
    for copy in copies:
        assert codes[question(copy)] != copy["refcode"]


def test_only_the_timeout_problem_costs_the_whole_time_limit_and_only_once(records):
    slow = [record for record in records if record["meta"]["expect"] == "timeout"]
    assert [len(record["ios"]) for record in slow] == [1]


def test_the_file_stays_small():
    assert SAMPLE.stat().st_size < MAX_BYTES


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _is_big(value: Any) -> bool:
    return type(value) is int and value.bit_length() > 64


def _same(recorded: Any, returned: Any) -> bool:
    """Whether two JSON values are equal, the types too; floats may differ by a rounding error."""
    if type(recorded) is not type(returned):
        return False
    if isinstance(recorded, float):
        return math.isclose(recorded, returned, rel_tol=1e-9)
    if isinstance(recorded, list):
        return len(recorded) == len(returned) and all(map(_same, recorded, returned))
    if isinstance(recorded, dict):
        return recorded.keys() == returned.keys() and all(_same(recorded[key], returned[key]) for key in recorded)
    return bool(recorded == returned)
