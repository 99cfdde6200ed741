"""The survey of a corpus before the stream: splits go in, a plan for reading each of them comes out.

What no single row can know is found here in one light, parallel pass: how many problems there are, where ``limit``
falls, the line number that a split begins with, copies of the same content (their ids must differ), and which row
takes part for each distinct problem. Of every problem only 21 bytes reach the driver: two hashes, a flag, a number; and
128 more, where near duplicates are looked for.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import ray

from execground_ray.corpus import near_duplicates
from execground_ray.corpus.decoding import LineError
from execground_ray.corpus.duplicates import (
    HASHES,
    Finished,
    SplitSurvey,
    add_near_duplicates,
    find_duplicates,
    is_finished,
)
from execground_ray.corpus.parsing import content_hash, parse_line, raw_content, to_json
from execground_ray.corpus.splits import Split, Surveyed, is_blank
from execground_ray.corpus.windows import Array
from execground_ray.records import PYEDU

SurveySplit = Callable[[Split], SplitSurvey]


@dataclass(frozen=True)
class SurveyOptions:
    """What is read, and what is looked for.

    Attributes:
        layout: of the records, one of ``ADAPTERS``.
        near_duplicates: from which similarity on two programs are nearly the same; None for not at all.
    """

    layout: str = PYEDU
    near_duplicates: float | None = None


DEFAULT = SurveyOptions()


@dataclass(frozen=True)
class SplitPlan:
    """How to read one split.

    Attributes:
        first: number of the split's first line in its file, from 1.
        rows: how many rows to read.
        duplicates: array of ``DUPLICATE``, rows that are not alone: ``row`` counts the rows of the split from 0,
            ``ordinal`` is 2 for the second copy of the same content and so on, ``kept`` is the id, as a number, of the
            row that takes part in its place, 0 where there is none or it is this one, ``similarity`` how alike the
            programs of the two are, 0 where both are of one distinct problem.
        done: rows of the split, counted from 0, that an earlier run has finished; they are not read again.
        layout: of its records, one of ``ADAPTERS``.
        weak: how many of the rows to read the survey has called so.
    """

    split: Split
    first: int
    rows: int
    duplicates: Array
    done: Array
    layout: str = PYEDU
    weak: int = 0


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes:
        total: problems of the source.
        done: those of them that are finished.
        gone: finished problems that are no longer in the source.
    """

    total: int
    done: int
    gone: int

    @classmethod
    def of(cls, plans: Iterable[SplitPlan], finished: Finished) -> Work:
        """Count what plans say of themselves."""
        counts = [(plan.rows, len(plan.done)) for plan in plans]
        done = sum(count for _, count in counts)
        return cls(sum(rows for rows, _ in counts), done, finished.count - done)


