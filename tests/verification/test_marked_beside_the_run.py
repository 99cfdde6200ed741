"""What a text marks that the run only nearly did: a right sentence and a wrong one for each rule."""

import pytest
from executions import Told

from execground_ray.verification import Kind

PROGRAM = """\
class Box:
    def __init__(self, size):
        self.size = size

    def grow(self):
        self.size += 1


def half(number):
    return number // 2


def main_solution(text, numbers):
    box = Box(len(numbers))
    good = all(number > 1 for number in numbers)
    label = "%s of %s" % (text, 10)
    places = "{5}".format(0, 0, 0, 0, 0, 70)
    table = {}
    for number in numbers:
        table[number] = half(number) + half(number + 2)
    views = list(table.values())
    if numbers and numbers[0] < 9:
        text = text.upper()
    pairs = {"all": [(1, 2)]}
    letters = list(text)
    rows = [list(text) for _ in numbers[1:]]
    least = int(numbers[0] * 1.1)
    name = text and label or views
    while label is None:
        label = name
    box.grow()
    return [views, good, label]
"""
RUN = Told(PROGRAM, '{"text": "ab", "numbers": [4, 6, 12]}')

# Kind, right, wrong, the part of the program whose first line is cited.
CASES = [
    (Kind.ASSIGNMENT, "`box.size = 3`", "`box.width = 3`", "good = all"),
    (
        Kind.CONDITION,
        "`numbers and numbers[0] < 9` is true",
        "`numbers and numbers[0] > 9` is false",
        "if numbers and",
    ),
    (Kind.ASSIGNMENT, "`pairs = {'all': [(1, 2)]}`", "`pairs = {'all': [[1, 2]]}`", "pairs = {"),
    (Kind.ASSIGNMENT, "`letters = ['A', 'B']`", "`letters = 'AB'`", "letters = list"),
    (
        Kind.ASSIGNMENT,
        "The rows `[['A', 'B'], ['A', 'B']]` follow",
        "The rows `[('A', 'B'), ('A', 'B')]` follow",
        "rows = [",
    ),
    (Kind.ASSIGNMENT, "`[box.size]`, which is `[3]`, follows", "`[box.size]`, which is `3`, follows", "good = all"),
    (Kind.ASSIGNMENT, "It sets `self.size = 3`", "It sets `self.size = 4`", "self.size = size"),
    (Kind.ASSIGNMENT, "Now `self.size = 4`", "Now `self.size = 3`", "self.size += 1"),
    (Kind.OPERATION, "`least = int(4.4) = 4`", "`least = round(4.4) = 4`", "least = int"),
    (Kind.CALL, "`list(table.values())` follows", "`sorted(table.values()) = [5, 7, 13]` follows", "views = list"),
    (Kind.CALL, "It is `dict_values([5, 7, 13])`", "It is `dict_orders([5, 7, 13])`", "views = list"),
    (Kind.ASSIGNMENT, "`text and label` gives `'ab of 10'`", "`text and label` gives `'AB'`", "name = text"),
    (
        Kind.ASSIGNMENT,
        "With `text = 'AB'`, `text[0] = 'A'`",
        "With `text = 'AB'`, `text[0] = 'B'`",
        "text = text.upper",
    ),
]


@pytest.mark.parametrize(("kind", "right", "mistaken", "part"), CASES)
def test_a_right_sentence_passes_and_a_wrong_one_does_not(kind, right, mistaken, part):
    assert RUN.contradicts(f"{right} {RUN.at(part)}.\n\nIt ends {RUN.whole}.") == set()
    assert kind in RUN.contradicts(f"{mistaken} {RUN.at(part)}.\n\nIt ends {RUN.whole}.")


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("With `text = 'ab'`: `text` becomes `'AB'`, so `text[0] = 'A'`", "text = text.upper"),
        ("It adds `half(4)` and `half(6)`, which gives `2 + 3 = 5`", "table[number] = half"),
        ("`{5}` stands for `70`", "places ="),
        ("The label is `'%s of %s' % ('ab', 10) = 'ab of 10'`", "label ="),
    ],
)
def test_a_new_value_and_a_format_contradict_nothing(sentence, part):
    assert RUN.contradicts(f"{sentence} {RUN.at(part)}.\n\nIt ends {RUN.whole}.") == set()


LAZY = """\
from itertools import permutations


def down(n, m):
    if n > m:
        return n
    return down(n + 3, m)


def main_solution(word):
    letters = list(word)
    orders = permutations(letters)
    both = map(str.isalpha, word)
    found = True in both
    last = down(0, 2)
    return [found, last, len(list(orders))]
"""
LATER = Told(LAZY, '{"word": "a"}')


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("`str.isalpha('a')` returns `True`, so `found = True`", "found = True in both"),
        ("`permutations(letters)` gives the tuple `('a',)`", "orders = permutations"),
    ],
)
def test_of_lazy_calls_the_lines_decide_nothing(sentence, part):
    assert LATER.contradicts(f"{sentence} {LATER.at(part)}.\n\nIt ends {LATER.whole}.") == set()


def test_in_another_call_the_variables_are_others():
    told = "With `n = 0` and `m = 2`, `n > m` is false, so `down(3, 2)` is called, and there `n > m` is"
    assert LATER.contradicts(f"{told} true {LATER.whole}.") == set()


CHOOSING = "def main_solution(keep):\n    return [each for each in (1, 5) if keep(each)]\n"


def test_a_lambda_that_is_an_argument_is_no_part_of_the_program():
    run = Told(CHOOSING, '{"keep": {"__python__": "expression", "of": "lambda x: x.bit_count() > 1"}}')
    assert run.contradicts(f"It is called with `keep = lambda x: x.bit_count() > 1` {run.whole}.") == set()
    assert run.contradicts(f"It is called with `keep = x.bit_count() > 1` {run.whole}.") != set()
