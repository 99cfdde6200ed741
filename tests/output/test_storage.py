"""The output folder: files are there whole or not at all, locally and on object stores."""

import subprocess
import sys

import pytest
from pyarrow import fs

from execground_ray.output.layout import UNFINISHED
from execground_ray.output.storage import OBJECT_STORES, Folder

WRITE_INTO_A_FULL_DISK = """
import resource, signal, sys
from execground_ray.output.storage import Folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    Folder.at(sys.argv[1]).write_text("train/a.jsonl", "x" * 1_000_000)
except OSError:
    sys.exit(7)
"""


class ObjectStore:
    """A local folder that behaves as an object store does: a file is there once it is closed, none is renamed."""

    def __init__(self, kind):
        self.type_name = kind
        self._local = fs.LocalFileSystem()

    def __getattr__(self, name):
        if name == "move":
            raise AssertionError("renaming copies the whole object")
        return getattr(self._local, name)


@pytest.fixture
def folder(tmp_path):
    return Folder.at(str(tmp_path / "out"))


def test_a_file_is_written_and_read_back_and_its_unfinished_name_is_gone(folder, tmp_path):
    folder.write_text("train/a.jsonl", "ä ≤ 😀\n")
    assert folder.read_text("train/a.jsonl") == "ä ≤ 😀\n"
    assert (tmp_path / "out/train/a.jsonl").read_bytes() == "ä ≤ 😀\n".encode()
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["a.jsonl"]


def test_a_file_is_replaced(folder):
    folder.write_text("summary.json", "first, and longer")
    folder.write_text("summary.json", "second")
    assert folder.read_text("summary.json") == "second"


@pytest.mark.parametrize("before", [None, "as it was\n"])
def test_a_write_that_fails_midway_shows_no_part_of_it(tmp_path, before):
    shard = tmp_path / "train/a.jsonl"
    if before is not None:
        shard.parent.mkdir()
        shard.write_text(before)
    done = subprocess.run([sys.executable, "-c", WRITE_INTO_A_FULL_DISK, str(tmp_path)], check=False)
    assert done.returncode == 7
    assert (shard.read_text() if shard.exists() else None) == before
    assert [path for path in (tmp_path / UNFINISHED).rglob("*") if path.is_file()] == []


class SlowDisk:
    """A local disk on which the first write takes so long that Ray tries again meanwhile."""

    type_name = "local"

    def __init__(self, meanwhile):
        self._local = fs.LocalFileSystem()
        self._meanwhile = meanwhile

    def __getattr__(self, name):
        return getattr(self._local, name)

    def open_output_stream(self, path):
        opened = self._local.open_output_stream(path)
        meanwhile, self._meanwhile = self._meanwhile, lambda: None
        meanwhile()
        return opened


def test_a_first_attempt_that_still_lives_and_a_second_do_not_meet(tmp_path):
    slow = Folder(SlowDisk(lambda: slow.write_text("train/a.jsonl", "as it is\n")), str(tmp_path))
    slow.write_text("train/a.jsonl", "as it is\n")
    assert slow.read_text("train/a.jsonl") == "as it is\n"
    assert [path for path in (tmp_path / UNFINISHED).rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kind", OBJECT_STORES)
def test_an_object_store_is_written_to_under_the_final_name(tmp_path, kind):
    Folder(ObjectStore(kind), str(tmp_path)).write_text("train/a.jsonl", "text")
    assert (tmp_path / "train/a.jsonl").read_text() == "text"
    assert not (tmp_path / UNFINISHED).exists()


def test_files_are_listed_sorted_and_folders_left_out(folder):
    for name in ("b.jsonl", "a.jsonl", "below/c.jsonl"):
        folder.write_text(f"train/{name}", "x")
    assert [path.rsplit("/", 1)[1] for path in folder.files("train")] == ["a.jsonl", "b.jsonl"]
    assert folder.files("rejected") == []


def test_rows_of_a_shard(folder):
    folder.write_text("train/a.jsonl", '{"id": "a", "text": "x\\u2028y"}\n{"id": "b"}\n')
    (path,) = folder.files("train")
    assert list(folder.read_rows(path)) == [{"id": "a", "text": "x\u2028y"}, {"id": "b"}]


def test_unescaped_line_separators_do_not_end_a_row(folder):
    folder.write_text("train/a.jsonl", '{"text": "x\u2028y\x85z"}\n')
    (path,) = folder.files("train")
    assert list(folder.read_rows(path)) == [{"text": "x\u2028y\x85z"}]


def test_deleting_files_and_folders_and_what_is_not_there(folder):
    folder.write_text("train/a.jsonl", "x")
    folder.write_text("summary.json", "x")
    for name in ("train", "summary.json", "rejected"):
        folder.delete(name)
        assert not folder.exists(name)


def test_a_folder_is_found_by_path_or_uri(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    Folder.at("out").write_text("a", "x")
    for location in (str(tmp_path / "out"), f"{tmp_path}/out/", f"file://{tmp_path}/out/", "~/out"):
        assert Folder.at(location).read_text("a") == "x"


@pytest.mark.parametrize(
    ("given", "shown"), [("s3://bucket/a/b/?region=eu-west-1", "s3://bucket/a/b"), ("file:///tmp/out", "/tmp/out")]
)
def test_where_a_folder_is_for_people(given, shown):
    assert Folder.at(given).location == shown


def test_a_relative_folder_is_shown_as_an_absolute_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Folder.at("out").location == str(tmp_path / "out")
