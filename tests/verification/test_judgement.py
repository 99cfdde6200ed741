"""Each rule with right sentences and wrong ones, held against programs that are run for real."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from executions import execute

from execground_ray.verification import Kind, Outcome, judge, strip_citations, verify

SUMS = """\
def double(x):
    return x * 2


def main_solution(numbers, limit):
    total = 0
    kept = []
    for i, number in enumerate(numbers):
        if number > limit:
            total = total + double(number)
        else:
            kept.append(number)
    mean = total // len(numbers)
    names = {'total': total, 'mean': mean}
    return names
"""
FINAL = "\n\n**Final output:** `{'total': 98, 'mean': 24}`"
STRICT = SimpleNamespace(min_grounded=0.5, min_coverage=0.9, min_supported=1)
LENIENT = SimpleNamespace(min_grounded=0.0, min_coverage=0.0, min_supported=0)


def sums():
    return execute(SUMS, '{"numbers": [5, 12, 7, 30], "limit": 6}')


def wrong(sentence, final=FINAL, execution=None):
    """The kinds of what is contradicted."""
    verdict = verify(sentence + final, execution or sums())
    rejected = judge(verdict, LENIENT) is not None
    kinds = {finding.kind for finding in verdict.findings if finding.outcome is Outcome.CONTRADICTED}
    assert rejected == bool(kinds)
    return kinds


# A rule, a sentence that is so, and one that is not; both with the lines that they cite.
SENTENCES = [
    (Kind.VALUE, "The list `[5, 12, 7, 30]` is given [1-4].", "The list `[5, 12, 9, 30]` is given [1-4]."),
    (Kind.VALUE, "Then `12` is doubled [16-24].", "Then `17` is doubled [16-24]."),
    (Kind.EQUATION, "`mean` becomes `98 // 4 = 24` [50-51].", "`mean` becomes `98 // 4 = 25` [50-51]."),
    (Kind.ASSIGNMENT, "At first `total = 0` and `kept = []` [5-6].", "At first `total = 0` and `kept = [5]` [5-6]."),
    (Kind.ASSIGNMENT, "`kept` is now `[5]` [10-12].", "`kept` is now `(5,)` [10-12]."),
    (Kind.ASSIGNMENT, "`names['total']` is `98` [52-53].", "`names['mean']` is `98` [52-53]."),
    (Kind.ASSIGNMENT, "This sets `total` to `24` [17-24].", "This sets `total` to `25` [17-24]."),
    (Kind.ASSIGNMENT, "The length of `numbers` is `4` [1-4].", "The length of `numbers` is `5` [1-4]."),
    (Kind.CONDITION, "`number > limit` is true [13-16].", "`number > limit` is false [13-16]."),
    (Kind.CONDITION, "`12 > 6` is true [13-16].", "`12 > 6` is false [13-16]."),
    (Kind.CALL, "`double(12)` returns `24` [17-22].", "`double(12)` returns `14` [17-22]."),
    (Kind.CALL, "`double` returns `24` [17-22].", "`double` returns `12` [17-22]."),
    (Kind.ASSIGNMENT, "`double` is called with `x = 7` [29-33].", "`double` is called with `x = 12` [29-33]."),
    (Kind.CALL, "`double(number)` is called [17-18].", "`sorted(numbers)` is called [17-18]."),
    (Kind.CALL, "It returns `24` [17-22].", "It returns `26` [17-22]."),
    (Kind.ASSIGNMENT, "Appending makes `kept = [5]` [11-12].", "Appending makes `kept = []` [11-12]."),
    (Kind.COUNT, "There are four rounds [7-49].", "There are seven rounds [7-49]."),
    (Kind.COUNT, "`numbers` has four elements [1-4].", "`numbers` has nine elements [1-4]."),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "right", "mistaken"), SENTENCES)
def test_a_right_sentence_passes_and_a_wrong_one_does_not(kind, right, mistaken):
    assert wrong(right) == set()
    assert kind in wrong(mistaken)


# What is no claim about the run, or may be told so.
PASSING = [
    "If `total` were `100`, `mean` would be `25` [50-51].",
    "Is `total` equal to `3` [5]?",
    "The program adds up `double(number)` for all that are more than `limit`.",
    "As long as `number > limit` is true, `total` becomes larger [7-49].",
    "`total` is not `3` [5].",
    "The first number is `5`, the one at index 3 is `30` [1-4].",
    "The last value is `60` [44].",  # the value of a call one line below
    "It has `4` elements [1-4].",
    "So `24` comes back [20].",  # the call's line brings what it returns
    "`total` is `24` [23].",  # the statement that is shown again brings its value
    "`24 / 4` is about `6.0`.",
    "In binary `5` is `101` [9].",
    "`names` is `{'total': 98, 'mean': 24}`, with `'mean': 24` in it [52-53].",
    "They are `array([5, 12])` and `np.float64(24.0)` [1-55].",  # how values are shown, not calls
]


@pytest.mark.parametrize("sentence", PASSING)
def test_what_may_be_said(sentence):
    assert wrong(sentence) == set()


def test_what_a_condition_need_not_work_out_is_no_other_operation():
    odd = execute("def main_solution(n):\n    half = n // 2\n    return half == 1 or n % 2 == 1\n", '{"n": 3}')
    final = "\n\n**Final output:** `True`"
    assert wrong("`half == 1 or n % 2 == 1` is `1 == 1 or 3 % 2 == 1`, which is true [4-7].", final, odd) == set()
    assert wrong("`half` is `3 % 2 = 1` [4-7].", final, odd) == {Kind.OPERATION}


def test_lines_of_which_something_was_left_out_contradict_no_condition():
    sentence = "`number > limit` is false [13-16]."
    evidence = json.loads(sums().evidence)
    evidence |= {"incomplete_lines": [13, 14, 15, 16], "complete": False, "complete_until": 13}
    assert wrong(sentence) == {Kind.CONDITION}
    assert wrong(sentence, execution=replace(sums(), evidence=json.dumps(evidence))) == set()


def test_arithmetic_and_the_answer_are_judged_without_evidence():
    blind = execute(SUMS, '{"numbers": [5, 12, 7, 30], "limit": 6}')
    blind = type(blind)(blind.question, blind.refcode, blind.returned, blind.trace)
    assert wrong("`total` becomes `77` [5].", execution=blind) == set()
    assert wrong("`3 + 4 = 8` [5].", execution=blind) == {Kind.EQUATION}
    assert not verify("Nothing." + FINAL, blind).evidence


@pytest.mark.parametrize(
    ("final", "kinds"),
    [
        ("**Final output:** `{'total': 98, 'mean': 24}`", set()),
        ('**Final output:** `{"mean": 24, "total": 98}`', set()),
        ("**Final output:** `{'total': 98, 'mean': 25}`", {Kind.WRONG_ANSWER}),
        ("**Final output:** `{'total': 98.0, 'mean': 24}`", {Kind.WRONG_ANSWER}),
        ("**Final output:** `'{}'`", {Kind.WRONG_ANSWER}),
        ("**Final output:** a dictionary.", {Kind.NO_ANSWER}),
        ("That is the end.", {Kind.NO_ANSWER}),
    ],
)
def test_the_final_output_is_a_literal_of_the_right_type_and_value(final, kinds):
    assert wrong("The list is `[5, 12, 7, 30]` [1-4].", "\n\n" + final) == kinds


def test_a_tuple_is_stated_as_python_or_json_write_it():
    pair = execute("def main_solution(a):\n    return a, True\n", '{"a": 1}')
    for answer, good in (
        ("(1, True)", True),
        ("[1, True]", True),
        ("[1, true]", True),
        ("(1, 1)", False),
        ("1, True", True),
    ):
        verdict = verify(f"It returns a pair [1-4].\n\n**Final output:** `{answer}`", pair)
        assert verdict.answer_ok is good, answer


def test_without_citations_the_whole_run_is_what_a_text_can_tell():
    for sentence, kinds in (
        ("`total` becomes `24`, then `38`.", set()),
        ("`total` becomes `25`.", {Kind.ASSIGNMENT}),
        ("`3 + 4 = 8`.", {Kind.EQUATION}),
        ("`double(7)` returns `15`.", {Kind.CALL}),
    ):
        assert wrong(sentence) == kinds
    assert not verify("`total` becomes `24`.", sums()).attributed
    assert wrong("So it ends.", "\n\nFinal answer: {'total': 98, 'mean': 24}") == set()
    assert wrong("So it ends.", "\n\nFinal answer: {'total': 98, 'mean': 42}") == {Kind.WRONG_ANSWER}


def test_coverage_is_of_statements_and_has_a_floor():
    verdict = verify("At first `total = 0` and `kept = []` [1-6]." + FINAL, sums())
    assert verdict.untold > 10
    assert verdict.coverage < 0.3
    assert judge(verdict, STRICT)[1].startswith("tells")
    assert verify("All of it, from `total = 0` to `total = 98` [1-55]." + FINAL, sums()).coverage == 1.0


LOADED = """\
import json


