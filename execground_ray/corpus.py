"""The survey of a corpus before the stream: splits go in, a plan for reading each of them comes out.

What no single row can know is found here in one light, parallel pass: how many problems there are, where ``limit``
falls, the line number that a split begins with, copies of the same content (their ids must differ), and which row
takes part for each distinct problem. Of every problem only 17 bytes reach the driver: two hashes and a flag.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import ray

from execground_ray.parsing import LineError, content_hash, parse_line, raw_content, to_json
from execground_ray.splits import Split, is_blank

DUPLICATE = np.dtype([("row", np.int64), ("ordinal", np.int64), ("kept", np.uint64)])
HASHES = np.dtype([("content", np.uint64), ("group", np.uint64), ("weak", np.bool_)])

Array = np.ndarray[Any, Any]
SurveySplit = Callable[[Split], "SplitSurvey"]


@dataclass(frozen=True)
class SplitSurvey:
    """What one split says of itself.

    Attributes:
        lines: physical lines, blank ones too.
        rows: array of ``HASHES``, one per problem or line that is none: ``content`` is the id, ``group`` the same for
            all rows of one distinct problem and 0 for a line that is none, ``weak`` tells a row that will hardly pass
            the prefilter.
    """

    lines: int
    rows: Array


@dataclass(frozen=True)
class SplitPlan:
    """How to read one split.

    Attributes:
        first: number of the split's first line in its file, from 1.
        rows: how many rows to read.
        duplicates: array of ``DUPLICATE``, rows that are not alone: ``row`` counts the rows of the split from 0,
            ``ordinal`` is 2 for the second copy of the same content and so on, ``kept`` is the id, as a number, of the
            row that takes part for this distinct problem, 0 where there is none or it is this one.
    """

    split: Split
    first: int
    rows: int
    duplicates: Array


def survey_corpus(
    splits: list[Split],
    limit: int | None,
    seed: int,
    map_splits: Callable[[SurveySplit, Iterable[Split]], Iterable[SplitSurvey]] = map,
) -> list[SplitPlan]:
    """Plan the reading of the first ``limit`` problems of ``splits``.

    Of a distinct problem (same description and requirements but for white space) one row takes part, whatever
    ``examples_per_problem`` is, since a row gives up to that many examples by itself. Which one follows from the seed
    and the contents alone, not from the order of the files; a row with pairs and a function goes before one without.

    Args:
        splits: in the order in which ``limit`` counts.
        limit: None for all.
        seed: of the choice within a distinct problem.
        map_splits: how to run a function over the splits, in their order; it is not drained past ``limit``.
    """
    surveys: list[SplitSurvey] = []
    left = limit
    for survey in map_splits(partial(survey_split, limit=limit), splits):
        surveys.append(SplitSurvey(survey.lines, survey.rows[:left]))
        if left is not None:
            left -= len(surveys[-1].rows)
            if left == 0:
                break
    rows = np.concatenate([np.empty(0, HASHES), *(survey.rows for survey in surveys)])
    duplicates = _find_duplicates(rows, seed)
    plans = []
    name, line, row = "", 1, 0
    for split, survey in zip(splits, surveys, strict=False):
        line = line if split.name == name else 1
        start, stop = np.searchsorted(duplicates["row"], (row, row + len(survey.rows)))
        own = duplicates[start:stop].copy()
        own["row"] -= row
        plans.append(SplitPlan(split, line, len(survey.rows), own))
        name, line, row = split.name, line + survey.lines, row + len(survey.rows)
    return plans


def survey_split(split: Split, limit: int | None = None) -> SplitSurvey:
    """Read one split and keep of each of its first ``limit`` rows the hashes only."""
    rows: list[tuple[int, int, bool]] = []
    lines = 0
    for raw in split.read():
        lines += 1
        if is_blank(raw):
            continue
        try:
            problem = parse_line(raw)
            content = content_hash(to_json(problem))
        except LineError:
            rows.append((content_hash(raw_content(raw)), 0, True))
        else:
            question = f"{problem['problem_description']}\0{problem['io_requirements']}"
            group = content_hash(" ".join(question.split()).encode()) or 1
            weak = not problem["ios"] or f"def {problem['funcname']}" not in problem["refcode"]
            rows.append((content, group, weak))
        if len(rows) == limit:
            break
    return SplitSurvey(lines, np.array(rows, HASHES))


def map_on_ray(function: SurveySplit, splits: Iterable[Split]) -> Iterator[SplitSurvey]:
    """Run ``function`` over ``splits`` as Ray tasks, in order, at most one per CPU of the cluster at a time.

    It begins with one task and adds one with every result, so that a small ``limit`` reads little more than it must.
    """

    @ray.remote
    def survey(split: Split) -> SplitSurvey:
        return function(split)

    workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting = iter(splits)
    running: deque[Any] = deque()
    wanted = 1
    try:
        while True:
            while len(running) < wanted and (split := next(waiting, None)) is not None:
                running.append(survey.remote(split))
            if not running:
                return
            yield ray.get(running.popleft())
            wanted = min(wanted + 1, workers)
    finally:
        for reference in running:
            ray.cancel(reference)


def _find_duplicates(rows: Array, seed: int) -> Array:
    """Return the rows that are copies or do not take part, as ``DUPLICATE``, in order."""
    ordinals = np.ones(len(rows), np.int64)
    order = np.argsort(rows["content"], kind="stable")
    first, _ = _runs(rows["content"][order])
    ordinals[order] = np.arange(len(rows)) - first + 1

    kept = np.zeros(len(rows), np.uint64)
    order = np.argsort(rows["group"], kind="stable")
    _, size = _runs(rows["group"][order])
    contested = order[(size > 1) & (rows["group"][order] != 0)]
    group, content = rows["group"][contested], rows["content"][contested]
    ranked = np.lexsort((_shuffled(content, seed), rows["weak"][contested], group))  # stable: copies keep their order
    first, _ = _runs(group[ranked])
    kept[contested[ranked]] = content[ranked][first]
    kept[contested[ranked][np.unique(first)]] = 0

    found = np.flatnonzero((ordinals > 1) | (kept != 0))
    duplicates = np.empty(len(found), DUPLICATE)
    duplicates["row"], duplicates["ordinal"], duplicates["kept"] = found, ordinals[found], kept[found]
    return duplicates


def _runs(values: Array) -> tuple[Array, Array]:
    """For each element of sorted ``values``: where its run of equal elements begins, and how long that is."""
    _, starts, inverse, counts = np.unique(values, return_index=True, return_inverse=True, return_counts=True)
    return starts[inverse], counts[inverse]


def _shuffled(values: Array, seed: int) -> Array:
    """Map 64-bit numbers to others, one to one, in another way for every seed (the finalizer of SplitMix64)."""
    mixed = values ^ np.uint64(content_hash(str(seed).encode()))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
