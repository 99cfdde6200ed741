"""Which rows of a corpus are copies of others: the hashes of all rows go in, those that do not take part come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from execground_ray.config.errors import ConfigError
from execground_ray.corpus.near_duplicates import find_near
from execground_ray.corpus.parsing import content_hash
from execground_ray.corpus.windows import Array, mixed
from execground_ray.records import Reason, Row, reject

DUPLICATE = np.dtype([("row", np.int64), ("ordinal", np.int64), ("kept", np.uint64), ("similarity", np.float32)])
HASHES = np.dtype([("content", np.uint64), ("group", np.uint64), ("weak", np.bool_), ("ordinal", np.uint32)])


@dataclass(frozen=True)
class Finished:
    """The ids of finished problems, in little memory.

    Attributes:
        contents: the ids that are a content hash alone, as ``uint64``.
        copies: the ids of further copies of a content, which have an ordinal behind it.
        duplicates: those of ``contents`` that did not take part, because another row of their problem did.
        near: those that did not because their code is nearly that of another.
    """

    contents: Array
    copies: frozenset[str]
    duplicates: Array
    near: Array

    @classmethod
    def of(cls, ids: Iterable[str], duplicates: Iterable[str] = (), near: Iterable[str] = ()) -> Finished:
        """Gather ids, and which of them are those of duplicates and near duplicates."""
        known = list(ids)
        copies = frozenset(identity for identity in known if "." in identity)
        return cls(_hashes(known), copies, _hashes(duplicates), _hashes(near))

    @property
    def count(self) -> int:
        """How many problems they are."""
        return len(self.contents) + len(self.copies)


def _hashes(ids: Iterable[str]) -> Array:
    return np.array([int(identity, 16) for identity in ids if "." not in identity], np.uint64)


@dataclass(frozen=True)
class SplitSurvey:
    """What one split says of itself.

    Attributes:
        lines: physical lines, blank ones too.
        rows: array of ``HASHES``, one per problem or line that is none: ``content`` is the id, ``group`` the same for
            all rows of one distinct problem and 0 for what is in no such group, ``weak`` tells a row that will hardly
            pass the prefilter, ``ordinal`` which copy of its content it is; 0 for the next in the order of the source.
        signatures: of the programs of the rows, see ``near_duplicates``; zeros for a line that is none, and no row
            where they are not asked for.
    """

    lines: int
    rows: Array
    signatures: Array


def find_duplicates(rows: Array, seed: int, finished: Finished) -> Array:
    """Return the rows that are copies or do not take part, as ``DUPLICATE``, in order.

    Args:
        rows: array of ``HASHES``.
        seed: of the choice within a distinct problem.
        finished: problems that earlier runs have finished.

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
    rank = _rank(content, weak, finished.contents, finished.duplicates)
    # Of copies the first.
    order = np.lexsort((known, _shuffled(content, seed), weak, rank, group))
    first = _first_of_run(group[order])
    kept[order] = np.where((first == np.arange(len(order))) | (group[order] == 0), 0, content[order][first])

    found = (ordinal > 1) | (kept != 0)
    duplicates = np.zeros(np.count_nonzero(found), DUPLICATE)
    duplicates["row"], duplicates["ordinal"], duplicates["kept"] = suspects[found], ordinal[found], kept[found]
    return duplicates


def reject_copy(row: Row, kept: int, similarity: float) -> Row:
    """Return a row as rejected because another one takes part in its place; see ``SplitPlan.duplicates``."""
    if similarity:
        return reject(row, Reason.NEAR_DUPLICATE, f"nearly the code of {kept:016x}: similarity {similarity:.2f}")
    return reject(row, Reason.DUPLICATE_PROBLEM, f"the same problem as {kept:016x}")


def add_near_duplicates(
    duplicates: Array, rows: Array, signatures: Array, similarity: float, seed: int, finished: Finished
) -> Array:
    """Return ``duplicates`` and the rows, of those that take part, whose code is nearly that of another.

    Which of them stays follows from the same rules as within a distinct problem.

    Args:
        duplicates: array of ``DUPLICATE``.
        rows: array of ``HASHES``.
        signatures: of the programs of the rows, see ``near_duplicates``.
        similarity: from which on two programs are nearly the same.
        seed: of the choice.
        finished: problems that earlier runs have finished.
    """
    takes_part = rows["group"] != 0
    takes_part[duplicates["row"][duplicates["kept"] != 0]] = False
    candidates = np.flatnonzero(takes_part)
    content, weak = rows["content"][candidates], rows["weak"][candidates]
    rank = _rank(content, weak, finished.contents, np.concatenate([finished.duplicates, finished.near]))
    order = candidates[np.lexsort((_shuffled(content, seed), weak, rank))]
    kept, alike = find_near(signatures, order, similarity)
    near = np.zeros(np.count_nonzero(kept >= 0), DUPLICATE)
    near["row"], near["ordinal"] = np.flatnonzero(kept >= 0), 1
    near["kept"], near["similarity"] = rows["content"][kept[near["row"]]], alike[near["row"]]
    together = np.concatenate([duplicates, near])
    return together[np.argsort(together["row"])]


def is_finished(content: Array, duplicates: Array, finished: Finished) -> Array:
    """Which rows have an id that is finished; an id is the content, and for a copy its ordinal."""
    found = np.isin(content, finished.contents)
    copies = duplicates[duplicates["ordinal"] > 1]
    for row, ordinal in zip(copies["row"].tolist(), copies["ordinal"].tolist(), strict=True):
        found[row] = f"{content[row]:016x}.{ordinal}" in finished.copies
    return found


def _rank(content: Array, weak: Array, finished: Array, passed_over: Array) -> Array:
    """0 for a row that has taken part already, 2 for one that was passed over for another, else 1."""
    was_duplicate = np.isin(content, passed_over)
    took_part = np.isin(content, finished) & ~was_duplicate & ~weak
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
    """Map 64-bit numbers to others, one to one, in another way for every seed."""
    return mixed(values ^ np.uint64(content_hash(str(seed).encode())))
