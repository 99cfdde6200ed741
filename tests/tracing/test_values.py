"""Exact values: each row of the table in ``values``, and what counts as the same value."""

import enum
import json
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from execground_ray.python.values import read_json, written
from execground_ray.tracing.values import MAX_DEPTH, UnsupportedValueError, same_print, same_value, to_json

Pair = namedtuple("Pair", "a b")


class Color(enum.Enum):
    RED = 1


class Size(enum.IntEnum):
    SMALL = 1


class Mood(enum.StrEnum):
    GOOD = "good"


class LyingList(list):
    def __iter__(self):
        return iter(["lie"])

    def __len__(self):
        return 99

    def __eq__(self, other):
        return True

    __hash__ = None


class LyingTuple(tuple):
    __slots__ = ()

    def __iter__(self):
        raise RuntimeError("not today")


class LyingDict(dict):
    def items(self):
        return [("lie", 1)]

    def __iter__(self):
        return iter(["lie"])

    def __getitem__(self, key):
        return "lie"


class LyingStr(str):
    __slots__ = ()

    def __str__(self):
        return "lie"

    def __repr__(self):
        return "'lie'"

    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class LyingInt(int):
    def __repr__(self):
        return "666"

    def __int__(self):
        return 666

    def __index__(self):
        return 666

    def __pos__(self):
        return 666


class LyingFloat(float):
    def __repr__(self):
        return "6.66"

    def __float__(self):
        return 6.66


class Claims:
    """Says that it is a str."""

    __class__ = str  # type: ignore[assignment]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def cyclic(kind: type) -> Any:
    if kind is list:
        value: Any = [1]
        value.append(value)
    elif kind is dict:
        value = {}
        value["self"] = (value,)
    else:
        value = np.empty(1, dtype=object)
        value[0] = value
    return value


