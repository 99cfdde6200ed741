"""Source and output on S3, against a real S3 server on loopback: build, interrupt, resume, report and check."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from job import ROOT
from moto.server import ThreadedMotoServer
from problem_lines import problem_line
from pyarrow import fs

from execground_ray.output.layout import LOCK
from execground_ray.output.storage import Folder

pytestmark = pytest.mark.slow

PROBLEMS = 180
KEY, SECRET = "AKIAXYZEXAMPLEKEY", "sEcReT-0f-th3-bucket"


@pytest.fixture(scope="module")
def bucket():
    """The environment in which everything finds the bucket: credentials by the usual chain."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        store = fs.S3FileSystem(allow_bucket_creation=True, endpoint_override=f"{host}:{port}", scheme="http")
        store.create_dir("corpus")
        for part in range(3):
            lines = "".join(f"{problem_line(number)}\n" for number in range(part * 60, part * 60 + 60))
            with store.open_output_stream(f"corpus/in/{part}.jsonl") as stream:
                stream.write(lines.encode())
        yield store
    server.stop()


def rows(folder, name):
    return [row for path in folder.files(name) for row in folder.read_rows(path)]


@pytest.fixture(scope="module")
def run(bucket, start_job):
    """Killed midway and run again: the folder, how the runs ended, and the first run's ids."""
    overrides = ["source=jsonl", "source.path=s3://corpus/in/*.jsonl", "output.dir=s3://corpus/out", "sandbox=none"]
    overrides += ["cluster.num_cpus=2", "tracing.workers=1", "tracing.preload=[]", "export.rows_per_shard=16"]
    folder = Folder.at("s3://corpus/out")
    job = start_job(*overrides)
    job.wait_until(lambda: rows(folder, "train"))
    job.signal_group(signal.SIGKILL)
    killed = job.wait(60)
    done = rows(folder, "train")
    resumed = start_job(*overrides).wait(240)
    finished = start_job(*overrides).wait(60)
    return folder, (killed, resumed, finished), done


def command(name, *arguments):
    command = [sys.executable, "-m", f"ray_jobs.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=120)


def test_a_killed_run_goes_on_where_it_stopped(run):
    folder, (killed, resumed, _), done = run
    assert killed.code == -signal.SIGKILL
    assert 0 < len(done) < PROBLEMS
    assert resumed.code == 0, resumed.stderr
    assert f"of {PROBLEMS} problems are done already" in resumed.stderr
    ids = Counter(row["id"] for name in ("train", "rejected") for row in rows(folder, name))
    assert len(ids) == PROBLEMS
    assert set(ids.values()) == {1}
    assert {row["id"] for row in done} <= ids.keys()


def test_the_lock_of_the_killed_run_was_found_and_left_behind_by_nobody(run):
    folder, (_, resumed, finished), _ = run
    assert "for a sign of process" in resumed.stderr
    assert "for a sign of process" not in finished.stderr
    assert not folder.exists(LOCK)


def test_a_finished_output_is_known(run):
    _, (_, _, finished), _ = run
    assert finished.code == 0
    assert "s3://corpus/out is finished already" in finished.stdout


def test_the_report_is_made_and_the_dataset_proved_where_it_is(run):
    folder = run[0]
    folder.delete("report.html")
    made = command("report", "s3://corpus/out")
    assert made.returncode == 0, made.stderr
    assert folder.exists("report.html")
    proved = command("check", "s3://corpus/out", "--sample=3", "--sandbox=none")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert f"proved: {PROBLEMS} training rows and 0 rejected" in proved.stdout


def test_an_output_is_the_source_of_another(run, start_job):
    del run
    settings = ["sandbox=none", "cluster.num_cpus=2", "tracing.workers=1", "tracing.preload=[]"]
    paths = ["source.path=s3://corpus/out", "output.dir=s3://corpus/again"]
    ended = start_job("source=dataset", *paths, *settings, "verification.min_grounded=0.4").wait(240)
    assert ended.code == 0, ended.stderr
    summary = json.loads(Folder.at("s3://corpus/again").read_text("summary.json"))
    assert summary["reuse"]["verify"] == {"reused": PROBLEMS, "made": 0}
    assert (summary["problems_read"], summary["examples"]) == (PROBLEMS, PROBLEMS)


def test_credentials_are_nowhere(run, bucket):
    folder, ended, _ = run
    files = bucket.get_file_info(fs.FileSelector("corpus/out", recursive=True))
    texts = {info.path: folder.read_bytes(info.path) for info in files if info.is_file}
    texts |= {f"run {number}": (job.stdout + job.stderr).encode() for number, job in enumerate(ended)}
    assert len(texts) > 10
    for path, text in texts.items():
        for secret in (KEY, SECRET):
            assert secret.encode() not in text, path


def test_credentials_in_the_uri_are_refused(bucket):
    del bucket
    refused = command("build_dataset", f"output.dir=s3://{KEY}:{SECRET}@corpus/other")
    assert refused.returncode == 2
    assert "credentials" in refused.stderr
    assert SECRET not in refused.stderr + refused.stdout


def test_a_bucket_that_is_not_there_is_told(bucket):
    del bucket
    refused = command("build_dataset", "output.dir=s3://no-such-bucket/out")
    assert refused.returncode == 2
    assert "no-such-bucket" in refused.stderr.splitlines()[-1]


def test_a_summary_tells_of_both_legs(run):
    summary = json.loads(run[0].read_text("summary.json"))
    assert (summary["legs"], summary["problems_read"]) == (2, PROBLEMS)
