"""Real files of every format: what is found, and that splits together read every line exactly once."""

import bz2
import gzip
import json
import os
import pickle
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from execground_ray.config.schema import FileSource, HuggingFaceSource
from execground_ray.corpus import files as finding
from execground_ray.corpus import lines as reading
from execground_ray.corpus import splits
from execground_ray.corpus.splits import LineSplit, list_splits


def files(path, kind="jsonl"):
    return FileSource(kind=kind, limit=None, path=str(path), layout="pyedu")


def dataset(path, split="train"):
    return HuggingFaceSource(
        kind="huggingface", revision=None, limit=None, path=str(path), name=None, split=split, layout="pyedu"
    )


def read(source):
    return [raw for split in list_splits(source) for raw in split.read()]


@pytest.mark.parametrize("split_bytes", [1, 2, 3, 5, 8, 13, 1000])
@pytest.mark.parametrize("content", [b"one\ntwo\n\nthree\n", b"a\r\n\n\nno newline at the end", b"\n\n", b"x"])
def test_byte_ranges_together_read_every_line_once(tmp_path, monkeypatch, split_bytes, content):
    monkeypatch.setattr(splits, "SPLIT_BYTES", split_bytes)
    (tmp_path / "a.jsonl").write_bytes(content)
    found = list_splits(files(tmp_path / "a.jsonl"))
    assert all(left.stop == right.start for left, right in pairwise(found))
    assert [line for split in found for line in split.read()] == content.splitlines(keepends=True)


def test_a_line_too_long_is_cut_and_the_next_one_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 10)
    (tmp_path / "a.jsonl").write_bytes(b"x" * 35 + b"\nnext\n")
    assert read(files(tmp_path / "a.jsonl")) == [b"x" * 10, b"next\n"]


def test_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf{}\n")
    assert read(files(tmp_path / "a.jsonl")) == [b"{}\n"]


@pytest.mark.parametrize(
    ("name", "compress"),
    [("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstandard.compress), ("a.jsonl.bz2", bz2.compress)],
)
def test_compressed_files_are_read_to_their_last_member(tmp_path, name, compress):
    (tmp_path / name).write_bytes(compress(b"1\n2\n") + compress(b"3\n"))
    assert read(files(tmp_path)) == [b"1\n", b"2\n", b"3\n"]


def test_a_truncated_compressed_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(list(range(3000))).encode())[:-20])
    with pytest.raises(OSError, match=r"a\.jsonl\.gz: Truncated"):
        read(files(tmp_path))


def test_folders_globs_and_uris_find_the_same_files_in_the_same_order(tmp_path):
    for name in ("b.jsonl", "a.jsonl", "deep/c.jsonl", ".hidden.jsonl", "_tmp/d.jsonl", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}\n")
    everything = [b"a.jsonl\n", b"b.jsonl\n", b"deep/c.jsonl\n"]
    assert read(files(tmp_path)) == everything
    assert read(files(tmp_path.as_uri())) == everything
    assert read(files(tmp_path / "[a-d]*.jsonl")) == everything[:2]
    assert read(files(f"{tmp_path.as_uri()}/*/c.json*")) == everything[2:]
    assert read(files(tmp_path / "notes.txt")) == [b"notes.txt\n"]


def test_names_are_as_the_user_gave_them(tmp_path, monkeypatch):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.jsonl").write_text("1\n")
    monkeypatch.chdir(tmp_path)
    for path in ("in", "in/", "in/deep/a.jsonl", "in/*/a.jsonl", "./in"):
        (split,) = list_splits(files(path))
        assert split.locator(7).removeprefix("./") == "in/deep/a.jsonl:7"
    monkeypatch.chdir(tmp_path / "in" / "deep")
    assert list_splits(files("*.jsonl"))[0].name == "a.jsonl"
    uri = (tmp_path / "in").as_uri()
    assert list_splits(files(uri))[0].name == f"{uri}/deep/a.jsonl"


def test_a_file_name_may_look_like_a_glob(tmp_path):
    (tmp_path / "a[1].jsonl").write_text("1\n")
    assert read(files(tmp_path / "a[1].jsonl")) == [b"1\n"]


