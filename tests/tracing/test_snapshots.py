"""The text of values: exact where they are plain, bounded, read back without running anything."""

import math
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy
import pytest

from execground_ray.tracing import snapshots as snapshots_module
from execground_ray.tracing.inspection import MISSING, attribute_of, item_of, truth_of
from execground_ray.tracing.literals import read_value
from execground_ray.tracing.reprs import ValueShower
from execground_ray.tracing.snapshots import Snapshots, SnapshotsFullError

SHOW = ValueShower(100)
Point = namedtuple("Point", "x y")


class Stack(list):
    """A class of one's own over a built-in one."""


class Node:
    def __init__(self) -> None:
        self.value = 3

    @property
    def double(self) -> int:
        raise AssertionError("a property was asked for")


class Touchy:
    """Every question to it is an error."""

    def _refuse(self, *arguments: Any) -> Any:
        raise AssertionError("it was asked")

    __repr__ = __str__ = __len__ = __bool__ = __iter__ = __getitem__ = __getattribute__ = _refuse
    __eq__ = __hash__ = _refuse


class TouchyMeta(type):
    __hash__ = __eq__ = __repr__ = Touchy._refuse


class TouchyClass(metaclass=TouchyMeta):
    pass


def snapshot(value: Any) -> tuple[str, str, str, int]:
    table = Snapshots(SHOW)
    return table.rows[table.index(value)]


