"""The reasoning about small programs says what happened, and nothing else."""

import json
import re

import pytest
from citing import plain_reasoning
from template_programs import (
    BRANCHES,
    CASES,
    COMPREHENSION,
    COUNTING,
    DECORATED,
    FOREVER,
    GENERATOR,
    GLOBALS,
    HANDLED,
    LAMBDA,
    LONG_LIST,
    MATCH,
    NESTED,
    OBJECTS,
    ONE_LINERS,
    PASSED_ON,
    POPPING,
    RECURSION,
    SCAN,
    SWAP,
    WHILE,
)

TALK = re.compile(r"\b(traces?|traced|tracing|debugg\w*|logs?|logged|execution|executed|snoop)\b", re.IGNORECASE)


@pytest.mark.parametrize("case", CASES)
def test_form(reasoning, case):
    refcode, arguments = CASES[case]
    text = reasoning(refcode, **arguments)
    assert text.startswith("`main_solution` is called with")
    assert re.fullmatch(r"\*\*Final output:\*\* `.*`", text.splitlines()[-1])
    assert "```" not in text
    assert not TALK.search(re.sub(r"`[^`]*`", "", text))
    assert text == reasoning(refcode, **arguments)


def test_while_shows_every_iteration_with_its_values(reasoning):
    text = reasoning(WHILE, n=305)
    assert "- `305 > 0` is true, so `total` becomes `0 + 305 % 10 = 5`, and `n` becomes `305 // 10 = 30`." in text
    assert "- `3 > 0` is true, so `total` becomes `5 + 3 % 10 = 8`, and `n` becomes `3 // 10 = 0`." in text
    assert "- `0 > 0` is false, so the loop ends." in text
    assert text.endswith("After the loop, `main_solution` returns `8`.\n\n**Final output:** `8`")


def test_a_decorated_function_behind_a_loop_is_none_of_its_rounds(reasoning):
    assert "- `4 < 3` is false, so the loop ends." in reasoning(DECORATED, n=3)


def test_conditions_say_which_way_they_went(reasoning):
    assert "`n % 2 == 0` is `13 % 2 == 0`, that is `1 == 0`, which is false" in reasoning(BRANCHES, n=13)
    assert "`n > 10` is `13 > 10`, which is true, so `kind` is set to `'large'`" in reasoning(BRANCHES, n=13)
    assert "`n > 10` is `7 > 10`, which is false, so `kind` is set to `'odd'`" in reasoning(BRANCHES, n=7)
    assert "that is `0 == 0`, which is true, so `kind` is set to `'even'`" in reasoning(BRANCHES, n=12)


def test_iterations_that_go_the_same_way_are_told_together(reasoning):
    text = reasoning(SCAN, nums=[4, 5, 6, 7], wanted=7)
    assert "`(i, x)` as `(0, 4)`, `(1, 5)` and `(2, 6)`: each time `x == 7` is false." in text
    assert "`i = 3` and `x = 7`: `7 == 7` is true, so `main_solution` returns `3`." in text


def test_nested_loops(reasoning):
    text = reasoning(NESTED, n=3)
    assert "For each `j` in `range(0)` there is nothing to do." in text
    assert "    - `j = 1`: adding `2` gives `row = [0, 2]`." in text
    assert "After the loop, adding `[0, 2]` gives `rows = [[], [0], [0, 2]]`." in text


def test_recursion_names_its_depth(reasoning):
    text = reasoning(RECURSION, n=3)
    assert "`fact` is called with `n = 3`" in text
    assert "`fact` calls itself with `n = 2` (recursion depth 2)" in text
    assert "`fact` returns `2 * 1 = 2`" in text
    assert "`below` becomes `2`, and `fact` returns `3 * 2 = 6`" in text


