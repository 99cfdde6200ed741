"""The cage: one long-lived worker process that can hurt nothing but its own rows.

``CagedWorker`` starts ``worker`` in a Landlock domain (by ``sandlock``; no root, no namespaces, works in containers)
and talks to it over stdin and stdout. A thread gives up all files but the interpreter's, and starts it: so the worker
is born in its cage, has nothing in its memory of what confining takes, and the process that wants it keeps its rights.
The worker gives up more before it sees a program, and every run inside is a fork that loses still more (see
``confine``).

What is promised, each with a test in ``tests/tracing/test_hostile_programs.py`` or ``test_sandbox.py``:

- files: nothing can be written, made, removed, renamed, or given another owner, mode, time or attribute; only the
  interpreter, its libraries and this package can be read
- network: none, of any kind, local sockets included; a program can talk to itself
- secrets: the environment is empty but for what the interpreter needs; no other process's memory, environment or
  descriptors
- other processes: no signal, no trace, no change of limits, priority or CPUs; a run cannot fork, and it dies with the
  worker, which dies with whoever started it, so nothing outlives the job
- resources: time, CPU, memory, descriptors and result size of a run are bounded; what it prints is thrown away; threads
  are bounded by the memory of their stacks
- state: every run starts from the same process image, and nothing that a run changes is seen by the next. (Pairs of
  one problem that are too long, and so give nothing, may follow each other in a process; what counts never comes
  behind them.)
- results: they leave through a descriptor of their own behind a token, never through stdout or stderr; whatever a run
  sends there, the worker stays well, and only its own row is rejected

What is not promised: that a program cannot lie about itself. Program and tracer share a process, so one that digs
through the interpreter's memory can falsify the trace of its own row. Nor that it cannot find out which files exist,
how large they are, and where links lead: Landlock hides contents alone. Nor is this a defence against a hole in the
kernel; run it in a virtual machine if the corpus is an enemy's.

Kernels: Linux 6.12 or newer (Landlock ABI 6), which sandlock needs to start; on an older one the job refuses to start
and ``missing_protections`` says what it would lack.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from execground_ray.tracing.messages import DeadlineReader, read_message, write_message
from execground_ray.tracing.worker import MOST_WALL_PER_CPU_SECONDS

START_SECONDS = 60.0
GRACE_SECONDS = 5.0
PACKAGE_FOLDERS = {"site-packages", "dist-packages"}
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
SYSTEM_FILES = ("/etc/ld.so.cache", "/dev/urandom")
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class SandboxFaultError(RuntimeError):
    """The cage or the worker in it failed; the program that was running may have had no part in it."""


class WorkerStartError(SandboxFaultError):
    """The worker did not even start."""


class SandboxUnavailableError(RuntimeError):
    """This machine cannot cage programs."""

    of_the_job = True  # not of the row whose program was to run


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where there is none."""
    import sandlock

    return max(0, int(sandlock.landlock_abi_version()))


def missing_protections(abi: int) -> list[str]:
    """Name the protections that a kernel with this Landlock version does not enforce.

    Raises:
        SandboxUnavailableError: if there is no Landlock at all.
    """
    if abi < 1:
        raise SandboxUnavailableError(
            "this kernel has no Landlock, so programs cannot be caged: use Linux 5.13 or newer with Landlock enabled "
            "(6.12 for every protection), or set sandbox=none to run them with all your rights"
        )
    import sandlock

    from execground_ray.private.sandlock import least_abi

    return [protection.name.lower() for protection in sandlock.Protection if least_abi(protection) > abi]


