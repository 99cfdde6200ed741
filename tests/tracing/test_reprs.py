"""Values are shown as snoop shows them at 100 characters, and by the same rules in proportion at other settings."""

import json
import random
import re
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import cheap_repr
import numpy as np
import pytest
from snoop.utils import my_cheap_repr

from execground_ray.tracing.reprs import SNOOP_VALUE_CHARS, ValueShower
from execground_ray.tracing.sandbox import CagedWorker

VALUES, SEED, LEVELS = 5000, 7, 3
CUT = r"\.\.\.|shape=|\d keys\)|exception in|suppressed"
FAILED = r"\((exception in repr|repr suppressed)\)>"
Pair = namedtuple("Pair", "a b")


class Plain:
    pass


class Wide:
    def __repr__(self) -> str:
        return "<" + "w" * 150 + ">"


class List(list):
    pass


class Dict(dict):
    pass


class Str(str):
    __slots__ = ()


class Raises:
    def __repr__(self) -> str:
        raise ValueError("no")


class Exits:
    def __repr__(self) -> str:
        raise SystemExit(3)


class ReturnsNoText:
    def __repr__(self) -> str:
        return 5  # type: ignore[return-value]


class BadList(list):
    def __len__(self) -> int:
        raise ValueError("no")


class MovingHash:
    def __init__(self) -> None:
        self.now = 1

    def __hash__(self) -> int:
        return self.now


class Meddler:
    """Changes its container while it is shown."""

    def __init__(self, container: Any) -> None:
        self.container = container

    def __repr__(self) -> str:
        if isinstance(self.container, dict):
            self.container[len(self.container)] = 1
        else:
            self.container.add(len(self.container))
        return "Meddler"


pytestmark = pytest.mark.filterwarnings("ignore::cheap_repr.ReprSuppressedWarning")


@pytest.fixture
def show_at() -> Iterator[Callable[[int], Callable[[object], str]]]:
    """Make a shower for any setting; cheap_repr, whose limits are global, is put back in the end."""
    functions = set(cheap_repr.repr_registry.values())
    limits = {function: function.maxparts for function in functions}
    level = cheap_repr.cheap_repr.max_level
    yield ValueShower
    for function, maxparts in limits.items():
        function.maxparts = maxparts
    cheap_repr.cheap_repr.max_level = level
    cheap_repr.suppressed_classes.clear()


def make_value(chance: random.Random, levels: int) -> Any:
    """A random value, nested at most so many levels."""
    if levels == 0 or chance.random() < 0.3:
        return make_scalar(chance)
    length = chance.choice([0, 1, 2, 3, 5, 6, 7, 8, 11, 30] if levels <= 2 else [0, 1, 2, 3, 4, 5])
    items = [make_value(chance, levels - 1) for _ in range(length)]
    keys = [make_key(chance) for _ in range(length)]
    table = dict(zip(keys, items, strict=True))
    makers: list[Callable[[], Any]] = [
        lambda: items,
        lambda: items,
        lambda: tuple(items),
        lambda: tuple(items[:1]),
        lambda: table,
        lambda: table,
        lambda: set(keys),
        lambda: frozenset(keys),
        lambda: deque(items),
        lambda: Counter(keys),
        lambda: OrderedDict(table),
        lambda: defaultdict(int, table),
        lambda: List(items),
        lambda: Dict(table),
        lambda: Pair(items, length),
        lambda: table.keys(),
        lambda: table.values(),
        lambda: table.items(),
        lambda: np.array([chance.random() for _ in range(length)]),
        lambda: np.arange(length * 3).reshape(length, 3),
    ]
    return chance.choice(makers)()


def make_key(chance: random.Random) -> Any:
    return chance.choice([make_text(chance), chance.randint(-5, 99), (chance.randint(0, 9), "k"), None, 2.5, True])


def make_text(chance: random.Random) -> str:
    length = chance.choice([0, 1, 3, 10, 40, 99, 100, 101, 250])
    return "".join(chance.choice("ab \"'\\\n\té中😀") for _ in range(length))


def make_scalar(chance: random.Random) -> Any:
    makers: list[Callable[[], Any]] = [
        lambda: make_text(chance),
        lambda: Str(make_text(chance)),
        lambda: make_text(chance).encode(),
        lambda: chance.randint(-1000, 1000),
        lambda: chance.randint(0, 10 ** chance.choice([20, 120, 300])),
        lambda: chance.uniform(-1e6, 1e6),
        lambda: chance.choice([True, False, None, float("nan"), float("-inf"), 1j, ..., NotImplemented]),
        lambda: chance.choice([np.int64(3), np.float64(0.1), np.bool_(True), np.str_("n" * 120)]),
        lambda: chance.choice([range(9), slice(1, 2), int, len, make_text, re.compile("a+"), bytearray(b"x" * 200)]),
        lambda: chance.choice([Plain(), Wide(), Raises(), [].append]),
    ]
    return chance.choice(makers)()


def test_shows_values_as_snoop_does(show_at):
    chance = random.Random(SEED)
    show = show_at(SNOOP_VALUE_CHARS)
    values = [make_value(chance, chance.randint(0, LEVELS)) for _ in range(VALUES)]
    wrong = []
    for value in values:
        cheap_repr.suppressed_classes.clear()  # the classes that once failed, which it then shows otherwise
        snoop = my_cheap_repr(value)
        cheap_repr.suppressed_classes.clear()
        if show(value) != snoop:
            wrong.append((snoop, show(value)))
    assert not wrong[:3]
    assert sum("..." in my_cheap_repr(value) for value in values) > VALUES / 10


