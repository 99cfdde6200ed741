"""What the reasoning once said wrongly or without content: each kind with what is right."""

import ast
import json

import pytest

from execground_ray.translators.template.descriptions import beginning, description, first_key, measure
from execground_ray.translators.template.known_values import completed, value_text


def program(*lines, params="x"):
    return "\n".join([f"def main_solution({params}):", *(f"    {line}" for line in lines)]) + "\n"


@pytest.mark.parametrize(
    ("line", "final"),
    [
        ("return {x: 'a', 2: 'b'}", "{1: 'a', 2: 'b'}"),
        ("return x, [x, (2,)]", "(1, [1, (2,)])"),
        ("return {'a': x}", "{'a': 1}"),
        ("return [x / 2, None, True]", "[0.5, None, True]"),
    ],
)
def test_the_final_output_is_what_the_text_says_was_returned(reasoning, line, final):
    text = reasoning(program(line), x=1)
    assert text.endswith(f"`main_solution` returns `{final}`.\n\n**Final output:** `{final}`")


def test_a_returned_value_that_was_shortened_comes_from_the_record(reasoning):
    text = reasoning(program("return list(range(x)), 1"), x=150)
    assert text.endswith(f"**Final output:** `{[[*range(150)], 1]}`")


def test_long_values_have_a_length_and_a_beginning(reasoning):
    text = reasoning(program("s = x * 80", "s = s[5:]", "n = len(s)", "return n"), x="abc")
    assert "`s` becomes `'abc' * 80`, a string of 240 characters" not in text  # 240 characters are shown
    text = reasoning(program("s = x * 200", "t = s.replace('a', '')", "return len(t)"), x="abc")
    assert "`s` becomes `'abc' * 200`, a string of 600 characters that begins with `'abcabcabcabcabcabcab'`" in text
    assert "`t` becomes `s.replace('a', '')`, a string of 400 characters that begins with `'bcbcbcb" in text
    assert "returns `len(t) = 400`" in text
    assert "a long string" not in text


def test_a_long_string_that_changes_and_looks_the_same(reasoning):
    text = reasoning(program("s = 'x' * 500", "for _ in range(2):", "    s = s * x", "return len(s)"), x=2)
    assert "`_ = 0`: `s` becomes `s * 2`, a string of 1000 characters" in text
    assert "`_ = 1`: `s` becomes `s * 2`, a string of 2000 characters" in text
    assert "`len(s) = 2000`" in text


def test_a_long_string_whose_change_cannot_be_followed(reasoning):
    code = program("s = 'x' * 500", "for s in [s + 'x', s + 'xx']:", "    pass", "return len(s)", params="")
    assert "returns `502`" in reasoning(code)  # and not `len(s) = 500`


def test_a_long_list_is_known_whole_for_one_statement_only(reasoning):
    code = program("xs = [0] * x", "ys = xs", "ys[100] = 5", "return sum(xs)")
    text = reasoning(code, x=200)
    assert "`xs` becomes `[0] * 200`, a list of 200 items that begins with `0, 0, 0`" in text
    assert "returns `5`" in text
    assert "= 0`" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("'" + "ab" * 60 + "..." + "cd" * 60 + "'", "a long string that begins with `'abababababababababab'`"),
        (repr("\n" * 250 + "..." + "x" * 250), "a long string that begins with `" + repr("\n" * 20) + "`"),
        ("[1, 2, 3, 4, ..., 9]", "a list that begins with `1, 2, 3`"),
        ("['a, b', 'c', ..., 'z']", "a list that begins with `'a, b', 'c'`"),
        ("{1: 'a', 2: 'b', ...}", "a dictionary that begins with `1: 'a', 2: 'b'`"),
        ("{1: '" + "x" * 90 + "...", "a dictionary whose first key is `1`"),
        ("{1, 2, ...}", "a collection that begins with `1, 2`"),
        ("<f>", "an object"),
        ("<re.Match object; span=(0, 3), match='foo'>", "a `Match` object"),
        ("<Tree instance (repr suppressed)>", "a `Tree` object"),
        ("deque([<__main__.Node object>])", "a `deque` object"),
        ("[<__main__.Node object>, <__main__.Node object>]", "a list of 2 `Node` objects"),
        ("(<__main__.Node object>,)", "a tuple of one `Node` object"),
        ("[<__main__.Node object>, <__main__.Leaf object>]", "a list"),
        ("[<__main__.Node object>, ..., <__main__.Node object>]", "a list"),
    ],
)
def test_descriptions_claim_what_is_sure(text, said):
    assert description(text) == said


