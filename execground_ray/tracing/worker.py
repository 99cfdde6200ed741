r"""The process in the cage: it has imported everything once and forks a process for every request.

Started by ``start_worker``, with the protocol of ``messages`` on stdin and stdout. When it is ready it is told how
large it is, which it cannot see from its cage. Then a request is a program and one call or more; an answer is how the
first call ended, or the first ``calls`` if their traces are all too long::

    {"refcode": "def f(n): …", "funcname": "f", "layout": "pyedu", "calls": ["{\"n\": 2}", "{\"n\": 3}"]}
    {"calls": 1, "outcome": "returned", "detail": "", "value": "3", "trace": " >>> Call to f…", "evidence": "",
     "wall_seconds": 0.006, "cpu_seconds": 0.004, "rss_mb": 41}

A worker has one of three roles: ``count`` finds out whether a trace is too long, ``record`` writes it, and ``witness``
writes it again from the program's instrumented copy, and evidence beside it.

Nothing that a run sends is trusted: its result counts only behind a fresh token, is bounded, checked, and read as text.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import math
import os
import select
import signal
import struct
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from execground_ray.python.values import read_json
from execground_ray.records import PYEDU
from execground_ray.tracing import confine
from execground_ray.tracing.messages import read_message, write_message
from execground_ray.tracing.program import EVIDENCE_BYTES, FILENAME, Program, RunLimits, Runner
from execground_ray.tracing.values import to_json

TOKEN_BYTES = 16
FIELDS = struct.Struct("=5I")
# The first bytes from a run: it is confined and starts the program; for each call that is too long; for a result.
READY, TOO_LONG, RESULT = b"\1", b"\2", b"\3"
DETAIL_CHARS = 1000
RUN_OUTCOMES = frozenset(("returned", "exception", "memory", "no_return", "unsupported_value"))
# A run on a busy machine waits its turn, and must not be found too slow for that: its limit is CPU time. The clock only
# ends those that sleep: by twice the limit one that has not had this share of a CPU, by the last any.
WALL_PER_CPU_SECONDS = 2
LEAST_CPU_SHARE = 0.05
MOST_WALL_PER_CPU_SECONDS = 10


class Worker:
    """Forks runs and collects their results."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Import what every run needs; then give up all rights that no run may have."""
        warnings.simplefilter("ignore")  # of the programs' own source; nobody would read them
        self._limits = RunLimits(**settings["limits"])
        self._runner = _runner(settings, self._limits)
        self._runner.warm_up()
        for name in settings["preload"]:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        self._null = os.open(os.devnull, os.O_RDWR)
        confine.limit_resources()
        self._confinement = None
        if settings["caged"]:
            confine.drop_rights()
            self._confinement = confine.Confinement(settings["landlock_abi"])
        self._program: tuple[tuple[str, str], Program] | None = None
        gc.collect()
        gc.freeze()  # all forks share what is there by now; nor does it count as theirs
        self._memory_bytes = 0

    def limit_memory(self, idle_bytes: int) -> None:
        """Limit its address space, and that of each run, to so much more than it has had before the first."""
        self._memory_bytes = idle_bytes + self._limits.memory_mb * 2**20
        confine.limit_memory(self._memory_bytes, for_good=False)

    def _prepare(self, refcode: str, funcname: str) -> Program:
        key = (refcode, funcname)
        if self._program is None or self._program[0] != key:
            self._program = None
            self._program = key, self._runner.prepare(refcode, funcname)
        return self._program[1]

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one request to its end, whatever it does."""
        try:
            program = self._prepare(request["refcode"], request["funcname"])
            calls = [read_json(arguments) for arguments in request["calls"]]
            self._runner.layout = request.get("layout", PYEDU)
            self._runner.watches = request.get("watches", ())
        except MemoryError:
            return _result("memory", f"more than {self._limits.memory_mb} MB before it ran")
        except Exception as error:
            return _result("exception", f"{type(error).__name__}: {error}")
        token = RESULT + os.urandom(TOKEN_BYTES)
        started = time.monotonic()
        reading, writing = os.pipe()
        pid = confine.fork()
        if pid == 0:
            os.close(reading)
            self._run(program, calls, writing, token)
        os.close(writing)
        most = len(READY) + len(calls) + len(token) + FIELDS.size + 16 * self._limits.result_bytes + EVIDENCE_BYTES
        try:
            data, in_time = _read_all(reading, most, self._limits.timeout_seconds, lambda: _cpu_seconds(pid))
        finally:
            os.close(reading)
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
        cpu_seconds = usage.ru_utime + usage.ru_stime
        out_of_cpu = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
        in_time = in_time and not out_of_cpu and cpu_seconds < self._limits.timeout_seconds
        if data[: len(READY)] != READY:
            why = data[:DETAIL_CHARS].decode(errors="replace")
            result = _result("sandbox_fault", f"the run could not be started: {why}")
        elif too_long := len(data) - len(READY) - len(data[len(READY) :].lstrip(TOO_LONG)):
            result = _result("too_long", f"{self._limits.max_lines} lines or more")
            result["calls"] = min(too_long, len(calls))
        else:
            result = self._parse(data[len(READY) :], token) or self._ending(in_time, len(data) >= most, status)
        result["wall_seconds"] = time.monotonic() - started
        result["cpu_seconds"] = cpu_seconds
        result["rss_mb"] = usage.ru_maxrss // 1024
        return result

    def _run(self, program: Program, calls: list[dict[str, Any]], writing: int, token: bytes) -> NoReturn:
        """Be the child: take its rights away and run; nothing returns from here.

        What goes wrong before READY is the sandbox's fault, and no program can unsay READY.
        """
        try:
            fcntl.fcntl(self._null, fcntl.F_SETFL, os.O_RDWR)  # all runs share its flags: undo what the last one set
            for stream in (0, 1, 2):
                os.dup2(self._null, stream)
            pack, write = FIELDS.pack, os.write

            def send(outcome: str, detail: str, value: str, trace: str, evidence: str = "") -> None:
                fields = (outcome, detail, value, trace, evidence)
                parts = [field.encode("utf-8", "backslashreplace") for field in fields]
                data = memoryview(token + pack(*map(len, parts)) + b"".join(parts))
                while data:
                    data = data[write(writing, data) :]

            def tell_too_long() -> None:
                write(writing, TOO_LONG)

            for drawing in filter(None, map(sys.modules.get, ("random", "numpy.random"))):
                drawing.seed()  # a fork of ``confine`` is none that Python knows of: each would draw the same
            confine.limit_memory(self._memory_bytes, for_good=True)
            confine.limit_cpu(math.ceil(self._limits.timeout_seconds))
            if self._confinement:
                self._confinement.apply()
            write(writing, READY)
            self._runner.run(program, calls, send, tell_too_long)
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(1)

    def _parse(self, data: bytes, token: bytes) -> dict[str, Any] | None:
        """Read a result; None when the run sent none, or something else."""
        start = len(token) + FIELDS.size
        if data[: len(token)] != token or len(data) < start:
            return None
        fields = []
        try:
            for length in FIELDS.unpack(data[len(token) : start]):
                fields.append(data[start : start + length].decode())
                start += length
            outcome, detail, value, trace, evidence = fields
            if start != len(data) or outcome not in RUN_OUTCOMES or len(value) >= self._limits.result_bytes:
                return None
            if len(evidence) >= EVIDENCE_BYTES:
                return None
            if outcome == "returned":
                to_json(read_json(value), exact=True)
        except (ValueError, RecursionError):
            return None
        return _result(outcome, detail[:DETAIL_CHARS], value, trace, evidence)

    def _ending(self, in_time: bool, flooded: bool, status: int) -> dict[str, Any]:
        """Name the end of a run that sent no result."""
        if not in_time:
            return _result("timeout", f"longer than {self._limits.timeout_seconds:g} s")
        if flooded:
            return _result("too_long", "the result is larger than its limit")
        if os.WIFSIGNALED(status):
            number = signal.Signals(os.WTERMSIG(status))
            # The kernel's count of CPU time may have reached the limit a little before the one that is reported.
            return _result("killed", number.name)
        return _result("no_return", f"the process ended with exit code {os.WEXITSTATUS(status)}")


def _result(outcome: str, detail: str, value: str = "", trace: str = "", evidence: str = "") -> dict[str, Any]:
    shown = {"value": value, "trace": trace, "evidence": evidence}
    spent = {"wall_seconds": 0.0, "cpu_seconds": 0.0, "rss_mb": 0}  # of a run, once there is one
    return {"calls": 1, "outcome": outcome, "detail": detail, **shown, **spent}


def _cpu_seconds(pid: int) -> float:
    """CPU time of a child, all its threads together; the kernel numbers the clocks of processes so."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:  # it has just ended
        return math.inf