def test_self_containing_values_as_snoop_does(show_at):
    show = show_at(SNOOP_VALUE_CHARS)
    items: list[Any] = [1]
    items.append(items)
    table: dict[str, Any] = {"items": items}
    table["table"] = table
    for value in (items, table, (items, table), [[table]] * 9):
        assert show(value) == my_cheap_repr(value)


def test_value_that_is_shown_whole_is_shown_so_at_every_larger_setting(show_at):
    chance = random.Random(SEED)
    values = [make_value(chance, 3) for _ in range(500)]
    show = show_at(SNOOP_VALUE_CHARS)
    # Of a large Counter snoop shows only its size.
    whole = {number: text for number, value in enumerate(values) if not re.search(CUT, text := show(value))}
    assert len(whole) > 100
    larger = show_at(400)
    assert {number: larger(values[number]) for number in whole} == whole


@pytest.mark.parametrize("value_chars", [20, 50, 200, 400, 1000])
def test_long_texts_are_cut_in_the_middle(show_at, value_chars):
    show = show_at(value_chars)
    assert show("x" * value_chars) == repr("x" * value_chars)
    for value in ("a" * value_chars + "b" * value_chars, Str("a" * 999 + "b" * 999), b"a" * 999 + b"b" * 999):
        shown = show(value)
        assert re.fullmatch(r"b?'a+\.\.\.b+'", shown)
        assert len(shown.lstrip("b")) == value_chars + 2
    assert len(show(Wide())) == min(value_chars, 152)


@pytest.mark.parametrize(("value_chars", "items", "entries"), [(20, 2, 2), (50, 3, 2), (400, 24, 16), (1000, 60, 40)])
def test_limits_of_containers_are_in_proportion(show_at, value_chars, items, entries):
    show = show_at(value_chars)
    wide = "w" * 19
    for make in (list, tuple, deque):
        assert "..." not in show(make([wide] * items)), make
        assert "..." in show(make([wide] * (items * 5))), make
    assert "..." not in show({f"{number:019}" for number in range(items)})
    assert "..." not in show(dict.fromkeys(range(entries), wide))
    assert "..." in show(dict.fromkeys(range(entries * 5), wide))
    shown = show(list(range(10**4)))
    assert shown.startswith("[0, ") and shown.endswith(", 9999]")
    assert value_chars <= len(shown) <= value_chars + 25


@pytest.mark.parametrize(("value_chars", "levels"), [(20, 1), (100, 3), (400, 12)])
def test_depth_is_in_proportion(show_at, value_chars, levels):
    show = show_at(value_chars)

    def nested(depth: int) -> list[Any]:
        return [nested(depth - 1)] if depth else []

    assert show(nested(levels)) == repr(nested(levels))
    assert show(nested(levels + 1)) == "[" * (levels + 1) + "..." + "]" * (levels + 1)
    assert len(show(nested(300))) < 100


def test_numbers_are_never_cut(show_at):
    for value_chars in (20, 100):
        show = show_at(value_chars)
        assert show(7**200) == str(7**200)
        assert show(1 / 3) == "0.3333333333333333"
    assert show_at(100)(10**5000).endswith("(exception in repr)>")  # Python itself refuses to print it


@pytest.mark.parametrize("value_chars", [SNOOP_VALUE_CHARS, 400])
def test_never_raises(show_at, value_chars):
    show = show_at(value_chars)
    key = MovingHash()
    moved = {key: 1}
    key.now = 2
    growing: dict[Any, Any] = {}
    growing["x"] = Meddler(growing)
    growing["y"] = 1
    crowd: set[Any] = {1, 2, 3}
    crowd.add(Meddler(crowd))
    deep: list[Any] = []
    narrow: tuple[Any, ...] = ()
    for _ in range(10**5):
        deep, narrow = [deep], (narrow,)
    for value in (Raises(), Exits(), ReturnsNoText(), BadList([1]), moved, growing, crowd, deep, narrow):
        for inside in (value, [value], {"key": value}, (value,), {1: [value]}):
            assert isinstance(show(inside), str)
    assert re.fullmatch(r"<Raises instance at \w+ " + FAILED, show(Raises()))
    assert re.fullmatch(r"\[1, <dict instance at \w+ " + FAILED + r"\]", show([1, moved]))


def test_no_address_is_left_in_a_trace(worker_settings):
    """Whatever shows one: default reprs, functions, methods, iterators, nested and cut values."""
    source = """
class Plain:
    def go(self):
        return self

def main_solution(n):
    thing = Plain()
    many = [Plain() for _ in range(n)]
    table = {"a": thing, "b": [thing.go, main_solution, iter([]), (i for i in "x"), lambda: 0, Plain]}
    text = repr(thing)
    thing.go()
    return n
"""
    worker = CagedWorker(worker_settings(), 0)
    request = {"refcode": source, "funcname": "main_solution", "calls": [json.dumps({"n": 9})]}
    try:
        first, second = worker.run(request), worker.run(request)
    finally:
        worker.close()
    assert first["outcome"] == "returned", first
    assert "Plain object>" in first["trace"]
    assert not re.findall(r"0x[0-9a-f]{6,}", first["trace"])
    assert first["trace"] == second["trace"]
