"""Progress of the stream, for people: on a terminal one line that renews itself, in a log a line now and then.

12,400 of 370,000 problems · 7,700 examples · 4,700 rejected: 3,900 too_long, 500 exception, … · 92/s · 65 min left
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from types import TracebackType
from typing import Any

import pyarrow as pa
import ray
from ray.exceptions import RayError

from execground_ray.records import Reason, RowId

EXAMPLES = "examples"
FURTHER = "further examples"  # of a problem that is counted already
MOST_REASONS = 4
POLL_SECONDS = 1.0
LOG_SECONDS = 10.0  # between two lines of a log
MOST_POINTS = 60


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
        if RowId.parse(identity).number == 1:
            counts[reason or EXAMPLES] += 1
        elif not reason:
            counts[FURTHER] += 1
    tally.add.remote(counts)
    return batch


class History:
    """Problems finished over time, evenly spread: when there are too many points, every second one goes.

    Attributes:
        points: seconds since the start and problems finished by then.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        self.points: list[tuple[float, int]] = [(0.0, 0)]
        self._apart_seconds = POLL_SECONDS

    def note(self, seconds: float, finished: int, last: bool = False) -> None:
        """Take a point unless it is too near to the one before; the last one always."""
        if last or seconds - self.points[-1][0] >= self._apart_seconds - POLL_SECONDS / 10:
            self.points.append((round(seconds, 1), finished))
        if len(self.points) > MOST_POINTS:
            self.points = self.points[::2]
            self._apart_seconds *= 2


class Progress:
    """Shows a tally until the block ends.

    Args:
        total: problems of the corpus, or of what is left of it.
    """

    def __init__(self, total: int) -> None:
        """Start the tally; ``tally`` is its actor handle, ``history`` what it said over time."""
        self.tally: Any = ray.remote(num_cpus=0, max_restarts=-1)(Tally).remote()
        self._counts: Counter[str] = Counter()
        self._total = total
        self._on_terminal = sys.stderr.isatty()
        self._seconds = POLL_SECONDS if self._on_terminal else LOG_SECONDS
        self.history = History()
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
        if kind is None:
            self._look(last=True)

    def _look(self, last: bool = False) -> tuple[Counter[str], float]:
        """Ask the tally, and remember what it says; one whose node was lost begins anew, which costs no row."""
        seconds = time.monotonic() - self._started
        with suppress(RayError):
            self._counts |= ray.get(self.tally.read.remote(), timeout=LOG_SECONDS)  # per name, the larger of both
        self.history.note(seconds, finished_problems(self._counts), last)
        return self._counts, seconds

    def _show(self) -> None:
        due = self._seconds
        while not self._done.wait(POLL_SECONDS):
            counts, seconds = self._look()
            if seconds < due:
                continue
            due = seconds + self._seconds
            line = describe(counts, self._total, seconds)
            print(
                f"\r{line}\x1b[K" if self._on_terminal else line,
                end="" if self._on_terminal else "\n",
                file=sys.stderr,
                flush=True,
            )


def finished_problems(counts: Counter[str]) -> int:
    """Return how many problems a tally counts."""
    return counts.total() - counts[FURTHER]


def describe(counts: Counter[str], total: int, seconds: float) -> str:
    """Return the line for so many rows finished in so many seconds."""
    rejected = Counter(
        {reason: count for reason, count in counts.items() if reason not in (EXAMPLES, FURTHER, Reason.TRACED)}
    )
    finished = finished_problems(counts)
    examples = counts[EXAMPLES] + counts[FURTHER]
    made = f"{counts[Reason.TRACED]:,} traced" if counts[Reason.TRACED] else f"{examples:,} examples"
    text = f"{finished:,} of {total:,} problems · {made} · {rejected.total():,} rejected"
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
