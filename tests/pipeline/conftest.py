"""Runs of the whole job. A start of Ray takes many seconds: every run here serves several tests."""

import pytest
from job import Job, adopt_orphans


@pytest.fixture(scope="session", autouse=True)
def _orphans():
    adopt_orphans(True)
    yield
    adopt_orphans(False)


@pytest.fixture(scope="session")
def start_job(tmp_path_factory):
    """Start a job with overrides, in an empty folder; whatever is left of it at the end is killed."""
    jobs = []

    def start(*overrides):
        jobs.append(Job(tmp_path_factory.mktemp("job"), *overrides))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()


@pytest.fixture(scope="session")
def sample_run(start_job, tmp_path_factory):
    """The bundled sample on two CPUs in small shards: the output folder, how the job ended, and what it left behind."""
    output = tmp_path_factory.mktemp("sample") / "out"
    job = start_job(f"output.dir={output}", "cluster.num_cpus=2", "export.rows_per_shard=10")
    ended = job.wait()
    return output, ended, job.left_behind(patience_seconds=30)
