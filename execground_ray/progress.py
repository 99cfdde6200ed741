"""Progress of the stream, for people: on a terminal one line that renews itself, in a log a line now and then.

12,400 of 370,000 problems · 7,700 examples · 4,700 rejected: 3,900 too_long, 500 exception, … · 92/s · 65 min left
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any

import pyarrow as pa
import ray

EXAMPLES = "examples"
FURTHER = "further examples"  # of a problem that is counted already
MOST_REASONS = 4


class Tally:
    """An actor that adds up what the stream has finished; after a retry it may have counted a row twice."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._counts: Counter[str] = Counter()

    def add(self, counts: dict[str, int]) -> None:
        """Add the counts of a batch."""
        self._counts.update(counts)

    def read(self) -> Counter[str]:
        """Return problems finished, by reject reason or ``examples``, and their further examples."""
        return self._counts


def count_rows(batch: pa.Table, tally: Any) -> pa.Table:
    """Tell the tally about a batch, without waiting, and pass it on."""
    counts: Counter[str] = Counter()
    for identity, reason in zip(batch["id"].to_pylist(), batch["reason"].to_pylist(), strict=True):
        if "-" not in identity:
            counts[reason or EXAMPLES] += 1
        elif not reason:
            counts[FURTHER] += 1
    tally.add.remote(counts)
    return batch


class Progress:
    """Shows a tally until the block ends.

    Args:
        total: problems of the corpus, or of what is left of it.
    """

    def __init__(self, total: int) -> None:
        """Start the tally; ``tally`` is its actor handle."""
        self.tally: Any = ray.remote(num_cpus=0)(Tally).remote()
        self._total = total
        self._on_terminal = sys.stderr.isatty()
        self._seconds = 1.0 if self._on_terminal else 10.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> Progress:
        """Begin to show."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop to show."""
        self._done.set()
        self._thread.join()
        if self._on_terminal:
            print(file=sys.stderr)

    def _show(self) -> None:
        while not self._done.wait(self._seconds):
            counts: Counter[str] = ray.get(self.tally.read.remote())
            line = describe(counts, self._total, time.monotonic() - self._started)
            print(
                f"\r{line}\x1b[K" if self._on_terminal else line,
                end="" if self._on_terminal else "\n",
                file=sys.stderr,
                flush=True,
            )


def describe(counts: Counter[str], total: int, seconds: float) -> str:
    """Return the line for so many rows finished in so many seconds."""
    rejected = Counter({reason: count for reason, count in counts.items() if reason not in (EXAMPLES, FURTHER)})
    finished = counts[EXAMPLES] + rejected.total()
    examples = counts[EXAMPLES] + counts[FURTHER]
    text = f"{finished:,} of {total:,} problems · {examples:,} examples · {rejected.total():,} rejected"
    if rejected:
        commonest = [f"{count:,} {reason}" for reason, count in rejected.most_common(MOST_REASONS)]
        text += ": " + ", ".join(commonest) + (", …" if len(rejected) > MOST_REASONS else "")
    rate = finished / seconds if seconds else 0
    if rate:
        text += f" · {rate:,.0f}/s · {_duration((total - finished) / rate)} left"
    return text


def _duration(seconds: float) -> str:
    seconds = max(0, round(seconds))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
