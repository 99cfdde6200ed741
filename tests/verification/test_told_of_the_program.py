"""What a text says of conditions, calls and operations: a right sentence and a wrong one for each rule."""

import pytest
from executions import Told

from execground_ray.verification import Kind

PROGRAM = """\
def largest(numbers, least):
    best = max(numbers)
    if best >= least:
        return best
    return least


def pause(left, right):
    pass


def main_solution(numbers, least):
    seen = set()
    kept = []
    for number in numbers:
        if number in seen:
            continue
        seen.add(number)
        half = number // 2
        if half % 2 == 0 and number > least:
            kept.append(number)
    top = largest(kept, least)
    pause(3, 5)
    pair = (top, len(kept))
    total = top - least
    while total > 5:
        total -= 5
    last, first = kept[-1], kept[0]
    return [last, first, total]
"""
RUN = Told(PROGRAM, '{"numbers": [8, 5, 8, 12, 17], "least": 4}')

# Kind, right, wrong, the part of the program that is cited, and which of the lines with it.
CASES = [
    # values of the lines
    (Kind.VALUE, "`8` is in `seen`", "`9` is in `seen`", "if number in seen", 2),
    (Kind.VALUE, "`17` is appended to `kept`", "`9` is appended to `kept`", "kept.append(number)", 3),
    # what the program has not
    (Kind.CONDITION, "`number in seen` is true", "`number in kept` is false", "if number in seen", 2),
    (Kind.CONDITION, "`number > least` is true", "`number != least` is true", "half % 2 == 0", 3),
    (
        Kind.CONDITION,
        "As `half % 2 == 0 and number > least`",
        "As `half % 2 == 0 or number > least`",
        "half % 2 == 0",
        3,
    ),
    (Kind.CONDITION, "It goes on as long as `total > 5`", "It goes on as long as `total >= 5`", "while total > 5", 0),
    (Kind.CONDITION, "`17 > 4` is true", "`17 > 3` is true", "half % 2 == 0", 3),
    (Kind.CONDITION, "`total > 5` is true", "`total >= 0` is true", "total = top - least", 0),
    (Kind.CALL, "`kept.append(17)` keeps it", "`kept.sort()` keeps it", "kept.append(number)", 3),
    (Kind.CALL, "`kept.append(17)` keeps it", "`kept.append(12)` keeps it", "kept.append(number)", 3),
    (Kind.CALL, "`len(kept) = 4` comes out", "`max(kept) = 17` comes out", "top = largest", 0),
    (Kind.CALL, "`largest(kept, least)` is called", "`largest(seen, least)` is called", "top = largest", 0),
    (Kind.CALL, "`seen.add(17)` is done", "`kept.append(number)` is done", "seen.add(number)", 3),
    (Kind.OPERATION, "`total = top - least = 13`", "`total = top - least = 13` and `total - 5 = 8`", "total = top", 0),
    (Kind.OPERATION, "`kept[0] = 8` is the first", "`kept[:1] = [8]` is the first", "last, first", 0),
    (
        Kind.CONDITION,
        "With `number = 17`, `number > 4` is true",
        "With `number = 17`, `number > 4` is false",
        "half % 2 == 0",
        3,
    ),
    (Kind.OPERATION, "`total -= 5` leaves `total = 8`", "`total += 5` leaves `total = 8`", "total -= 5", 0),
    (Kind.OPERATION, "`total -= 5` is done", "`total //= 5` is done", "total -= 5", 0),
    (Kind.ASSIGNMENT, "`total -= 5` leaves `total = 8`", "`total -= 5` leaves `total = 13`", "total -= 5", 0),
    (
        Kind.ASSIGNMENT,
        "`kept.append(12)` makes `kept = [8, 5, 12]`",
        "`kept.append(12)` makes `kept = [8, 5]`",
        "kept.append(number)",
        2,
    ),
    (Kind.ASSIGNMENT, "It gives `half = 6`", "It gives `half = 2`", "half = number // 2", 2),
    (Kind.OPERATION, "`number // 2 = 17 // 2 = 8`", "`number // 2 = 16 // 2 = 8`", "half = number // 2", 3),
    (Kind.ASSIGNMENT, "`half = 8`", "`spare = 8`", "half = number // 2", 3),
    # operations
    (Kind.OPERATION, "`half = 17 // 2 = 8`", "`half = 17 - 9 = 8`", "half = number // 2", 3),
    (Kind.OPERATION, "`total = 17 - 4 = 13`", "`total = 26 // 2 = 13`", "total = top - least", 0),
    (Kind.CALL, "`max(numbers)` is `17`", "`min(numbers)` is `8`", "best = max(numbers)", 0),
    # what is done, in words
    (Kind.OPERATION, "It checks that the best is large enough", "The best are then sorted", "top = largest", 0),
    (Kind.OPERATION, "It makes sure that doubles are dropped", "It is first checked", "seen = set()", 0),
    (Kind.OPERATION, "`max`, which checks whether any is larger, is called", "It sorts them", "best = max", 0),
    (Kind.OPERATION, "It takes both ends", "It makes sure that there are two", "last, first = kept", 0),
    (Kind.OPERATION, "It takes both ends", "The check that there are two passes", "last, first = kept", 0),
    (Kind.VALUE, "`5` is stored in `seen`", "`4` is stored in `seen`", "seen.add(number)", 1),
    (Kind.VALUE, "It puts `5` into the kept ones", "It puts `4` into kept", "kept.append(number)", 1),
    (Kind.ASSIGNMENT, "Now the total stays at `8`", "Now the total stays at `13`", "total -= 5", 0),
    (Kind.CALL, "It calls `pause` with `3` and `5`", "It calls `pause` with `3` and `4`", "pause(3, 5)", 0),
    (Kind.OPERATION, "`5` is subtracted from `total`", "`5` is added to `total`", "total -= 5", 0),
    (Kind.OPERATION, "Here `13 - 5 = 8`", "Here `17 - 3 = 14`", "total -= 5", 0),
    (Kind.EQUATION, "Here `13 - 5` is `8`", "Here `13 - 4` is `8`", "total -= 5", 0),
    # of one moment
    (Kind.ASSIGNMENT, "`last = 17`, `first = 8`", "`last = 8`, `first = 17`", "last, first = kept", 0),
    (Kind.ASSIGNMENT, "This gives `total = 8`", "This gives `total = 13`", "total -= 5", 0),
    (Kind.ASSIGNMENT, "`total` is still `total = 3`", "`total` is still `total = 8`", "return [last", 0),
    # places and kinds
    (Kind.ASSIGNMENT, "`pair = (17, 4)`", "`pair = [17, 4]`", "pair = (top", 0),
    (Kind.EQUATION, "`17 // 2 = 8`", "`17 // 2 = 8.0`", "half = number // 2", 3),
    (Kind.VALUE, "`17 // 2 = 8`", "`'17' // 2 = 8`", "half = number // 2", 3),
]