def test_measures_are_those_of_whole_values():
    assert measure("[1, 2, ..., 9]") == ""
    assert measure(str([0] * 150)) == "a list of 150 items"
    assert measure(repr("a" * 80)) == "a string of 80 characters"
    assert (beginning("7"), first_key("{1, 2}"), first_key("{'a: b': 1}")) == ("", "", "")


@pytest.mark.parametrize(("text", "whole"), [("'xx...xx'", False), ("'" + "x" * 50 + "..." + "x" * 50 + "'", True)])
def test_completed_only_where_both_ends_fit(text, whole):
    node = ast.parse("'x' * n", mode="eval").body
    assert completed(text, node, {"n": "400"}) == (repr("x" * 400) if len(text) > 100 else text)
    assert completed(text.replace("x'", "y'"), node, {"n": "400"}) == text.replace("x'", "y'")
    assert completed(text, node, {}) == text
    assert whole is (len(text) > 100)


def test_a_slice_is_replaced_and_not_read_back(reasoning):
    text = reasoning(program("x[1:1] = [9, 9]", "x[::2] = [i for i in (7, 8)]", "return x"), x=[1, 2])
    assert "the slice `x[1:1]` is replaced by `[9, 9]`, which gives `x = [1, 9, 9, 2]`" in text.replace("The", "the")
    assert "the slice `x[::2]` is replaced by `[7, 8]`, which gives `x = [7, 9, 8, 2]`" in text.replace("The", "the")


def test_a_value_that_follows_on_itself_is_not_left_out(reasoning):
    text = reasoning(program("return [c for c in x]"), x="abbc")
    assert "`c` runs through `'a', 'b', 'b', 'c'`" in text.replace("`c` Runs", "`c` runs")
    text = reasoning(program("return [a + b for a, b in zip(x, x)]"), x="abbc")
    assert "`a` takes the values `'a', 'b', 'c'`" in text  # all that the record shows


CALLED = """def clean(word):
    return [c for c in word if c != "b"]

def main_solution(word):
    out = ""
    for c in clean(word):
        out += c
    return out
"""
LAZY = """def double(v):
    return v * 2

def main_solution(xs):
    total = 0
    for v in map(double, xs):
        total += v
    return total
"""
ITERATED = """class Down:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        self.n -= 1
        return self.n

def main_solution(n):
    for v in Down(n):
        if v < 2:
            return v
"""


def test_the_call_that_makes_the_values_of_a_loop_stands_before_it(reasoning):
    text = reasoning(CALLED, word="abc")
    before, intro, rounds = text.partition("For each `c` in `clean('abc')` (`['a', 'c']`):")
    assert intro
    assert "`clean` is called with `word = 'abc'`" in before
    assert "- `c = 'a'`: `out` becomes `'' + 'a' = 'a'`." in rounds


def test_calls_that_a_loop_makes_in_its_rounds_stay_there(reasoning):
    text = reasoning(LAZY, xs=[1, 2])
    assert "- `v = 2`: `double` is called with `v = 1`: `double` returns `1 * 2 = 2`. `total`" in text
    assert "- `v = 4`: `double` is called with `v = 2`" in text


def test_an_iterator_is_made_before_the_loop_and_asked_in_its_rounds(reasoning):
    before, intro, rounds = reasoning(ITERATED, n=3).partition("For each `v` in `Down(3)`:")
    assert intro  # and no value of `__init__`
    assert "`Down` object is created with `n = 3`" in before
    assert "`Down.__iter__` is called" in before
    assert rounds.count("`Down.__next__` is called") == 2


def test_a_generator_that_yields_nothing_is_told(reasoning):
    code = (
        "def evens(xs):\n    for x in xs:\n        if x % 2 == 0:\n            yield x\n\n"
        "def main_solution(xs):\n    out = []\n    for v in evens(xs):\n        out.append(v)\n    return out\n"
    )
    text = reasoning(code, xs=[1, 3])
    assert "The generator `evens` starts with `xs = [1, 3]`:" in text
    assert "`x = 1` and `3`: each time `x % 2 == 0` is false." in text
    assert "For each `v` in `evens(xs)` there is nothing to do. `main_solution` returns `[]`." in text


