"""Values as snoop shows them: short, cheap, and the same text to the character.

snoop shows values through ``cheap_repr``, which builds a helper object for every element. Nearly all values are made of
a few built-in types, so these are shown here directly by the same rules; every other type still goes to ``cheap_repr``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice, zip_longest
from typing import Any

import snoop.tracer  # noqa: F401  (sets cheap_repr's limits to snoop's own on import)
from cheap_repr import _DirectRepr as DirectRepr
from cheap_repr import cheap_repr, find_repr_function, repr_registry

SNOOP_VALUE_CHARS = 100
_MISSING = object()


def value_shower(value_chars: int) -> Callable[[object], str]:
    """Return a function that shows a value in about ``value_chars`` characters.

    100 is snoop's own rule: strings cut in the middle, containers of more than 6 elements (dicts: 4) cut once 100
    characters are reached, at most 3 levels. Other settings scale all of these in proportion.

    Args:
        value_chars: about how many characters of a value to show.

    Returns:
        A function from any value to its text. It never raises, whatever the value's own ``__repr__`` does.
    """
    scale = value_chars / SNOOP_VALUE_CHARS
    max_items, max_entries = max(2, round(6 * scale)), max(2, round(4 * scale))
    max_level = max(1, round(3 * scale))
    if value_chars != SNOOP_VALUE_CHARS:
        _scale_cheap_repr(value_chars, scale, max_level)
    head = max(0, (value_chars - 3) // 2)
    tail = max(0, value_chars - 3 - head)

    def show(value: Any, level: int = max_level, target: int | None = value_chars) -> str:
        kind = type(value)
        if kind is str:
            if len(value) > value_chars:
                value = value[:head] + "..." + value[len(value) - tail :]
            return repr(value)
        if kind is int or kind is float or kind is bool or value is None:
            try:
                return repr(value)
            except ValueError:  # an integer with more digits than Python prints
                return cheap_repr(value, level, target)
        try:
            if kind is list:
                return "[" + join(value, len(value), max_items, level, target, from_both_ends=True) + "]"
            if kind is tuple:
                if len(value) == 1:
                    return f"({show(value[0], level, None)},)"
                return "(" + join(value, len(value), max_items, level, target, from_both_ends=True) + ")"
            if kind is dict:
                entries = (
                    DirectRepr(f"{show(key, level - 1, None)}: {show(value[key], level - 1, None)}") for key in value
                )
                return "{" + join(entries, len(value), max_entries, level, target, from_both_ends=False) + "}"
            if kind is set and value:
                return "{" + join(value, len(value), max_items, level, target, from_both_ends=False) + "}"
            if kind is DirectRepr:
                return str(value)
        except BaseException:  # a key that is not found, an element that changes what it is in
            return cheap_repr(value, level, target)
        return cheap_repr(value, level, target)

    def join(
        items: Iterable[Any], length: int, most: int, level: int, target: int | None, *, from_both_ends: bool
    ) -> str:
        if level <= 0:
            return "..." if length else ""
        if length <= most:
            return ", ".join([show(item, level - 1, None) for item in items])
        if target is not None:
            return join_to_length(items, length, most, level, target, from_both_ends)
        left = most - most // 2 if from_both_ends else most
        pieces = [show(item, level - 1, None) for item in islice(items, left)]
        pieces.append("...")
        if from_both_ends:
            pieces += [show(item, level - 1, None) for item in items[left - most :]]  # type: ignore[index]
        return ", ".join(pieces)

    def join_to_length(
        items: Iterable[Any], length: int, most: int, level: int, target: int, from_both_ends: bool
    ) -> str:
        left: list[str] = []
        right: list[str] = []
        total = 3 + 2
        for count, (item, side) in enumerate(alternate(items, length, left, right, from_both_ends), start=1):
            text = show(item, level - 1, None)
            side.append(text)
            total += len(text) + 2
            if most <= count < length and total >= target:
                side.append("...")
                break
        return ", ".join(left + right[::-1])

    def alternate(
        items: Any, length: int, left: list[str], right: list[str], from_both_ends: bool
    ) -> Iterable[tuple[Any, list[str]]]:
        if not from_both_ends:
            yield from ((item, left) for item in items)
            return
        half = length // 2
        for first, last in zip_longest(items[: length - half], islice(reversed(items), half), fillvalue=_MISSING):
            yield first, left
            if last is not _MISSING:
                yield last, right

    return show


def _scale_cheap_repr(value_chars: int, scale: float, max_level: int) -> None:
    """Give the types that cheap_repr shows the same limits as the built-in ones."""
    cheap_repr.max_level = max_level
    whole_texts = {find_repr_function(str), find_repr_function(bytes), find_repr_function(object)}
    for function in {*repr_registry.values()} - whole_texts - {find_repr_function(int)}:
        function.maxparts = max(2, round(function.maxparts * scale))
    for function in whole_texts:
        function.maxparts = value_chars
