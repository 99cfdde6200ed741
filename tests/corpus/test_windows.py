"""Windows: what of code and text is the same whatever a copyist does, and what is not."""

import numpy as np
import pytest

from execground_ray.corpus.windows import code_windows, text_windows

CODE = """
def scale(values, factor):
    total = 0
    for value in values:
        total += value * factor
    return [total, max(values), "sum"]
"""

SAME = {
    "names": CODE.replace("values", "x").replace("value", "y").replace("total", "z").replace("scale", "f"),
    "a variable with the name of a built-in": CODE.replace("total", "sum"),
    "comments": CODE.replace(":\n", ":  # it's \"one\n"),
    "docstring": CODE.replace("factor):\n", 'factor):\n    r"""Sums.\n\n    It\'s "all".\n    """\n'),
    "layout": CODE.replace("    ", "\t").replace(", ", ",\n ").replace("\n", "\r\n"),
    "contents of strings": CODE.replace('"sum"', "'''it's\n\"another\"'''"),
    "parentheses": CODE.replace("value * factor", "(value * factor)").replace("for value in", "for (value) in"),
}
OTHER = {
    "another built-in": CODE.replace("max(", "min("),
    "another name": CODE.replace("value * factor", "value * value"),
    "a number": CODE.replace("= 0", "= 1"),
    "an operator": CODE.replace("*", "**"),
    "a keyword": CODE.replace("for value in", "if value in"),
    "a call": CODE.replace("max(values)", "max, values"),
    "a string for a name": CODE.replace('"sum"', "sum"),
}


@pytest.mark.parametrize("code", SAME.values(), ids=SAME)
def test_a_copy_has_the_same_windows(code):
    assert code_windows(code, 13).tolist() == code_windows(CODE, 13).tolist()


@pytest.mark.parametrize("code", OTHER.values(), ids=OTHER)
def test_another_program_has_others(code):
    assert code_windows(code, 13).tolist() != code_windows(CODE, 13).tolist()


def test_methods_of_built_in_types_are_what_they_are_and_other_attributes_are_names():
    upper, lower, own, other = (code_windows(f"x = text.{name}(y)", 5).tolist() for name in "upper lower a b".split())
    assert upper != lower
    assert own == other


@pytest.mark.parametrize("code", ["", "x = (", "'''", '"', "'" * 3001, "f'{x!r:>{width}}' \\", "\ud800 = )"])
def test_code_that_is_none_has_windows_too(code):
    windows = code_windows(code, 1)
    assert windows.dtype == np.uint64
    assert windows.tolist() == sorted(set(windows.tolist()))


def test_too_few_tokens_have_no_window():
    assert len(code_windows("a + b + c", 5)) == 1
    assert len(code_windows("a + b + c", 6)) == 0


def test_of_text_the_words_count():
    one, other = "Add 3 numbers, and RETURN the sum!", "add; numbers\nand return\tthe 12 sum"
    assert text_windows(one, 6).tolist() == text_windows(other, 6).tolist()
    assert len(text_windows(one, 7)) == 0
    assert text_windows(one, 6).tolist() != text_windows("numbers add and return the sum", 6).tolist()
