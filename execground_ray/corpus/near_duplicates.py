"""Near duplicates: signatures of programs go in, which of them are nearly like which other comes out.

How alike two programs are is the share of their windows of five tokens (``windows``) that both have, as MinHash
estimates it (Broder, 1997): the least of their hashes is the same for so many of 128 hash functions. Five tokens, and
from 0.7 on, are what BigCode took for The Stack (https://huggingface.co/blog/dedup). Of each least hash eight bits are
kept (b-bit minwise hashing: Li and König, 2010), so that the signatures of a whole corpus fit into the memory of one
machine: 128 bytes a program. Those that are the same in a whole band of hashes are compared, no others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from execground_ray.corpus.windows import HASH_FACTOR, Array, code_windows, mixed

WINDOW_TOKENS = 5
HASHES = 128
CHANCE = 1 / 256  # that two bytes are the same, whatever they are
LEAST_ROWS = 4  # of a band: with fewer bytes, too many would be the same by chance
SURE = 0.99  # the probability with which a pair that is just alike enough is compared


def signature(code: str, seed: int) -> Array:
    """Return the signature of a program, ``HASHES`` bytes; zeros for one that is too short for any.

    Args:
        code: a program.
        seed: of the hash functions.
    """
    windows = code_windows(code, WINDOW_TOKENS)
    if not len(windows):
        return np.zeros(HASHES, np.uint8)
    factors = mixed(np.arange(1, HASHES + 1, dtype=np.uint64) + np.uint64(seed << 32)) | np.uint64(1)
    least = (windows[:, None] * factors).min(axis=0)  # multiply-shift hashing: the upper bits are what is random
    return (mixed(least) & np.uint64(255)).astype(np.uint8)


def as_rows(signatures: list[Array]) -> Array:
    """Return signatures as the rows of one array, which has none where there are none."""
    return np.array(signatures, np.uint8).reshape(-1, HASHES)


def find_near(signatures: Array, order: Array, similarity: float) -> tuple[Array, Array]:
    """Find the programs that are nearly like one that stays.

    One after the other, in the given order, stays if it is like none that has stayed: so of every two that stay none
    is like the other, and each that does not is like one that does.

    Args:
        signatures: one row of bytes each.
        order: the rows that are compared, the first to stay first.
        similarity: from which on two are alike.

    Returns:
        Of each row which of those that stay it is most like, -1 for one that stays; and how alike they are.
    """
    kept = np.full(len(signatures), -1, np.int64)
    alike = np.zeros(len(signatures), np.float32)
    staying: defaultdict[int, list[int]] = defaultdict(list)  # of each band, the rows that have it

    def most_like(row: int, bands: list[int]) -> tuple[int, float]:
        others = np.array(sorted({other for band in bands for other in staying[band]}), np.int64)
        if not len(others):
            return -1, 0.0
        same = (signatures[others] == signatures[row]).mean(axis=1)
        best = int(same.argmax())
        return int(others[best]), float((same[best] - CHANCE) / (1 - CHANCE))

    going = []
    for row, bands in _shared_bands(signatures, order[signatures[order].any(axis=1)], similarity):
        if most_like(row, bands)[1] >= similarity:
            going.append((row, bands))
            continue
        for band in bands:
            staying[band].append(row)
    for row, bands in going:  # only now it is known which stay, whatever their order
        kept[row], alike[row] = most_like(row, bands)
    return kept, alike


def _shared_bands(signatures: Array, order: Array, similarity: float) -> Iterator[tuple[int, list[int]]]:
    """Yield the rows that have a band in common with another, in their order, and these bands as numbers."""
    size = next(size for size in range(HASHES, 0, -1) if size == LEAST_ROWS or _chance(similarity, size) >= SURE)
    places: list[Array] = []
    bands: list[Array] = []
    for start in range(0, HASHES - size + 1, size):
        band = np.full(len(order), start, np.uint64)
        for column in range(start, start + size):
            band = mixed(band + HASH_FACTOR * signatures[order, column])
        _, which, counts = np.unique(band, return_inverse=True, return_counts=True)
        shared = np.flatnonzero(counts[which] > 1)
        places.append(shared)
        bands.append(band[shared])
    place, band = np.concatenate(places), np.concatenate(bands)
    by_place = np.argsort(place, kind="stable")
    place, band = place[by_place], band[by_place]
    begins = np.flatnonzero(np.diff(place, prepend=-1))
    for begin, end in pairwise([*begins.tolist(), len(place)]):
        yield int(order[place[begin]]), band[begin:end].tolist()


def _chance(similarity: float, size: int) -> float:
    """The probability that two so alike programs have one of the bands of this size in common."""
    return float(1 - (1 - similarity**size) ** (HASHES // size))