@pytest.mark.parametrize("path", ["none.jsonl", "none/*.jsonl", "empty", "*.jsonl", "file:///none/at/all.jsonl"])
def test_nothing_there_is_an_error_that_names_the_path(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        list_splits(files(path))
    assert path in str(caught.value)


def test_an_unknown_scheme_is_an_error_without_the_secrets_of_the_uri():
    with pytest.raises(ValueError, match="s3, gs and hf") as caught:
        list_splits(files("ftp://user:secret@host/a.jsonl"))
    assert "secret" not in str(caught.value)


def test_credentials_of_a_uri_are_neither_in_names_nor_in_what_is_printed(tmp_path):
    base, _ = finding._cut_glob("s3://key:secret@bucket/a*.jsonl?region=eu-west-1")
    assert base == "s3://key:secret@bucket/?region=eu-west-1"
    filesystem, root = finding._open_filesystem(base)
    split = LineSplit(filesystem, f"{root}/a.jsonl", f"s3://{root}/a.jsonl", 0, 1)
    assert root == "bucket"
    assert "secret" not in repr(split)


def test_parquet_row_groups_are_read_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(splits, "SPLIT_BYTES", 1)
    pq.write_table(pa.table({"n": list(range(10))}), tmp_path / "a.parquet", row_group_size=4)
    found = list_splits(files(tmp_path, "parquet"))
    assert [(split.start, split.stop) for split in found] == [(0, 1), (1, 2), (2, 3)]
    assert [row for split in found for row in split.read()] == [{"n": n} for n in range(10)]


def test_what_is_no_parquet_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.parquet").write_text("no parquet at all")
    with pytest.raises(ValueError, match=r"a\.parquet: Parquet magic bytes"):
        list_splits(files(tmp_path, "parquet"))


def test_splits_travel(tmp_path):
    (tmp_path / "a.jsonl").write_text("1\n2\n")
    pq.write_table(pa.table({"n": [3]}), tmp_path / "b.parquet")
    for source in (files(tmp_path), files(tmp_path, "parquet")):
        for split in list_splits(source):
            assert list(pickle.loads(pickle.dumps(split)).read()) == list(split.read())


def test_a_dataset_folder_of_parquet_goes_through_datasets_in_shards(tmp_path):
    for part in range(2):
        rows = {"n": list(range(part * 10, part * 10 + 10))}
        pq.write_table(pa.table(rows), tmp_path / f"train-{part}.parquet", row_group_size=5)
    found = list_splits(dataset(tmp_path))
    assert len(found) == 4
    assert [row["n"] for split in found for row in pickle.loads(pickle.dumps(split)).read()] == list(range(20))
    assert found[0].locator(3) == f"{tmp_path}#3"


def test_a_dataset_folder_of_json_lines_keeps_values_of_mixed_types(tmp_path):
    lines = [b'{"value": 1}\n', b'{"value": [1, "a"]}\n', b'{"value": 123456789012345678901234567890}\n']
    (tmp_path / "train.jsonl").write_bytes(b"".join(lines))
    (tmp_path / "test.jsonl").write_bytes(b"{}\n")
    assert read(dataset(tmp_path)) == lines
    assert list_splits(dataset(tmp_path))[0].locator(2) == f"{tmp_path}/train.jsonl:2"
    with pytest.raises(ValueError, match="'validation'; there are: train, test"):
        list_splits(dataset(tmp_path, "validation"))


def test_a_text_dataset_gives_its_lines(tmp_path):
    (tmp_path / "train.txt").write_text('{"a": 1}\n{"a": "x"}\n')
    assert read(dataset(tmp_path)) == [{"text": '{"a": 1}'}, {"text": '{"a": "x"}'}]


def test_the_hub_is_asked_for_the_revision_that_is_named(tmp_path):
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    program = (
        "import sys\nfrom execground_ray.config.loading import load\n"
        "from execground_ray.corpus.splits import list_splits\nlist_splits(load(sys.argv[1:]).source)"
    )
    overrides = ["source=huggingface", "source.path=owner/name", "source.revision=v1.2"]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program, *overrides], env=environment, capture_output=True, timeout=120, check=False
    )
    server.shutdown()
    server.server_close()
    assert ended.returncode == 1
    assert any("/datasets/owner/name/" in path and "/v1.2" in path for path in asked), (asked, ended.stderr)
