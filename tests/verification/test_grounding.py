"""What is true of a run is let through, and one mistake in it is found."""

import pytest

from execground_ray.translators.template.writer import write_plain_reasoning
from execground_ray.verification import Evidence, Kind, verify
from execground_ray.verification.story import loops_with_rounds

REFCODE = """\
def main_solution(n):
    found = []
    for i in range(n):
        if i % 2 == 0:
            found.append(i * i)
    return found
"""
TRACE = """\
 >>> Call to main_solution
 ...... n = 3
    1 | def main_solution(n):
    2 |     found = []
    3 |     for i in range(n):
 .......... i = 0
    4 |         if i % 2 == 0:
    5 |             found.append(i * i)
 .................. found = [0]
    3 |     for i in range(n):
 .......... i = 1
    4 |         if i % 2 == 0:
    3 |     for i in range(n):
 .......... i = 2
    4 |         if i % 2 == 0:
    5 |             found.append(i * i)
 .................. found = [0, 4]
 .................. len(found) = 2
    3 |     for i in range(n):
    6 |     return found
 <<< Return value from main_solution: [0, 4]
"""
EVIDENCE = Evidence("Square the even numbers below n.", REFCODE, {"n": 3}, [0, 4], TRACE)
TEXT = """\
`main_solution` is called with `n = 3`. `found` is set to `[]`.

For each `i` in `range(3)`:

- `i = 0`: `0 % 2 == 0` is true, so adding `0` gives `found = [0]`.
- `i = 1`: `1 % 2 == 0` is false.
- `i = 2`: `2 % 2 == 0` is true, so adding `4` gives `found = [0, 4]`.

`main_solution` returns `[0, 4]`.

**Final output:** `[0, 4]`
"""
MISTAKES = {
    "the argument": ("`n = 3`", "`n = 5`"),
    "a condition": ("`1 % 2 == 0` is false", "`1 % 2 == 0` is true"),
    "a value of a name": ("`found = [0]`", "`found = [7]`"),
    "a value from nowhere": ("adding `4`", "adding `77`"),
    "a loop that is not of the run": ("in `range(3)`", "in `range(2)`"),
    "a round told twice": ("- `i = 1`: `1 % 2 == 0` is false.", "- `i = 2`: `1 % 2 == 0` is false."),
}
TWO_LOOPS = """\
def main_solution(n):
    for i in range(n):
        pass
    for i in range(n + 1):
        pass
    return n
"""
TRACE_OF_TWO_LOOPS = """\
 >>> Call to main_solution
 ...... n = 2
    1 | def main_solution(n):
    2 |     for i in range(n):
 .......... i = 0
    3 |         pass
    2 |     for i in range(n):
 .......... i = 1
    3 |         pass
    2 |     for i in range(n):
    4 |     for i in range(n + 1):
 .......... i = 0
    5 |         pass
    4 |     for i in range(n + 1):
 .......... i = 1
    5 |         pass
    4 |     for i in range(n + 1):
 .......... i = 2
    5 |         pass
    4 |     for i in range(n + 1):
    6 |     return n
 <<< Return value from main_solution: 2
"""


def kinds(text):
    return {finding.kind for finding in verify(text, EVIDENCE).findings}


def test_the_template_and_a_hand_tell_the_truth():
    written = write_plain_reasoning(REFCODE, "main_solution", {"n": 3}, TRACE, "[0, 4]")
    assert kinds(TEXT) == kinds(written) == set()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name):
    was, becomes = MISTAKES[name]
    assert TEXT.count(was) == 1
    assert Kind.FALSE_STATEMENT in kinds(TEXT.replace(was, becomes))


def test_a_loop_of_the_run_with_the_rounds_of_another_is_found():
    evidence = Evidence("Loop twice.", TWO_LOOPS, {"n": 2}, 2, TRACE_OF_TWO_LOOPS)
    text = (
        "For each `i` in `range({})`:\n- `i = 0`: nothing.\n- `i = 1`: nothing.\n- `i = 2`: nothing.\n\nIt returns `2`."
    )
    assert verify(text.format(3), evidence).findings == ()
    (finding,) = verify(text.format(2), evidence).findings
    assert (finding.kind, finding.message) == (Kind.FALSE_STATEMENT, "'For each `i` in `range(2)`' did not happen")


