"""The cage: one long-lived worker process that can hurt nothing but its own rows.

``CagedWorker`` starts ``worker`` in a Landlock domain (by ``sandlock``; no root, no namespaces, works in containers)
and talks to it over stdin and stdout. The worker gives up more before it sees a program, and every run inside is a fork
that loses still more (see ``confine``).

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

Kernels: all of it from Linux 6.12 (Landlock ABI 6). On older ones ``missing_protections`` says what Landlock does not
enforce, and the system-call filter has to do alone; without Landlock nothing starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from execground_ray.messages import DeadlineReader, read_message, write_message
from execground_ray.tracing.worker import MOST_WALL_PER_CPU_SECONDS

START_SECONDS = 60.0
GRACE_SECONDS = 5.0
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
SYSTEM_FILES = ("/etc/ld.so.cache", "/dev/urandom", "/proc/self/statm")
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class SandboxFaultError(RuntimeError):
    """The cage or the worker in it failed; the program that was running may have had no part in it."""


class SandboxUnavailableError(RuntimeError):
    """This machine cannot cage programs."""


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
    from sandlock import _sdk

    minimum = _sdk._lib.sandlock_protection_min_abi
    return [protection.name.lower() for protection in sandlock.Protection if minimum(int(protection)) > abi]


class CagedWorker:
    """A worker process in its cage, started on first use and replaced when it fails.

    It ends with the thread that started it, so that thread must live as long as it is needed.

    Args:
        settings: what ``worker.Worker`` takes.
        hash_seed: of the worker's interpreter, and so of every run in it.
    """

    def __init__(self, settings: dict[str, Any], hash_seed: int) -> None:
        """See the class; nothing is started yet."""
        self._settings = settings
        self._environment = ENVIRONMENT | {"PYTHONHASHSEED": str(hash_seed)}
        self._timeout_seconds = MOST_WALL_PER_CPU_SECONDS * settings["limits"]["timeout_seconds"] + GRACE_SECONDS
        self._process: Any = None  # a Popen, its streams pipes
        self.runs = 0

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have one request answered; both are described in ``worker``.

        Raises:
            SandboxFaultError: if the worker died or did not answer; the next call starts a fresh one.
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

    def _start(self) -> None:
        script = str(Path(__file__).with_name("start_worker.py"))
        settings = self._settings | {"packages": sorted(_package_folders()), "parent": os.getpid()}
        if settings["caged"]:
            settings |= cage_settings(settings["landlock_abi"])
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-S", script, json.dumps(settings)],
            env=self._environment,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.runs = 0
        try:
            self._read(START_SECONDS)
        except (OSError, ValueError, SandboxFaultError) as error:
            self.close()
            raise SandboxFaultError(f"the worker did not start: {error}") from error

    def _read(self, seconds: float) -> dict[str, Any]:
        message = read_message(DeadlineReader(self._process.stdout, seconds))
        if message is None:
            raise SandboxFaultError("it ended")
        return message


def cage_settings(abi: int) -> dict[str, Any]:
    """Return what ``start_worker.confine`` takes: what can be read, and whether the kernel may enforce less than all.

    Raises:
        SandboxUnavailableError: if there is no Landlock at all.
    """
    return {"degraded": bool(missing_protections(abi)), "readable": _readable_paths()}


def _package_folders() -> set[str]:
    return {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}


def _readable_paths() -> list[str]:
    package = Path(__file__).resolve().parents[1]
    interpreter = {Path(sys.executable).resolve().parent, Path(sys.executable).parent}
    libraries = {Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib")}
    shared = Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
    settings = Path(sys.prefix) / "pyvenv.cfg"
    wanted = {package, settings, shared, *interpreter, *libraries}
    wanted.update(map(Path, (*_package_folders(), *SYSTEM_LIBRARIES, *SYSTEM_FILES)))
    return sorted(str(path) for path in wanted if path.exists())
