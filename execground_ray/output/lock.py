"""One writer at a time: the lock on an output folder.

On a local or shared disk the kernel holds it (``flock``), and lets go of it when the process dies, however it dies. An
object store has no such thing: there the job leaves a note and renews it; see ``note``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from execground_ray.config.errors import ConfigError
from execground_ray.output.layout import LOCK
from execground_ray.output.note import SETTLE_SECONDS, FileNote, HeldError, Note
from execground_ray.output.storage import OBJECT_STORES, Folder
from execground_ray.output.store_note import StoreNote

RENEW_SECONDS = 5.0
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
    with ExitStack() as held:
        try:
            held.enter_context(_noted(folder, holder))
        except HeldError as other:
            raise _held(folder, str(other)) from None
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield


@contextmanager
def _noted(folder: Folder, holder: str) -> Iterator[None]:
    """Hold the lock by a note for the length of a block, and end the job should another take it.

    Raises:
        HeldError: another job has it.
        OSError: nothing can be written there.
    """
    note = _taken(folder, holder)
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(note, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):  # the next job finds it unchanged
            note.release()


def _taken(folder: Folder, holder: str) -> Note:
    """Take the best note that the folder can have."""
    why = "the file system has no locks"
    if folder.filesystem.type_name in OBJECT_STORES:
        try:
            kept = StoreNote(folder, holder)
            kept.take()
            return kept
        except OSError as error:
            why = str(error)
    note = FileNote(folder, holder)
    note.take()
    print(
        f"warning: two jobs that begin within {SETTLE_SECONDS:.0f} s could both write to {folder.location}, so do not "
        f"start two: {why}",
        file=sys.stderr,
    )
    return note


def _renew(note: Note, ended: threading.Event) -> None:
    while not ended.wait(RENEW_SECONDS):
        with suppress(OSError):  # a store that is away for a moment; the next time, then
            if not note.renew():
                found = note.read()
                other = found.content.get("holder") if found else "another job"
                print(f"error: {other} writes to the same output.dir", file=sys.stderr)
                os.kill(os.getpid(), signal.SIGTERM)  # not as Ctrl-C does: a job behind & or nohup is deaf to it
                return


def _unwritable(folder: Folder, error: OSError) -> ConfigError:
    return ConfigError(f"output.dir = {folder.path!r} cannot be written to: {error}")


def _held(folder: Folder, holder: str) -> ConfigError:
    return ConfigError(
        f"output.dir = {folder.path!r} is being written to by {holder or 'another job'}; "
        "allowed: wait for its end, or another output.dir"
    )