SUPPORTED = [
    (None, "null"),
    (True, "true"),
    (5, "5"),
    (-(10**30), "-1" + "0" * 30),
    (10**4299, "1" + "0" * 4299),
    (0.1, "0.1"),
    (1e300, "1e+300"),
    (-0.0, "-0.0"),
    (math.nan, "NaN"),
    (-math.inf, "-Infinity"),
    ("é\n\ud800", '"\\u00e9\\n\\ud800"'),
    ([1, [2.0, "3"], None], '[1, [2.0, "3"], null]'),
    ((1, (2,)), "[1, [2]]"),
    (Pair(1, "x"), '[1, "x"]'),
    ({"b": 1, "a": [True]}, '{"b": 1, "a": [true]}'),
    ({1: "a", 2.5: "b", False: "c", None: "d"}, '{"1": "a", "2.5": "b", "false": "c", "null": "d"}'),
    (Counter("aab"), '{"a": 2, "b": 1}'),
    (defaultdict(list, x=[1]), '{"x": [1]}'),
    (OrderedDict(z=1, a=2), '{"z": 1, "a": 2}'),
    (np.int64(7), "7"),
    (np.float32(0.5), "0.5"),
    (np.float64(0.1), "0.1"),
    (np.bool_(True), "true"),
    (np.str_("text"), '"text"'),
    (np.array(3), "3"),
    (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
    (np.array([1.5, math.nan]), "[1.5, NaN]"),
    (np.array(["a", None, 2], dtype=object), '["a", null, 2]'),
    ([np.int8(1), {"x": np.array([True])}], '[1, {"x": [true]}]'),
    ({np.int64(3): np.float64(2.0)}, '{"3": 2.0}'),
    (Size.SMALL, "1"),
    ({Size.SMALL: Mood.GOOD}, '{"1": "good"}'),
    (LyingList([1, 2]), "[1, 2]"),
    (LyingTuple((1, 2)), "[1, 2]"),
    (LyingDict(a=1), '{"a": 1}'),
    (LyingStr("truth"), '"truth"'),
    (LyingInt(5), "5"),
    (LyingFloat(1.5), "1.5"),
    ({LyingStr("truth"): LyingInt(1)}, '{"truth": 1}'),
    (nested(MAX_DEPTH), "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH),
]
UNSUPPORTED = [
    {1, 2},
    frozenset(),
    b"bytes",
    bytearray(b"x"),
    1j,
    Decimal("1.0"),
    Fraction(1, 2),
    deque([1]),
    range(3),
    object(),
    len,
    iter([]),
    Color.RED,
    Claims(),
    np.complex128(1j),
    np.datetime64("2024-01-01"),
    np.array([1j]),
    [1, {"deep": ({2},)}],
    {(1, 2): 3},
    {b"x": 1},
    {Color.RED: 1},
    10**5000,
    [[10**4300]],
    {10**4300: 1},
    nested(MAX_DEPTH + 1),
    nested(10**5),
    cyclic(list),
    cyclic(dict),
    cyclic(np.ndarray),
    {1: "a", "1": "b"},
    {None: 1, "null": 2},
    {LyingStr("a"): 1, "b": {True: 1, "true": 2}},
]


@pytest.mark.parametrize(("value", "text"), SUPPORTED, ids=[text[:40] for _, text in SUPPORTED])
def test_has_a_json_form(value, text):
    assert to_json(value) == text
    json.loads(text)


@pytest.mark.parametrize("value", UNSUPPORTED, ids=lambda value: type(value).__name__)
def test_has_no_json_form(value):
    with pytest.raises(UnsupportedValueError):
        to_json(value)


@pytest.mark.parametrize(
    ("recorded", "returned", "tolerance", "same"),
    [
        (5, 5, 0, True),
        (5, 5.0, 1, False),
        (5, "5", 1, False),
        (1, True, 1, False),
        (0, False, 1, False),
        (None, False, 1, False),
        (None, None, 0, True),
        ("a", "A", 1, False),
        (10**4000, 10**4000, 0, True),
        (10**4000, 10**4000 + 1, 1e-3, False),
        (1000, 1001, 1e-2, False),
        (1.0, 1.0009, 1e-3, True),
        (1.0, 1.0011, 1e-3, False),
        (-1000.0, -1000.9, 1e-3, True),
        (1.0, 1.0 + 1e-15, 0, False),
        (0.1, 0.1, 0, True),
        (0.0, 1e-300, 1e-3, False),
        (0.0, -0.0, 0, True),
        (1e-9, 1.0005e-9, 1e-3, True),
        (math.nan, math.nan, 0, True),
        (math.nan, 1.0, 1, False),
        (1.0, math.nan, 1, False),
        (math.inf, math.inf, 0, True),
        (math.inf, -math.inf, 1, False),
        (math.inf, 1e308, 1, False),
        (1e308, math.inf, 1, False),
        ([1, 2.0], [1, 2.0001], 1e-3, True),
        ([1, 2], [2, 1], 1, False),
        ([1], [1, 1], 1, False),
        ([], {}, 1, False),
        ({"a": 1, "b": [2.0]}, {"b": [2.0001], "a": 1}, 1e-3, True),
        ({"a": 1}, {"a": 1, "b": 2}, 1, False),
        ({"a": 1}, {"a": True}, 1, False),
        ({"a": None}, {}, 1, False),
        ([[[1.0]]], [[[1.1]]], 1e-3, False),
    ],
)
def test_same_value(recorded, returned, tolerance, same):
    assert same_value(recorded, returned, tolerance) is same


def test_every_value_is_the_same_as_itself():
    for value, text in SUPPORTED:
        assert same_value(json.loads(to_json(value)), json.loads(text), 0)


EXACT = [
    ((1, [(2,)]), '{"__python__": "tuple", "of": [1, [{"__python__": "tuple", "of": [2]}]]}'),
    (Pair(1, "x"), '{"__python__": "tuple", "of": [1, "x"]}'),
    ({1: "b", "c": 2.0}, '{"__python__": "dict", "of": [[1, "b"], ["c", 2.0]]}'),
    (Counter("ab"), '{"a": 1, "b": 1}'),
    ({"b", "a"}, '{"__python__": "set", "of": ["a", "b"]}'),
    (frozenset({2, 10}), '{"__python__": "frozenset", "of": [10, 2]}'),
    (b"a\xff", '{"__python__": "bytes", "of": "a\\u00ff"}'),
    (1 - 2j, '{"__python__": "complex", "of": [1.0, -2.0]}'),
    ({"__python__": 1}, '{"__python__": "dict", "of": [["__python__", 1]]}'),
    (np.array([[1, 2]]), "[[1, 2]]"),
    (Size.SMALL, "1"),
]


@pytest.mark.parametrize(("value", "text"), EXACT, ids=range(len(EXACT)))
def test_exact_values_keep_their_types(value, text):
    assert to_json(value, exact=True) == text
    assert to_json(read_json(text), exact=True) == text


@pytest.mark.parametrize("value", [Decimal(1), {Decimal(1)}, deque([1]), object(), cyclic(list), cyclic(dict)])
def test_what_has_no_exact_form_either(value):
    with pytest.raises(UnsupportedValueError):
        to_json(value, exact=True)


def test_a_dictionary_that_looks_like_a_value_of_python_is_taken_for_none():
    for exact in (False, True):
        text = to_json({"a": {"__python__": "tuple", "of": [1]}}, exact=exact)
        assert read_json(text) == {"a": {"__python__": "tuple", "of": [1]}}


@pytest.mark.parametrize(
    "text",
    ['{"__python__": "no", "of": 1}', '{"__python__": "set", "of": [[1]]}', '{"__python__": "tuple"}', "[1",
     '{"__python__": [], "of": 1}', '{"__python__": "dict", "of": [1]}', '{"__python__": "bytes", "of": "\\u0100"}'],
)  # fmt: skip
def test_what_stands_for_no_value_is_refused(text):
    with pytest.raises(ValueError):
        read_json(text)


@pytest.mark.parametrize(
    ("recorded", "returned", "same"),
    [
        ((1, 2.0), (1, 2.0001), True),
        ((1, 2), [1, 2], False),
        ({1: "a"}, {True: "a"}, False),
        ({1: "a"}, {1.0: "a"}, False),
        ({"1": "a"}, {1: "a"}, False),
        ({1: 2.0, "b": 1}, {"b": 1, 1: 2.0001}, True),
        ({1, "a"}, {"a", 1}, True),
        ({1}, {True}, False),
        ({1}, frozenset({1}), False),
        (b"a", "a", False),
        (1j, 1j, True),
    ],
)
def test_values_of_python_are_compared_type_by_type(recorded, returned, same):
    assert same_value(recorded, returned, 1e-3) is same


def test_prints_are_compared_but_for_blanks_at_ends():
    assert same_print("1 \n2\n", "1\n2")
    assert same_print("", "\n")
    assert not same_print("1\n2", "1 2")
    assert not same_print(" 1", "1")


def test_values_are_written_as_python_writes_them_and_sets_in_order():
    for value in ((1,), (1, "a"), [], {}, (), set(), {"a": [(1, 2)], 2: None}, frozenset(), b"x", 1.5):
        assert written(value) == repr(value)
    assert written([{"b", "a", "c"}, frozenset({2, 1})]) == "[{'a', 'b', 'c'}, frozenset({1, 2})]"
