"""What the recorded inputs of a problem have in common: what an input that is made of them must have, too.

A problem says in words that a list has ten entries, that a start lies before an end, that edges name nodes; nobody
reads that here, but in the inputs that were recorded it holds each time. So whatever holds in all of them is taken for
meant (as Daikon finds invariants: Ernst et al., Science of Computer Programming 69, 2007): sizes that never change,
numbers and lengths of which one is never the larger, names that always occur elsewhere.

Places in an input are paths: ``("edges", "[]", "[]")`` are the ends of all edges, ``("graph", "{}")`` the values of a
mapping. A dictionary whose keys are always the same is a record, and has a path for each key.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

from execground_ray.tracing.value_traits import ENOUGH, likenesses, marks, marks_of_all, traits, traits_of_all

Path = tuple[str, ...]
Quantity = tuple[str, Path]  # "value" of a number, "length", or "least" and "most" of the numbers at a place
Arguments = dict[str, Any]

ITEM, VALUE = "[]", "{}"
MOST_CHARS = 1000  # of a text that are looked at for numbers
NUMBER = re.compile(r"\d+")
WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
NESTED_SIZE = 4  # up to here a size that never changes needs no word: of pairs, of the sides of a small board
ENOUGH_NUMBERS = 4  # different numbers that agree on a divisor


class RecordedInputs:
    """What holds in all inputs of a problem.

    Args:
        inputs: the arguments of its recorded calls, at least one.
        told: all texts of the problem, code included: a size that never changes is meant if they name it, and else
            may be whoever's who made up the inputs.

    Attributes:
        inputs: as ``read`` gives them.
    """

    def __init__(self, inputs: Sequence[Arguments], told: str = "") -> None:
        self._written = {name for name in inputs[0] if all(_is_written(each.get(name)) for each in inputs)}
        self.inputs = inputs = [self.read(each) for each in inputs]
        self._is_told = bool(told)
        self._named = {int(number[:9]) for number in NUMBER.findall(told)}
        self._named |= {number for number, word in enumerate(WORDS) if re.search(rf"\b{word}\b", told, re.IGNORECASE)}
        self._keys: dict[Path, list[frozenset[str]]] = defaultdict(list)
        for path, value in (found for each in inputs for found in _walk(each, (), lambda _: True)):
            if isinstance(value, dict):
                self._keys[path].append(frozenset(value))
        self._found: dict[Path, list[Any]] = defaultdict(list)
        for each in inputs:
            for path, value in self.walk(each):
                self._found[path].append(value)
        self._signs: dict[tuple[Quantity, Quantity], set[int]] = defaultdict(set)
        self._quantities_of_all: set[Quantity] = set()
        for each in inputs:
            quantities = self.quantities(each)
            self._quantities_of_all |= quantities.keys()
            for pair, sign in signs(quantities).items():
                self._signs[pair].add(sign)
        self._fixed = {path for path, values in self._found.items() if self._are_fixed(values, path)}
        self._sizes = {path for kind, path in self._quantities_of_all if kind == "value" and self._are_sizes(path)}
        self._traits = {path: traits_of_all(values) for path, values in self._found.items()}
        self._marks = {path: marks_of_all(values) for path, values in self._found.items()}
        self._inclusions = self._inclusions_of(inputs)
        self._alike = [likenesses(each) for each in inputs]

    def read(self, arguments: Arguments) -> Arguments:
        """Return arguments with the values of those that have always been numbers or collections, written as text."""
        return arguments | {name: json.loads(arguments[name]) for name in self._written}

    def write(self, arguments: Arguments) -> Arguments:
        """Do the opposite of ``read``."""
        return arguments | {name: json.dumps(arguments[name]) for name in self._written}

    def walk(self, value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
        """Yield all that is in a value, with the path of each."""
        return _walk(value, path, self.is_record)

    def is_record(self, path: Path) -> bool:
        """Tell whether the dictionaries at a place have the same keys each time."""
        return not path or len(set(self._keys.get(path, ()))) < 2

    def is_fixed(self, path: Path) -> bool:
        """Tell whether the value at a place, or its size, is always the same, or one of a few words."""
        return path in self._fixed

    def is_size(self, path: Path) -> bool:
        """Tell whether a number has always been a length, or no more than one."""
        return path in self._sizes

    def is_index(self, path: Path) -> bool:
        """Tell whether numbers in a collection count from 0 or 1, and never beyond a size."""
        relations = self.relations(("most", path))
        bounded = (signs <= {-1, 0} for (kind, _), signs in relations.items() if kind in ("length", "value"))
        return self.least(path) in (0, 1) and any(bounded)

    def _are_sizes(self, path: Path) -> bool:
        if ITEM in path or VALUE in path or self.least(path) < 0:
            return False
        for (kind, other), signs in self.relations(("value", path)).items():
            if kind == "length" and signs <= {-1, 0} and other not in self._fixed:
                return True
        return False

    def _are_fixed(self, values: list[Any], path: Path) -> bool:
        if isinstance(values[0], bool):
            return True
        if len(self.inputs) < ENOUGH:
            return False
        if all(isinstance(value, str) for value in values):
            words = Counter(values)
            return 2 * len(words) <= len(values) or self._is_meant(set(map(len, values)), path)
        if all(isinstance(value, list | dict) for value in values):
            return self._is_meant({len(value) for value in values}, path)
        return self._is_meant(set(values), path) if all(map(is_number, values)) else len(set(map(repr, values))) == 1

    def _is_meant(self, sizes: set[float], path: Path) -> bool:
        """Tell whether sizes are one that never changes, and that for a reason."""
        if len(sizes) > 1:
            return False
        (size,) = sizes
        return ITEM in path or VALUE in path or size <= NESTED_SIZE or not self._is_told or self._is_named(size)

    def _is_named(self, size: float) -> bool:
        root = math.isqrt(abs(int(size)))
        return not {size, size - 1, size + 1}.isdisjoint(self._named) or (root**2 == size and root in self._named)

    def least(self, path: Path) -> float:
        """Return the smallest number, or size, at a place."""
        values = [value for value in self._found[path] if is_number(value) or isinstance(value, str | list | dict)]
        return min((value if is_number(value) else len(value) for value in values), default=0)

    def step(self, path: Path) -> int:
        """Return the greatest number by which all differences of the integers at a place can be divided."""
        values = self._found.get(path, [])
        if not all(type(value) is int for value in values) or len(set(values)) < ENOUGH_NUMBERS:
            return 1
        return math.gcd(*(value - values[0] for value in values)) or 1

    def relations(self, quantity: Quantity) -> dict[Quantity, set[int]]:
        """Return how a quantity has been to others: -1 for less, 0 for equal, 1 for more."""
        found = {two: seen for (one, two), seen in self._signs.items() if one == quantity}
        return found | {one: {-sign for sign in seen} for (one, two), seen in self._signs.items() if two == quantity}

    def quantities(self, arguments: Arguments) -> dict[Quantity, float]:
        """Return the numbers and lengths of an input that can be compared with each other."""
        found: dict[Quantity, float] = {}
        numbers: dict[Path, list[float]] = defaultdict(list)
        lengths: dict[Path, set[int]] = defaultdict(set)
        for path, value in self.walk(arguments):
            inside = ITEM in path or VALUE in path
            if is_number(value):
                if inside:
                    numbers[path].append(value)
                else:
                    found["value", path] = value
            elif isinstance(value, list | dict | str) and path:
                lengths[path].add(len(value))
                if isinstance(value, str) and not value.isdigit():
                    numbers[path] += map(int, NUMBER.findall(value[:MOST_CHARS]))
        found |= {("length", path): size for path, sizes in lengths.items() if len(sizes) == 1 for size in sizes}
        found |= {("least", path): min(values) for path, values in numbers.items() if values}
        return found | {("most", path): max(values) for path, values in numbers.items() if values}

    def allow(self, arguments: Arguments, origin: Arguments) -> bool:
        """Tell whether an input is like the recorded ones, and its numbers are to each other as those of its origin."""
        before = signs(self.quantities(origin))
        for pair, sign in signs(self.quantities(arguments)).items():
            if {kind for kind, _ in pair} <= {"value", "length"} and not _inside(pair):
                allowed = {before.get(pair, sign)}
            else:
                recorded = self._signs.get(pair, set()) if len(self.inputs) >= ENOUGH else {before.get(pair, sign)}
                allowed = recorded if _is_bound(pair, recorded) else {sign}
            if sign not in allowed:
                return False
        for path, value in self.walk(arguments):
            if not (self._traits.get(path, set()) <= traits(value) and self._marks.get(path, set()) <= marks(value)):
                return False
            if isinstance(value, list | dict | str) and path and len(value) < min(2, self.least(path)):
                return False
        if any(not members(self, arguments, one) <= members(self, arguments, two) for one, two in self._inclusions):
            return False
        return set.intersection(*self._alike) <= likenesses(arguments)

    @property
    def inclusions(self) -> list[tuple[Path, Path]]:
        """Places of which the names at the first are always among those at the second."""
        return self._inclusions

    def _inclusions_of(self, inputs: Sequence[Arguments]) -> list[tuple[Path, Path]]:
        """See ``inclusions``; they must have been able to fail."""
        holders = [path for path, values in self._found.items() if _names_all(values) or path in self._keys]
        found = []
        for one in self._found:
            for two in holders:
                if one == two or (two in self._keys and self.is_record(two)):
                    continue
                sets = [(members(self, each, one), members(self, each, two)) for each in inputs]
                told = sum(len(first) for first, _ in sets)
                if told > ENOUGH and all(first <= second for first, second in sets):
                    found.append((one, two))
        return found


def members(known: RecordedInputs, arguments: Arguments, path: Path) -> set[str]:
    """Return the names at a place: texts and numbers, and the keys of a mapping."""
    found: set[str] = set()
    for where, value in known.walk(arguments):
        if where == path and not isinstance(value, bool | float | list | None):
            found |= set(value) if isinstance(value, dict) else {str(value)}
    return found


def is_number(value: Any) -> bool:
    """Tell numbers from all else, truth values and infinities included."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def signs(quantities: dict[Quantity, float]) -> dict[tuple[Quantity, Quantity], int]:
    """Return, for each two quantities, which is the larger."""
    return {
        (one, two): (quantities[one] > quantities[two]) - (quantities[one] < quantities[two])
        for one, two in combinations(sorted(quantities), 2)
    }


def _is_written(value: Any) -> bool:
    """Tell whether a text is a number or a collection just as JSON writes it."""
    try:
        written = json.loads(value) if isinstance(value, str) else None
        return type(written) in (int, list, dict) and json.dumps(written) == value
    except ValueError:
        return False


def _inside(pair: tuple[Quantity, Quantity]) -> bool:
    return any(ITEM in path or VALUE in path for _, path in pair)


def _is_bound(pair: tuple[Quantity, Quantity], recorded: set[int]) -> bool:
    """Tell whether numbers in a collection have always stayed on this side of the other; beyond it, it says nothing."""
    if not recorded:
        return False
    (one, _), (two, _) = pair
    sides = {"most": {-1, 0}, "least": {0, 1}}
    if one in sides and two not in sides:
        return recorded <= sides[one]
    if two in sides and one not in sides:
        return {-sign for sign in recorded} <= sides[two]
    return one not in sides and two not in sides


def _walk(value: Any, path: Path, is_record: Callable[[Path], bool]) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        record = is_record(path)
        for key, inner in value.items():
            yield from _walk(inner, (*path, key if record else VALUE), is_record)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, (*path, ITEM), is_record)


def _names_all(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)
