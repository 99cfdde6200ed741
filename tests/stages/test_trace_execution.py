"""Tracing as the stream sees it: rows of problems go in, a row per execution or one rejected row comes out."""

import json

import pyarrow as pa
import pytest
from problem_lines import problem_line

from execground_ray.config.loading import load
from execground_ray.records import COLUMNS, Problem, Stage, schema_after
from execground_ray.stages.filter_problems import filter_rows
from execground_ray.stages.trace_execution import TraceExecution, pair_order

NOT_TRACED = COLUMNS[Stage.TRACE]


@pytest.fixture(scope="module")
def stage():
    config = load(["tracing.preload=[]"])
    traced = TraceExecution(config.tracing, config.sandbox.kind == "sandlock", config.seed, 3)
    yield traced
    traced._runner.close()


def row(identity="0" * 16, pairs="[0, 1, 2]", **changes):
    problem = json.dumps(json.loads(problem_line(1)) | changes)
    return COLUMNS[Stage.READ] | {"id": identity, "locator": "f.jsonl:1", "problem": problem, "pairs": pairs}


def trace(stage, *rows):
    table = stage(pa.Table.from_pylist(list(rows), schema_after(Stage.PREFILTER)))
    assert table.schema == schema_after(Stage.TRACE)
    return table.to_pylist()


def pairs_of(*values):
    return [{"input": {"n": value}, "output": output} for value, output in values]


def test_a_problem_gives_as_many_examples_as_are_wanted_each_of_another_pair(stage):
    found = trace(stage, row("ab"))
    assert [example["id"] for example in found] == ["ab", "ab-2", "ab-3"]
    assert sorted(example["pair"] for example in found) == [0, 1, 2]
    for example in found:
        assert example["reason"] == ""
        assert json.loads(example["input"]) == {"n": example["pair"]}
        assert json.loads(example["output"]) == example["pair"] + 1
        assert example["trace_lines"] == len(example["trace"].split("\n"))
        assert f"n = {example['pair']}" in example["trace"]


def test_pairs_that_the_prefilter_left_out_are_not_run(stage):
    assert [example["pair"] for example in trace(stage, row(pairs="[1]"))] == [1]


def test_one_pair_that_is_right_is_enough(stage):
    found = trace(stage, row("ab", ios=pairs_of((0, 99), (1, 2), (2, "3"))))
    assert [(example["id"], example["pair"], example["reason"]) for example in found] == [("ab", 1, "")]


def test_a_problem_of_which_no_pair_is_right_becomes_one_rejected_row(stage):
    (found,) = trace(stage, row("ab", ios=pairs_of((0, 99), (1, 98), (2, 97))))
    assert (found["id"], found["stage"], found["reason"]) == ("ab", "trace", "output_mismatch")
    assert found["detail"].startswith("f.jsonl:1: returned ")
    assert "3 pairs" in found["detail"]
    assert {name: found[name] for name in NOT_TRACED} == NOT_TRACED


def test_rejected_rows_pass_untouched_among_the_others(stage):
    broken = row("cd") | {"problem": "", "pairs": "[]", "stage": "read", "reason": "wrong_type", "detail": "f:2: no"}
    found = trace(stage, row("ab", pairs="[0]"), broken, row("ef", pairs="[2]"))
    assert [example["id"] for example in found] == ["ab", "cd", "ef"]
    assert found[1] == broken | NOT_TRACED


def test_text_that_is_no_unicode_does_not_end_the_batch(stage):
    raising = "def main_solution(n):\n    raise ValueError('\\ud800')\n"
    returning = "def main_solution(n):\n    text = '\\ud800'\n    return n + 1\n"
    first, *others = trace(stage, row("ab", refcode=raising), row("cd", refcode=returning))
    assert (first["reason"], len(others)) == ("exception", 3)


def test_the_order_of_pairs_follows_from_seed_and_problem_alone():
    pairs = list(range(10))
    order = pair_order("ab", pairs, 123)
    assert sorted(order) == pairs == list(range(10))
    assert pair_order("ab", pairs, 123) == order
    assert pair_order("cd", pairs, 123) != order
    assert pair_order("ab", pairs, 124) != order
    assert pair_order("ab", [], 123) == []
    assert order == [1, 5, 9, 0, 6, 7, 2, 4, 8, 3]  # on every machine and Python: a resume must find the same


def test_a_byte_order_mark_before_the_code_is_no_part_of_it(stage):
    """Editors of Windows write one into files, and Python takes it off when it runs them."""
    program = json.loads(problem_line(1))["refcode"]
    marked = row(refcode=f"\ufeff{program}")
    (judged,) = filter_rows(pa.Table.from_pylist([marked], schema_after(Stage.READ))).to_pylist()
    assert judged["reason"] == ""
    assert [example["trace"] for example in trace(stage, marked)] == [
        example["trace"] for example in trace(stage, row())
    ]
    inside = Problem.from_json(row(refcode=f"{program}\ufeff")["problem"])
    assert inside.refcode.endswith("\ufeff")
