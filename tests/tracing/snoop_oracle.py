"""What snoop itself writes for a call, beside what our tracer writes: both in one cage, in forks of one process."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import execground_ray
from execground_ray.tracing.machine_paths import without_machine
from execground_ray.tracing.messages import DeadlineReader, read_message, write_message
from execground_ray.tracing.sandbox import ENVIRONMENT, confine_and_start, landlock_abi

ANSWER_SECONDS = 120
PACKAGE = Path(execground_ray.__file__).resolve().parent
WORKER = Path(__file__).with_name("oracle_worker.py")


@dataclass(frozen=True)
class Traced:
    """One call, seen by all three.

    Attributes:
        snoop: the lines of real snoop, addresses removed.
        tracer: our lines, addresses removed.
        counter: how many lines the copy that ticks counted.
    """

    snoop: list[str]
    tracer: list[str]
    counter: int


class SnoopOracle:
    """The caged process that traces."""

    def __init__(self, hash_seed: int) -> None:
        self.hash_seed = hash_seed
        self._known: dict[str, Traced | None] = {}
        command = [sys.executable, "-P", "-s", "-c", WORKER.read_text("utf-8"), str(PACKAGE)]
        environment = ENVIRONMENT | {"PYTHONHASHSEED": str(hash_seed)}
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._process = self._thread.submit(confine_and_start, command, environment, landlock_abi()).result()

    def trace(self, refcode: str, arguments: str, *, max_lines: int = 10**6) -> Traced:
        """Trace a call of ``main_solution`` to its end, or to its first ``max_lines`` lines."""
        traced = self.try_to_trace(refcode, arguments, max_lines=max_lines)
        assert traced is not None, "a fork of the oracle died"
        return traced

    def try_to_trace(self, refcode: str, arguments: str, *, max_lines: int) -> Traced | None:
        """The same, None when the program took too long or killed its process."""
        request = {"refcode": refcode, "funcname": "main_solution", "arguments": arguments, "max_lines": max_lines}
        key = json.dumps(request)
        if key not in self._known:
            write_message(self._process.stdin, request)
            answer: dict[str, Any] | None = read_message(DeadlineReader(self._process.stdout, ANSWER_SECONDS))
            assert answer is not None, "the oracle's process ended"
            assert "error" not in answer, answer["error"]
            self._known[key] = None if None in answer.values() else _traced(answer)
        return self._known[key]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._thread.shutdown()


def _traced(answer: dict[str, Any]) -> Traced:
    snoop, tracer = ([without_machine(line) for line in answer[name]] for name in ("snoop", "tracer"))
    return Traced(snoop, tracer, answer["counter"])
