"""Records are written before the shards that make them count, and only what the shards have is read back."""

from types import SimpleNamespace

import pyarrow as pa
import pytest
from problem_lines import problem_line

from execground_ray.output.resume import read_write
from execground_ray.output.shards import known_rows, read_records, shard_row_ids, written
from execground_ray.output.storage import Folder
from execground_ray.stages.export_examples import EXPORTED_SCHEMA
from execground_ray.stages.write_shards import CONFIG, RECORD_COLUMNS, ShardSink
from execground_ray.translators.llm.prompting import with_thinking

EMPTY = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}


def block(*rows):
    usual = {field.name: EMPTY[field.type] for field in EXPORTED_SCHEMA}
    usual |= {"problem": problem_line(1), "input": '{"n": 1}', "output": "2", "trace": "t", "text": "answer"}
    return pa.Table.from_pylist([usual | row for row in rows], EXPORTED_SCHEMA)


def rejected(identity):
    return {"id": identity, "stage": "trace", "reason": "too_long", "detail": "f:1: long"}


def write(folder, *rows, task=0):
    sink = ShardSink(folder, "template", 1000)
    sink.write([block(*rows)], SimpleNamespace(task_idx=task))


class FullDisk(Folder):
    """A folder on which there is room for the records of a write, but not for its shards."""

    def write_bytes(self, name, content):
        if not name.startswith("records/"):
            raise OSError("no space left")
        super().write_bytes(name, content)


@pytest.fixture
def out(tmp_path):
    folder = Folder.at(str(tmp_path / "out"))
    folder.write_text(CONFIG, "seed: 1\n")
    return folder


def test_a_write_tells_all_it_knows_of_its_rows(out):
    write(out, {"id": "a", "trace_lines": 3, "answer_ok": True, "findings": "[]"}, rejected("b"))
    (name,) = written(out)
    rows = known_rows(out, name).to_pylist()
    assert [(row["id"], row["reason"], row["trace"], row["answer_ok"]) for row in rows] == [
        ("a", "", "t", True),
        ("b", "too_long", "t", False),
    ]
    assert list(rows[0]) == RECORD_COLUMNS


def test_of_a_text_with_thinking_the_record_has_what_was_verified(out):
    write(out, {"id": "a", "thinking": "hm", "text": with_thinking("hm", "answer")})
    assert known_rows(out, written(out)[0])["text"].to_pylist() == ["answer"]


def test_rows_without_a_shard_do_not_count(out):
    """A write that died between its shards: the rejected rows were made again in another write."""
    write(out, {"id": "a"}, rejected("b"))
    (name,) = written(out)
    out.filesystem.delete_file(f"{out.path}/rejected/{name}.jsonl")
    assert read_records(out, name)["id"].to_pylist() == ["a"]
    assert known_rows(out, name)["id"].to_pylist() == ["a", "b"]


def test_records_come_first_and_a_write_that_died_does_not_count(out):
    write(out, {"id": "a"})
    with pytest.raises(OSError, match="no space"):
        write(FullDisk(out.filesystem, out.path), {"id": "b"}, task=1)
    assert len(out.files("records")) == 2
    (whole,) = written(out)
    names = {path.rpartition("/")[2].removesuffix(".parquet") for path in out.files("records")}
    assert read_write(out, whole) is not None
    assert [read_write(out, name) for name in names - {whole}] == [None]


def test_columns_that_a_run_did_not_make_are_left_out(out):
    write(out, {"id": "a"})
    assert read_records(out, written(out)[0], ["id", "text", "colour"]).column_names == ["id", "text"]


def test_ids_are_those_of_the_rows_not_of_what_is_in_them(out):
    write(out, {"id": "a", "text": 'a line\n{"id": "b"}'}, {"id": "c"})
    assert shard_row_ids(out, "train", written(out)[0]) == ["a", "c"]
    assert shard_row_ids(out, "train", "other") == []