PLAIN = [
    *(0, -7, 2**70, True, None, 1.5, -0.0, 1e300, math.inf, -math.inf, "", 'it\'s\n"x"', "\ud800é", b"\x00a", 1 + 2j),
    *([], [1, "a", None], (), (1,), (1, [2, (3,)]), {}, {"a": {1: [2.5]}, (1, 2): None}, [[0] * 30] * 5),
    *(set(), {3}, frozenset(), frozenset({1}), [{(1, 2)}], bytearray(b"xy"), range(3), range(1, 9, 2)),
    *(deque([1, [2]]), OrderedDict(a=1), Counter("aab"), [10**40, "x" * 300]),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_are_read_back_as_they_were(value):
    kind, text, name, length = snapshot(value)
    assert (kind, name) == ("literal", type(value).__name__)
    found = read_value(text)
    assert found == value and type(found) is type(value)
    assert repr(found) == repr(value)
    assert length == (len(value) if hasattr(value, "__len__") else -1)


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        (defaultdict(int, a=1), "defaultdict({'a': 1})", {"a": 1}),
        (deque([1], maxlen=3), "deque([1])", deque([1])),
        ({"a": 1}.keys(), "['a']", ["a"]),
        ({"a": 1}.items(), "[('a', 1)]", [("a", 1)]),
        (numpy.array([[1, 2], [3, 4]]), "array([[1, 2], [3, 4]])", [[1, 2], [3, 4]]),
        (numpy.array(5), "array(5)", 5),
        (numpy.float64(0.5), "0.5", 0.5),
        (numpy.int8(3), "3", 3),
        (numpy.bool_(True), "True", True),
        ([numpy.array([1.5])], "[array([1.5])]", [[1.5]]),
        (numpy.array(["a", None], dtype=object), "array(['a', None])", ["a", None]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_read_back_as_something_plainer(value, text, found):
    kind, written, name, _ = snapshot(value)
    assert (kind, written, name) == ("literal", text, type(value).__name__)
    assert read_value(text) == found


def test_nan_is_a_literal():
    assert math.isnan(read_value(snapshot(math.nan)[1]))
    assert snapshot([complex(math.nan, 1)])[0] == "opaque"


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("ab" * 5000, "'abab"),
        (b"ab" * 5000, "b'abab"),
        (list(range(100_000)), "[0, 1, 2"),
        ([[0] * 1000 for _ in range(1000)], "[[0, 0"),
        ({n: str(n) for n in range(5000)}, "{0: '0', 1"),
        (["x" * 10_000], "['xxx"),
        ([10**2000, 10**3000], "[1000"),
        (set(range(9000)), "{0, 1, 2"),
        (numpy.zeros(10**6), "array([0.0, 0.0"),
        (deque(range(5000)), "deque([0, 1"),
        (10**100_000, ""),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_large_values_are_cut_and_cost_little(value, start):
    table = Snapshots(SHOW)
    began = time.process_time()
    for _ in range(100):
        index = table.index(value)
    assert time.process_time() - began < 0.5
    kind, text, _, length = table.rows[index]
    assert kind == "cut" and text.startswith(start) and len(text) <= 400
    assert length == (len(value) if hasattr(value, "__len__") else -1)


@pytest.mark.parametrize(
    ("value", "text", "length"),
    [
        (Node(), "<test_snapshots.Node object>", -1),
        (len, "<built-in function len>", -1),
        (Node, "<class 'test_snapshots.Node'>", -1),
        (sys, "<module object>", -1),
        (Point(1, 2), "<Point object>", 2),
        ([1, Point(1, 2)], "[1, <Point object>]", 2),
        (Stack([1]), "<Stack object>", 1),
        (Decimal("1.5"), "Decimal('1.5')", -1),
        (Fraction(1, 2), "<Fraction object>", -1),
        (datetime(2024, 1, 2), "datetime.datetime(2024, 1, 2, 0, 0)", -1),
        (Touchy(), "<Touchy object>", -1),
        ([Touchy()], "[<Touchy object>]", 1),
        (TouchyClass, "<TouchyMeta object>", -1),
        (TouchyClass(), "<TouchyClass object>", -1),
        ({"k": [TouchyClass(), TouchyClass]}, "{'k': [<TouchyClass object>, <TouchyMeta object>]}", 1),
    ],
    ids=lambda value: "",
)
def test_anything_else_is_not_asked_for_anything(value, text, length):
    kind, written, _, found = snapshot(value)
    assert (kind, written, found) == ("opaque", text, length)


def test_what_the_trace_has_shown_of_an_object_is_taken():
    table = Snapshots(SHOW)
    one, other = (table.index(Point(1, 2), f"Point(x={x}) at 0x7f00") for x in (1, 2))
    assert [table.rows[index][1] for index in (one, other)] == ["Point(x=1)", "Point(x=2)"]
    assert table.rows[table.index([1], "[…]")][1] == "[1]"


def test_cyclic_values_end():
    cycle: list[Any] = [1]
    cycle.append(cycle)
    kind, text, _, length = snapshot(cycle)
    assert kind == "opaque" and text.startswith("[1, [1, [1, ") and length == 2


def test_a_value_that_changes_is_another():
    table = Snapshots(SHOW)
    value: dict[str, Any] = {"a": [1], "b": {2}}
    seen = [table.index(value)]
    for change in (lambda: value["a"].append(2), lambda: value["b"].add(5), lambda: value.update(a=[1, True])):
        assert table.index(value) == seen[-1]
        change()
        seen.append(table.index(value))
    assert [table.rows[index][1] for index in seen] == [
        "{'a': [1], 'b': {2}}",
        "{'a': [1, 2], 'b': {2}}",
        "{'a': [1, 2], 'b': {2, 5}}",
        "{'a': [1, True], 'b': {2, 5}}",
    ]
    assert len(set(seen)) == 4


def test_equal_values_of_other_types_are_others():
    table = Snapshots(SHOW)
    values = (1, True, 1.0, "1", (1,), [1], 0.0, -0.0, numpy.int64(1), 0, False)
    assert len({table.index(value) for value in values}) == len(values)
    assert len({table.index([value]) for value in (1, True, 1.0)}) == 3
    same = [1]
    indices = []
    for value in (1, True, 1.0):
        same[0] = value
        indices.append(table.index(same))
    assert len(set(indices)) == 3


def test_there_is_an_end_to_what_is_kept_and_looked_at(monkeypatch):
    monkeypatch.setattr(snapshots_module, "MAX_CHARS", 10_000)
    table = Snapshots(SHOW)
    with pytest.raises(SnapshotsFullError):
        for number in range(10_000):
            table.index(f"{number} {'x' * 50}")
    assert sum(len(row[1]) for row in table.rows) <= 10_000
    monkeypatch.setattr(snapshots_module, "MAX_WORK", 10_000)
    table, value = Snapshots(SHOW), list(range(100))
    with pytest.raises(SnapshotsFullError):
        for _ in range(10_000):
            table.index(value)


def test_truth_is_known_where_no_program_decides_it():
    known = [0, 1, "", "a", [], [0], None, 0.0, Node(), numpy.bool_(False), numpy.array([1]), Decimal(0)]
    known += [Point(0, 0), Stack()]
    assert [truth_of(value) for value in known] == [int(bool(value)) for value in known]
    assert [truth_of(value) for value in (TouchyClass, TouchyClass())] == [1, 1]
    assert [truth_of(value) for value in (Touchy(), numpy.array([1, 2]), Fraction(0))] == [-1, -1, -1]


def test_items_and_attributes_are_looked_up_where_no_program_answers():
    assert item_of({"a": 1}, "a") == 1
    assert item_of(Counter(), "a") is MISSING
    assert item_of([1, 2], -1) == 2
    assert item_of(numpy.array([[1, 2]]), (0, 1)) == 2
    assert [item_of(*asked) for asked in ((Touchy(), 0), ([1], 5), ({}, Touchy()), ([1], Node()))] == [MISSING] * 4
    assert attribute_of(Node(), "value") == 3
    assert attribute_of(Node(), "double") is attribute_of(Node(), "none") is attribute_of(Touchy(), "x") is MISSING


@pytest.mark.parametrize(
    "text",
    [
        *(
            "x",
            "f(1)",
            "__import__('os')",
            "[].append",
            "1 + 2",
            "'a' 'b' + 'c'",
            "{**{}}",
            "set",
            "not 1",
            "deque(1, 2, 3)",
        ),
        *(
            "(" * 3000,
            "-" * 4000 + "1",
            "[" * 4000,
            "{[]: 1}",
            "{{1}}",
            "1" * 4900,
            "f''",
            "x" * 10_000,
            "\0",
            "range()",
        ),
    ],
    ids=lambda text: text[:10],
)
def test_what_is_no_literal_is_refused(text):
    with pytest.raises(ValueError, match=r"^(no literal|the text is too long)"):
        read_value(text)
