"""Outputs for inputs that nobody recorded: which are answers like the recorded ones."""

from typing import Any

import pytest

from execground_ray.tracing.plausible import is_plausible

CODE = "def main_solution(n):\n    return 'no solution' if n else 'x' * n\n"


@pytest.mark.parametrize(
    ("output", "recorded", "plausible"),
    [
        (5, [7, 8], True),
        ("5", [7, 8], False),
        (5.0, [7, 8], False),
        (True, [7, 8], False),
        (0, [7, 8], False),
        (-1, [7, 8, 9], False),
        (0, [0, 8], True),
        (None, [None, None, [1]], True),
        ([], [[1], [2]], False),
        ([], [[], [2]], True),
        ([0, 0], [[1, 0], [2, 0]], False),
        ([1, "a"], [[1, 2]], False),
        ({"a": 1}, [{"a": 2}, {"a": 3}], True),
        ({"error": "n"}, [{"a": 2}, {"a": 3}], False),
        ({"a": None}, [{"a": 2}, {"a": 3}], False),
        ({"x": 1}, [{"a": 2}, {"b": 3}], True),
        ("no solution", ["xx", "xxx"], False),
        ("no solution", ["no solution", "xxx"], True),
        (False, [True, True], False),
        (False, [False, True], True),
    ],
)
def test_what_is_like_the_recorded_outputs(output: Any, recorded: list[Any], plausible: bool):
    assert is_plausible(output, recorded[0], recorded, CODE) is plausible


def test_an_input_with_an_answer_gives_no_input_without_one():
    assert not is_plausible(0, 7, [7, 0, 0, 0], CODE)
