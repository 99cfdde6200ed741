"""Every sentence cites the lines of the trace that it tells, and reads the same without its citations."""

import json
import re

import pytest
from citing import cited_lines, source_lines, without_citations
from template_programs import CASES, COMPREHENSION, GENERATOR, LAMBDA, NESTED, RECURSION, SCAN, WHILE

from execground_ray.translators.template.citations import citation
from execground_ray.translators.template.marks import code
from execground_ray.translators.template.writer import write_reasoning
from execground_ray.verification.citations import strip_citations


@pytest.fixture
def cited(traced):
    """Write the text with citations: `cited(refcode, x=3)` gives it and the trace."""

    def write(refcode, **arguments):
        trace, returned = traced(refcode, **arguments)
        return write_reasoning(refcode, "main_solution", arguments, trace, json.dumps(returned)), trace

    return write


@pytest.mark.parametrize(
    ("lines", "text"),
    [((), ""), ((12,), " [12]"), ((13, 12), " [12-13]"), ((12, 3, 14, 13), " [3, 12-14]"), ((1, 3, 5), " [1, 3, 5]")],
)
def test_form(lines, text):
    assert citation(lines) == text


@pytest.mark.parametrize("case", CASES)
def test_without_citations_the_text_is_the_plain_one(traced, case):
    refcode, arguments = CASES[case]
    trace, returned = traced(refcode, **arguments)
    given = (refcode, "main_solution", arguments, trace, json.dumps(returned))
    text = write_reasoning(*given)
    assert without_citations(text) == strip_citations(text) != text


@pytest.mark.parametrize("case", CASES)
def test_every_line_of_code_and_every_point_is_cited(cited, case):
    refcode, arguments = CASES[case]
    text, trace = cited(refcode, **arguments)
    assert source_lines(trace) <= cited_lines(text)
    *lines, last = [line for line in text.splitlines() if line]
    assert all(re.search(r" \[[\d, -]+\][.:]$", line) for line in lines)
    assert not cited_lines(last)


def test_rounds_cite_the_condition_and_the_lines_of_their_body(cited):
    text, trace = cited(WHILE, n=305)
    # 1-3 call, 4 total = 0, 5 while, 6-7 total, 8-9 n, 10 while, …
    assert trace.split("\n")[4].endswith("while n > 0:")
    assert text.startswith("`main_solution` is called with `n = 305` [1-3].\n\n`total` is set to `0` [4].\n\n")
    assert "While `n > 0` holds [5]:" in text
    assert "`total` becomes `0 + 305 % 10 = 5`, and `n` becomes `305 // 10 = 30` [5-9].\n" in text
    assert "returns `8` [20-21].\n\n**Final output:** `8`" in text


def test_rounds_that_are_told_together_cite_all_of_theirs(cited):
    text, _ = cited(SCAN, nums=[4, 5, 6, 7], wanted=7)
    assert "each time `x == 7` is false [5-16]." in text
    assert "For each `(i, x)` in `enumerate(nums)` [5-7]:" in text


def test_a_loop_cites_where_it_begins_and_where_it_ends(cited):
    text, trace = cited(NESTED, n=3)
    header = [number for number, line in enumerate(trace.split("\n"), 1) if "for i in" in line]
    assert re.search(rf"For each `i` in `range\(3\)` \[{header[0]}-{header[0] + 1}, {header[-1]}\]:", text)


def test_a_call_cites_its_line_its_arguments_and_its_return(cited):
    text, _ = cited(RECURSION, n=2)
    # 4 return fact(n), 5-7 call, 8 if, 9 below = …, 10-12 call, 13 if, 14 return, 15 <<<, 16 again, 17 below, …
    assert "`fact` is called with `n = 2`: `n <= 1` is `2 <= 1`, which is false [4-8]." in text
    assert (
        "`fact` calls itself with `n = 1` (recursion depth 2): `1 <= 1` is true, so `fact` returns `1` [9-15]." in text
    )
    assert "`below` becomes `1`, and `fact` returns `2 * 1 = 2` [9, 16-19]." in text


def test_comprehensions_lambdas_and_generators_cite_their_own_lines(cited):
    text, trace = cited(COMPREHENSION, nums=[1, 2, 3])
    assert f"returns `sum(squares) = 13` [4-{len(trace.rstrip().splitlines())}]." in text
    for refcode, arguments in ((LAMBDA, {"words": ["ccc", "a"]}), (GENERATOR, {"n": 2})):
        text, trace = cited("def unused():\n    pass\n\n" + refcode, **arguments)
        assert source_lines(trace) <= cited_lines(text)


def test_a_generator_that_goes_on_cites_where_it_had_stopped(cited):
    code = "def ones(n):\n    for i in range(n):\n        yield i\n\ndef main_solution(n):\n    return list(ones(n))\n"
    text, trace = cited(code, n=2)
    assert source_lines(trace) <= cited_lines(text)


def test_a_long_list_shown_after_its_loop_cites_its_last_change(cited):
    code = "def main_solution(n):\n    xs = [9] * n\n    for i in range(2):\n        xs[i] = i\n    return len(xs)\n"
    text, trace = cited(code, n=28)
    last = max(number for number, line in enumerate(trace.split("\n"), 1) if ".. xs = " in line)
    shown = re.search(
        r"After the loop, `xs = \[0, 1, 9[^`]*`, and `main_solution` returns `len\(xs\) = 28` \[(.*)\]", text
    )
    assert shown[1].split("-")[0] == str(last - 1)


def test_a_value_of_several_lines_is_cited_whole(cited):
    code = "import numpy as np\n\ndef main_solution(n):\n    a = np.zeros((2, 2), int)\n    return n\n"
    text, _ = cited(code, n=1)
    assert "`a = array([[0, 0], [0, 0]])`, and `main_solution` returns `1` [4-8]." in text


def test_numbers_are_those_of_the_lines_between_newlines(cited):
    code = 'def main_solution(s):\n    t = """a\x0cb"""  # a form feed ends no line\n    return s + t\n'
    text, trace = cited(code, s="x")
    assert "\x0c" in trace
    assert f"returns `'x' + 'a\\x0cb' = 'xa\\x0cb'` [4-{trace.rstrip().count(chr(10)) + 1}]" in text


def test_what_print_shows_is_not_told(cited):
    text, trace = cited("def main_solution(n):\n    print(n)\n    return n\n", n=1)
    (printing,) = (number for number, line in enumerate(trace.split("\n"), 1) if line.endswith("print(n)"))
    assert printing not in cited_lines(text)


def test_values_that_look_like_citations_stay(cited):
    text, _ = cited("def main_solution(n):\n    xs = [n]\n    return xs\n", n=12)
    assert "`main_solution` returns `[12]` [4-7]." in text
    assert "returns `[12]`." in without_citations(text)


def test_values_with_code_marks_stand_in_longer_ones(cited):
    refcode = "def main_solution(s):\n    t = s + '`'\n    u = t.split('-')\n    return [u, 1]\n"
    text, _ = cited(refcode, s="a`-")
    assert text.startswith(
        "`main_solution` is called with ``s = 'a`-'`` [1-3].\n\n`t` becomes ``'a`-' + '`' = 'a`-`'``"
    )
    assert "``u.split('-')``" not in text
    plain = without_citations(text)
    assert not re.search(r"\[\d+-\d+\]", plain)
    assert "returns ``[['a`', '`'], 1]``." in plain


def test_marks():
    assert [code(text) for text in ("a", "a`b", "`b", "a``")] == ["`a`", "``a`b``", "`` `b ``", "``` a`` ```"]
