"""Of two jobs that begin together on one bucket exactly one goes on: the note that the store itself decides about."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from execground_ray.config.errors import ConfigError
from execground_ray.output import lock, note
from execground_ray.output.layout import LOCK
from execground_ray.output.lock import locked
from execground_ray.output.storage import Folder
from execground_ray.output.store_note import StoreNote

JOBS = 4
BEGIN_AND_HOLD = """
import sys, time
from execground_ray.config.errors import ConfigError
from execground_ray.output import lock, note
from execground_ray.output.lock import locked
from execground_ray.output.storage import Folder
note.STALE_SECONDS = 2.0
lock.RENEW_SECONDS = 0.2
note.SETTLE_SECONDS = 0.0
folder = Folder.at(sys.argv[1])
import obstore.store
print("ready", flush=True)
sys.stdin.readline()
try:
    with locked(folder):
        print("goes on", flush=True)
        sys.stdin.readline()
except ConfigError as error:
    print("refused", error, flush=True)
"""


@pytest.fixture(scope="module")
def store():
    """An S3 server, and the environment in which everything finds it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "of-nobody",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        made = fs.S3FileSystem(allow_bucket_creation=True, endpoint_override=f"{host}:{port}", scheme="http")
        made.create_dir("outputs")
        yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def output(store, request):
    """An output of this test alone."""
    del store
    return f"s3://outputs/{request.node.name.partition('[')[0]}"


@pytest.fixture
def quick(monkeypatch):
    """Dead jobs are known after a second; nobody waits to see whether another wrote too."""
    for name, seconds in (("STALE_SECONDS", 1.2), ("RENEW_SECONDS", 0.1), ("SETTLE_SECONDS", 600.0)):
        monkeypatch.setattr(lock if name == "RENEW_SECONDS" else note, name, seconds)


@pytest.fixture
def begin(request):
    """Start jobs on one output that begin at the same moment; return what each says."""

    def begin(output, count=JOBS):
        command = [sys.executable, "-c", BEGIN_AND_HOLD, output]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        jobs = [subprocess.Popen(command, **pipes) for _ in range(count)]
        request.addfinalizer(lambda: [(job.communicate("\n"), job.wait()) for job in jobs])
        assert [job.stdout.readline() for job in jobs] == ["ready\n"] * count
        for job in jobs:
            job.stdin.write("\n")
            job.stdin.flush()
        return [job.stdout.readline() for job in jobs]

    return begin


def test_of_jobs_that_begin_together_exactly_one_goes_on(output, begin):
    said = begin(output)
    assert said.count("goes on\n") == 1
    assert all("is being written to by process" in line for line in said if line != "goes on\n")


def test_of_jobs_that_find_the_note_of_a_dead_one_exactly_one_goes_on(output, begin):
    Folder.at(output).write_text(LOCK, json.dumps({"run": "dead", "holder": "process 1 on a machine", "renewed": 7}))
    assert begin(output).count("goes on\n") == 1


def test_the_note_is_renewed_and_taken_away(output, quick):
    folder = Folder.at(output)
    with locked(folder):
        first = folder.read_text(LOCK)
        time.sleep(0.5)
        assert folder.read_text(LOCK) != first
        with pytest.raises(ConfigError, match=f"by process {os.getpid()} on "), locked(folder):
            pass
    assert not folder.exists(LOCK)


def test_a_job_ends_when_another_has_taken_its_place(output, quick, request):
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as a running job has it
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, usual))
    folder = Folder.at(output)
    with pytest.raises(KeyboardInterrupt), locked(folder):
        folder.write_text(LOCK, '{"run": "other", "holder": "process 1 on a machine", "renewed": 0}')
        time.sleep(5)
    assert "other" in folder.read_text(LOCK)


def test_a_write_whose_answer_was_lost_counts(output, quick):
    own = StoreNote(Folder.at(output), "a job")
    assert own._put(None)
    assert own.put(None)
    assert not StoreNote(Folder.at(output), "another").put(None)


def test_the_options_of_the_uri_lead_to_the_store(store, output, quick, monkeypatch, capsys):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    folder = Folder.at(f"{output}?endpoint_override={store}&scheme=http&region=us-east-1")
    with locked(folder):
        assert folder.exists(LOCK)
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("heeds", [True, False])
def test_a_store_without_conditions_is_told(output, quick, monkeypatch, capsys, heeds):
    """One that refuses the header, and one that does not even see it."""
    import obstore

    real = obstore.put

    def put(*arguments, mode):
        if heeds:
            raise NotImplementedError("If-None-Match\nand more")
        return real(*arguments)

    monkeypatch.setattr(obstore, "put", put)
    monkeypatch.setattr(note, "SETTLE_SECONDS", 0.1)
    folder = Folder.at(output)
    with locked(folder):
        assert folder.exists(LOCK)
    said = capsys.readouterr().err
    assert said.startswith(f"warning: two jobs that begin within 2 s could both write to {output}, so do not start two")
    assert "If-None-Match" in said
    assert said.count("\n") == 1
    assert not folder.exists(LOCK)
