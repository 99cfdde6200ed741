"""Whether Ray can start on this machine is known before it is tried."""

import os
import resource
import shutil
import tempfile
from pathlib import Path

import pytest

from execground_ray.config import ray_start
from execground_ray.config.errors import ConfigError
from execground_ray.config.ray_start import check_startable

NOBODY = 65534


@pytest.fixture
def folder(monkeypatch):
    """A folder with a short path that everybody may look into, and Ray is to use."""
    found = Path(tempfile.mkdtemp(prefix="ray"))
    found.chmod(0o755)
    monkeypatch.setenv("RAY_TMPDIR", str(found))
    yield found
    shutil.rmtree(found)


@pytest.fixture
def as_nobody():
    """Be a user without rights for the length of a test, where one can."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def test_a_usual_machine_is_one_and_nothing_is_left_there(folder):
    check_startable()
    assert list(folder.iterdir()) == []


def test_another_users_folder_of_ray_is_refused(folder, request):
    (folder / "ray").mkdir(mode=0o555)
    request.getfixturevalue("as_nobody")
    with pytest.raises(ConfigError, match=r"Ray's folder '.*/ray' cannot be written to: Permission denied; allowed: "):
        check_startable()


def test_a_folder_that_everybody_may_write_to_is_not(folder, request):
    (folder / "ray").mkdir()
    (folder / "ray").chmod(0o777)
    request.getfixturevalue("as_nobody")
    check_startable()
    assert (folder / "ray").exists()


@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR"])
def test_the_longest_path_that_a_socket_can_have(tmp_path, monkeypatch, name):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.delenv("TMPDIR", raising=False)
    room = ray_start.SOCKET_BYTES - len(f"/ray/{ray_start.SESSION.format(pid=os.getpid())}")
    base = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    try:
        fits = base / ("x" * (room - len(str(base)) - 1))
        monkeypatch.setenv(name, str(fits))
        check_startable()
        monkeypatch.setenv(name, f"{fits}x")
        with pytest.raises(ConfigError, match="is 1 characters too long; allowed: RAY_TMPDIR"):
            check_startable()
    finally:
        shutil.rmtree(base)


def test_a_limit_of_addresses_that_suffices(monkeypatch, folder):
    del folder
    for limit, fits in ((1 << 50, True), (resource.RLIM_INFINITY, True), (8_000_000 << 10, False)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        if fits:
            check_startable()
        else:
            with pytest.raises(ConfigError, match="ulimit -v is 8000000, "):
                check_startable()
