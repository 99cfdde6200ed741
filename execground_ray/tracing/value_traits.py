"""Traits of values: what a list, a text or a number is like, and so has to stay like where it is made smaller."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise, permutations
from typing import Any

MOST_MARKS = 5  # on a board, in a text of few letters
ENOUGH = 3  # values that agree on what is rare
SLACK, MOST_DIVIDED = 1e-6, 10**8
BRACKETS = ("()", "[]", "{}", "<>")


def traits_of_all(values: Sequence[Any]) -> set[str]:
    """Return the traits that all of these have, if one of them is large enough to lack them."""
    if not any(
        type(value) in (int, float) or (isinstance(value, list | str | dict) and len(value) > 1) for value in values
    ):
        return set()
    found = set.intersection(*map(traits, values))
    return found if len(values) >= ENOUGH else found - _RARE


_RARE = {"prime", "square", "power of two"}
_TRAITS: dict[type, dict[str, Callable[[Any], bool]]] = {
    list: {
        "filled": lambda value: len(value) > 0,
        "distinct": lambda value: len(set(map(repr, value))) == len(value),
        "ascending": lambda value: _ordered(value, lambda one, two: one <= two),
        "descending": lambda value: _ordered(value, lambda one, two: one >= two),
        "rectangular": lambda value: len({len(row) for row in value}) == 1,
        "as wide as high": lambda value: {len(row) for row in value} == {len(value)},
        "permutation": lambda value: sorted(value) == list(range(min(value), min(value) + len(value))),
        "symmetric": lambda value: [list(column) for column in zip(*value, strict=True)] == value,
        "closed": lambda value: value[0] == value[-1],
        "same sum": lambda value: abs(math.fsum(value) - 1) < SLACK,
    },
    str: {
        "filled": lambda value: len(value) > 0,
        "quoted": lambda value: not value[0].isalnum() and value[0] == value[-1],
        "palindrome": lambda value: value == value[::-1],
        "balanced": lambda value: all(value.count(pair[0]) == value.count(pair[1]) for pair in BRACKETS),
        "distinct": lambda value: len(set(value)) == len(value),
        "ascending": lambda value: list(value) == sorted(value),
    },
    dict: {"filled": lambda value: len(value) > 0},
    int: {
        "prime": lambda value: value > 1 and all(value % n for n in range(2, math.isqrt(min(value, MOST_DIVIDED)) + 1)),
        "square": lambda value: value >= 0 and math.isqrt(value) ** 2 == value,
        "power of two": lambda value: value > 0 and value & (value - 1) == 0,
        "positive": lambda value: value > 0,
        "not negative": lambda value: value >= 0,
    },
}


def marks_of_all(values: Sequence[Any]) -> set[str]:
    """Return what stands in each of these texts or boards, where it is a few marks that are all there is."""
    if not all(isinstance(value, str | list) for value in values):
        return set()
    found = [marks(value) for value in values]
    return set.intersection(*found) if len(set.union(*found)) <= MOST_MARKS else set()


def marks(value: Any) -> set[str]:
    """Return what stands in a text or on a board."""
    if isinstance(value, list):
        return set().union(*map(marks, value)) if value else set()
    return set(value) if isinstance(value, str) else {repr(value)}


def traits(value: Any) -> set[str]:
    """Return the names of the traits that a value has."""
    return {name for name, has in _TRAITS.get(type(value), {}).items() if _holds(has, value)}


def _holds(has: Callable[[Any], bool], value: Any) -> bool:
    try:
        return has(value)
    except (TypeError, ValueError, IndexError, OverflowError):  # not of this kind of value
        return False


def _ordered(values: list[Any], fits: Callable[[Any, Any], bool]) -> bool:
    return all(fits(one, two) for one, two in pairwise(values))


def likenesses(arguments: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return what the texts of an input have to do with each other."""
    texts = {name: value for name, value in arguments.items() if isinstance(value, str)}
    found = set()
    for one, two in permutations(texts, 2):
        first, second = texts[one], texts[two]
        for name, holds in (
            ("in", first in second),
            ("letters", set(first) <= set(second)),
            ("anagram", sorted(first) == sorted(second)),
        ):
            if holds:
                found.add((name, one, two))
    return found
