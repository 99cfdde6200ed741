"""One job at a time writes to an output folder: the lock of the kernel, and the note on stores that have none."""

import os
import signal
import subprocess
import sys
import time

import pytest
from test_storage import ObjectStore

from execground_ray.config.errors import ConfigError
from execground_ray.output import lock, note
from execground_ray.output.layout import LOCK
from execground_ray.output.lock import locked
from execground_ray.output.storage import Folder

HOLD = """
import sys, time
from execground_ray.output.lock import locked
from execground_ray.output.storage import Folder
with locked(Folder.at(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A folder of an object store, where dead jobs are known after a second."""
    for name, seconds in (("STALE_SECONDS", 1.2), ("SETTLE_SECONDS", 0.05), ("RENEW_SECONDS", 0.1)):
        monkeypatch.setattr(lock if name == "RENEW_SECONDS" else note, name, seconds)
    return Folder(ObjectStore("s3"), str(tmp_path / "store"))


def test_the_second_job_is_refused_and_told_who_holds_it(holder, tmp_path):
    words = rf"is being written to by process {holder.pid} on .*, since 20.* UTC; "
    with pytest.raises(ConfigError, match=words), locked(Folder.at(str(tmp_path))):
        pass


def test_a_killed_job_holds_nothing(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(Folder.at(str(tmp_path))):
        assert f"process {os.getpid()} on " in (tmp_path / LOCK).read_text()
    assert not (tmp_path / LOCK).exists()


def test_a_folder_that_the_job_did_not_use_is_not_left_behind(tmp_path):
    with locked(Folder.at(str(tmp_path / "a"))):
        pass
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_to_is_told():
    words = r"output\.dir = '/proc/nowhere/out' cannot be written to"
    with pytest.raises(ConfigError, match=words), locked(Folder.at("/proc/nowhere/out")):
        pass


def test_on_a_store_a_living_job_is_found_by_its_renewed_note(store, capsys):
    words = f"is being written to by process {os.getpid()} on "
    with locked(store), pytest.raises(ConfigError, match=words), locked(store):
        pass
    said = capsys.readouterr().err
    assert "for a sign of process" in said
    assert said.count("warning: two jobs that begin within ") == 1
    assert not store.exists(LOCK)


def test_on_a_store_the_note_of_a_dead_job_does_not_hold(store):
    store.write_text(LOCK, '{"run": "dead", "holder": "process 1 on a machine", "renewed": 7}')
    before = time.monotonic()
    with locked(store):
        assert time.monotonic() - before >= note.STALE_SECONDS
        assert "dead" not in store.read_text(LOCK)


def test_on_a_store_a_job_ends_when_another_has_taken_its_place(store, request):
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as a running job has it
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, usual))
    with pytest.raises(KeyboardInterrupt), locked(store):
        store.write_text(LOCK, '{"run": "other", "holder": "process 1 on a machine", "renewed": 0}')
        time.sleep(5)
    assert "other" in store.read_text(LOCK)


def test_where_the_file_system_has_no_locks_the_note_serves(tmp_path, monkeypatch, store):
    del store

    def no_locks(*_):
        raise OSError(lock.errno.ENOTSUP, "no locks")

    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    (tmp_path / "out").mkdir()
    with locked(Folder.at(str(tmp_path / "out"))):
        assert '"renewed"' in (tmp_path / "out" / LOCK).read_text()
