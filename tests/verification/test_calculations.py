"""What a text says is calculated, compared, given and gone through: a right sentence and a wrong one for each rule."""

import pytest
from executions import Told

from execground_ray.verification import Kind

PROGRAM = """\
from collections import deque


class Tag(str):
    pass


class Jar:
    def __init__(self, size, owner):
        self.size = size
        self.marks = {owner: size, "cap": 20}
        self.filled = 0

    def pour(self, amount):
        self.filled += (self.size - amount)
        return self.filled


def squared(number):
    return number * number


def spelled(words):
    return [letters(word) for word in words]


def letters(word):
    return [letter for letter in word]


def main_solution(low, high, words):
    middle = (low + high) // 2
    total = 4
    total += low + high
    widest = max(len(word) for word in words)
    counts = {"a": 5, "b": 9}
    for key in "ab":
        counts[key] += high - middle
    try:
        counts["z"] += 1
    except KeyError:
        tagged = Tag("no") + "ne"
    four = squared(2)
    sides = low, high
    sunk = -low
    moved = high + sunk
    far = low + high - middle
    shout = words[low].upper()
    options = {"low": 7, "list": 9}
    matrix = [low, high]
    queue = deque(matrix)
    seen = set()
    found = [jar for jar in [Jar(8, "Al"), Jar(9, "Bo")]]
    jar = found[0]
    left = jar.pour(3)
    kept = list(filter(lambda number: number < high**2, matrix))
    if words[0] != words[1] or low > high:
        for index in range(0, high - 3):
            if index == 1:
                break
            place = index * 3
            share = index * 7 - 0
    split = spelled(words)
    whole = not any(word == "b" for word in words) and low < high
    part = words[1][:2]
    tripled = [number * 3 for number in matrix]
    firsts = [word[:1] for word in words]
    loud = [word.upper() + word.lower() for word in words]
    most = max(high, low)
    ring = deque([9])
    for even in range(0, 5, 2):
        last = even
        half = even // 2
        ring.rotate(half)
        ring.append(str(half))
    ordered = sorted([9, 8])
    if ordered == matrix:
        return None
    return sides
"""
RUN = Told(PROGRAM, '{"low": 1, "high": 6, "words": ["a", "bcd"]}')