class CagedWorker:
    """A worker process in its cage, started on first use and replaced when it fails.

    Args:
        settings: what ``worker.Worker`` takes.
        hash_seed: of the worker's interpreter, and so of every run in it.
    """

    def __init__(self, settings: dict[str, Any], hash_seed: int) -> None:
        """Nothing is started yet."""
        self._settings = settings
        self._environment = ENVIRONMENT | {"PYTHONHASHSEED": str(hash_seed)}
        self._timeout_seconds = MOST_WALL_PER_CPU_SECONDS * settings["limits"]["timeout_seconds"] + GRACE_SECONDS
        self._process: Any = None  # a Popen, its streams pipes
        self._thread: ThreadPoolExecutor | None = None
        self.runs = 0

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have one request answered; both are described in ``worker``.

        Raises:
            SandboxFaultError: if the worker died or did not answer; the next call starts a fresh one.
            WorkerStartError: if it could not be started.
        """
        if self._process is None:
            self._start()
        self.runs += 1
        try:
            write_message(self._process.stdin, request)
            return self._read(self._timeout_seconds)
        except (OSError, ValueError, SandboxFaultError) as error:
            self.close()
            raise SandboxFaultError(f"the worker failed: {error}") from error

    @property
    def pid(self) -> int | None:
        """Id of the worker's process; None when none is running."""
        return self._process and self._process.pid

    def close(self) -> None:
        """End the worker and everything in its cage; the next run starts a fresh one."""
        if self._process is not None:
            process, self._process, self.runs = self._process, None, 0
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None and not stream.closed:
                    stream.close()
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.shutdown()

    def _start(self) -> None:
        script = str(Path(__file__).with_name("start_worker.py"))
        settings = self._settings | {"packages": _package_folders(), "parent": os.getpid()}
        command = [sys.executable, "-P", "-s", "-S", script, json.dumps(settings)]
        abi = settings["landlock_abi"] if settings["caged"] else None
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.runs = 0
        try:
            self._process = self._thread.submit(confine_and_start, command, self._environment, abi).result()
            self._read(START_SECONDS)
            write_message(self._process.stdin, {"idle_bytes": _address_space_bytes(self._process.pid)})
        except (OSError, ValueError, SandboxFaultError) as error:
            self.close()
            raise WorkerStartError(f"the worker did not start: {error}") from error

    def _read(self, seconds: float) -> dict[str, Any]:
        message = read_message(DeadlineReader(self._process.stdout, seconds))
        if message is None:
            raise SandboxFaultError("it ended")
        return message


def confine_and_start(command: list[str], environment: dict[str, str], abi: int | None) -> subprocess.Popen[bytes]:
    """Give up, for the calling thread and for good, all files but those that a worker needs, and start a process.

    The thread must have been made for this. The process has pipes for stdin and stdout; one that asks the kernel to end
    it with its parent (``confine.die_with``) ends with this thread.

    Args:
        command: of the process.
        environment: all of its environment.
        abi: the kernel's Landlock version, which may lack protections; None to give up nothing.

    Raises:
        SandboxUnavailableError: if there is no Landlock at all.
        SandboxFaultError: if the kernel refused.
    """
    if abi is not None:
        missing = missing_protections(abi)
        import sandlock

        cage = sandlock.Sandbox(
            fs_readable=_readable_paths(),
            fs_writable=[os.devnull],
            allow_degraded=list(sandlock.Protection) if missing else [],
        )
        try:
            sandlock.confine(cage)
        except sandlock.SandlockError as error:
            raise SandboxFaultError(str(error)) from error
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd="/", stdin=pipe, stdout=pipe, bufsize=0)


def _address_space_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _package_folders() -> list[str]:
    """Where packages are installed: for the interpreter, for the user, or wherever else the worker's own were found."""
    folders = [folder for folder in sys.path if Path(folder).name in PACKAGE_FOLDERS]
    own = find_spec("cheap_repr")
    if own is not None and own.origin:
        folders.append(str(Path(own.origin).parents[1]))
    return list(dict.fromkeys(folders))


def _readable_paths() -> list[str]:
    package = Path(__file__).resolve().parents[1]
    interpreter = {Path(sys.executable).resolve().parent, Path(sys.executable).parent}
    libraries = {Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib")}
    shared = Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
    settings = Path(sys.prefix) / "pyvenv.cfg"
    wanted = {package, settings, shared, *interpreter, *libraries}
    wanted.update(map(Path, (*_package_folders(), *SYSTEM_LIBRARIES, *SYSTEM_FILES)))
    return sorted(str(path) for path in wanted if path.exists())
