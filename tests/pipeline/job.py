"""The main job as its users start it: a process of its own, watched until the last process it started has ended.

The processes of Ray and of the sandbox do not all stay in the group or session of the job, and those that outlive it
would be handed to the machine's first process. ``adopt_orphans`` has them handed to this one instead, so that whatever
a job leaves behind is found below it.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Ended:
    """How a job ended: its exit code, negative after a signal, and what it said."""

    code: int
    stdout: str
    stderr: str


class Job:
    """One start of the job, in ``folder`` as working directory and in a process group of its own.

    ``code`` is the folder that it is imported from.
    """

    def __init__(self, folder, *overrides, code=ROOT):
        self._texts = [Path(folder, name) for name in ("stdout.txt", "stderr.txt")]
        command = [sys.executable, "-m", "ray_jobs.build_dataset", *overrides]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        self._before = living_below(None)
        with self._texts[0].open("w") as stdout, self._texts[1].open("w") as stderr:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment | {"PYTHONPATH": str(code)},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job behind & is to ignore Ctrl-C
            )

    def wait(self, timeout_seconds=180):
        """Wait for the end of the job; a job that stalls is killed and fails the test."""
        try:
            code = self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end within {timeout_seconds} s:\n{self._texts[1].read_text()}") from None
        return Ended(code, *(text.read_text("utf-8") for text in self._texts))

    def wait_until(self, condition, timeout_seconds=120):
        """Wait until ``condition()`` is true, while the job runs."""
        end = time.monotonic() + timeout_seconds
        while not condition():
            assert self._process.poll() is None, f"ended too early:\n{self._texts[1].read_text()}"
            assert time.monotonic() < end, "nothing happened"
            time.sleep(POLL_SECONDS)

    def signal_group(self, number):
        """Send a signal to the job and the processes in its group, as a terminal does for Ctrl-C."""
        os.killpg(self._process.pid, number)

    def left_behind(self, patience_seconds):
        """Return the command lines of processes that are still there after so long; none as soon as all are gone."""
        end = time.monotonic() + patience_seconds
        while left := self._left():
            if time.monotonic() > end:
                return [command_line(pid) for pid in left]
            time.sleep(POLL_SECONDS)
        return []

    def kill(self):
        """End everything that this job started and that is still there."""
        while left := self._left():
            for pid in left:
                signal_if_there(pid)
            time.sleep(POLL_SECONDS)
        self._process.wait()

    def _left(self):
        return living_below(self._process.pid) - self._before


def adopt_orphans(adopt):
    """Let the kernel hand processes whose parents end to this process, or no longer."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0) == 0


def living_below(starter):
    """Return the ids of all living processes below this one.

    Adopted processes that have ended are buried on the way; ``starter``, if it has ended, is left to who waits for it.
    """
    children = {}
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(pid)
        elif int(parent) == os.getpid() and pid != starter:
            os.waitpid(pid, os.WNOHANG)
    found, waiting = set(), [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


def command_line(pid):
    """The command of a process, for a message."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
    except OSError:
        return ""


def signal_if_there(pid):
    """Kill a process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def rows_of(output, name):
    """All rows of ``train`` or ``rejected``."""
    shards = sorted(Path(output, name).glob("*"))
    return [json.loads(line) for shard in shards for line in shard.read_text("utf-8").split("\n")[:-1]]
