"""What a text says of a step that is spread over lines, of a call with its statement, and of what a step leaves."""

import pytest
from executions import Told

from execground_ray.verification import Kind

PROGRAM = """\
from collections import deque


def halved(number):
    return number // 2


def joined(rows):
    return list(map(" ".join, zip(rows, rows)))


def ends(numbers):
    low = numbers[1] - 1
    return low, max(numbers)


def pairs(numbers):
    for number in numbers:
        yield number, number - 1


def main_solution(numbers, rows):
    queue = deque(numbers)
    first = queue.popleft()
    table = {}
    for number in numbers:
        table[number] = number * 3
        small = halved(
            number
            + 2
        )
    doubled = joined(rows)
    for high, low in pairs(numbers):
        gap = high - low
    power = complex(0, 2) * 2
    zeros = list(map(abs, (0, 0, 0)))
    ordered = sorted(numbers, reverse=True)
    suffix = rows[-1]
    least, most = ends(numbers)

    def keep(number):
        table.pop(number)

    queue.rotate(2)
    queue.pop()
    for place in range(1, len(numbers)):
        last = numbers[place - 1]
    return {
        "first": str(first),
        "rest": list(queue),
        "last": last + 1
    }
"""
RUN = Told(PROGRAM, '{"numbers": [8, 5, 9], "rows": ["a", "b"]}')

# Kind, right, wrong, the part of the program that is cited, and which of the lines with it.
CASES = [
    # what a step leaves, and what is returned
    (Kind.ASSIGNMENT, "This leaves `table = {8: 24}`", "This leaves `table = {}`", "table[number] =", 0),
    (Kind.CALL, "It returns `rest = 7 // 2 = 3`", "It returns `number = 7`", "return number // 2", 1),
    (Kind.ASSIGNMENT, "`queue = deque([8, 5, 9])`", "`queue = [8, 5, 9]`", "queue = deque", 0),
    (Kind.CALL, "`queue.popleft()` returns `8`", "`queue.pop()` returns `8`", "first = queue", 0),
    (Kind.ASSIGNMENT, "This leads to `table = {8: 24}`", "This leads to `table = {}`", "table[number] =", 0),
    (Kind.ASSIGNMENT, "It goes on, `first = 8` as before", "It goes on, `table = {}` as before", "table[number] =", 0),
    (Kind.CALL, "It returns `low = 4` and `most = 9`", "It returns `low = 5` and `most = 9`", "return low", 0),
    # a statement over several lines, and a call with the statement that makes it
    (Kind.CALL, "`str(first)` is `'8'`", "`str(last)` is `'8'`", "return {", 0),
    (Kind.OPERATION, "`last + 1` is `6`", "`last - 1` is `6`", '"last": last', 0),
    (Kind.OPERATION, "`number + 2 = 5 + 2 = 7` is given", "`number + 2 = 3 + 4 = 7` is given", "def halved", 1),
    # calculations that nobody makes
    (Kind.OPERATION, "`number * 3 = 5 * 3 = 15`", "`number * 3 = 5 + 10 = 15`", "table[number] =", 1),
]


@pytest.mark.parametrize(("kind", "right", "mistaken", "part", "number"), CASES)
def test_a_right_sentence_passes_and_a_wrong_one_does_not(kind, right, mistaken, part, number):
    assert RUN.contradicts(f"It begins {RUN.whole}. {right} {RUN.at(part, number)}.") == set()
    assert kind in RUN.contradicts(f"It begins {RUN.whole}. {mistaken} {RUN.at(part, number)}.")


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("`' '.join(('a', 'a'))` gives `'a a'`", "doubled = joined"),  # by a function that is handed on
        ("`pairs([8, 5, 9])` yields `(8, 7)`", "for high, low"),  # and not only this
        ("This gives `power = 0 + 4j`", "power = "),  # a value, and no sum
        ("`zeros` is `0` everywhere", "zeros = "),  # of its elements
        ("It is the last, since `sorted([8, 5, 9])` came before", "suffix = rows"),  # of an earlier step
        ("The index `[-1]` takes the last", "suffix = rows"),  # and no list
        ("It makes a helper: `keep`, which does `table.pop(number)`", "def keep"),
        ("From `table = {}` as before it comes to `table = {8: 24}`", "table[number] ="),  # which is told too
    ],
)
def test_what_may_be_said(sentence, part):
    assert RUN.contradicts(f"It begins {RUN.whole}. {sentence} {RUN.at(part, 0)}.") == set()


def test_a_step_may_leave_what_another_of_them_changes():
    first = int(RUN.at("queue.rotate").strip("[]"))
    told = "`queue.rotate(2)` gives `queue = deque([5, 9])` again, and `queue.pop()` leaves `queue = deque(["
    for left, kinds in (("5", set()), ("9", {Kind.ASSIGNMENT})):
        assert RUN.contradicts(f"It begins {RUN.whole}. {told}{left}])` [{first}-{first + 1}].") == kinds