@pytest.mark.parametrize(("kind", "right", "mistaken", "part", "number"), CASES)
def test_a_right_sentence_passes_and_a_wrong_one_does_not(kind, right, mistaken, part, number):
    assert RUN.contradicts(f"{right} {RUN.at(part, number)}.\n\nIt ends {RUN.whole}.") == set()
    assert kind in RUN.contradicts(f"{mistaken} {RUN.at(part, number)}.\n\nIt ends {RUN.whole}.")


# True, though the values are none of the line that is cited.
OPEN = [
    ("It is looking for a `number = 99`", "for number in numbers", 0),
    ("The loop has rounds for `number = 8` and `number = 12`", "for number in numbers", 0),
    ("It fails just as for `number = 5`", "kept.append(number)", 3),
    ("Summing up, it led to `half = 2`", "return [last", 0),
    ("`12` is kept, the same as it was at `half = 4`", "kept.append(number)", 3),
    ("As long as `number in seen` is false it goes on:", "kept = []", 0),
]


@pytest.mark.parametrize(("sentence", "part", "number"), OPEN)
def test_of_goals_and_of_other_rounds_the_cited_line_decides_nothing(sentence, part, number):
    assert RUN.contradicts(f"{sentence} {RUN.at(part, number)}.\n\nIt ends {RUN.whole}.") == set()


def test_the_same_without_the_words_for_it_is_contradicted():
    for claim, part, number in (("`number = 99`", "for number in numbers", 0), ("`half = 2`", "return [last", 0)):
        assert RUN.contradicts(f"Now {claim} {RUN.at(part, number)}.\n\nIt ends {RUN.whole}.") != set()


@pytest.mark.parametrize("cites", [True, False])
def test_the_opposite_of_a_condition_came_out_the_other_way_even_if_it_cannot_be_worked_out(cites):
    run = Told("def main_solution(n):\n    if sum(map(abs, [n])) == 4:\n        return 1\n    return 0\n", '{"n": -4}')
    at = run.at("if sum") if cites else ""
    assert run.contradicts(f"`sum(map(abs, [n])) != 4` is false {at}.\n\nIt ends {run.whole}.") == set()
    assert run.contradicts(f"`sum(map(abs, [n])) != 4` is true {at}.\n\nIt ends {run.whole}.") == {Kind.CONDITION}


def test_a_list_item_that_cites_once_does_so_for_all_of_its_sentences():
    cited = f"{RUN.at('half = number // 2', 2)}.\n\nIt ends {RUN.whole}."
    assert RUN.contradicts(f"1. `half = 6` comes out. Then it is even {cited}") == set()
    assert RUN.contradicts(f"1. `half = 8` comes out. Then it is even {cited}") == {Kind.ASSIGNMENT}
