"""Smaller inputs keep what the recorded ones have in common; nothing is run here."""

import json
from typing import Any

import pytest

from execground_ray.tracing.recorded_inputs import RecordedInputs
from execground_ray.tracing.smaller_inputs import cut, smaller_inputs, squeezed


def smaller(*inputs: dict[str, Any], told: str = "") -> list[dict[str, Any]]:
    """All that are made of the first."""
    return [each for made in smaller_inputs(RecordedInputs(inputs, told), inputs[0]) for each in made]


def test_each_way_gives_the_largest_first_and_the_same_again():
    inputs = [{"n": n} for n in (851219, 40, 7)]
    made = smaller(*inputs)
    assert [each["n"] for each in made[:4]] == [1000, 400, 200, 100]
    assert sorted((each["n"] for each in made), reverse=True) == [each["n"] for each in made]
    assert made == smaller(*inputs)
    assert all(each not in inputs for each in made)


def test_a_start_stays_before_its_end_and_equal_numbers_stay_equal():
    for each in smaller({"a": 4141, "b": 6109, "c": 6109}, {"a": 1, "b": 90, "c": 90}, {"a": 7, "b": 8, "c": 8}):
        assert each["a"] < each["b"] == each["c"]


def test_a_number_that_is_a_length_stays_one():
    made = smaller(*({"t": n, "cases": list(range(50, 50 + n))} for n in (6, 3, 4)))
    assert made
    assert all(each["t"] == len(each["cases"]) for each in made)
    assert {each["t"] for each in made} >= {5, 4, 3, 2}


def test_indices_and_ends_of_edges_stay_within():
    graphs = [
        {"nodes": 9, "edges": [[0, 1], [1, 8], [2, 3], [3, 1], [4, 0]], "start": 2},
        {"nodes": 5, "edges": [[0, 4], [2, 3], [1, 2]], "start": 3},
        {"nodes": 7, "edges": [[5, 6], [0, 3], [1, 2], [4, 4]], "start": 0},
        {"nodes": 6, "edges": [[5, 0], [1, 2], [3, 3]], "start": 5},
    ]
    made = smaller(*graphs)
    assert any(each["nodes"] < 9 for each in made)
    for each in made:
        assert all(len(edge) == 2 and max(edge) < each["nodes"] for edge in each["edges"])
        assert each["start"] < each["nodes"]


def test_names_stay_those_of_a_mapping():
    graphs = [
        {"graph": {"a": ["b", "e"], "b": ["a"], "c": ["a", "d"], "d": [], "e": ["c"]}, "start": "c"},
        {"graph": {"x": ["y"], "y": ["x", "z"], "z": []}, "start": "y"},
        {"graph": {"p": ["q"], "q": []}, "start": "p"},
    ]
    made = smaller(*graphs)
    assert {len(each["graph"]) for each in made} >= {4, 3}
    for each in made:
        assert each["start"] in each["graph"]
        assert {name for names in each["graph"].values() for name in names} <= each["graph"].keys()


def test_boards_stay_boards():
    square = [{"board": [[(row * column) % 2 for column in range(n)] for row in range(n)]} for n in (6, 5, 7)]
    for each in smaller(*square):
        assert {len(row) for row in each["board"]} == {len(each["board"])}
        assert {mark for row in each["board"] for mark in row} == {0, 1}
    lines = smaller(*({"map": "\n".join(["#.." * n] * n)} for n in (4, 3, 2)))
    assert lines
    for each in lines:
        assert len({len(line) for line in each["map"].split("\n")}) == 1


def test_what_all_numbers_have_in_common_stays():
    assert all(each["size"] % 2 for each in smaller(*({"size": n} for n in (863, 745, 11, 301, 99))))
    assert all(each["n"] % 100 == 0 for each in smaller(*({"n": n} for n in (9000, 1200, 500, 700))))
    assert all(each["xs"] == sorted(each["xs"]) for each in smaller(*({"xs": [n, n + 4, 90 * n]} for n in (3, 5, 8))))


@pytest.mark.parametrize(
    ("told", "free"), [("Given 10 digits.", False), ("Given ten digits.", False), ("Given a list.", True)]
)
def test_a_size_that_never_changes_stays_if_the_problem_names_it(told, free):
    inputs = [{"digits": [(n * k) % 11 + 20 for k in range(10)]} for n in (2, 3, 5)]
    assert any(len(each["digits"]) < 10 for each in smaller(*inputs, told=told)) is free


def test_words_of_a_few_and_truth_values_stay():
    inputs = [{"mode": mode, "fast": fast, "n": 900} for mode, fast in (("mean", True), ("sum", False), ("mean", True))]
    inputs += [{"mode": "sum", "fast": True, "n": 400}]
    assert {(each["mode"], each["fast"]) for each in smaller(*inputs)} == {("mean", True)}


def test_numbers_and_lists_written_as_text_are_such():
    made = smaller(*({"n": str(n), "xs": json.dumps([n, 2, 9, 4])} for n in (700, 81, 555)))
    assert made
    assert all(int(each["n"]) <= 700 and type(json.loads(each["xs"])) is list for each in made)
    assert any(int(each["n"]) < 100 for each in made)


def test_nothing_is_made_of_what_cannot_be_smaller():
    assert smaller({}) == []
    assert smaller({"n": 2, "word": "", "none": None, "yes": True}) == []
    assert smaller(*({"board": [[n, 2], [3, 4]]} for n in (0, 1, 2)), told="") == []


def test_odd_values_do_no_harm():
    odd = {
        "n": 10**250,
        "x": float("inf"),
        "y": float("nan"),
        "z": -0.5,
        "mixed": [1, "a", None, [2.5], {"k": 1}, True],
    }
    made = smaller(odd, {"n": 3, "other": 1}, {"x": 1.5, "mixed": []})
    assert all(each["x"] == float("inf") for each in made)


@pytest.mark.parametrize(
    ("text", "size", "shorter"),
    [
        ("10 * 9 + 1", 6, "10 * 9"),
        ("a,b,c,d", 4, "a,b"),
        ("move 1\nmove 2\nmove 3", 14, "move 1\nmove 2"),
        ("..#\n#..\n...", 6, "..\n#."),
        ("kppnjtbw", 4, "pnjt"),
        ("OHOHHHH", 3, "OHO"),
        ("f(x)[y]", 3, "f(x)[y]"),
    ],
)
def test_a_text_is_cut_where_it_can_be(text, size, shorter):
    assert cut(text, size) == shorter


def test_squeezed_keeps_order_and_sign():
    found = squeezed([-50, -3, 0, 2, 7, 8, 100], 10, 2)
    assert [found[value] for value in (-50, -3, 0, 2, 7, 8, 100)] == [-6, -3, 0, 2, 4, 5, 10]
    assert squeezed([3, 4], 10, 2) == {}