# Kind, right, wrong, the part of the program that is cited, and which of the lines with it.
CASES = [
    # an operation is the one that is done, even if the same comes of another
    (Kind.OPERATION, "`middle = (1 + 6) // 2 = 3`", "`middle = (6 + 1) // 2 = 3`", "middle = ", 0),
    (Kind.OPERATION, "`middle` becomes `(1 + 6) // 2 = 3`", "`middle` becomes `(8 - 1) // 2 = 3`", "middle = ", 0),
    (Kind.OPERATION, "`(low + high) // 2 = 7 // 2 = 3`", "`(low + high) // 2 = 6 // 2 = 3`", "middle = ", 0),
    (Kind.OPERATION, "`total = 4 + 1 + 6 = 11`", "`total = 4 + 6 + 1 = 11`", "total += ", 0),
    (Kind.OPERATION, "`total = 4 + (1 + 6) = 11`", "`total = 4 + 1 * 7 = 11`", "total += ", 0),
    (Kind.OPERATION, "`total += 1 + 6` is done", "`total -= 1 + 6` is done", "total += ", 0),
    (Kind.OPERATION, "`counts['a'] += 6 - 3` is done", "`counts['a'] -= 6 - 3` is done", "counts[key] +=", 0),
    (Kind.OPERATION, "`self.filled += (8 - 3)` is done", "`self.filled += (8 + 3)` is done", "self.filled +=", 0),
    (Kind.OPERATION, "`place = 0 * 3 = 0`", "`place = 0 * 7 = 0`", "place = ", 0),
    (Kind.OPERATION, "`moved = 6 - 1 = 5`", "`moved = 6 - 0 - 1 = 5`", "moved = ", 0),
    (Kind.OPERATION, "`far = 1 + 3 = 4`", "`far = 2 + 2 = 4`", "far = ", 0),
    (Kind.OPERATION, "Of this `high - middle` is a part", "Of this `middle - high` is a part", "far = ", 0),
    (Kind.OPERATION, "`counts['a'] = 5 + 3 = 8`", "`counts['a'] = 4 + 4 = 8`", "counts[key] +=", 0),
    (Kind.OPERATION, "`most = max(6, 1) = 6`", "`most = max(6, 5) = 6`", "most = ", 0),
    (Kind.OPERATION, "`most` becomes `max(6, 1) = 6`", "`most` becomes `min(6, 7) = 6`", "most = ", 0),
    (Kind.CALL, "`words[1].upper()` will be loud", "`words[0].upper()` will be loud", "matrix = ", 0),
    (Kind.OPERATION, "By `number * number` it is four", "By `self.size - amount` it is four", "four = ", 0),
    # comparisons keep their order, and conditions what joins them
    (Kind.CONDITION, "`'a' != 'bcd'` is true", "`'bcd' != 'a'` is true", "if words[0]", 0),
    (Kind.CONDITION, "`True and True` is true", "`True or True` is true", "whole = ", 0),
    (Kind.CONDITION, "`not any(word == 'b' for word in words)` is true", "`low in seen` is true", "whole = ", 0),
    (
        Kind.CONDITION,
        "`words[0] != words[1]`, with `low = 1`, is true",
        "`words[0] != words[1]`, with `low = 1` and `high = 6`, is false",
        "if words[0]",
        0,
    ),
    # loops and ranges: where they end
    (Kind.OPERATION, "The places `0` up to `high - 1` are there", "The place `high - 1` is there", "middle = ", 0),
    (Kind.ASSIGNMENT, "`low = 1` – `index = 0`", "`low = 1` – `index = 1`", "place = ", 0),
    (Kind.ASSIGNMENT, "It goes from `index = 0` to `index = 1`", "It goes from `index = 0` to `index = 2`", "place", 0),
    (Kind.CALL, "It goes over `range(0, 5, 2)`", "It goes over `range(0, 6, 2)`", "for even in", 0),
    (Kind.ASSIGNMENT, "For `index = 0` it is `0`", "For `index = 1` it is `0`", "place = ", 0),
    # kinds
    (Kind.ASSIGNMENT, "`seen = set()`", "`seen = {}`", "seen = ", 0),
    (Kind.ASSIGNMENT, "`words[1][:2] = 'bc'`", "`words[1][:2] = ['b', 'c']`", "part = ", 0),
    (Kind.ASSIGNMENT, "`word[:1] = 'b'` is last", "`word[:1] = ['b']` is last", "firsts = ", 0),
    (Kind.CALL, "`deque(matrix)` returns `deque([1, 6])`", "`deque(matrix)` returns `[1, 6]`", "queue = ", 0),
    (Kind.CALL, "It returns the tuple `(1, 6)`", "It returns the list `[1, 3]`", "return sides", 0),
    (Kind.CALL, "It takes `str(half) = '0'` first", "It takes `str(most) = '6'` first", "for even in", 0),
    (Kind.ASSIGNMENT, "The list of the pairs `sides` is `[(1, 6)]`", "The `sides` is `[(1, 6)]`", "return sides", 0),
    (Kind.ASSIGNMENT, "`queue = deque(matrix)` makes `queue = [1, 6]`", "It makes `queue = [1, 6]`", "queue = ", 0),
    (Kind.ASSIGNMENT, "So from `total = 4` it is `total = 11`", "So it has `total = 4` and more", "total += ", 0),
    (Kind.ASSIGNMENT, "`queue` holds `[1, 6]`", "`queue` becomes `[1, 6]`", "queue = ", 0),
    (Kind.ASSIGNMENT, "`matrix` gets `2` numbers", "`matrix` gets `2`, numbers", "matrix = ", 0),
    (Kind.ASSIGNMENT, "`matrix` becomes a list of `1 + 1 = 2` numbers", "`matrix` becomes `1 + 1 = 2`", "matrix = ", 0),
    (Kind.ASSIGNMENT, "`queue` holds `1` and more", "`queue` is `1`, and more", "queue = ", 0),
    (Kind.ASSIGNMENT, "`low` holds `1`", "`low` holds `2`", "queue = ", 0),
    (Kind.ASSIGNMENT, "It has `low = 7`", "It has `low = 8`", "options = ", 0),
    (Kind.ASSIGNMENT, "`counts` gets `'a': 5`", "`counts` gets `{'a': 5}`", "counts = ", 0),
    (Kind.CALL, "`spelled` returns the list of `2` lists", "`spelled` returns `2`", "value from spelled", 0),
    (Kind.ASSIGNMENT, "`counts` gets `'a'` as `5`", "`counts` gets `'a'`", "counts = ", 0),
    # attributes, and calls of functions that the program has not
    (Kind.ASSIGNMENT, "`self.marks = {'Al': 8, 'cap': 20}`", "`self.marks = {'Al': 20, 'cap': 8}`", "self.marks = ", 0),
    (Kind.CALL, "`squared(2)` is `4`", "`max(low, high)` is `6`", "four = ", 0),
    (Kind.CALL, "`squared(number=2)` is `4`", "`squared(number=3)` is `9`", "four = ", 0),
    (Kind.CALL, "`word.upper()` is taken", "`word.strip()` is taken", "loud = ", 0),
    # what is empty, where nothing is
    (Kind.VALUE, "It sets `total = 4`", "It sets `total = 4` and `[]`", "total = 4", 0),
    # what another clause denies, or calls the same
    (Kind.ASSIGNMENT, "`total = 4` and so nothing is left", "`total = 6` and so nothing is left", "total = 4", 0),
    (Kind.ASSIGNMENT, "The same goes on, with `total = 4`", "The same goes on, with `total = 6`", "total = 4", 0),
    # where nothing is compared
    (Kind.CONDITION, "It sets `total = 4`", "`2 < 6` is true, so it sets `total = 4`", "total = 4", 0),
    # what methods are called of, and they cannot change
    (Kind.ASSIGNMENT, "It comes to `word = 'a'`", "It comes to `word = 'bc'`", "loud = ", 0),
]


