"""The sink writes rows of one form, each into the folder it belongs to, and nothing where there is nothing."""

import json
from types import SimpleNamespace

import pytest
from datasets import load_dataset
from exported_rows import block, rejected
from problem_lines import problem_line

from execground_ray.output.layout import CONFIG
from execground_ray.output.storage import Folder
from execground_ray.stages.write_shards import ShardSink

HARD_TEXT = 'a "quote", a \\, ä, 😀, \u2028, \x85, \x00, \x1b and\r\n\ta new line'


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def sink(out):
    Folder.at(str(out)).write_text(CONFIG, "seed: 1\n")
    return ShardSink(Folder.at(str(out)), "template", 1000)


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