def main_solution(text):
    return first_of(text)


def first_of(text):
    return json.loads(text)[0]


def unused():
    pass
"""


def test_nobody_has_to_tell_what_a_library_does_inside():
    """A record goes as many calls deep as a program has functions: here into the library."""
    execution = execute(LOADED, '{"text": "[3, 4]"}')
    lines = execution.trace.split("\n")
    inside = next(number for number, line in enumerate(lines, 1) if "Call to loads" in line)
    final = "\n\n**Final output:** `3`"
    assert verify(f"It reads its text [1-{inside - 1}].{final}", execution).coverage == 1.0
    assert verify(f"It begins [1-4].{final}", execution).coverage < 1.0


def test_a_call_of_which_all_was_left_out_is_the_programs_own():
    evidence = json.loads(sums().evidence)
    lines = sums().trace.split("\n")
    first, last = (next(n for n, line in enumerate(lines, 1) if part in line) for part in ("Call to double", "24"))
    evidence["events"] = [event for event in evidence["events"] if not first <= event[0] <= last]
    evidence |= {"incomplete_lines": list(range(first, last + 1)), "complete": False, "complete_until": first}
    partial = replace(sums(), evidence=json.dumps(evidence))
    assert verify(f"All but a call [1-{first - 1}, {last + 1}-{len(lines)}]." + FINAL, partial).coverage < 1.0


def test_where_nothing_is_the_programs_own_nothing_is_left_out():
    evidence = json.loads(sums().evidence) | {"events": []}
    assert verify("All of it [1-55]." + FINAL, replace(sums(), evidence=json.dumps(evidence))).coverage == 1.0


def test_findings_stand_in_the_text_without_citations():
    text = "At first `total = 0` [5]. Then `total` becomes `25` [13-24]." + FINAL
    stripped = strip_citations(text)
    assert stripped == "At first `total = 0`. Then `total` becomes `25`." + FINAL
    verdict = verify(text, sums())
    (finding,) = (each for each in verdict.findings if each.kind is Kind.ASSIGNMENT)
    assert stripped[finding.start : finding.end] == "`25`"
    assert finding.lines == ((13, 24),)
    assert verdict.supported > 0
    assert verdict.contradicted >= 1
    assert verdict.grounded < 1.0


@pytest.mark.parametrize(("first", "is_right"), [("*", True), (" ", False)])
def test_stars_and_backticks_in_a_marked_value_are_part_of_it(first, is_right):
    execution = execute("def main_solution(mark):\n    mark += '*'\n    return mark\n", '{"mark": "*a`b*c"}')
    text = f"This makes ``mark = '{first}a`b*c*'`` [4-5].\n\n**Final output:** ``'{first}a`b*c*'``"
    assert (wrong(text, "", execution) == set()) == is_right


@pytest.mark.parametrize(
    ("sentence", "is_right"),
    [
        ("At first `x = 12` gives `x * 2 = 24`, and then `x = 7` gives `x * 2 = 14` [1-55].", True),
        ("At first `x = 12` gives `x * 2 = 14`, and then `x = 7` gives `x * 2 = 24` [1-55].", False),
        ("For `x = 12` and `x = 7` the doubles are `x * 2 = 24` and `x * 2 = 14` [1-55].", True),
    ],
)
def test_what_follows_from_a_value_that_the_sentence_gives(sentence, is_right):
    assert (wrong(sentence) == set()) == is_right


NODES = """\
class Node:
    def __init__(self, val, left):
        self.val = val
        self.left = left