@pytest.mark.parametrize(("kind", "right", "mistaken", "part", "number"), CASES)
def test_a_right_sentence_passes_and_a_wrong_one_does_not(kind, right, mistaken, part, number):
    assert RUN.contradicts(f"It begins {RUN.whole}. {right} {RUN.at(part, number)}.") == set()
    assert kind in RUN.contradicts(f"It begins {RUN.whole}. {mistaken} {RUN.at(part, number)}.")


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("It keeps what is below `high**2`, and `high**2 = 6**2 = 36`", "kept = "),  # is called later
        ("With `q = deque([jar])` there is something", "queue = "),  # a value with an object in it, and no call
        ("The functions `squared(number)` and `letters(word)` are defined", "middle = "),
        ("`letters(word)` returns `['a']`", "return [letters"),  # in the first of the comprehension's rounds
        ("`squared(2)`, where there is nothing like the `range(0, 3)`, returned `4`", "for index in"),
        ("Each becomes `number * 3`, which gives `[3, 18]`", "tripled = "),
        ("It is not the object with `size = 9`", ">>> Call to Jar.__init__"),  # an attribute of another object
        ("`self.filled += 5` leaves `self.filled = 5`, so `jar.filled = 5`", "self.filled += "),  # by another name
        ("There are `2 * 3 = 6` ways to do that", "middle = "),
        ("Together they are `sum((1, 6)) = 7`", "matrix = "),
        ("By `word.upper()` it will be loud", "matrix = "),  # later on
        ("As `8 < 9`, they change places", "ordered = "),  # where something else is compared, too
        ("It goes on without `seen.add(low)` ever being called", "matrix = "),
        ("The other child (`jar.size = 9`) comes later", "left = "),
        ("For the words `['a', 'bcd']` that is next", "place = "),  # values of other lines
        ("The time `9:63` is told", "place = "),
        ("`widest = max(1, 3) = 3`", "widest = "),
        ("As `3 > 1`, it is `widest = 3`", "widest = "),  # which `max` compares
        ("Each place `(low, high)` gets the value `3`", "sides = "),
        ("It begins with `high = 6`, and over `index = 0` it goes on", "part = "),  # another time
        ("It stores `seen` as one of many", "middle = "),
        ("What follows restores `seen` again", "middle = "),
        ("It returns `(1,)` followed by `(6,)`", "return sides"),
        ("Here `word[:1]` gives `['a', 'b', 'a']`", "firsts = "),
        ("It begins with an empty `deque()`", "queue = "),
        ("The triples `[3, 18]` come later on", "matrix = "),
        ("It returns `'low': 1`", "return sides"),
        ("`counts['z'] += 1` is tried", 'counts["z"] += 1'),  # and raises an exception
        ("In the loop over `range(0, 6 - 3)` it is a product", "share = "),  # whose head is not cited
        ("The sides are hashed by SHA-256 later on", "return sides"),  # a name
        ("Per round it appends `str(half)`", "for even in"),  # whose head is cited
        ("As it was found at `index = 0` and `low = 1`, it goes on", "part = "),  # other times
        ("With `low = 1`, nothing is left of `index = 0`", "break"),
        ("This one, made for `index = 0` in `total = 4`, is last", "share = "),
    ],
)
def test_what_may_be_said(sentence, part):
    assert RUN.contradicts(f"It begins {RUN.whole}. {sentence} {RUN.at(part, 0)}.") == set()


