"""What a text says of objects, of deep calls and of one moment: a right sentence and a wrong one for each rule."""

import pytest
from executions import Told

from execground_ray.verification import Kind
from execground_ray.verification.watched import watches_of

NODES = """\
class Node:
    def __init__(self, val, left=None):
        self.val = val
        self.left = left


def depth(node, seen):
    if node is None:
        return 0
    for _ in seen:
        break
    seen = seen + [node.val]
    return depth(node.left, seen) + 1


def main_solution(values):
    root = None
    for value in values:
        root = Node(value, root)
    grid = [[0] * len(values) for _ in values]
    grid[1][2] = 7
    found = depth(root, [])
    pairs = {}
    for n in range(3):
        rest = n * 5 - 1
        if rest > 8:
            pairs[n] = rest
        elif rest > 20:
            extra = 1
    return found
"""
RUN = Told(NODES, '{"values": [4, 6, 9]}')

# Kind, right, wrong, the part of the program that is cited, and which of the lines with it.
CASES = [
    (Kind.ASSIGNMENT, "`root.val = 9`", "`root.val = 6`", "grid[1][2] = 7", 0),
    (Kind.ASSIGNMENT, "`root.left.val = 6`", "`root.left.val = 4`", "grid[1][2] = 7", 0),
    (Kind.ASSIGNMENT, "`grid[1][2] = 7`", "`grid[1][2] = 8`", "found = depth", 0),
    (Kind.ASSIGNMENT, "`len(grid[0]) = 3`", "`len(grid[0]) = 2`", "found = depth", 0),
    (Kind.ASSIGNMENT, "`found = 3`", "`extra = 1`", "pairs = {}", 0),
    (Kind.CALL, "`depth(None, [9, 6, 4])` returns `0`", "`depth(None, [9, 6, 4])` returns `1`", "return depth", 1),
    (Kind.CALL, "The last is `depth(None, [9, 6, 4])`", "The last is `depth(None, [9, 4, 6])`", "return depth", 0),
    (Kind.CONDITION, "`rest > 8` is true", "`rest > 20` is true", "pairs[n] = rest", 0),
    (Kind.CONDITION, "This makes `rest > 8` true", "This makes `rest > 8` false", "if rest > 8", 2),
    (Kind.OPERATION, "`n * 5 - 1` is `9`", "`n * 4 - 1` is `9`", "rest = n * 5 - 1", 2),
    (Kind.OPERATION, "`n * 5 - 1` is `9`", "`n * 5 + 1` is `9`", "rest = n * 5 - 1", 2),
    (Kind.CONDITION, "Is it large? `9 > 8` is true", "Is it large? `9 > 7` is true", "if rest > 8", 2),
    (Kind.CALL, "`n` goes over `range(3)`", "`n` goes over `range(2)`", "for n in range(3)", 0),
    (Kind.ASSIGNMENT, "`n = 2`, so `n * 5 - 1 = 9`", "`n = 2`, so `n * 5 - 1 = 8`", "rest = n * 5 - 1", 2),
    (Kind.OPERATION, "`n = 2`", "`n = 2`, where `n + 1 = 3`", "for n in range(3)", 2),
]


@pytest.mark.parametrize(("kind", "right", "mistaken", "part", "number"), CASES)
def test_a_right_sentence_passes_and_a_wrong_one_does_not(kind, right, mistaken, part, number):
    assert RUN.contradicts(f"It begins {RUN.whole}. {right} {RUN.at(part, number)}.") == set()
    assert kind in RUN.contradicts(f"It begins {RUN.whole}. {mistaken} {RUN.at(part, number)}.")


def test_a_claim_is_held_against_the_moments_that_the_sentence_names():
    assert RUN.contradicts(f"With `n = 1` the value of `n * 5 - 1` is `4` {RUN.whole}.") == set()
    assert RUN.contradicts(f"With `n = 1` the value of `n * 5 - 1` is `9` {RUN.whole}.") != set()


def test_what_stands_behind_where_is_said_of_the_new_value():
    told = "`rest > 8` is false for `rest = 4`, and later on `n * 5 - 1 = 9`"
    assert RUN.contradicts(f"{told}, where `rest > 8` is true {RUN.whole}.") == set()
    assert RUN.contradicts(f"{told}; with `rest = 4`, `rest > 8` is true {RUN.whole}.") == {Kind.CONDITION}


