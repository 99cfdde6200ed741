"""What the engines of a run have done, in one actor that outlives each of them: rows under way, and tokens.

An engine that dies takes the account of its rows with it; here it stays known in which rows' presence engines died.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import ray


class EngineLog:
    """Counts tries of rows and tokens of engines."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._tries: Counter[str] = Counter()
        self._engines: dict[str, Counter[str]] = {}

    def deaths(self, row_id: str) -> int:
        """Return how many engines began with a row and never came to the end of it."""
        return self._tries[row_id]

    def begin(self, row_id: str) -> None:
        """Note that an engine begins with a row."""
        self._tries[row_id] += 1

    def end(self, row_id: str, engine: str, prompt_tokens: int, generated_tokens: int) -> None:
        """Note that an engine, known by any name, has done with a row, and what it read and wrote for it."""
        self._tries.pop(row_id, None)
        counts = self._engines.setdefault(engine, Counter())
        counts.update(rows=1, prompt_tokens=prompt_tokens, generated_tokens=generated_tokens)

    def read(self) -> list[dict[str, int]]:
        """Return the counts of each engine, in the order of their first row."""
        return [dict(counts) for counts in self._engines.values()]


def start_engine_log() -> Any:
    """Start the log of a run and return its actor handle; it reserves nothing."""
    return ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(EngineLog).remote()


def token_summary(engines: list[dict[str, int]]) -> dict[str, Any]:
    """Return the counts of each engine and their sums, for ``summary.json``: those of this run, retries included."""
    names = ("rows", "prompt_tokens", "generated_tokens")
    return {name: sum(engine.get(name, 0) for engine in engines) for name in names} | {"engines": engines}


def token_line(summary: dict[str, Any], seconds: float) -> str:
    """Return the sums as one line for a terminal."""
    rate = summary["generated_tokens"] / seconds if seconds else 0.0
    return (
        f"{summary['rows']:,} answers of {len(summary['engines'])} engines: {summary['prompt_tokens']:,} tokens read, "
        f"{summary['generated_tokens']:,} written, {rate:,.0f}/s"
    )
