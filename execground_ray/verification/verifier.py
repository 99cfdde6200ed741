"""Verifies in a process of its own, which may use so much time and memory and no more.

A text and the evidence of a program are anybody's, and judging works out what is in them. What takes too much time or
memory here ends this process, and neither the job nor the other rows; the text is then judged without its evidence.
"""

from __future__ import annotations

import atexit
import gc
import os
import resource
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from execground_ray.python.values import read_json
from execground_ray.tracing.messages import DeadlineReader, read_message, write_message
from execground_ray.tracing.values import UnsupportedValueError, to_json
from execground_ray.verification.verdict import Execution, Verdict, verify

if TYPE_CHECKING:
    from execground_ray.config.schema import Verification

START_SECONDS = 60.0
# A text on a busy machine waits its turn: its limit is CPU time, and the clock is only for what sleeps.
WALL_PER_CPU_SECONDS = 20
COLLECT_AT = 8  # garbage is looked for when so much has been taken: the eighth part of the memory for one text
SERVE = "from execground_ray.verification import verifier; verifier.serve()"


class UnverifiableError(Exception):
    """A text could not be verified within the limits."""


class Verifier:
    """Starts the process with the first text, and another when it is lost.

    Args:
        limits: of each text, its CPU time and its memory.
    """

    def __init__(self, limits: Verification) -> None:
        """See the class."""
        self._limits = limits
        self._process: Any = None  # a Popen, its streams pipes
        self._owner = 0
        atexit.register(self.close)

    def verify(self, text: str, execution: Execution) -> Verdict:
        """Hold ``text`` against what the execution showed; see ``verdict``.

        A text whose judgement does not end within the limits is judged again without evidence.

        Raises:
            UnverifiableError: it took too much time or memory, or is nothing that the engine can take.
        """
        problem = ""
        try:
            returned = to_json(execution.returned, exact=True)
        except UnsupportedValueError as error:
            raise UnverifiableError(str(error)) from error
        for evidence in dict.fromkeys((execution.evidence, None)):
            request = {"text": text, "execution": vars(execution) | {"returned": returned, "evidence": evidence}}
            try:
                answer = self._ask(request)
            except RecursionError as error:
                raise UnverifiableError(f"{type(error).__name__}: {error}") from error
            except (OSError, ValueError) as error:
                self.close()
                problem = f"more than {self._limits.timeout_s} s or {self._limits.memory_mb} MB: {error}"
                continue
            if "error" not in answer:
                return to_verdict(answer)
            problem = answer["error"]
        raise UnverifiableError(problem)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
        self._process = None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._owner != os.getpid():  # a fork of the process that it belongs to
            self._process = None
        if self._process is None:
            self._start()
        write_message(self._process.stdin, request)
        return self._read(WALL_PER_CPU_SECONDS * self._limits.timeout_s)

    def _start(self) -> None:
        """Start the process, with the same order of sets as where the traces are written."""
        root = str(Path(__file__).resolve().parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-c", SERVE, str(self._limits.timeout_s), str(self._limits.memory_mb)],
            env={"PYTHONPATH": root, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._owner = os.getpid()
        self._read(START_SECONDS)

    def _read(self, seconds: float) -> dict[str, Any]:
        message = read_message(DeadlineReader(self._process.stdout, seconds))
        if message is None:
            raise OSError("the process was ended")
        return message


def serve() -> None:
    """Be the process: verify what comes over stdin until it ends."""
    seconds, memory_mb = map(int, sys.argv[1:])
    held = _address_space()
    _limit(resource.RLIMIT_AS, held + memory_mb * 2**20)
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        _limit(kind, 0)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    # Little of a text is garbage in cycles, and looking for it at the usual intervals takes a fifth of the time.
    gc.freeze()
    gc.disable()
    write_message(answers, {"ready": True})
    while (request := read_message(requests)) is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + 1 + seconds)
        write_message(answers, _answer(request))
        if _address_space() - held > memory_mb * 2**20 / COLLECT_AT:
            gc.collect()
            held = _address_space()


def _address_space() -> int:
    """Bytes that this process has reserved."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        execution = request["execution"] | {"returned": read_json(request["execution"]["returned"])}
        return asdict(verify(request["text"], Execution(**execution)))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def to_verdict(answer: dict[str, Any]) -> Verdict:
    """Return the verdict that was written as JSON."""
    return cast(Verdict, _reader().validate_python(answer))


@cache
def _reader() -> Any:
    from pydantic import TypeAdapter  # the process that verifies does without it

    return TypeAdapter(Verdict)


def _limit(kind: int, most: int) -> None:
    """Lower a limit; the hard one stays, so that it can be moved."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
