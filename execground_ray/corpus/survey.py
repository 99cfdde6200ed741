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

from execground_ray.corpus.adapters import PYEDU
from execground_ray.corpus.decoding import LineError
from execground_ray.corpus.parsing import content_hash, parse_line, raw_content, to_json
from execground_ray.corpus.splits import Split, is_blank

DUPLICATE = np.dtype([("row", np.int64), ("ordinal", np.int64), ("kept", np.uint64)])
HASHES = np.dtype([("content", np.uint64), ("group", np.uint64), ("weak", np.bool_)])

Array = np.ndarray[Any, Any]
SurveySplit = Callable[[Split], "SplitSurvey"]


@dataclass(frozen=True)
class Finished:
    """The ids of finished problems, in little memory.

    Attributes:
        contents: the ids that are a content hash alone, as ``uint64``.
        copies: the ids of further copies of a content, which have an ordinal behind it.
        duplicates: those of ``contents`` that did not take part, because another row of their problem did.
    """

    contents: Array
    copies: frozenset[str]
    duplicates: Array

    @classmethod
    def of(cls, ids: Iterable[str], duplicates: Iterable[str] = ()) -> Finished:
        """Gather ids, and which of them are those of duplicates."""
        known = list(ids)
        return cls(_hashes(known), frozenset(identity for identity in known if "." in identity), _hashes(duplicates))

    @property
    def count(self) -> int:
        """How many problems they are."""
        return len(self.contents) + len(self.copies)


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
        done: rows of the split, counted from 0, that an earlier run has finished; they are not read again.
        layout: of its records, one of ``ADAPTERS``.
    """

    split: Split
    first: int
    rows: int
    duplicates: Array
    done: Array
    layout: str = PYEDU


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
    splits: list[Split],
    limit: int | None,
    seed: int,
    map_splits: Callable[[SurveySplit, Iterable[Split]], Iterable[SplitSurvey]] = map,
    finished: Finished | None = None,
    layout: str = PYEDU,
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
        layout: of the records, one of ``ADAPTERS``.
    """
    sizes: list[tuple[int, int]] = []  # of each split, in lines and in rows
    hashes: list[Array] = [np.empty(0, HASHES)]
    left = limit
    for survey in map_splits(partial(survey_split, limit=limit, layout=layout), splits):
        hashes.append(survey.rows[:left])
        sizes.append((survey.lines, len(hashes[-1])))
        if left is not None:
            left -= len(hashes[-1])
            if left == 0:
                break
    rows = np.concatenate(hashes)
    del hashes
    finished = finished or Finished.of([])
    duplicates = _find_duplicates(rows, seed, finished)
    done = np.flatnonzero(_is_finished(rows["content"], duplicates, finished))
    plans = []
    name, line, row = "", 1, 0
    for split, (lines, count) in zip(splits, sizes, strict=False):
        line = line if split.name == name else 1
        start, stop = np.searchsorted(duplicates["row"], (row, row + count))
        own = duplicates[start:stop].copy()
        own["row"] -= row
        first_done, last_done = np.searchsorted(done, (row, row + count))
        plans.append(SplitPlan(split, line, count, own, done[first_done:last_done] - row, layout))
        name, line, row = split.name, line + lines, row + count
    return plans


def survey_split(split: Split, limit: int | None = None, layout: str = PYEDU) -> SplitSurvey:
    """Read one split and keep of each of its first ``limit`` rows the hashes only."""
    rows: list[tuple[int, int, bool]] = []
    lines = 0
    for raw in split.read():
        lines += 1
        if is_blank(raw):
            continue
        try:
            problem = parse_line(raw, layout)
            content = content_hash(to_json(problem))
        except LineError:
            rows.append((content_hash(raw_content(raw)), 0, True))
        else:
            group = _group_hash(problem)
            weak = not problem["ios"] or f"def {problem['funcname']}" not in problem["refcode"]
            rows.append((content, group, weak))
        if len(rows) == limit:
            break
    return SplitSurvey(lines, np.array(rows, HASHES))


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
    PyEdu do not say enough to tell one problem from another.
    """
    arguments = sorted(problem["ios"][0]["input"]) if problem["ios"] else []
    return content_hash("\0".join([" ".join(problem["problem_description"].split()), *arguments]).encode()) or 1


def _hashes(ids: Iterable[str]) -> Array:
    return np.array([int(identity, 16) for identity in ids if "." not in identity], np.uint64)


def _find_duplicates(rows: Array, seed: int, finished: Finished) -> Array:
    """Return the rows that are copies or do not take part, as ``DUPLICATE``, in order."""
    suspects = np.flatnonzero(_is_repeated(rows["content"]) | _is_repeated(rows["group"]))
    content, group, weak = (rows[name][suspects] for name in HASHES.names or ())

    ordinal = np.ones(len(suspects), np.int64)
    order = np.argsort(content, kind="stable")
    ordinal[order] = np.arange(len(order)) - _first_of_run(content[order]) + 1

    kept = np.zeros(len(suspects), np.uint64)
    order = np.lexsort((_shuffled(content, seed), weak, _rank(content, weak, finished), group))  # of copies the first
    first = _first_of_run(group[order])
    kept[order] = np.where((first == np.arange(len(order))) | (group[order] == 0), 0, content[order][first])

    found = (ordinal > 1) | (kept != 0)
    duplicates = np.empty(np.count_nonzero(found), DUPLICATE)
    duplicates["row"], duplicates["ordinal"], duplicates["kept"] = suspects[found], ordinal[found], kept[found]
    return duplicates


def _is_finished(content: Array, duplicates: Array, finished: Finished) -> Array:
    """Which rows have an id that is finished; an id is the content, and for a copy its ordinal."""
    found = np.isin(content, finished.contents)
    copies = duplicates[duplicates["ordinal"] > 1]
    for row, ordinal in zip(copies["row"].tolist(), copies["ordinal"].tolist(), strict=True):
        found[row] = f"{content[row]:016x}.{ordinal}" in finished.copies
    return found


def _rank(content: Array, weak: Array, finished: Finished) -> Array:
    """0 for a row that has taken part already, 2 for one that was passed over for another, else 1."""
    was_duplicate = np.isin(content, finished.duplicates)
    took_part = np.isin(content, finished.contents) & ~was_duplicate & ~weak
    return np.where(took_part, 0, np.where(was_duplicate, 2, 1))


def _is_repeated(values: Array) -> Array:
    """Which values other than 0 occur more than once; built to need little memory, as nearly none does."""
    ordered = np.sort(values)
    repeated = np.unique(ordered[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)])
    del ordered
    if not len(repeated):
        return np.zeros(len(values), np.bool_)
    return repeated[np.searchsorted(repeated[:-1], values)] == values


def _first_of_run(ordered: Array) -> Array:
    """For each element of a sorted array, the index at which its run of equal elements begins."""
    return np.searchsorted(ordered, ordered)


def _shuffled(values: Array, seed: int) -> Array:
    """Map 64-bit numbers to others, one to one, in another way for every seed (the finalizer of SplitMix64)."""
    mixed = values ^ np.uint64(content_hash(str(seed).encode()))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