def test_mutual_recursion_is_not_a_call_of_itself(reasoning):
    code = (
        "def even(n):\n    return True if n == 0 else odd(n - 1)\n\n"
        "def odd(n):\n    return False if n == 0 else even(n - 1)\n\n"
        "def main_solution(n):\n    return even(n)\n"
    )
    text = reasoning(code, n=2)
    assert "calls itself" not in text
    assert "`odd` is called with `n = 1`" in text


def test_comprehension(reasoning):
    text = reasoning(COMPREHENSION, nums=[1, 2, 3])
    assert "`x` runs through `1, 2, 3`, collecting `x * x` each time gives `squares = [4, 9]`" in text
    assert "returns `sum(squares) = 13`" in text


def test_generator(reasoning):
    text = reasoning(GENERATOR, n=2)
    assert "the generator `count` starts with `n = 2`" in text
    assert "`count` yields `0`" in text
    assert "`1 < 2` is true, so `count` yields `10`" in text
    assert "`count` has nothing more to yield" in text


def test_generator_that_ends_where_it_had_stopped(reasoning):
    code = "def ones(n):\n    for i in range(n):\n        yield i\n\ndef main_solution(n):\n    return list(ones(n))\n"
    text = reasoning(code, n=1)
    assert "`ones` goes on: `ones` has nothing more to yield." in text


def test_objects(reasoning):
    text = reasoning(OBJECTS, start=5, amount=7)
    assert "An `Account` object is created with `owner = 'Ann'` and `balance = 5`" in text
    assert "`self.owner` is set to `'Ann'` and `self.balance` to `5`" in text
    assert "`add` is called with `amount = 7`" in text
    assert "`add` returns `12`" in text


def test_handled_exception(reasoning):
    text = reasoning(HANDLED, words=["1", "x", "5"])
    assert "raises `ValueError: invalid literal for int() with base 10: 'x'`" in text
    assert "The `except ValueError` branch takes over, so the rest of this iteration is skipped." in text


def test_an_exception_that_passes_on_to_who_handles_it(reasoning):
    text = reasoning(PASSED_ON, n=4)
    assert "so `check` raises `ValueError: 4`, which ends this call of `check`." in text
    assert "`ValueError: 4` passes on to `main_solution`." in text
    assert "The `except KeyError` branch does not fit." in text
    assert "With `error = ValueError(4)`, the `except ValueError` branch takes over, so `main_solution` returns" in text


def test_what_a_library_raises_and_handles_is_not_told(reasoning):
    code = "import re\ndef helper():\n    pass\ndef main_solution(n):\n    return len(re.split('q(u)v', n))\n"
    text = reasoning(code, n="aquv")
    assert "`main_solution` returns" in text and "Error" not in text


def test_an_iterator_that_ends_its_loop_by_an_exception(reasoning):
    text = reasoning(COUNTING, n=1)
    assert "so `Count.__next__` raises `StopIteration`, which ends this call of" in text
    assert text.count("The loop ends.") == 1


def test_a_generator_that_nobody_asks_any_more_yields_nothing(reasoning):
    text = reasoning(
        "def unused():\n    pass\n\ndef main_solution(xs):\n    return next(x for x in xs if x > 1)\n", xs=[1, 2, 3]
    )
    assert "The generator expression yields `2`, and `main_solution` returns" in text


def test_swap_shows_the_list_once_and_tells_what_pop_left(reasoning):
    text = reasoning(SWAP, xs=[1, 2, 3])
    assert "`xs[0]` is set to `2`, `xs[1]` is set to `1`, which gives `xs = [2, 1, 3]`" in text
    assert "`xs.pop()` gives `last = 3`. Now `xs = [2, 1]`." in text
    assert "From `xs` come `first = 2` and `second = 1`" in text


def test_several_statements_in_one_line(reasoning):
    text = reasoning(ONE_LINERS, n=9)
    assert "`n > 3` is `9 > 3`, which is true, so `n` is set to `3`." in text
    assert "`double` returns `2 * 3 = 6`" in text
    assert "`a = 1` and `b = 6`" in text
    assert "is `2 > 3`, which is false" in reasoning(ONE_LINERS, n=2)