def survey_corpus(
    splits: Sequence[Split],
    limit: int | None,
    seed: int,
    map_splits: Callable[[SurveySplit, Iterable[Split]], Iterable[SplitSurvey]] = map,
    finished: Finished | None = None,
    options: SurveyOptions = DEFAULT,
) -> list[SplitPlan]:
    """Plan the reading of the first ``limit`` problems of ``splits``.

    Of a distinct problem one row takes part, whatever ``examples_per_problem`` is, since a row gives up to that many
    examples by itself. Which one follows from the seed and the contents alone, not from the order of the files; a row
    with pairs and a function goes before one without. Where the source has grown since, the one that took part stays.

    Args:
        splits: in the order in which ``limit`` counts.
        limit: None for all.
        seed: of the choice within a distinct problem.
        map_splits: how to run a function over the splits, in their order; it is not drained past ``limit``.
        finished: problems that earlier runs have finished; None for none.
        options: see there.
    """
    sizes: list[tuple[int, int]] = []  # of each split, in lines and in rows
    hashes: list[Array] = [np.empty(0, HASHES)]
    signatures: list[Array] = []
    left = limit
    for survey in map_splits(partial(survey_split, limit=limit, options=options, seed=seed), splits):
        hashes.append(survey.rows[:left])
        signatures.append(survey.signatures[:left])
        sizes.append((survey.lines, len(hashes[-1])))
        if left is not None:
            left -= len(hashes[-1])
            if left == 0:
                break
    rows = np.concatenate(hashes)
    del hashes
    finished = finished or Finished.of([])
    duplicates = find_duplicates(rows, seed, finished)
    if options.near_duplicates is not None and signatures:
        of_all = np.concatenate(signatures)
        duplicates = add_near_duplicates(duplicates, rows, of_all, options.near_duplicates, seed, finished)
    finished_rows = is_finished(rows["content"], duplicates, finished)
    done, weak = np.flatnonzero(finished_rows), rows["weak"] & ~finished_rows
    plans = []
    name, line, row = "", 1, 0
    for split, (lines, count) in zip(splits, sizes, strict=False):
        line = line if split.name == name else 1
        start, stop = np.searchsorted(duplicates["row"], (row, row + count))
        own = duplicates[start:stop].copy()
        own["row"] -= row
        first_done, last_done = np.searchsorted(done, (row, row + count))
        left_weak = int(np.count_nonzero(weak[row : row + count]))
        here = done[first_done:last_done] - row
        plans.append(SplitPlan(split, line, count, own, here, options.layout, left_weak))
        name, line, row = split.name, line + lines, row + count
    return plans


def survey_split(
    split: Split, limit: int | None = None, options: SurveyOptions = DEFAULT, seed: int = 0
) -> SplitSurvey:
    """Read one split and keep of each of its first ``limit`` rows the hashes only."""
    if isinstance(split, Surveyed):
        return split.survey(limit, seed if options.near_duplicates is not None else None)
    rows: list[tuple[int, int, bool, int]] = []
    signatures: list[Array] = []
    lines = 0
    for raw in split.read():
        lines += 1
        if is_blank(raw):
            continue
        code = ""
        try:
            problem = parse_line(raw, options.layout)
            content = content_hash(to_json(problem))
        except LineError:
            rows.append((content_hash(raw_content(raw)), 0, True, 0))
        else:
            code = problem["refcode"]
            rows.append((content, *group_of(problem), 0))
        if options.near_duplicates is not None:
            signatures.append(near_duplicates.signature(code, seed))
        if len(rows) == limit:
            break
    return SplitSurvey(lines, np.array(rows, HASHES), near_duplicates.as_rows(signatures))


def group_of(problem: dict[str, Any]) -> tuple[int, bool]:
    """Return ``group`` and ``weak`` of a problem, as ``SplitSurvey`` has them."""
    return _group_hash(problem), not problem["ios"] or f"def {problem['funcname']}" not in problem["refcode"]


def map_on_ray(function: SurveySplit, splits: Iterable[Split]) -> Iterator[SplitSurvey]:
    """Run ``function`` over ``splits`` as Ray tasks, in order, at most one per CPU of the cluster at a time.

    It begins with one task and adds one with every result, so that a small ``limit`` reads little more than it must.

    Raises:
        OSError: a split cannot be read.
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
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, OSError):  # without the traceback of the worker
            raise error.cause from error
        raise
    finally:
        for reference in running:
            ray.cancel(reference)


def _group_hash(problem: dict[str, Any]) -> int:
    """The same number for rows of one distinct problem: same description, white space aside, and same argument names.

    The requirements do not count: PyEdu words them anew for every program. Arguments do, because some descriptions of
    PyEdu do not say enough to tell one problem from another. Without a description, program and pairs tell it.
    """
    if not problem["problem_description"]:
        return content_hash(json.dumps([problem["refcode"], problem["ios"]]).encode()) or 1
    arguments = sorted(problem["ios"][0]["input"]) if problem["ios"] else []
    return content_hash("\0".join([" ".join(problem["problem_description"].split()), *arguments]).encode()) or 1
