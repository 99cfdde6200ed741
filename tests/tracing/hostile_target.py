"""What the hostile programs attack: files, sockets, processes and secrets, all made for it, and a look at them after.

Also what the tests of the sandbox ask of the processes that are running.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

CANARY = "execground-canary-5d0f3c"
UNIQUE = f"{CANARY}-{os.getpid()}"  # where a name is the whole machine's
OUTSIDE = (f"/tmp/{UNIQUE}", f"/dev/shm/{UNIQUE}")  # files that are not there
SHADOWING = ("json.py", "snoop.py", "colorsys.py", "sitecustomize.py", "numpy.py")
WATCHED_SIGNALS = (signal.SIGURG, signal.SIGUSR1, signal.SIGTERM, signal.SIGHUP, signal.SIGIO, signal.SIGWINCH)


class Target:
    """What there is to attack, and whether anything has happened to it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.signals: list[int] = []
        self._sockets = {
            "TCP_PORT": _bound(stack, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "UDP_PORT": _bound(stack, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "UNIX_SOCKET": _bound(stack, socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "socket")),
            "UNIX_DATAGRAM_SOCKET": _bound(stack, socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagrams")),
            "ABSTRACT_SOCKET": _bound(stack, socket.AF_UNIX, socket.SOCK_STREAM, f"\0{UNIQUE}"),
        }
        (folder / "secret").write_text(CANARY)
        (folder / "link").symlink_to(folder / "secret")
        (folder / "spare").touch()
        (folder / "empty").mkdir()
        for name in SHADOWING:
            (folder / name).write_text(f"HOSTILE = True\nraise SystemExit({name!r})\n")
        self.sibling = subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE)
        stack.callback(self._end_sibling)
        handle = os.open(folder / "secret", os.O_RDONLY)  # as a job might have open, careless of its children
        os.set_inheritable(handle, True)
        stack.callback(os.close, handle)
        for number in WATCHED_SIGNALS:
            stack.callback(signal.signal, number, signal.signal(number, lambda got, _: self.signals.append(got)))
        self._entries = self._look()

    def names(self) -> dict[str, Any]:
        """The names by which programs know what there is to attack."""
        return {
            "CANARY": CANARY,
            "FOLDER": str(self.folder),
            "SECRET": str(self.folder / "secret"),
            "SYMLINK": str(self.folder / "link"),
            "PARENT": os.getpid(),
            "SIBLING": self.sibling.pid,
            "TCP_PORT": self._sockets["TCP_PORT"].getsockname()[1],
            "UDP_PORT": self._sockets["UDP_PORT"].getsockname()[1],
            "UNIX_SOCKET": self._sockets["UNIX_SOCKET"].getsockname(),
            "UNIX_DATAGRAM_SOCKET": self._sockets["UNIX_DATAGRAM_SOCKET"].getsockname(),
            "ABSTRACT_SOCKET": UNIQUE,
            "OUTSIDE": OUTSIDE,
        }

    def check(self) -> None:
        """Nothing has happened."""
        before, self._entries = self._entries, self._look()
        assert self._entries == before
        assert (self.folder / "secret").read_text() == CANARY
        assert not any(Path(path).exists() for path in OUTSIDE)
        signals, self.signals = self.signals, []
        assert signals == []
        assert self.sibling.poll() is None
        for name, listener in self._sockets.items():
            with pytest.raises(BlockingIOError):
                pytest.fail(f"{name} was reached: {listener.recv(100)!r}") if listener.type == socket.SOCK_DGRAM else (
                    listener.accept()
                )

    def _look(self) -> dict[str, tuple[int, ...]]:
        found = {}
        for path in sorted(self.folder.iterdir()):
            entry = path.lstat()
            found[path.name] = (entry.st_mode, entry.st_size, entry.st_mtime_ns, entry.st_ctime_ns, entry.st_nlink)
        return found

    def _end_sibling(self) -> None:
        self.sibling.communicate(b"\n")


def _bound(stack: ExitStack, family: int, kind: int, address: Any) -> socket.socket:
    listener = stack.enter_context(socket.socket(family, kind))
    listener.bind(address)
    if kind == socket.SOCK_STREAM:
        listener.listen()
    listener.setblocking(False)
    return listener


def worker_pids() -> list[int]:
    """The worker processes that this process has started, in the order of their ids."""
    return [pid for pid in children(os.getpid()) if "start_worker.py" in _read(Path(f"/proc/{pid}/cmdline"))]


def children(pid: int) -> list[int]:
    """The children of a process, those of all its threads, in the order of their ids."""
    lists = [_read(path) for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return sorted(int(child) for text in lists for child in text.split())


def _read(path: Path) -> str:
    """What a file of ``/proc`` holds; nothing once its process is gone."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state(pid: int) -> str:
    """The state of a process as the kernel writes it: "R" runs, "S" sleeps, "Z" waits to be collected; "" is gone."""
    stat = _read(Path(f"/proc/{pid}/stat"))
    return stat.rpartition(")")[2].split()[0] if stat else ""


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended; one that waits to be collected has."""
    return state(pid) not in ("", "Z", "X")


def wait_until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Return what the condition gives as soon as it gives something; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found
