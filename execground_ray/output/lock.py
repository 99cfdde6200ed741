"""One writer at a time: the lock on an output folder.

On a local or shared disk the kernel holds it (``flock``), and lets go of it when the process dies, however it dies. An
object store has no such thing: there the job leaves a note and renews it. That is weaker: two jobs that begin within
``SETTLE_SECONDS`` may both believe for some seconds that they are alone, until the renewal of one finds the note of
the other and stops its job.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from execground_ray.config.errors import ConfigError
from execground_ray.output.layout import LOCK
from execground_ray.output.storage import Folder

RENEW_SECONDS = 5.0
STALE_SECONDS = 20.0  # a note that has not changed for so long is that of a dead job
SETTLE_SECONDS = 2.0
NO_FLOCK = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)


@contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Be the only job that writes to ``folder`` for the length of a block.

    Raises:
        ConfigError: another job does, and which, or nothing can be written there.
    """
    holder = f"process {os.getpid()} on {platform.node()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    try:
        lock = _kernel_lock(folder, holder) if folder.filesystem.type_name == "local" else None
    except OSError as error:
        raise _unwritable(folder, error) from error
    if lock is None:
        with _note(folder, holder):
            yield
        return
    path = Path(folder.path, LOCK)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # if the job was refused and the folder is new
        os.close(lock)


def _kernel_lock(folder: Folder, holder: str) -> int | None:
    """Return the descriptor that holds the lock; None where the file system has no locks."""
    path = Path(folder.path, LOCK)
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:  # the one before may have deleted it meanwhile
                os.ftruncate(descriptor, 0)
                os.write(descriptor, holder.encode())
                return descriptor
            os.close(descriptor)
        except BlockingIOError:
            other = os.read(descriptor, 1000).decode()
            os.close(descriptor)
            raise _held(folder, other) from None
        except OSError as error:
            os.close(descriptor)
            if error.errno in NO_FLOCK:
                return None
            raise


@contextmanager
def _note(folder: Folder, holder: str) -> Iterator[None]:
    """Hold the lock by a note that is renewed."""
    own = {"run": uuid.uuid4().hex, "holder": holder}
    try:
        _wait_for_end(folder)
        folder.write_text(LOCK, json.dumps(own | {"renewed": 0}))
    except OSError as error:
        raise _unwritable(folder, error) from error
    time.sleep(SETTLE_SECONDS)
    if (found := _read(folder)) and found["run"] != own["run"]:
        raise _held(folder, str(found["holder"]))
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(folder, own, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if (found := _read(folder)) and found["run"] == own["run"]:
            folder.delete(LOCK)


def _wait_for_end(folder: Folder) -> None:
    """Return when no living job holds the note; who dies leaves it behind, but does not renew it."""
    first = _read(folder)
    if first is None:
        return
    print(f"waiting {STALE_SECONDS:.0f} s for a sign of {first['holder']}, who wrote here", file=sys.stderr)
    end = time.monotonic() + STALE_SECONDS
    while time.monotonic() < end:
        time.sleep(1)
        found = _read(folder)
        if found is None:
            return
        if found != first:
            raise _held(folder, str(found["holder"]))


def _renew(folder: Folder, own: dict[str, str], ended: threading.Event) -> None:
    number = 0
    while not ended.wait(RENEW_SECONDS):
        with suppress(OSError):  # a store that is away for a moment; the next time, then
            found = _read(folder)
            if found and found["run"] != own["run"]:
                print(f"error: {found['holder']} writes to the same output.dir", file=sys.stderr)
                os.kill(os.getpid(), signal.SIGTERM)  # not as Ctrl-C does: a job behind & or nohup is deaf to it
                return
            number += 1
            folder.write_text(LOCK, json.dumps(own | {"renewed": number}))


def _read(folder: Folder) -> dict[str, object] | None:
    try:
        found = json.loads(folder.read_text(LOCK))
    except (FileNotFoundError, ValueError):
        return None
    return dict(found)


def _unwritable(folder: Folder, error: OSError) -> ConfigError:
    return ConfigError(f"output.dir = {folder.path!r} cannot be written to: {error}")


def _held(folder: Folder, holder: str) -> ConfigError:
    return ConfigError(
        f"output.dir = {folder.path!r} is being written to by {holder or 'another job'}; "
        "allowed: wait for its end, or another output.dir"
    )