def visit(node, seen):
    if node.left is not None:
        seen.append(node.val)
        visit(node.left, seen)


def main_solution(low, high):
    seen = []
    visit(Node(high, Node(low, None)), seen)
    try:
        seen.remove(low)
    except ValueError:
        seen.append(0)
    return seen
"""


def lines_of(execution, first, last):
    """The record lines from the first one that holds one text to the last one that holds another, as cited."""
    lines = execution.trace.split("\n")
    begin = next(number for number, line in enumerate(lines, 1) if first in line)
    return f"[{begin}-{max(number for number, line in enumerate(lines, 1) if last in line)}]"


def test_an_attribute_of_the_object_of_another_call_is_not_known():
    """The inner call looks at no ``val``; that of the node of the outer one says nothing about it."""
    execution = execute(NODES, '{"low": 4, "high": 7}')
    inner = lines_of(execution, "visit(node.left, seen)", "Return value from visit")
    final = "\n\n**Final output:** `[7, 0]`"
    assert wrong(f"It goes on to the child with `node.val = 4` {inner}.", final, execution) == set()


TREE = """\
class Node:
    def __init__(self, val, left):
        self.val = val
        self.left = left


def total(node):
    if not node:
        return 0
    return node.val + total(node.left)


def main_solution(low, high):
    large = 0
    for each in (low, high):
        if each > 5:
            large = each
    return total(Node(large, Node(low, None)))