def test_what_is_told_together_is_so_at_one_time():
    for told, kinds in (
        ("for `n = 1`, `rest = 4`", set()),
        ("for `n = 1`, `rest = 9`", {Kind.ASSIGNMENT}),
        ("there are `rest = 4` at `n = 1` and `rest = 9` at `n = 2`", set()),
    ):
        assert RUN.contradicts(f"It begins {RUN.whole}.\n\nSo it goes, {told} {RUN.whole}.") == kinds, told


def test_what_a_sentence_leaves_open_is_not_false():
    assert RUN.contradicts(f"It looks for a node with `found = 0` {RUN.whole}.") == set()
    assert RUN.contradicts(f"With `found = 0` it looks for a node {RUN.whole}.") == {Kind.ASSIGNMENT}
    assert RUN.contradicts(f"Any call with `found = 0` or `found = 1` would be done {RUN.whole}.") == set()


def test_watches_of_a_text():
    text = "`root.left.val = 6` and `len(grid[0]) = 3`, but `strange.val = 1` and `root` [3-4]. `grid[i + 1][2]` [5]."
    assert watches_of(text, NODES) == [
        "root.left.val",
        "root.left",
        "len(grid[0])",
        "grid[0]",
        "grid[i + 1][2]",
        "grid[i + 1]",
    ]


DOUBLED = """\
def main_solution(word):
    rows = []
    for letter in word:
        row = letter * 2
        rows.append(row)
    return rows
"""
ROWS = Told(DOUBLED, '{"word": "bca"}')


@pytest.mark.parametrize(
    ("told", "is_wrong"),
    [
        ("`'b'`, `'c'` and `'a'`", False),
        ("`'bb'`, `'cc'` and `'aa'`", False),
        ("`'aa'`, `'cc'` and `'bb'`", False),  # back from the end
        ("`'aa'`, `'bb'` and `'cc'`", False),  # as anybody sorts them, up or down
        ("`'cc'`, `'bb'` and `'aa'`", False),
        ("`'bb'` and `'aa'`", False),  # not all of them
        ("`'bb'`, `'aa'` and `'cc'`", True),
        ("`'b'`, `'a'`, and `'c'`", True),
        ("'bb', 'aa' and 'cc'", False),  # no code
        ("Would it be `'bb'`, `'aa'` and `'cc'`?", False),
        ("rows, and none but `'bb'`, `'aa'` and `'cc'`", False),
    ],
)
def test_values_in_a_row_are_told_in_the_order_of_the_run(told, is_wrong):
    assert ROWS.contradicts(f"In turn we get {told} {ROWS.whole}.") == ({Kind.VALUE} if is_wrong else set())


def test_values_without_an_order_are_told_in_any():
    run = Told("def main_solution(word):\n    found = set(list(word))\n    return len(found)\n", '{"word": "bca"}')
    assert run.contradicts(f"It has `'b'`, `'a'` and `'c'` {run.whole}.") == set()


def test_an_attribute_may_have_the_name_of_a_variable_that_is_assigned_later():
    program = """\
class Box:
    def __init__(self):
        self.found = []


def main_solution(size):
    box = Box()
    found = size + 1
    return found
"""
    run = Told(program, '{"size": 4}')
    made = f"[{run.at('>>> Call to Box')[1:-1]}-{run.at('box = Box', 1)[1:-1]}]"
    assert run.contradicts(f"The box is made, and `found = []` {made}.") == set()
    assert run.contradicts(f"Now `found = []` {run.at('found = size')}.") == {Kind.ASSIGNMENT}


def test_of_a_quotient_that_a_text_writes_out_a_whole_number_may_be_made():
    run = Told("def main_solution(size):\n    half = int(size / 2)\n    return half\n", '{"size": 6}')
    made = run.at("half = int")
    assert run.contradicts(f"`half` is `6 / 2` {made}.") == set()
    for wrong in ("6 / 3", "3.0"):
        assert run.contradicts(f"`half` is `{wrong}` {made}.") != set()