def _read_all(
    descriptor: int, most: int, limit_seconds: float, used_seconds: Callable[[], float]
) -> tuple[bytes, bool]:
    """Read until the end, ``most`` bytes, or the run is found asleep; tell whether the end came in time.

    Args:
        descriptor: of a pipe.
        most: bytes to read.
        limit_seconds: of the run's CPU time, which is not watched here.
        used_seconds: tells what it has had of it.
    """
    started = time.monotonic()
    patience = WALL_PER_CPU_SECONDS * limit_seconds
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    chunks: list[bytes] = []
    size = 0
    while size < most:
        elapsed = time.monotonic() - started
        if not poll.poll(max(0.0, patience - elapsed) * 1000):
            if elapsed > MOST_WALL_PER_CPU_SECONDS * limit_seconds or used_seconds() < LEAST_CPU_SHARE * patience:
                return b"".join(chunks), False
            patience += limit_seconds
            continue
        chunk = os.read(descriptor, 2**20)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks), True


def _runner(settings: dict[str, Any], limits: RunLimits) -> Runner:
    """Return what fulfils the worker's role; what it imports is seen in no trace of another role."""
    if settings["role"] == "count":
        from execground_ray.tracing.counting import CountingRunner

        return CountingRunner(limits)
    from execground_ray.tracing.reprs import ValueShower

    show = ValueShower(settings["value_chars"])
    if settings["role"] == "record":
        from execground_ray.tracing.recording import RecordingRunner

        return RecordingRunner(limits, show)
    from execground_ray.tracing.witnessing import WitnessingRunner

    return WitnessingRunner(limits, show)


def serve(settings: dict[str, Any]) -> None:
    """Serve requests until stdin ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    worker = Worker(settings)
    sys.argv = [FILENAME]
    write_message(answers, {"ready": True})
    if (told := read_message(requests)) is None:
        return
    worker.limit_memory(told["idle_bytes"])
    while (request := read_message(requests)) is not None:
        write_message(answers, worker.answer(request))
