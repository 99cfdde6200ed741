"""The form of a text: no talk of a trace, no code, no repetition, no other script, not cut off."""

import pytest

from execground_ray.verification import Kind
from execground_ray.verification.form import end_findings, form_findings


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("The trace shows that `n` is 3.", {Kind.MENTIONS_TRACE}),
        ("As seen in the execution log, `n` is 3.", {Kind.MENTIONS_TRACE}),
        ("Let's trace each step.", set()),
        ("The logarithm of 8 is 3.", set()),
        ("```python\nfor x in y:\n    pass\n```", {Kind.CODE_BLOCK}),
        ("for x in y:\n    total = total + x\n", {Kind.CODE_BLOCK}),
        ("```\n[1, 2]\n```", set()),
        ("So it goes on. " * 40, {Kind.REPETITION}),
        ("`n = 3`, " * 40, {Kind.REPETITION}),
        (f"It starts with `rows = {[None] * 60}`.", set()),
        ("Сумма чисел равна трём.", {Kind.LANGUAGE}),
    ],
)
def test_form(text, kinds):
    assert {finding.kind for finding in form_findings(text, "Add numbers.", "def main_solution(n): pass")} == kinds


@pytest.mark.parametrize(
    ("text", "cut"),
    [("It is done.", False), ("It is `do", True), ("And then the", True), ("First.\n\n42", False), ("", True)],
)
def test_the_end(text, cut):
    assert [finding.kind for finding in end_findings(text)] == [Kind.CUT_OFF] * cut


def test_a_script_that_a_value_of_the_run_is_written_in_is_not_strange():
    text, problem = "`text` becomes `'Здравствуй'`.", ("Turn it.", "def main_solution(text): pass")
    assert [finding.kind for finding in form_findings(text, *problem)] == [Kind.LANGUAGE]
    assert form_findings(text, *problem, ".......... text = 'Здравствуй'") == []