"""


@pytest.mark.parametrize(
    "sentence",
    [
        # of another object than what was said last, and of another round
        "With `node = None` it is true that it ends, and for the node with `node.val = 4` `not node` is false",
        "Behind `each = 4` the condition `each > 5` is true with the number `each = 7`",
        "Behind `each = 4` the condition `each > 5` is true for both `each = 7` and `high = 7`",
    ],
)
def test_what_a_sentence_says_last_is_what_it_speaks_of(sentence):
    execution = execute(TREE, '{"low": 4, "high": 7}')
    final = "\n\n**Final output:** `11`"
    lines = lines_of(execution, "Call to main_solution", "Return value from main_solution")
    assert wrong(f"{sentence} {lines}.", final, execution) == set()
    assert wrong(f"With `node = None`, `not node` is false {lines}.", final, execution) == {Kind.CONDITION}


def test_a_call_that_an_exception_left_is_not_denied():
    execution = execute(NODES, '{"low": 4, "high": 7}')
    final = "\n\n**Final output:** `[7, 0]`"
    raising = lines_of(execution, "seen.remove(low)", "ValueError")
    assert wrong(f"Taking it out by `seen.remove(4)` raises a `ValueError` {raising}.", final, execution) == set()
    before = lines_of(execution, "seen = []", "seen = []")
    assert wrong(f"Taking it out by `seen.remove(4)` begins {before}.", final, execution) == {Kind.CALL}
