"""The output folder fails while the job runs: it says so in a line, ends with 1, and the same command goes on."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from job import ROOT, rows_of
from problem_lines import problem_line

from execground_ray.output.lock import locked
from execground_ray.output.storage import Folder

PROBLEMS = 200
GO_ON = "What is written is kept: run the same command again to go on."
# A disk of its own, for which a user needs no rights: the job fills it, and finds it larger the second time.
SMALL_DISK = """
mount -t tmpfs -o size=160k none "$1" && shift
"$@"; echo "first $?"
mount -o remount,size=64m "$DISK"
"$@"; echo "second $?"
cp -r "$DISK/out" "$RESULT"
"""


def can_mount():
    """Whether this machine lets us mount a disk for ourselves alone."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    file = tmp_path_factory.mktemp("corpus") / "problems.jsonl"
    file.write_text("".join(f"{problem_line(number)}\n" for number in range(PROBLEMS)))
    return file


@pytest.fixture
def overrides(corpus):
    fixed = ["source=jsonl", f"source.path={corpus}", "tracing.preload=[]", "tracing.workers=1"]
    return [*fixed, "cluster.num_cpus=2", "export.rows_per_shard=16", "sandbox=none"]


def check_complete(output):
    ids = Counter(row["id"] for name in ("train", "rejected") for row in rows_of(output, name))
    assert len(ids) == PROBLEMS
    assert set(ids.values()) == {1}
    assert json.loads((output / "summary.json").read_text())["counts_add_up"]


@pytest.mark.skipif(not can_mount(), reason="this machine lets nobody mount a disk of his own")
def test_a_full_disk_is_told_and_the_job_goes_on_when_there_is_room(tmp_path, overrides):
    disk = tmp_path / "disk"
    disk.mkdir()
    job = [sys.executable, "-m", "ray_jobs.build_dataset", f"output.dir={disk / 'out'}", *overrides]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"DISK": str(disk), "RESULT": str(tmp_path / "result"), "PYTHONPATH": str(ROOT)}
    command = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", SMALL_DISK, "bash", str(disk), *job]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=400)
    said = done.stderr.splitlines()
    assert [line for line in done.stdout.splitlines() if line.startswith(("first", "second"))] == [
        "first 1",
        "second 0",
    ]
    (error,) = [number for number, line in enumerate(said) if line.startswith("error: ")]
    assert "cannot be written" in said[error]
    assert "No space left on device" in said[error]
    assert said[error + 1] == GO_ON
    assert any("problems are done already" in line for line in said[error:])
    check_complete(tmp_path / "result")


def test_a_folder_that_another_job_writes_to_is_refused(tmp_path, overrides, start_job):
    output = tmp_path / "out"
    with locked(Folder.at(str(output))):
        refused = start_job(f"output.dir={output}", *overrides).wait()
    assert (refused.code, refused.stdout) == (2, "")
    assert "is being written to by process" in refused.stderr


def test_a_folder_that_is_deleted_is_told(tmp_path, overrides, start_job):
    output = tmp_path / "out"
    job = start_job(f"output.dir={output}", *overrides)
    job.wait_until(lambda: rows_of(output, "train"))
    shutil.rmtree(output.rename(tmp_path / "deleted"))  # at one stroke: what the job meets does not depend on the order
    ended = job.wait(60)
    assert ended.code == 1
    assert f"{output} cannot be written: its config.yaml was deleted while the job ran\n{GO_ON}" in ended.stderr
    assert not (output / "summary.json").exists()
