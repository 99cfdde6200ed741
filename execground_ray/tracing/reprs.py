"""Values as snoop shows them: short, cheap, and the same text to the character.

snoop shows values through ``cheap_repr``, which builds a helper object for every element. Nearly all values are made of
a few built-in types, so these are shown here directly by the same rules; every other type still goes to ``cheap_repr``.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, zip_longest
from types import ModuleType
from typing import Any

from execground_ray.private.cheap_repr import DirectRepr
from execground_ray.private.cheap_repr import package as cheap_repr_package
from execground_ray.tracing.machine_paths import show_module

SNOOP_VALUE_CHARS = 100
NO_LIMIT = 999_999
ARRAY_PARTS = 6
_MISSING = object()
cheap_repr, find_repr_function = cheap_repr_package.cheap_repr, cheap_repr_package.find_repr_function
register_repr, repr_registry = cheap_repr_package.register_repr, cheap_repr_package.repr_registry


class ValueShower:
    """Shows a value in about ``value_chars`` characters; never raises, whatever the value's own ``__repr__`` does.

    100 is snoop's own rule: strings cut in the middle, containers of more than 6 elements (dicts: 4) cut once 100
    characters are reached, at most 3 levels. Other settings scale all of these in proportion.

    Args:
        value_chars: about how many characters of a value to show.
    """

    def __init__(self, value_chars: int) -> None:
        scale = value_chars / SNOOP_VALUE_CHARS
        self._scale = scale
        self._knows_numpy = False
        self._chars = value_chars
        self._items, self._entries = max(2, round(6 * scale)), max(2, round(4 * scale))
        self._levels = max(1, round(3 * scale))
        _set_snoop_limits()
        if value_chars != SNOOP_VALUE_CHARS:
            _scale_cheap_repr(value_chars, scale, self._levels)
        self._by_type: dict[type, Callable[[Any, int, int | None], str]] = {
            str: self._text,
            int: self._number,
            float: self._number,
            bool: self._number,
            type(None): self._number,
            list: self._list,
            tuple: self._tuple,
            dict: self._dict,
            set: self._set,
            DirectRepr: lambda value, *_: str(value),
            ModuleType: lambda value, *_: show_module(value),
        }

    def __call__(self, value: object) -> str:
        """Return the text of a value."""
        return self._show(value, self._levels, self._chars)

    def _show(self, value: Any, level: int, target: int | None) -> str:
        show = self._by_type.get(type(value))
        if show:
            try:
                return show(value, level, target)
            except BaseException:  # noqa: S110  (a lost key, a container that changes, an integer too long to print)
                pass
        if not self._knows_numpy and "numpy" in sys.modules:
            self._learn_numpy()
        return str(cheap_repr(value, level, target))

    def _learn_numpy(self) -> None:
        """Show arrays as cheap_repr does where numpy was there before it."""
        self._knows_numpy = True
        with contextlib.suppress(Exception):  # the program may have put anything there
            register_repr(sys.modules["numpy"].ndarray)(cheap_repr_package.repr_ndarray)
            cheap_repr_package.repr_ndarray.maxparts = max(2, round(ARRAY_PARTS * self._scale))

    def _text(self, value: str, level: int, target: int | None) -> str:
        if len(value) > self._chars:
            head = max(0, (self._chars - 3) // 2)
            tail = max(0, self._chars - 3 - head)
            value = value[:head] + "..." + value[len(value) - tail :]
        return repr(value)

    def _number(self, value: float | None, level: int, target: int | None) -> str:
        return repr(value)

    def _list(self, value: list[Any], level: int, target: int | None) -> str:
        return f"[{self._from_both_ends(value, level, target)}]"

    def _tuple(self, value: tuple[Any, ...], level: int, target: int | None) -> str:
        if len(value) == 1:
            return f"({self._show(value[0], level, None)},)"
        return f"({self._from_both_ends(value, level, target)})"

    def _dict(self, value: dict[Any, Any], level: int, target: int | None) -> str:
        entries = (
            DirectRepr(f"{self._show(key, level - 1, None)}: {self._show(value[key], level - 1, None)}")
            for key in value
        )
        return "{" + self._from_start(entries, (len(value), self._entries), level, target) + "}"

    def _set(self, value: set[Any], level: int, target: int | None) -> str:
        if not value:
            return repr(value)
        return "{" + self._from_start(value, (len(value), self._items), level, target) + "}"

    def _from_start(self, items: Iterable[Any], sizes: tuple[int, int], level: int, target: int | None) -> str:
        """Join items, or as many as are shown of them; ``sizes`` are how many there are and how many that is."""
        length, most = sizes
        if level <= 0 or length <= most:
            return self._whole(items, length, level)
        if target is None:
            return ", ".join([*(self._show(item, level - 1, None) for item in islice(items, most)), "..."])
        pieces: list[str] = []
        self._fill(((item, pieces) for item in items), sizes, level, target)
        return ", ".join(pieces)

    def _from_both_ends(self, items: Any, level: int, target: int | None) -> str:
        length, most = len(items), self._items
        if level <= 0 or length <= most:
            return self._whole(items, length, level)
        left: list[str] = []
        right: list[str] = []
        if target is None:
            split = most - most // 2
            left = [self._show(item, level - 1, None) for item in items[:split]]
            return ", ".join([*left, "...", *(self._show(item, level - 1, None) for item in items[split - most :])])
        self._fill(_alternate(items, left, right), (length, most), level, target)
        return ", ".join(left + right[::-1])

    def _whole(self, items: Iterable[Any], length: int, level: int) -> str:
        if level <= 0:
            return "..." if length else ""
        return ", ".join([self._show(item, level - 1, None) for item in items])

    def _fill(self, items: Iterable[tuple[Any, list[str]]], sizes: tuple[int, int], level: int, target: int) -> None:
        """Show items on their sides until the text is long enough."""
        length, most = sizes
        total = 5  # brackets and dots
        for count, (item, side) in enumerate(items, start=1):
            text = self._show(item, level - 1, None)
            side.append(text)
            total += len(text) + 2
            if most <= count < length and total >= target:
                side.append("...")
                return


def _alternate(items: Any, left: list[str], right: list[str]) -> Iterable[tuple[Any, list[str]]]:
    """Yield the first item, the last, the second, and so on, each with its side."""
    half = len(items) // 2
    for first, last in zip_longest(items[: len(items) - half], islice(reversed(items), half), fillvalue=_MISSING):
        yield first, left
        if last is not _MISSING:
            yield last, right


@contextlib.contextmanager
def kept_limits() -> Iterator[None]:
    """Let showers be made inside that change nothing outside: cheap_repr has one set of limits for all."""
    limits = {function: function.maxparts for function in {*repr_registry.values()}}
    max_level = cheap_repr.max_level
    try:
        yield
    finally:
        cheap_repr.max_level = max_level
        for function, maxparts in limits.items():
            function.maxparts = maxparts


def _set_snoop_limits() -> None:
    """Do what importing snoop does to cheap_repr."""
    for kind in (str, bytes, object):
        find_repr_function(kind).maxparts = SNOOP_VALUE_CHARS
    find_repr_function(int).maxparts = NO_LIMIT
    cheap_repr.suppression_threshold = NO_LIMIT


def _scale_cheap_repr(value_chars: int, scale: float, max_level: int) -> None:
    """Give the types that cheap_repr shows the same limits as the built-in ones."""
    cheap_repr.max_level = max_level
    whole_texts = {find_repr_function(str), find_repr_function(bytes), find_repr_function(object)}
    for function in {*repr_registry.values()} - whole_texts - {find_repr_function(int)}:
        function.maxparts = max(2, round(function.maxparts * scale))
    for function in whole_texts:
        function.maxparts = value_chars
