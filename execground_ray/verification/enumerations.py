"""Enumerations: ``'S'``, ``'I'`` and ``'T'`` come in an order that the run knows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import permutations

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import freeze
from execground_ray.verification.window import Window

_LIST = re.compile(r"‹V\d+›(?:(?:, (?:and |then |finally |lastly )?| and(?: then| finally)? | \| | → |, ?)‹V\d+›){2,}")
FEWEST = 3


def check_order(context: Context) -> Iterator[Check]:
    """Judge the enumerations of a sentence with lines of its own."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    for match in _LIST.finditer(context.sentence.mask):
        tokens = [context.sentence.tokens[int(number)] for number in re.findall(r"‹V(\d+)›", match.group())]
        good = _in_order(window, tokens)
        if good is not None:
            yield context.verdict(tokens[-1], Kind.ORDER, good, f"not in this order there: {match.group()}")


def _in_order(window: Window, tokens: list[Token]) -> bool | None:
    """Whether values come in this order; None where they are not all of one expression or one collection."""
    try:
        wanted = tuple(freeze(token.value) for token in tokens)
    except UnknownError:
        return None
    if len(set(wanted)) < FEWEST:
        return None
    other = False
    for sequence in _sequences(window):
        if _is_subsequence(wanted, sequence) or _is_subsequence(wanted[::-1], sequence):
            return True
        other = other or (len(sequence) <= 2 * len(wanted) and set(wanted) <= set(sequence) and _is_swapped(wanted, sequence))
    return False if other else None


def _is_swapped(wanted: tuple[Hashable, ...], sequence: Sequence[Hashable]) -> bool:
    """Whether exchanging two values would put them in order."""
    for first, second in permutations(range(len(wanted)), 2):
        if first < second:
            changed = list(wanted)
            changed[first], changed[second] = changed[second], changed[first]
            if _is_subsequence(changed, sequence):
                return True
    return False


def _sequences(window: Window) -> Iterator[Sequence[Hashable]]:
    """Values of each expression in the order of the run, and of each collection."""
    found: dict[int, list[Hashable]] = defaultdict(list)
    for event in window.events:
        found[id(event.node)].append(freeze(event.value))
    yield from found.values()
    yield from window.sequences
    yield from (tuple(text) for text in window.texts)


def _is_subsequence(wanted: Sequence[Hashable], sequence: Sequence[Hashable]) -> bool:
    rest = iter(sequence)
    return all(any(each == other for other in rest) for each in wanted)
