"""Which rows of a corpus are copies, and which one takes part for each distinct problem, found from their hashes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from execground_ray.config.errors import ConfigError
from execground_ray.corpus.parsing import content_hash

DUPLICATE = np.dtype([("row", np.int64), ("ordinal", np.int64), ("kept", np.uint64)])
HASHES = np.dtype([("content", np.uint64), ("group", np.uint64), ("weak", np.bool_), ("ordinal", np.uint32)])

Array = np.ndarray[Any, Any]


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
            all rows of one distinct problem and 0 for what is in no such group, ``weak`` tells a row that will hardly
            pass the prefilter, ``ordinal`` which copy of its content it is; 0 for the next in the order of the source.
    """

    lines: int
    rows: Array


def find_duplicates(rows: Array, seed: int, finished: Finished) -> Array:
    """Return the rows that are copies or do not take part, as ``DUPLICATE``, in order.

    Raises:
        ConfigError: two rows have one id, as an interrupted run may leave them until it goes on.
    """
    is_suspect = _is_repeated(rows["content"]) | _is_repeated(rows["group"]) | (rows["ordinal"] > 1)
    suspects = np.flatnonzero(is_suspect)
    content, group, weak, known = (rows[name][suspects] for name in HASHES.names or ())

    ordinal = np.ones(len(suspects), np.int64)
    order = np.lexsort((known, content))
    ordinal[order] = np.arange(len(order)) - _first_of_run(content[order]) + 1
    ordinal = np.where(known, known, ordinal)
    twice = (np.diff(content[order]) == 0) & (np.diff(ordinal[order]) == 0)
    if twice.any():
        raise ConfigError(
            f"source.path has the problem {content[order][1:][twice][0]:016x} twice, as an interrupted run may leave "
            "it; allowed: once that run's own command has been started again, which puts it right"
        )

    kept = np.zeros(len(suspects), np.uint64)
    # Of copies the first.
    order = np.lexsort((known, _shuffled(content, seed), weak, _rank(content, weak, finished), group))
    first = _first_of_run(group[order])
    kept[order] = np.where((first == np.arange(len(order))) | (group[order] == 0), 0, content[order][first])

    found = (ordinal > 1) | (kept != 0)
    duplicates = np.empty(np.count_nonzero(found), DUPLICATE)
    duplicates["row"], duplicates["ordinal"], duplicates["kept"] = suspects[found], ordinal[found], kept[found]
    return duplicates


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


def _hashes(ids: Iterable[str]) -> Array:
    return np.array([int(identity, 16) for identity in ids if "." not in identity], np.uint64)
