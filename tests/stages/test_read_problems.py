"""Rows as they come out of the read, good and broken, and the read as the start of a Ray Data plan."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray.data
from problem_lines import problem_line

from execground_ray.config.schema import FileSource, HuggingFaceSource, SampleSource
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import survey_corpus
from execground_ray.records import Problem, Stage, schema_after
from execground_ray.stages.read_problems import BLOCK_ROWS, ProblemSource, read_rows


def plan(path, kind="jsonl", limit=None):
    return survey_corpus(list_splits(FileSource(kind=kind, limit=None, path=str(path), layout="pyedu")), limit, 0)


def rows_of(plans):
    return [row for split in plans for row in read_rows(split)]


def test_good_and_broken_lines_as_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad_pair = json.loads(problem_line(2))
    bad_pair["ios"][1]["input"] = [5]
    (tmp_path / "a.jsonl").write_text(f"{problem_line(1)}\n\n{json.dumps(bad_pair)}\n")
    good, bad = rows_of(plan("a.jsonl"))
    assert {name: value for name, value in good.items() if name not in ("id", "problem")} == {
        "locator": "a.jsonl:1", "stage": "", "reason": "", "detail": "", "problem_rows": 1, "reused": "",
    }  # fmt: skip
    assert json.loads(good["problem"]) == json.loads(problem_line(1))
    assert bad["detail"] == "a.jsonl:3: ios[1].input: expected an object, found an array"
    assert (bad["stage"], bad["reason"], bad["problem"]) == ("read", "wrong_type", "")


def test_the_same_problem_has_the_same_id_in_every_format(tmp_path):
    records = [json.loads(problem_line(number)) for number in range(3)]
    texts = [record | {"ios": json.dumps(record["ios"])} for record in records]
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, records)))
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "structs.parquet")
    pq.write_table(pa.Table.from_pylist(texts), tmp_path / "texts.parquet")
    (tmp_path / "hub").mkdir()
    pq.write_table(pa.Table.from_pylist(texts), tmp_path / "hub" / "train.parquet")
    where = {"path": str(tmp_path / "hub"), "name": None, "split": "train"}
    hub = HuggingFaceSource(kind="huggingface", revision=None, limit=None, layout="pyedu", **where)
    corpora = [plan(tmp_path / name) for name in ("lines.jsonl", "packed.jsonl.gz", "structs.parquet", "texts.parquet")]
    corpora.append(survey_corpus(list_splits(hub), None, 0))
    ids = [[row["id"] for row in rows_of(corpus)] for corpus in corpora]
    assert ids == [ids[0]] * 5
    assert len(set(ids[0])) == 3


def test_a_split_that_shrinks_after_the_survey_is_an_error(tmp_path):
    (tmp_path / "a.jsonl").write_text(f"{problem_line(1)}\n{problem_line(2)}\n")
    plans = plan(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").write_text(f"{problem_line(1)}\n")
    with pytest.raises(RuntimeError, match=r"a\.jsonl changed"):
        rows_of(plans)


@pytest.mark.parametrize(("parallelism", "tasks"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (200, 5)])
def test_read_tasks_share_the_splits(tmp_path, parallelism, tasks):
    for number in range(5):
        (tmp_path / f"{number}.jsonl").write_text(f"{problem_line(number)}\n" * 2)
    read_tasks = ProblemSource(plan(tmp_path)).get_read_tasks(parallelism)
    assert len(read_tasks) == tasks
    assert sum(task.metadata.num_rows for task in read_tasks) == 10
    blocks = [block for task in read_tasks for block in task()]
    assert all(block.schema == schema_after(Stage.READ) for block in blocks)
    assert pa.concat_tables(blocks).to_pylist() == rows_of(plan(tmp_path))


def test_blocks_are_small(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f"{problem_line(number)}\n" for number in range(600)))
    (task,) = ProblemSource(plan(tmp_path)).get_read_tasks(1)
    assert [block.num_rows for block in task()] == [BLOCK_ROWS, BLOCK_ROWS, 600 - 2 * BLOCK_ROWS]


def test_twenty_broken_lines_among_a_hundred_good_ones_in_parallel_files(tmp_path, monkeypatch, ray_session):
    monkeypatch.chdir(tmp_path)
    good = [problem_line(number) for number in range(100)]
    wrong_type = json.loads(good[0]) | {"refcode": 5}
    missing = json.loads(good[1])
    del missing["ios"]
    broken = [good[2][:-5], json.dumps(wrong_type), json.dumps(missing), good[3].replace("Add", "\\ud800")] * 5
    lines = good.copy()
    for index, line in enumerate(broken):
        lines.insert(index * 5 + 2, line)
    for name, part in (("a.jsonl", lines[:50]), ("b.jsonl", lines[50:80])):
        (tmp_path / name).write_text("\n".join(part))
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[80:]).encode()))

    rows = ray.data.read_datasource(ProblemSource(plan(".")), num_cpus=0.5).take_all()

    assert len(rows) == len({row["id"] for row in rows}) == 120
    accepted = [row for row in rows if not row["reason"]]
    assert sorted(row["problem"] for row in accepted) == sorted(good)
    faults = {row["locator"]: row["detail"].removeprefix(f"{row['locator']}: ") for row in rows if row["reason"]}
    assert len(faults) == 20
    assert faults["a.jsonl:3"].startswith("Expecting ':' delimiter at column")
    assert faults["a.jsonl:8"] == "refcode: expected a string, found an integer"
    assert faults["a.jsonl:13"] == "ios: missing"
    assert faults["a.jsonl:18"] == "problem_description: a lone surrogate"
    assert faults["b.jsonl:3"] == "ios: missing"
    assert faults["c.jsonl.gz:3"].startswith("Expecting ':' delimiter at column")


def test_the_bundled_sample_is_read():
    rows = rows_of(survey_corpus(list_splits(SampleSource(kind="sample", limit=None, layout="pyedu")), None, 0))
    assert len(rows) >= 60
    assert rows[0]["locator"] == "sample.jsonl:1"
    assert Problem.from_json(rows[0]["problem"]).funcname
