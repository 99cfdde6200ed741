"""What the engines of a run have done, in one actor that outlives each of them: rows under way, and tokens.

An engine that dies takes the account of its rows with it; here it stays known in which rows' presence engines died.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import ray

COUNTS = ("rows", "answers", "prompt_tokens", "generated_tokens")  # a row has an answer for each attempt


class EngineLog:
    """Counts tries of rows and tokens of engines."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._tries: Counter[tuple[str, int]] = Counter()  # of attempts at rows: the first may live and the next kill
        self._engines: dict[str, Counter[str]] = {}
        self._began = self._ended = 0.0

    def deaths(self, row_id: str, attempt: int = 1) -> int:
        """Return how many engines began with an attempt at a row and never came to the end of it."""
        return self._tries[row_id, attempt]

    def begin(self, row_id: str, attempt: int = 1) -> None:
        """Note that an engine begins with an attempt at a row."""
        self._began = self._began or time.monotonic()
        self._tries[row_id, attempt] += 1

    def end(self, row_id: str, engine: str, prompt_tokens: int, generated_tokens: int, attempt: int = 1) -> None:
        """Note that an engine, known by any name, has done with an attempt, and what it read and wrote for it."""
        self._ended = time.monotonic()
        self._tries.pop((row_id, attempt), None)
        counts = self._engines.setdefault(engine, Counter())
        tokens = {"prompt_tokens": prompt_tokens, "generated_tokens": generated_tokens}
        counts.update(rows=int(attempt == 1), answers=1, **tokens)

    def read(self) -> dict[str, Any]:
        """Return the counts of each engine, in the order of their first row, their sums, and the time they took.

        ``seconds`` run from the first question to the last answer: the engines are loaded by then.
        """
        engines = [dict(counts) for counts in self._engines.values()]
        sums = {name: sum(engine[name] for engine in engines) for name in COUNTS}
        return sums | {"seconds": round(self._ended - self._began, 3) if engines else 0.0, "engines": engines}


def start_engine_log() -> Any:
    """Start the log of a run and return its actor handle; it reserves nothing."""
    return ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(EngineLog).remote()