def test_an_operand_that_is_not_reached_is_not_worked_out(reasoning):
    code = program("best = None", "if best is None or x > best:", "    best = x", "return best")
    assert "is `None is None or x > best`, which is true" in reasoning(code, x=4)
    code = program("i = 3", "if i < len(x) and x[i] == 'a':", "    return 1", "return 0")
    assert "is `3 < 3 and x[i] == 'a'`, which is false" in reasoning(code, x="aaa")
    assert "is `3 < 4 and 'b' == 'a'`, which is false" in reasoning(code, x="aaab")


def test_a_choice_of_values_is_no_equation(reasoning):
    text = reasoning(program("a = x.strip('-') or '-'", "b = x and 'some'", "return a + b"), x="--")
    assert "`'' or '-'` gives `a = '-'`" in text
    assert "`'--' and 'some'` gives `b = 'some'`" in text
    assert "`x == '--'`" not in text
    text = reasoning(program("c = x == '--' or x == ''", "return c"), x="--")
    assert "is true, so `c = True`" in text


def test_neighbours_of_one_assignment_read_what_was_there_before(reasoning):
    text = reasoning(program("x[0], x[-1] = x[-1].upper(), x[0].upper()", "return x"), x=["a", "b"])
    assert "`x[0]` is set to `'B'`, `x[-1]` is set to `'A'`, which gives `x = ['B', 'A']`" in text
    assert "x[-1].upper()" not in text
    text = reasoning(program("a, b = x, x + 1", "a, b = b, a + b", "return a, b"), x=1)
    assert "`a` becomes `2`. `b` becomes `1 + 2 = 3`" in text


def test_a_container_is_shown_after_all_of_its_changes(reasoning):
    text = reasoning(program("x[0] = x[1] = 0", "return x"), x=[7, 8, 9])
    assert text.count("which gives") == 1
    assert "`x[1]` is set to `0`, which gives `x = [0, 0, 9]`" in text


def test_a_pattern_has_its_guard(reasoning):
    code = program("match x:", "    case n if n > 2:", "        return 'high'", "    case n:", "        return 'low'")
    assert "pattern `n` with `n > 2` fits" in reasoning(code, x=3)
    assert "pattern `n` with `n > 2` does not fit" in reasoning(code, x=1)


def test_a_variable_of_the_module_that_the_record_does_not_show(reasoning):
    code = "TOTAL = 1\n\ndef main_solution(x):\n    global TOTAL\n    TOTAL += x\n    return TOTAL\n"
    text = reasoning(code, x=4)
    assert "`TOTAL` becomes `TOTAL + 4`, and `main_solution` returns `5`" in text
    assert "an object" not in text


def test_a_call_that_changes_nothing(reasoning):
    assert "`x.extend([])` leaves `x` as it is" in reasoning(program("x.extend([])", "return x"), x=[1])
    assert "`x.extend([2])`, `x = [1, 2]`" in reasoning(program("x.extend([2])", "return x"), x=[1])


def test_the_branch_that_was_taken_gives_its_value(reasoning):
    text = reasoning(program("s = 'a'", "s += 'b' if x else 'c'", "return s"), x=0)
    assert "`s` becomes `'a' + 'c' = 'ac'`" in text


def test_no_minus_before_a_minus(reasoning):
    assert "returns `1`" in reasoning(program("return -x"), x=-1)
    assert "`y` becomes `-2`" in reasoning(program("y = -x", "return y"), x=2)
    assert "--" not in reasoning(program("y = -x", "return y"), x=-1)


def test_sets_read_the_same_whatever_the_order_of_the_process():
    assert value_text({"b", "a", "ccc"}) == "{'a', 'b', 'ccc'}"
    assert value_text([(1,), {2: {9, 10, 1}}, frozenset({3})]) == "[(1,), {2: {1, 9, 10}}, frozenset({3})]"
    assert value_text((set(), "x", None)) == "(set(), 'x', None)"


def test_the_final_output_keeps_what_json_cannot_tell(traced, reasoning):
    code = program("return (x, float('nan'))")
    _, returned = traced(code, x=1)
    assert json.dumps(returned) == "[1, NaN]"
    assert reasoning(code, x=1).endswith("**Final output:** `[1, nan]`")  # no literal of a tuple can be read back


def test_a_slice_in_an_index_is_written_as_one(reasoning):
    lines = [
        "import numpy as np",
        "m = np.array([x, x])",
        "if (m[0, :] == x[0]).sum() > 5:",
        "    return [0]",
        "return x",
    ]
    text = reasoning(program(*lines), x=[1, 2])
    assert "m[0, :] == 1" in text
    assert "slice(" not in text
