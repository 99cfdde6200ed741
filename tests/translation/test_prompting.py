"""What the model is told, and what is made of its answer."""

import json

import pytest

from execground_ray.records import Pair, Problem, Reason
from execground_ray.translators.llm.prompting import read_answer, translation_prompt, with_thinking

PROBLEM = Problem(
    problem_description="Double {n}.",
    io_requirements="Input:\n  n (int)",
    refcode="def main_solution(n):\n    return {'twice': 2 * n}\n",
    funcname="main_solution",
    ios=(Pair({"n": 2}, {"twice": 4}),),
    source="test",
    category="",
    meta={},
)
TRACE = (
    " >>> Call to main_solution\n ...... n = <A object at 0x7f12ab>\n"
    "    1 | def main_solution(n):\n <<< Return value from main_solution: {'twice': 4}\n"
)


@pytest.mark.parametrize("variant", ["reference", "marked_answer"])
def test_prompt_has_all_parts_unchanged(variant):
    prompt = translation_prompt(variant, PROBLEM, json.dumps({"n": 2, "flag": True, "x": None}), TRACE)
    for part in (PROBLEM.question, PROBLEM.refcode.strip(), "{'n': 2, 'flag': True, 'x': None}"):
        assert part in prompt
    assert " <<< Return value from main_solution: {'twice': 4}\n" in prompt
    assert all(f"\n{number}. " in prompt for number in (1, 2, 3))
    assert ("Final answer:" in prompt) == (variant == "marked_answer")


def test_prompt_shows_no_addresses():
    prompt = translation_prompt("reference", PROBLEM, "{}", TRACE)
    assert "n = <A object>" in prompt
    assert "0x" not in prompt


@pytest.mark.parametrize(
    ("generated", "complete", "opened", "text", "thinking", "reason"),
    [
        ("<think>\nlet me see\n</think>\n\nIt is 4.", True, False, "It is 4.", "let me see", None),
        ("let me see\n</think>\n\nIt is 4.", True, True, "It is 4.", "let me see", None),
        ("It is 4.", True, False, "It is 4.", "", None),
        ("<think>\n\n</think>\n\nIt is 4.", True, False, "It is 4.", "", None),
        ("<think>a </think> b</think> c", True, False, "b</think> c", "a", None),
        ("<think>hm</think>\n\nIt cuts\n</think>\nthere.", True, False, "It cuts\n</think>\nthere.", "hm", None),
        ("<think>hm</think>It cuts at `</think>`.", True, False, "It cuts at `</think>`.", "hm", None),
        (
            "<think>it has '</think>' in it\n</think>\n\nIt is 4.",
            True,
            False,
            "It is 4.",
            "it has '</think>' in it",
            None,
        ),
        ("it has '</think>' in it\n</think>\n\nIt is 4.", True, True, "It is 4.", "it has '</think>' in it", None),
        ("hm</think>It is 4.", True, True, "It is 4.", "hm", None),
        ("hm\r\n</think>\r\n\r\nIt is 4.", True, True, "It is 4.", "hm", None),
        ("It cuts\n</think>\nthere.", True, False, "It cuts\n</think>\nthere.", "", None),
        ("It cuts at '</think>'.", True, None, "It cuts at '</think>'.", "", None),
        ("hm\n</think>\n\nIt is 4.", True, None, "It is 4.", "hm", None),
        ("let me", False, None, "let me", "", Reason.UNFINISHED),
        ("<think>let me", False, False, "", "let me", Reason.UNFINISHED),
        ("<think>let me", True, False, "", "let me", Reason.UNFINISHED),
        ("let me", True, True, "", "let me", Reason.UNFINISHED),
        ("<think>a</think>It is", False, False, "It is", "a", Reason.UNFINISHED),
        ("It is", False, False, "It is", "", Reason.UNFINISHED),
        ("<think>a</think> \n", True, False, "", "a", Reason.EMPTY),
        (" \n", True, False, "", "", Reason.EMPTY),
    ],
)
def test_answers(generated, complete, opened, text, thinking, reason):
    answer = read_answer(generated, complete, (5, 6), opened)
    assert (answer.text, answer.thinking, answer.reason) == (text, thinking, reason)


def test_thinking_that_is_kept_reads_back():
    kept = with_thinking("a", "b")
    assert kept == "<think>\na\n</think>\n\nb"
    answer = read_answer(kept, True, (5, 6))
    assert (answer.thinking, answer.text) == ("a", "b")
    assert with_thinking("", "b") == "b"
