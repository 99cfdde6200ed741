"""The sink writes rows of one form, each into the folder it belongs to, and nothing where there is nothing."""

import io
import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
from datasets import load_dataset
from exported_rows import block, rejected
from hypothesis import example, given, settings
from hypothesis import strategies as st
from problem_lines import problem_line
from pyarrow.json import read_json

from execground_ray.output.layout import CONFIG
from execground_ray.output.rows import free_text, training_prompt
from execground_ray.output.storage import Folder
from execground_ray.records import Problem
from execground_ray.stages.write_shards import ShardSink

HARD_TEXT = 'a "quote", a \\, ä, 😀, \u2028, \x85, \x00, \x1b and\r\n\ta new line'


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def sink(out):
    Folder.at(str(out)).write_text(CONFIG, "seed: 1\n")
    return ShardSink(Folder.at(str(out)), 1000)


def write(sink, *blocks, task=0):
    sink.write(blocks, SimpleNamespace(task_idx=task))


def rows_of(folder):
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text("utf-8").split("\n")[:-1]]


def test_rows_go_where_they_belong(out):
    write(sink(out), block({"id": "a"}, rejected("b")), block({"id": "c"}))
    assert [row["id"] for row in rows_of(out / "train")] == ["a", "c"]
    assert rows_of(out / "rejected") == [{"id": "b", "stage": "trace", "reason": "too_long", "detail": "f:1: long"}]


def test_a_write_without_rows_for_a_folder_makes_no_file_in_it(out):
    write(sink(out), block(rejected("a")), task=0)
    assert not (out / "train").exists()
    write(sink(out), block({"id": "b"}), task=1)
    assert len(list((out / "rejected").iterdir())) == len(list((out / "train").iterdir())) == 1
    write(sink(out), block(), task=2)
    write(sink(out), task=3)
    assert len(list(out.rglob("*.jsonl"))) == 2


def test_the_row_of_an_example_holds_the_conversation_and_where_it_comes_from(out):
    example = {"id": "a", "prompt": "Q", "answer": "A", "pair": 3, "input": '{"n": 5}', "output": "6", "trace_lines": 7}
    write(sink(out), block(example))
    (row,) = rows_of(out / "train")
    assert row["messages"] == [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    assert row["source"] == "test"
    for name in ("id", "pair", "input", "output", "trace_lines"):
        assert row[name] == example[name]


def test_any_text_comes_back_as_it_was_each_row_on_one_line(out):
    write(
        sink(out), block({"id": "a", "answer": HARD_TEXT, "prompt": HARD_TEXT}, rejected("b") | {"detail": HARD_TEXT})
    )
    (row,) = rows_of(out / "train")
    assert [message["content"] for message in row["messages"]] == [HARD_TEXT, HARD_TEXT]
    assert rows_of(out / "rejected")[0]["detail"] == HARD_TEXT
    (path,) = (out / "train").iterdir()
    assert len(path.read_bytes().splitlines()) == 1


def test_a_write_that_is_repeated_replaces_its_shard(out):
    shards = sink(out)
    write(shards, block({"id": "a"}, rejected("b")))
    before = sorted(path.name for path in out.rglob("*.jsonl"))
    write(shards, block({"id": "a"}, rejected("b")))
    assert sorted(path.name for path in out.rglob("*.jsonl")) == before
    assert len(rows_of(out / "train")) == len(rows_of(out / "rejected")) == 1


def test_writes_of_other_tasks_and_of_other_runs_never_meet(out):
    shards = sink(out)
    write(shards, block({"id": "a"}), task=0)
    write(shards, block({"id": "b"}), task=1)
    write(sink(out), block({"id": "c"}), task=0)
    assert sorted(row["id"] for row in rows_of(out / "train")) == ["a", "b", "c"]


def test_shards_of_very_different_rows_load_as_one_dataset(out, tmp_path):
    values = [None, True, 7, 2**70, 1.5, "x", [], [[1, "a"], None], {}, {"k": {"n": None}}]
    for task, value in enumerate(values):
        problem = json.loads(problem_line(task)) | {"source": "", "category": "", "meta": {"value": value}}
        text = json.dumps(value)
        row = {"id": f"{task}", "problem": json.dumps(problem), "input": json.dumps({"n": value}), "output": text}
        write(sink(out), block(row | {"text": text, "prompt": text, "pair": task, "trace_lines": 10**task}), task=task)
    files = [str(path) for path in (out / "train").iterdir()]
    assert len(files) == len(values)
    dataset = load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert sorted(dataset["output"]) == sorted(map(json.dumps, values))
    for row in dataset:
        assert None not in row.values()


TIMES = ["2024-01-01", "2024-01-01 10:00", "2024-01-01T10:00:00", "2024-01-01T10:00:00Z", "2024-01-01T10:00+01:00"]


def row_of_times(number, time):
    """A row in which everything that comes from the source looks like a time, or is one as JSON text."""
    record = json.loads(problem_line(number)) | dict.fromkeys(
        ("problem_description", "io_requirements", "refcode", "source", "category"), time
    )
    prompt = training_prompt(Problem.from_json(json.dumps(record)), json.dumps({time: time}))
    values = {"input": json.dumps({time: time}), "output": json.dumps(time), "text": time, "answer": time}
    return values | {"id": f"{number:016x}", "problem": json.dumps(record), "prompt": prompt}


def test_shards_whose_texts_all_look_like_times_load_beside_others(out, tmp_path):
    for task, time in enumerate(TIMES):
        write(sink(out), block(row_of_times(task, time)), task=task)
    write(sink(out), block({"id": "b" * 16}), task=len(TIMES))
    files = [str(path) for path in sorted((out / "train").iterdir())]
    for order in (files, files[::-1]):
        rows = load_dataset("json", data_files=order, split="train", cache_dir=str(tmp_path / "cache"))
        assert sorted(rows["category"]) == sorted(["", *map(json.dumps, TIMES)])
        assert sorted(rows["source"]) == sorted(["test", *map(json.dumps, TIMES)])
        assert sorted(rows["output"]) == sorted(["2", *map(json.dumps, TIMES)])
        texts = ("id", "source", "category", "input", "output", "translator")
        assert {rows.features[name].dtype for name in texts} == {"string"}


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.from_regex(r"\A\d{4}-\d\d-\d\d([ T]\d\d?(:?\d\d(:?\d\d([.,]\d+)?)?)?)?(Z|[+-]\d\d(:?\d\d)?)?\Z") | st.text())
@example("2024-01-01")
@example("2024-01-01T10")
@example("2024-01-01 10:00:00-0130")
@example("2024-01-01\n")
def test_no_text_is_read_as_anything_else(text):
    line = json.dumps({"category": free_text(text)}).encode("utf-8", "surrogatepass")
    assert read_json(io.BytesIO(line)).schema.field("category").type == pa.string()


@pytest.mark.parametrize(
    "text", ["", "arithmetic", "2024-01-01 and later", "2024", '"2024-01-01"', " 2024-01-01", "1e5"]
)
def test_other_texts_stay_as_they_are(text):
    assert free_text(text) == text
