"""Report and card are made again from the files alone, and a finished dataset is uploaded whole."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from hub_server import Hub

from execground_ray.output.layout import UNFINISHED
from execground_ray.output.storage import Folder

UPLOAD = """
import sys
from execground_ray.report.presentation import push_to_hub
print(push_to_hub(sys.argv[1], "owner/name"))
"""


@pytest.fixture
def copy(small_output, tmp_path):
    """A copy of the dataset, to be changed."""
    return shutil.copytree(small_output, tmp_path / "copy")


def without_token(home):
    """The environment of a user who never logged in to the Hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    return kept | {"HF_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}


def python(*arguments, env):
    return subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_report_of_a_finished_dataset_is_made_again(run_command, copy):
    before = {name: (copy / name).read_bytes() for name in ("report.html", "README.md")}
    for name in before:
        (copy / name).unlink()
    ended = run_command("-m", "ray_jobs.report", str(copy))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{copy}/report.html\n", "")
    assert {name: (copy / name).read_bytes() for name in before} == before
    assert not Folder.at(str(copy)).exists(UNFINISHED)


@pytest.mark.parametrize("missing", ["summary.json", "records"])
def test_what_is_no_finished_output_is_refused(run_command, copy, missing):
    path = copy / missing
    path.unlink() if path.is_file() else shutil.rmtree(path)
    ended = run_command("-m", "ray_jobs.report", str(copy))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {copy} ")
    assert missing in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_upload_holds_the_whole_dataset_and_replaces_a_former_one(copy, tmp_path):
    (copy / "notes.txt").write_text("mine")
    with Hub(files=["train/old.jsonl", "notes.md"]) as hub:
        environment = without_token(tmp_path) | {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_secret"}
        ended = python("-c", UPLOAD, str(copy), env=environment)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{hub.url}/datasets/owner/name\n"
    assert hub.created["type"] == "dataset"
    assert hub.created["visibility"] == "private"
    assert [card["repoType"] for card in hub.cards] == ["dataset"]
    assert hub.tokens == {"Bearer hf_secret"}
    written = {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert hub.added == {path: content for path, content in written.items() if path != "notes.txt"}
    assert hub.deleted == {"train/old.jsonl"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("export.push_to_hub=owner/name", "export.push_to_hub needs a token: set HF_TOKEN, or log in once"),
        ("export.push_to_hub=name", "export.push_to_hub = 'name' is no repository; allowed: owner/name on the Hub"),
        (
            "export.push_to_hub=owner/name output.dir=s3://bucket/out",
            "export.push_to_hub uploads a folder of this machine",
        ),
    ],
)
def test_an_upload_that_cannot_come_off_is_refused_at_once(tmp_path, arguments, message):
    program = "import sys; from ray_jobs.build_dataset import main; print(main(), 'ray' in sys.modules)"
    ended = python("-c", program, f"output.dir={tmp_path / 'out'}", *arguments.split(), env=without_token(tmp_path))
    assert ended.stdout == "2 False\n"
    assert ended.stderr.startswith(f"error: {message}")
    assert not (tmp_path / "out").exists()


def test_a_report_that_cannot_be_made_ends_no_run(copy, capsys, ray_session):
    from execground_ray.pipeline import show

    for path in (copy / "records").iterdir():
        path.write_bytes(b"not Parquet")
    show(Folder.at(str(copy)))
    said = capsys.readouterr().err
    assert said.startswith("warning: no report.html: ")
    assert f"python -m ray_jobs.report {copy}" in said
    assert json.loads((copy / "summary.json").read_text())["counts_add_up"]
