"""Runs of the whole job. A start of Ray takes many seconds: every run here serves several tests."""

import shutil
import subprocess
import sys

import pytest
from job import ROOT, Job, adopt_orphans


@pytest.fixture(scope="session", autouse=True)
def _orphans():
    adopt_orphans(True)
    yield
    adopt_orphans(False)


@pytest.fixture(scope="session")
def start_job(tmp_path_factory):
    """Start a job with overrides, in an empty folder; whatever is left of it at the end is killed."""
    jobs = []

    def start(*overrides, code=ROOT):
        jobs.append(Job(tmp_path_factory.mktemp("job"), *overrides, code=code))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder into which the wheel, built from a copy of this checkout, is installed without what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    rest = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "out")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=rest)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", folder, copy], check=True)
    [wheel] = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-index", "--no-deps", "--target", folder / "site", wheel], check=True)
    return folder / "site"


@pytest.fixture(scope="session")
def sample_run(start_job, installed, tmp_path_factory):
    """The bundled sample on two CPUs in small shards: the output folder, how the job ended, and what it left behind.

    It is run from the wheel, which has to bring everything that a run needs.
    """
    output = tmp_path_factory.mktemp("sample") / "out"
    job = start_job(f"output.dir={output}", "cluster.num_cpus=2", "export.rows_per_shard=10", code=installed)
    ended = job.wait()
    return output, ended, job.left_behind(patience_seconds=30)