@pytest.mark.parametrize(
    "rounds",
    [
        "- `i = 0`, `1` and `2`: `i` is tested.",
        "- `i = 0` up to `i = 2`: `i` is tested.",
        "- `i = 0`: `i` is even.\n- `i = 2`: `i` is even.",
        "- `i = 0`: `i` is tested.\n- After the loop, `found = [0, 4]`.",
    ],
)
def test_rounds_may_be_told_together_or_left_out(rounds):
    text = f"For each `i` in `range(3)`:\n{rounds}\n\n**Final output:** `[0, 4]`"
    assert kinds(text) == set()
    assert kinds(text.replace("range(3)", "range(1)")) != set()


def test_the_rounds_of_a_loop_inside_are_not_those_of_the_loop_around():
    text = (
        "For each `i` in `range(3)`:\n\n- `i = 0`: for each `i` in `range(2)`:\n  - `i = 0`: nothing.\n"
        "  - `i = 1`: nothing.\n- `i = 1` and `2`: nothing.\n\nFor each `k` in `[]`: nothing."
    )
    told = [(values, rounds, single) for _, _, values, rounds, single in loops_with_rounds(text)]
    assert told == [("range(3)", ["0", "1", "2"], False), ("range(2)", ["0", "1"], True)]


DOUBLING = "def main_solution(n):\n    return double(n) + 1\n\ndef double(n):\n    return n + n\n"
TRACE_OF_DOUBLING = """\
 >>> Call to main_solution
 ...... n = 2
    1 | def main_solution(n):
    2 |     return double(n) + 1
     >>> Call to double
     ...... n = 2
        4 | def double(n):
        5 |     return n + n
     <<< Return value from double: 4
    2 |     return double(n) + 1
 <<< Return value from main_solution: 5
"""


@pytest.mark.parametrize(("told", "kinds"), [("2 + 2 = 4", []), ("2 + 1 = 3", [Kind.FALSE_STATEMENT])])
def test_what_a_function_returned_is_checked_behind_a_calculation(told, kinds):
    text = f"`double` is called with `n = 2`. `double` returns `{told}`. **Final output:** `5`"
    evidence = Evidence("Double it and add one.", DOUBLING, {"n": 2}, 5, TRACE_OF_DOUBLING)
    assert [finding.kind for finding in verify(text, evidence).findings] == kinds


def test_a_program_is_not_replayed_for_what_no_record_of_it_could_tell(monkeypatch):
    replayed = []
    monkeypatch.setattr("execground_ray.verification.facts.replay", lambda *_: replayed.append(1))
    assert kinds(TEXT.replace("returns `[0, 4]`", "returns `found`")) == set()
    assert kinds(TEXT + "`sorted(found, key=abs)` gives `[0, 4]`.") == set()
    assert replayed == []
    assert kinds(TEXT.replace("`found = [0]`", "`found = [7]`")) == {Kind.FALSE_STATEMENT}
    assert replayed == [1]


COUNTING = """\
def main_solution(n):
    seen = []
    def visit(x):
        seen.append(x)
        return len(seen)
    first = visit(n)
    second = visit(n)
    return first + second
"""
TRACE_OF_COUNTING = """\
 >>> Call to main_solution
 ...... n = 7
    1 | def main_solution(n):
    2 |     seen = []
    3 |     def visit(x):
    6 |     first = visit(n)
     >>> Call to main_solution.<locals>.visit
     ...... x = 7
     ...... seen = []
        3 | def visit(x):
        4 |     seen.append(x)
     .......... seen = [7]
        5 |     return len(seen)
     <<< Return value from main_solution.<locals>.visit: 1
    6 |     first = visit(n)
 .......... first = 1
    7 |     second = visit(n)
     >>> Call to main_solution.<locals>.visit
     ...... x = 7
     ...... seen = [7]
        3 | def visit(x):
        4 |     seen.append(x)
     .......... seen = [7, 7]
        5 |     return len(seen)
     <<< Return value from main_solution.<locals>.visit: 2
    7 |     second = visit(n)
 .......... second = 2
    8 |     return first + second
 <<< Return value from main_solution: 3
"""


@pytest.mark.parametrize(("second", "told"), [("2", []), ("3", [Kind.FALSE_STATEMENT])])
def test_a_call_that_does_not_always_return_the_same_may_have_returned_either(second, told):
    text = f"`visit(7)` gives `1`. Then `visit(7)` gives `{second}`. **Final output:** `3`"
    evidence = Evidence("Count visits.", COUNTING, {"n": 7}, 3, TRACE_OF_COUNTING)
    assert [finding.kind for finding in verify(text, evidence).findings] == told
