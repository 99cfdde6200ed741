"""Citations are taken out of a text, and nothing else is."""

import pytest

from execground_ray.verification import read_citations, strip_citations


@pytest.mark.parametrize(
    ("text", "stripped", "ranges"),
    [
        ("It is so [3]. And so [4-6, 9].", "It is so. And so.", [((3, 3),), ((4, 6), (9, 9))]),
        ("It is so. [3-4]\nThen [5].", "It is so.\nThen.", [((3, 4),), ((5, 5),)]),
        ("- item `x[1]` [3–4]\n- other", "- item `x[1]`\n- other", [((3, 4),)]),
        ("The list `[1, 2]` and [1-2].", "The list `[1, 2]` and.", [((1, 2),)]),
        ("The list is [4, 1].", "The list is [4, 1].", []),
        ("The output is [7].", "The output is [7].", []),
        ("See [1-900].", "See [1-900].", []),
        ("It ends [18-22].", "It ends.", [((18, 20),)]),
        ("It ends [18-23].", "It ends [18-23].", []),
    ],
)
def test_what_is_a_citation(text, stripped, ranges):
    found = read_citations(text, last_line=20)
    assert found.text == stripped
    assert [each.ranges for each in found.citations] == ranges
    assert strip_citations(text, 20) == stripped