def test_lambdas_and_generator_expressions_are_told_by_their_results(reasoning):
    text = reasoning("def unused():\n    pass\n\n" + LAMBDA, words=["ccc", "a"])
    assert "the lambda gives `3` for `word = 'ccc'` and `1` for `word = 'a'`" in text.replace(
        "The lambda", "the lambda"
    )
    assert "the generator expression yields `'1'` and `'3'`" in text.replace("The gen", "the gen")


def test_endless_loop_is_told_in_rounds(reasoning):
    text = reasoning(FOREVER, n=3)
    assert "- First round: `n == 1` is `3 == 1`, which is false. `n` becomes `10`" in text
    assert text.count("- Next round: ") == 7
    assert "- Next round: `1 == 1` is true, so the loop stops here." in text


def test_names_of_the_module(reasoning):
    text = reasoning(GLOBALS, n=11)
    assert "is `11 > 10 and len(seen) == 7`, which is true" in text  # a constant is known, a function hides `len`
    assert "`len` returns `7`" in text


def test_nothing_is_said_of_a_container_after_a_call_that_may_have_changed_it(reasoning):
    text = reasoning(POPPING, stack=[1, 2, 3])
    assert "leaves `stack = [1, 2]`" in text
    assert "`stack.pop() > 0 and len(stack) > 1` is true" in text
    assert "3 > 1" not in text


def test_shortened_values_are_not_shown_as_exact(reasoning):
    text = reasoning(LONG_LIST, n=150)
    assert "`xs` becomes `list(range(150))`, a list of 150 items that begins with `0, 1, 2`" in text
    assert "..." not in text
    assert text.endswith(f"**Final output:** `{[*range(150), -1]}`")


def test_match(reasoning):
    text = reasoning(MATCH, command="stop")
    assert "The pattern `'go'` does not fit. The pattern `'stop'` fits, so `main_solution` returns `2`." in text


def test_final_output_is_a_python_literal(reasoning):
    text = reasoning("def main_solution(x):\n    return {'a': None, 'b': [True, x]}\n", x="é`'")
    assert text.endswith("""**Final output:** `{'a': None, 'b': [True, "é`'"]}`""")


def test_program_that_python_cannot_parse():
    text = plain_reasoning("def f(:", "main_solution", {"n": 1}, " >>> Call to main_solution\n", "3")
    assert text == "`main_solution` is called with `n = 1`.\n\n**Final output:** `3`"


def test_integer_beyond_the_digits_that_python_converts():
    digits = "9" * 5000
    text = plain_reasoning("def main_solution():\n    return 1\n", "main_solution", {}, "", digits)
    assert text == f"`main_solution` is called.\n\n**Final output:** `{digits}`"


def test_calls_too_deep_to_be_told():
    lines = [" >>> Call to main_solution", "    1 | def main_solution(n):", "    2 |     return main_solution(n)"]
    for depth in range(1, 2000):
        indent = "    " * depth
        lines += [indent + line for line in lines[:3]]
    text = plain_reasoning(
        "def main_solution(n):\n    return main_solution(n)\n", "main_solution", {"n": 0}, "\n".join(lines), "null"
    )
    assert text == "`main_solution` is called with `n = 0`.\n\n**Final output:** `None`"


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_trace_raises_nothing(traced, case):
    refcode, arguments = CASES[case]
    trace, returned = traced(refcode, **arguments)
    lines = trace.splitlines()
    for start in range(len(lines)):
        for damaged in (lines[:start], lines[start:], lines[:start] + lines[start + 1 :], lines[::-1][start:]):
            text = plain_reasoning(refcode, "main_solution", arguments, "\n".join(damaged), json.dumps(returned))
            assert text.endswith(f"**Final output:** `{returned!r}`")