def test_a_sentence_without_lines_may_explain_what_is_so_at_some_time():
    explained = f"It begins {RUN.whole}. It works out `low - high`, and `middle` is `3`."
    assert RUN.contradicts(explained) == set()
    assert RUN.contradicts(explained.replace("`3`", "`5`")) == {Kind.ASSIGNMENT}
    assert RUN.contradicts(f"It begins {RUN.whole}. It works out `2 + 2 = 5`.") == {Kind.EQUATION}


def test_behind_a_semicolon_it_may_be_another_moment():
    told = f"It begins {RUN.whole}. It comes from `index = 0`; then `index == 1` is true {RUN.at('if index == 1', 1)}."
    assert Kind.CONDITION not in RUN.contradicts(told)
    assert Kind.CONDITION in RUN.contradicts(told.replace("; then", ", and so"))


def test_a_sentence_may_begin_with_the_round_before():
    first, second = RUN.at("share = ")[1:-1], RUN.at("index = 1")[1:-1]
    rounds = f"After `index = 0` the next one begins [{first}-{second}]."
    assert RUN.contradicts(f"It begins {RUN.whole}. {rounds}") == set()
    assert RUN.contradicts(f"It begins {RUN.whole}. {rounds.replace('= 0', '= 2')}") == {Kind.ASSIGNMENT}


def test_it_is_what_the_sentence_is_about():
    first, second = RUN.at("if index == 1")[1:-1], RUN.at("if index == 1", 1)[1:-1]
    sentence = f"`index == 1` is false with `0 == 1`, and it is true with `1 == 1` [{first}-{second}]."
    assert RUN.contradicts(f"It begins {RUN.whole}. {sentence}") == set()
    wrong = sentence.replace("and it is true with", "which is true, and not with")
    assert RUN.contradicts(f"It begins {RUN.whole}. {wrong}") == {Kind.CONDITION}


def test_of_two_steps_one_may_leave_what_there_is_as_it_is():
    first, last = RUN.at("ring.rotate")[1:-1], RUN.at("ring.append")[1:-1]
    steps = "`ring.rotate(0)` leaves `ring = deque([9])`, and `ring.append('0')` makes `ring = deque([9, '0'])`"
    assert RUN.contradicts(f"It begins {RUN.whole}. {steps} [{first}-{last}].") == set()
    wrong = steps.replace("([9, '0'])", "([9])")
    assert RUN.contradicts(f"It begins {RUN.whole}. {wrong} [{first}-{last}].") == {Kind.ASSIGNMENT}


NESTED = """\
import json


def same(many):
    return list(map(abs, many))


def positive(many):
    return same(many)


def main_solution(many):
    return json.dumps(positive(many))
"""


def test_what_a_function_of_a_library_returned_is_known_too():
    run = Told(NESTED, '{"many": [1, 6]}')
    encoding = f"It begins {run.whole}. `encode(obj)` returns `'[1, 6]'` {run.at('_default_encoder.encode', 1)}."
    assert run.contradicts(encoding) == set()
    assert run.contradicts(encoding.replace("'", "")) == {Kind.CALL}


