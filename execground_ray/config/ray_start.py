"""What must be so on this machine before Ray can start on it.

Ray itself ends with a traceback where its folder is another user's or its path too long for a socket, and waits without
a word for ever where a process may not have the addresses that the object store takes. Each is one line here.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from pathlib import Path

from execground_ray.config.errors import ConfigError

SOCKET_BYTES = 107  # of a path, at most
SESSION = "session_2000-01-01_00-00-00_000000_{pid}/sockets/plasma_store"  # the longest path below Ray's folder
# A process of Ray maps the whole object store, which is at most so much of the memory, and so much beside it.
STORE_SHARE = 0.3
BESIDE_STORE_BYTES = 8 << 30
BESIDE_STORE_CPU_BYTES = 128 << 20  # more for each CPU: a heap for each thread
REMEDY = "allowed: RAY_TMPDIR, a folder of your own with a short path, such as /tmp/me"


def check_startable() -> None:
    """Make sure that Ray can start on this machine.

    Raises:
        ConfigError: it cannot; says what to change.
    """
    folder = Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")  # noqa: S108  (Ray's own choice)
    _check_length(folder)
    _check_writable(folder)
    _check_addresses(resource.getrlimit(resource.RLIMIT_AS)[0])


def _check_length(folder: Path) -> None:
    longest = os.fsencode(folder / SESSION.format(pid=os.getpid()))
    if len(longest) > SOCKET_BYTES:
        raise ConfigError(
            f"the folder {str(folder)!r}, where Ray keeps its sockets, is {len(longest) - SOCKET_BYTES} characters too "
            f"long; {REMEDY}"
        )


def _check_writable(folder: Path) -> None:
    made = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        if not made:
            folder.rmdir()  # Ray makes it with its own rights
    except OSError as error:
        raise ConfigError(f"Ray's folder {str(folder)!r} cannot be written to: {error.strerror}; {REMEDY}") from error


def _check_addresses(limit: int) -> None:
    if limit == resource.RLIM_INFINITY:
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    store = min(STORE_SHARE * memory, shutil.disk_usage("/dev/shm").total)  # noqa: S108  (where Ray keeps it)
    needed = int(store + BESIDE_STORE_BYTES + BESIDE_STORE_CPU_BYTES * (os.cpu_count() or 1)) >> 10 << 10
    if limit < needed:
        raise ConfigError(
            f"ulimit -v is {limit >> 10}, and Ray's processes need the addresses of its object store and more; "
            f"allowed: ulimit -v unlimited, or {needed >> 10} or more"
        )
