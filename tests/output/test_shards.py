"""Records are written before the shards that make them count, and only what the shards have is read back."""

from types import SimpleNamespace

import pytest
from exported_rows import block, rejected

from execground_ray.output.layout import CONFIG, PREFERENCE, REJECTED, TRAIN
from execground_ray.output.resume import read_write
from execground_ray.output.rows import RECORD_COLUMNS
from execground_ray.output.shards import (
    delete_write,
    drop_problems,
    line_ids,
    read_counted_records,
    read_records,
    shard_bytes,
    shard_ids,
    write_names,
)
from execground_ray.output.storage import Folder
from execground_ray.stages.write_shards import ShardSink
from execground_ray.translators.llm.prompting import with_thinking


def write(folder, *rows, task=0):
    sink = ShardSink(folder, 1000)
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
    write(out, {"id": "a", "trace": "t", "trace_lines": 3, "answer_ok": True, "findings": "[]"}, rejected("b"))
    (name,) = write_names(out)
    rows = read_records(out, name).to_pylist()
    assert [(row["id"], row["reason"], row["trace"], row["answer_ok"]) for row in rows] == [
        ("a", "", "t", True),
        ("b", "too_long", "", False),
    ]
    assert list(rows[0]) == RECORD_COLUMNS


def test_of_a_text_with_thinking_the_record_has_what_was_verified(out):
    write(out, {"id": "a", "thinking": "hm", "answer": with_thinking("hm", "answer")})
    (name,) = write_names(out)
    assert read_records(out, name)["text"].to_pylist() == ["answer"]
    assert "hm" in shard_bytes(out, TRAIN, name).decode()


def test_pairs_belong_to_the_write_of_their_rows(out):
    a, b = "000000000000000a", "000000000000000b"
    write(out, {"id": a, "refused": "worse"}, {"id": b, "refused": "bad"}, {"id": "000000000000000c"})
    (name,) = write_names(out)
    assert line_ids(shard_bytes(out, PREFERENCE, name)) == [a, b]
    assert read_write(out, name) is not None
    drop_problems(out, name, {a})
    assert line_ids(shard_bytes(out, PREFERENCE, name)) == [b]
    out.write_text(f"preference/{name}.jsonl", shard_bytes(out, PREFERENCE, name).decode()[:-9])
    assert read_write(out, name) is None
    delete_write(out, name)
    assert out.files(PREFERENCE) == []


def test_rows_without_a_shard_do_not_count(out):
    """A write that died between its shards: the rejected rows were made again in another write."""
    write(out, {"id": "a"}, rejected("b"))
    (name,) = write_names(out)
    out.filesystem.delete_file(f"{out.path}/rejected/{name}.jsonl")
    assert read_counted_records(out, name)["id"].to_pylist() == ["a"]
    assert read_records(out, name)["id"].to_pylist() == ["a", "b"]


def test_records_come_first_and_a_write_that_died_does_not_count(out):
    write(out, {"id": "a"})
    with pytest.raises(OSError, match="no space"):
        write(FullDisk(out.filesystem, out.path), {"id": "b"}, task=1)
    assert len(out.files("records")) == 2
    (whole,) = write_names(out, (TRAIN, REJECTED))
    names = {path.rpartition("/")[2].removesuffix(".parquet") for path in out.files("records")}
    assert read_write(out, whole) is not None
    assert [read_write(out, name) for name in names - {whole}] == [None]


def test_columns_that_a_run_did_not_make_are_left_out(out):
    write(out, {"id": "a"})
    assert read_records(out, write_names(out)[0], ["id", "text", "colour"]).column_names == ["id", "text"]


def test_ids_are_those_of_the_rows_not_of_what_is_in_them(out):
    write(out, {"id": "a", "text": 'a line\n{"id": "b"}'}, {"id": "c"})
    assert shard_ids(out, write_names(out)[0]) == ["a", "c"]
    assert shard_ids(out, "other") == []