OBJECTS = """\
from fractions import Fraction


def main_solution(one, other):
    half, third = Fraction(1, one), Fraction(1, other)
    alike = half == third
    return alike
"""


def test_an_object_may_be_told_by_what_makes_it():
    run = Told(OBJECTS, '{"one": 2, "other": 3}')
    compared = f"It begins {run.whole}. `Fraction(1, 2) == Fraction(1, 3)` is false {run.at('alike = ')}."
    assert run.contradicts(compared) == set()
    assert run.contradicts(compared.replace("==", "<")) == {Kind.CONDITION}
    assert run.contradicts(compared.replace("== Fraction", "== Decimal")) == {Kind.CALL, Kind.CONDITION}


PLACES = """\
import numpy as np


def main_solution(many):
    i = 2
    pick = lambda i: many[i]
    grid = np.zeros((2, 2))
    row, col = 0, 1
    grid[row, col] = 1
    grid[:, 0] = 3
    return pick(1)
"""


def test_what_a_lambda_is_given_and_what_an_array_makes_of_a_number_is_left_open():
    run = Told(PLACES, '{"many": [7, 5]}')
    begin = f"It begins {run.whole}."
    picked = f"{begin} The function takes what stands at `i = 1` {run.at('pick = lambda')}."
    assert run.contradicts(picked) == set()
    assert run.contradicts(picked.replace("i = 1", "many = [5]")) == {Kind.ASSIGNMENT}
    placed = f"{begin} `grid[row, col] = 1` with `row = 0` and `col = 1` is set {run.at('grid[row, col]')}."
    assert run.contradicts(placed) == set()
    assert run.contradicts(placed.replace("] = 1", "] = 2")) == {Kind.ASSIGNMENT}
    filled = f"{begin} `grid` becomes `[[3.0, 1.0], [3.0, 0.0]]` {run.at('grid[:, 0] =')}."
    assert run.contradicts(filled) == set()
    assert run.contradicts(filled.replace("1.0", "2.0")) == {Kind.ASSIGNMENT, Kind.VALUE}


CUBE = """\
import numpy as np

cube = np.reshape(["a", "b", "c", "d"], (1, 2, 2))


def turn(face):
    if face == "U":
        cube[0, :, :] = np.rot90(cube[0, :, :], 1)


def main_solution(face):
    turn(face)
    return cube[0, :, :].tolist()
"""


def test_what_is_put_into_a_part_of_an_array_is_left_open():
    run = Told(CUBE, '{"face": "U"}')
    turned = "`np.rot90(cube[0, :, :], 1)` makes `cube[0, :, :] = [['b', 'd'], ['a', 'c']]`"
    assert run.contradicts(f"It begins {run.whole}. {turned} {run.at('cube[0, :, :] =')}.") == set()


def test_which_generators_are_used_up_is_left_open():
    run = Told(
        "def walk(n):\n    if n:\n        yield n\n        yield from walk(n - 1)\n\n\n"
        "def main_solution(n):\n    return list(walk(n))\n",
        '{"n": 2}',
    )
    assert run.contradicts(f"It begins {run.whole}. Then `walk(7)` is used up {run.at('list(walk')}.") == set()


DEEP = """\
class Pile:
    def __init__(self, many, below):
        self.many = many
        self.below = below

    def drop(self):
        if self.below:
            return self.below.drop()
        taken = self.many.pop()
        return taken


def main_solution(many):
    pile = None
    for more in range(4):
        pile = Pile([*many, more], pile)
    return pile.drop()
"""


GROW = """\
def grow(length, depth):
    if depth == 0:
        return length
    total = length + grow(length // 2, depth - 1) + grow(length // 2, depth - 1)
    return total


def main_solution(length):
    return grow(length, 3)
"""


def test_what_a_call_without_lines_works_out_may_be_told_step_by_step():
    run = Told(GROW, '{"length": 8}')
    grown = f"It begins {run.whole}. Inside, `total` becomes `2 + 1 = 3`, and then `3 + 1 = 4` {run.at('total = ')}."
    assert Kind.OPERATION not in run.contradicts(grown)


