"""Values are worked out only where they are sure, and written into expressions as Python would read them."""

import ast

import pytest

from execground_ray.translators.template.known_values import UnknownValueError, evaluate, read_value
from execground_ray.translators.template.substitution import substitute

KNOWN = {"n": "13", "m": "-3", "xs": "[4, 5, 6]", "s": "'abc'", "none": "None", "long": "[1, 2, ..., 9]", "f": "<f>"}


def node(source):
    return ast.parse(source, mode="eval").body


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("n % 2 == 0", False),
        ("xs[0] + xs[-1] * 2", 16),
        ("xs[1:]", [5, 6]),
        ("len(s) > 2 and s[0] in 'xa'", True),
        ("n > 0 or unknown", True),
        ("none is None", True),
        ("s.upper() + str(n)", "ABC13"),
        ("1 < n < 20", True),
        ("max(xs) if n else 0", 6),
    ],
)
def test_worked_out(source, value):
    assert evaluate(node(source), KNOWN) == value


@pytest.mark.parametrize(
    "source",
    [
        "unknown",
        "f(n)",
        "long[0]",
        "n / 0",
        "xs[9]",
        "xs.pop()",
        "xs is xs",
        "9 ** 9 ** 9",
        "1 << 10 ** 9",
        "'a' * 10 ** 9",
        "10 ** 9 * [0]",
        "'%999999999d' % n",
        "list(set(xs))",
        "','.join(set(s))",
        "n.__class__",
        "sorted(xs, key=f)",
        "1e308 * 10",
    ],
)
def test_left_open(source):
    with pytest.raises(UnknownValueError):
        evaluate(node(source), KNOWN)


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        ("[1, ..., 2]", True),
        ("{'a': [1, ..., 2]}", True),
        ("'" + "a" * 48 + "..." + "b" * 48 + "'", True),
        ("'wait...'", False),
        ("['a...b']", False),
    ],
)
def test_shortened_values_are_no_values(text, shortened):
    if shortened:
        with pytest.raises(UnknownValueError):
            read_value(text)
    else:
        assert read_value(text) == ast.literal_eval(text)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("n % 2 == 0", "13 % 2 == 0"),
        ("m ** 2", "(-3) ** 2"),
        ("n - m", "13 - -3"),
        ("xs[n - 12]", "xs[1]"),
        ("xs[0] + len(s)", "4 + 3"),
        ("f(n - 1, xs)", "f(12, xs)"),
        ("n > 1 and s == 'x' and n < m", "13 > 1 and 'abc' == 'x' and 13 < -3"),
        ("n and (m or n)", "13 and (-3 or 13)"),
        ("[n for n in xs]", "[n for n in xs]"),
        ("xs.pop() + xs[0] + n", "xs.pop() + xs[0] + 13"),
        ("xs[0] + xs.pop()", "4 + xs.pop()"),
        ("(n := 5) + n", "(n := 5) + n"),
    ],
)
def test_substitution(source, written):
    assert substitute(node(source), KNOWN) == written
