"""Smaller inputs, derived from a recorded one: collections, texts and numbers shrunk together, step by step.

In come the recorded inputs of a problem and one of them; out come smaller ones, each larger than the next of its kind,
that have all in common with the recorded ones that ``recorded_inputs`` finds. Nothing is drawn by lot.

    {"weights": [5, 9, 2, 7, 3], "limit": 20}  ->  {"weights": [5, 9, 2], "limit": 20}, …
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from execground_ray.tracing.recorded_inputs import (
    ITEM,
    VALUE,
    Arguments,
    Path,
    RecordedInputs,
    is_number,
    members,
)
from execground_ray.tracing.value_traits import BRACKETS, MOST_MARKS

# The sizes of the longest collection or text, and of the largest number, that are tried.
LENGTHS = (60, 40, 28, 20, 14, 10, 8, 6, 5, 4, 3, 2, 1)
NUMBERS = (1000, 400, 200, 100, 60, 40, 28, 20, 15, 12, 10, 8, 6, 5, 4, 3)
LEAST = 2  # what is as small stays as it is, unless a recorded one is smaller
FEWEST_PARTS = 3  # of a text that is cut between them
SEPARATORS = ("\n", ";", ", ", ",", " ", "|", "-", "/")
DIGITS_BEHIND_POINT = 4


@dataclass(frozen=True)
class _Way:
    """How far to shrink what.

    Attributes:
        length: of the longest collection or text; 0 to leave all of them.
        number: the largest; 0 to leave all of them.
        only: the argument whose number is shrunk; empty for all.
        from_least: whether the distances from the smallest number are shrunk, instead of the numbers.
        everywhere: whether numbers, or texts, in collections are shrunk, too.
    """

    length: int = 0
    number: int = 0
    only: str = ""
    from_least: bool = False
    everywhere: bool = False


def smaller_inputs(known: RecordedInputs, origin: Arguments) -> Iterator[list[Arguments]]:
    """Yield the smaller inputs that can be made of one, by the ways to make them, the largest of each first.

    Args:
        known: what all that were recorded have in common.
        origin: one of them.
    """
    origin = known.read(origin)
    seen = {_text(each) for each in known.inputs}
    for ways in _ways(origin):
        made = []
        for way in ways:
            smaller = _Shrinking(known, origin, way).make()
            text = _text(smaller)
            if text not in seen and known.allow(smaller, origin):
                made.append(known.write(smaller))
            seen.add(text)
        if made:
            yield made


def size_of(value: Any) -> float:
    """Return how large a recorded input is, to compare it with others of its problem."""
    if isinstance(value, list | dict):
        return len(value) + sum(map(size_of, value.values() if isinstance(value, dict) else value))
    return len(value) if isinstance(value, str) else abs(value) if is_number(value) else 0


def _ways(origin: Arguments) -> Iterator[list[_Way]]:
    """Yield the ways to shrink, what leaves most as it is first."""
    numbers = [name for name, value in origin.items() if is_number(value)]
    is_flat = len(numbers) == len(origin)
    yield [_Way(length=size) for size in LENGTHS]
    yield [_Way(number=size) for size in NUMBERS]
    if len(numbers) > 1:
        yield [_Way(number=size, from_least=True) for size in NUMBERS]
        for name in numbers:
            yield [_Way(number=size, only=name) for size in NUMBERS]
    if not is_flat:
        yield [_Way(length=size, everywhere=True) for size in LENGTHS]
        yield [_Way(number=size, everywhere=True) for size in NUMBERS]
        yield [_Way(length=size, number=3 * size, everywhere=True) for size in LENGTHS]


def _text(arguments: Arguments) -> str:
    return json.dumps(arguments, sort_keys=True)


@dataclass
class _Shrinking:
    """One input made of another."""

    known: RecordedInputs
    origin: Arguments
    way: _Way
    lengths: dict[float, float] = field(default_factory=dict)
    numbers: dict[float, float] = field(default_factory=dict)
    bounds: dict[Path, list[tuple[float, bool]]] = field(default_factory=dict)  # what numbers at a place stay below

    def make(self) -> Arguments:
        """Return it."""
        lengths, numbers = set(), set()
        for path, value in self.known.walk(self.origin):
            if is_number(value):
                if self.known.is_size(path):
                    lengths.add(value)
                elif self._may_shrink(path):
                    numbers.add(value)
            elif path and isinstance(value, list | dict | str) and self._may_be_cut(value, path):
                lengths.add(len(value))
        if self.way.length:
            self.lengths = squeezed(lengths, self.way.length, min(self.way.length, LEAST))
        if self.way.number and numbers:
            least = min(numbers) if self.way.from_least else 0
            smaller = squeezed({number - least for number in numbers}, self.way.number, LEAST)
            self.numbers = {number: least + smaller.get(number - least, number - least) for number in numbers}
        self._find_bounds()
        return self._without_unknown_names(self._made(self.origin, ()))

    def _may_shrink(self, path: Path) -> bool:
        inside = ITEM in path or VALUE in path
        if self.known.is_fixed(path) or self.way.only not in ("", path[0]):
            return False
        return self.way.everywhere or not inside

    def _may_be_cut(self, value: Any, path: Path) -> bool:
        inside = ITEM in path or VALUE in path
        return not self.known.is_fixed(path) and (self.way.everywhere or not inside or not isinstance(value, str))

    def _find_bounds(self) -> None:
        """Find the numbers in collections that have never been above another number, or a length."""
        sizes = self.known.quantities(self.origin)
        for place in {path for path, value in self.known.walk(self.origin) if is_number(value) and ITEM in path}:
            for (kind, path), signs in self.known.relations(("most", place)).items():
                if kind not in ("value", "length") or not signs <= {-1, 0} or ITEM in path or VALUE in path:
                    continue
                size = sizes.get((kind, path))
                table = self.lengths if kind == "length" or self.known.is_size(path) else self.numbers
                if size in table and not (self.way.everywhere and not self.known.is_index(place)):
                    self.bounds.setdefault(place, []).append((table[size], 0 in signs))

    def _made(self, value: Any, path: Path) -> Any:
        if is_number(value):
            return self._number(value, path)
        if isinstance(value, str):
            size = self._length(value, path)
            return value if size == len(value) else cut(value, size)
        if isinstance(value, list):
            items = [item for item in value if self._is_within((*path, ITEM), item)]
            items = self._chosen(items, self._length(value, path))
            return [self._made(item, (*path, ITEM)) for item in items]
        if isinstance(value, dict):
            if self.known.is_record(path):
                return {key: self._made(item, (*path, key)) for key, item in value.items()}
            keys = self._chosen(list(value), self._length(value, path))
            return {key: self._made(value[key], (*path, VALUE)) for key in keys}
        return value

    def _length(self, value: Any, path: Path) -> int:
        size = len(value)
        return int(self.lengths.get(size, size)) if self._may_be_cut(value, path) else size

    def _number(self, value: float, path: Path) -> float:
        if self.known.is_size(path):
            return self.lengths.get(value, value)
        if not self._may_shrink(path) or (ITEM in path and self.known.is_index(path)):
            return value
        new = self.numbers.get(value, value)
        step = self.known.step(path)
        if type(new) is int and step > 1:
            new -= (new - value) % step
            new += step if new < min(value, LEAST) else 0
        return new

    def _is_within(self, path: Path, item: Any) -> bool:
        """Tell whether no number in an item of a collection is above what it has to stay below."""
        for place, value in self.known.walk(item, path):
            if is_number(value):
                for bound, may_equal in self.bounds.get(place, ()):
                    if value > bound or (value == bound and not may_equal):
                        return False
        return True

    def _chosen(self, items: list[Any], size: int) -> list[Any]:
        """Return so many items, in their order: those that an argument names, and the first of the others."""
        named = {str(value) for value in self.origin.values() if isinstance(value, str | int)}
        order = sorted(range(len(items)), key=lambda index: (str(items[index]) not in named, index))
        return [items[index] for index in sorted(order[:size])]

    def _without_unknown_names(self, made: Arguments) -> Arguments:
        """Drop the items in which something is named that is no longer there."""
        for _ in range(len(self.known.inclusions)):
            dropped = made
            for one, two in self.known.inclusions:
                names = members(self.known, dropped, two)
                dropped = self._dropped(dropped, (), one, names)
            if dropped == made:
                break
            made = dropped
        return made

    def _dropped(self, value: Any, path: Path, place: Path, names: set[str]) -> Any:
        if isinstance(value, list):
            inner = (*path, ITEM)
            kept = [item for item in value if self._names_known(item, inner, place, names)]
            return [self._dropped(item, inner, place, names) for item in kept]
        if isinstance(value, dict):
            record = self.known.is_record(path)
            return {
                key: self._dropped(item, (*path, key if record else VALUE), place, names) for key, item in value.items()
            }
        return value

    def _names_known(self, item: Any, path: Path, place: Path, names: set[str]) -> bool:
        """Tell whether an item may stay; in one whose size is free, parts can be dropped instead."""
        if isinstance(item, list | dict) and not self.known.is_fixed(path):
            return True
        return all(str(value) in names for where, value in self.known.walk(item, path) if where == place)


def squeezed(values: Iterable[float], most: int, least: int) -> dict[float, float]:
    """Return smaller numbers for some, in the same order, the largest of them ``most`` if that can be.

    Args:
        values: any, negative ones become larger likewise.
        most: for the one that is farthest from 0.
        least: what is no farther from 0 stays.
    """
    sizes = sorted({abs(value) for value in values})
    if not sizes or sizes[-1] <= most:
        return {}
    factor, last = most / sizes[-1], -1.0
    found: dict[float, float] = {}
    for size in sizes:
        new: float = size
        if size > least:
            new = max(least, round(size * factor, DIGITS_BEHIND_POINT if isinstance(size, float) else None))
            if new <= last:
                new = last + 1
        found[size] = last = min(new, size)
    return {value: found[abs(value)] if value >= 0 else -found[abs(value)] for value in values}


def cut(text: str, size: int) -> str:
    """Return a shorter text of the same make.

    Of lines, words and other parts the first stay, so many that the last is of the kind that it was; the rows of a
    board, which are as long as each other, are cut, too. Of a plain text so many letters stay together, with as many
    different ones as there are.
    """
    share = size / len(text)
    for separator in SEPARATORS:
        parts = text.split(separator)
        if len(parts) < FEWEST_PARTS:
            continue
        widths = {len(part) for part in parts}
        if separator == "\n" and len(widths) == 1 and widths.pop() > 1 and len(set(text)) <= MOST_MARKS + 1:
            share = math.sqrt(share)
            parts = [part[: max(2, round(len(part) * share))] for part in parts]
        kept = max(2, round(len(parts) * share))
        while kept > 1 and _kind(parts[kept - 1]) != _kind(parts[-1]):
            kept -= 1
        return separator.join(parts[:kept])
    if any(mark in text for mark in "".join(BRACKETS)):
        return text
    starts = range(len(text) - size + 1)
    best = max(starts, key=lambda start: (len(set(text[start : start + size])), -start))
    return text[best : best + size]


def _kind(text: str) -> str:
    return "number" if text.strip().isdigit() else "word" if any(map(str.isalnum, text)) else "mark"