def test_what_a_call_without_lines_makes_of_a_list_of_its_object_is_left_open():
    run = Told(DEEP, '{"many": [7, 5]}')
    dropped = f"It begins {run.whole}. Then `self.many.pop()` leaves `self.many = [7, 5]` {run.at('below.drop(', 1)}."
    assert run.contradicts(dropped) == set()
    wrong = dropped.replace("many.pop()` leaves `self.many = [7, 5]", "below.drop()` returns `5")
    assert run.contradicts(wrong) == {Kind.CALL}


SHARED = """\
class Jar:
    known = {}


def main_solution(size):
    Jar.known[size] = size * 2
    return size
"""


def test_what_is_put_into_a_list_of_a_class_is_left_open():
    run = Told(SHARED, '{"size": 7}')
    put = f"It begins {run.whole}. `Jar.known[size] = 14` makes `Jar.known = {{7: 14}}` {run.at('Jar.known[size]')}."
    assert run.contradicts(put) == set()
    assert run.contradicts(put.replace("Jar.known = {7: 14}", "size = 9")) >= {Kind.ASSIGNMENT}


TAKEN = """\
def main_solution(one, other):
    taken = [(one if len(one) > 1 else other).pop(0) for _ in range(4)]
    return taken
"""


def test_what_a_comprehension_leaves_on_the_way_may_be_told():
    run = Told(TAKEN, '{"one": [7, 5, 4], "other": [1, 2, 3]}')
    left = f"It begins {run.whole}. At `_ = 0` it takes `7` and leaves `one = [5, 4]` {run.at('taken = ')}."
    assert run.contradicts(left) == set()
    assert run.contradicts(left.replace("[5, 4]", "[4, 5]")) == {Kind.ASSIGNMENT, Kind.VALUE}


ASKED = """\
def odd(n):
    return n % 2 == 1


def kept(low, high):
    return filter(odd, range(low, high))


def main_solution(low, high):
    return list(kept(low, high))
"""


def test_a_range_that_is_told_ends_where_it_ends_in_the_run():
    run = Told(ASKED, '{"low": 3, "high": 7}')
    asks = f"It begins {run.whole}. It asks for the numbers `n = 3` to `n = 6` in turn {run.at('>>> Call to odd')}."
    assert run.contradicts(asks) == set()
    assert run.contradicts(asks.replace("n = 6", "n = 7")) == {Kind.ASSIGNMENT}


PATHS = """\
def main_solution(count):
    paths = {1: 1, 2: 1}
    for place in range(3, count + 1):
        paths[place] = paths[place - 1] + paths[place - count**0.5]
    return paths[count]
"""


def test_a_key_may_be_told_as_the_integer_that_it_is():
    run = Told(PATHS, '{"count": 4}')
    added = "`paths[4]` becomes `paths[3] + paths[2] = 2 + 1 = 3`"
    taken = added.replace("[3] + paths", "[3] - paths")
    cited = run.at("paths[place] =", 1)
    assert run.contradicts(f"It begins {run.whole}. {added} {cited}.") == set()
    assert run.contradicts(f"It begins {run.whole}. {taken} {cited}.") != set()


def test_a_fraction_is_one_number():
    run = Told("def main_solution(n):\n    share = 0.5 ** n\n    return share", '{"n": 7}')
    assert run.contradicts(f"It is `1 / 128`, and so `share = 0.0078125` {run.whole}.") == set()
    assert run.contradicts(f"It is one of `128`, and so `share = 0.0078125` {run.whole}.") == {Kind.VALUE}


SPREAD = """\
def main_solution(size):
    half = size // 2
    third = size // 3
    rest = size - half
    double = size * 2
    row = [0] * size
    return row
"""


def test_an_index_is_one_of_something_at_these_lines():
    run = Told(SPREAD, '{"size": 20}')
    behind = f"It begins {run.whole}. Behind index `17` comes a `0` {run.at('row = ')}."
    assert run.contradicts(behind) == set()
    early = f"It begins {run.whole}. It makes `half = 10`, and is far from `17` {run.at('half = ')}."
    assert run.contradicts(early) == {Kind.VALUE}
