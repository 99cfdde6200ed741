"""Automatic mistakes for texts that the template wrote: each is one change that makes a true text false.

A kind of mutation is a function of a text, the returned value and a random generator; it gives the changed text, or
None where the text has no place for it. What is counted as a mistake that must be found:

* ``change_number``: one number, anywhere. Left out are numbers in a quoted condition whose outcome stays the same
  ("`2 < 5` is true" stays true of 3), and in strings, where a digit is a letter like any other.
* ``swap_values``: the values of two statements of the same paragraph, next to each other, that differ.
* ``flip_condition``: one "true" becomes "false" or the other way round.
* ``drop_last_step``: the text ends before the sentence that says what the call returns.
* ``invent_value``: one sentence more, that gives a name of the program a value it never had, or a new name a value.
* ``change_type``: the final answer in another type: 5 as '5', [1, 2] as (1, 2).
* ``off_by_one_count``: one more or one less of what is counted: rounds, depth of a recursion, bounds of a range.
"""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections.abc import Callable
from typing import Any

_NUMBER = re.compile(r"(?<![\w.'\"])\d+(?:\.\d+)?(?![\w'\"]|\.\d)")
_SPAN = re.compile(r"`([^`\n]+)`")
_VALUE = re.compile(r"(?:`[\w.]+` (?:becomes|is set to|returns) `|`[\w.]+ = )(?P<value>[^`]+)`")
_OUTCOME = re.compile(r"\b(?:is|which is) (true|false)\b")
_COUNT = re.compile(
    r"\((\d+) times\)|\(recursion depth (\d+)\)|\brange\((?:\d+, )?(\d+)\)`|\b(\d+) (?:times|rounds|iterations)\b"
)
_FINAL = re.compile(r"\*\*Final output:\*\* `(.*)`\s*$", re.DOTALL)

Mutation = Callable[[str, Any, random.Random], str | None]


def change_number(text: str, returned: Any, chance: random.Random) -> str | None:
    """One number is another."""
    places = list(_NUMBER.finditer(text))
    chance.shuffle(places)
    spans = list(_SPAN.finditer(text))
    for place in places:
        step = chance.choice((-2, -1, 1, 2))
        changed = _shifted(place.group(), step)
        span = next((span for span in spans if span.start() < place.start() < span.end()), None)
        if span is not None:
            inside = span[1]
            at = place.start() - span.start() - 1
            if not _makes_false(inside, inside[:at] + changed + inside[at + len(place.group()) :], at):
                continue
        return text[: place.start()] + changed + text[place.end() :]
    return None


def _shifted(number: str, step: int) -> str:
    if "." in number:
        return str(round(float(number) + step, 6))
    return str(abs(int(number) + step) if int(number) + step else int(number) + 3)


def _makes_false(before: str, after: str, at: int) -> bool:
    """Whether the changed inside of a code span says something else about the run."""
    head = before[:at]
    if (head.count("'") - head.count("\\'")) % 2 or (head.count('"')) % 2:
        return False
    try:
        tree = ast.parse(before, mode="eval").body
    except SyntaxError:
        return True  # `name = value` and the like
    if not isinstance(tree, ast.Compare | ast.BoolOp | ast.UnaryOp):
        return True
    try:
        outcome = [bool(eval(source, {"__builtins__": {}})) for source in (before, after)]  # noqa: S307 - our own text
    except Exception:
        return False
    return outcome[0] is not outcome[1]


def swap_values(text: str, returned: Any, chance: random.Random) -> str | None:
    """Two neighbouring values change places."""
    found = list(_VALUE.finditer(text))
    pairs = [
        (left, right)
        for left, right in itertools.pairwise(found)
        if left["value"].rpartition(" = ")[2] != right["value"].rpartition(" = ")[2]
        and "\n\n" not in text[left.end() : right.start()]
        and " = " not in left["value"] + right["value"]
    ]
    if not pairs:
        return None
    left, right = chance.choice(pairs)
    (a, b), (c, d) = left.span("value"), right.span("value")
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def flip_condition(text: str, returned: Any, chance: random.Random) -> str | None:
    """A condition comes out the other way."""
    found = list(_OUTCOME.finditer(text))
    if not found:
        return None
    place = chance.choice(found)
    flipped = "false" if place[1] == "true" else "true"
    return text[: place.start(1)] + flipped + text[place.end(1) :]


def drop_last_step(text: str, returned: Any, chance: random.Random) -> str | None:
    """The text ends before the call returns."""
    last = text.rfind("`main_solution` returns")
    if last < 0:
        return None
    begin = max(text.rfind(mark, 0, last) + len(mark) for mark in (". ", ".\n", ": ", "\n\n"))
    return text[:begin].rstrip() or None


def invent_value(text: str, returned: Any, chance: random.Random) -> str | None:
    """A value that is from nowhere."""
    paragraphs = text.split("\n\n")
    names = sorted(set(re.findall(r"`([a-z_]\w*)` (?:becomes|is set to) `", text)))
    value = chance.choice([str(chance.randint(1_000, 9_000)), f"'{''.join(chance.choices('qxzjkv', k=7))}'"])
    known = names and chance.random() < 0.5
    name = chance.choice(names) if known else chance.choice(["spare_count", "temp_mark", "best_so_far"])
    if value in text or (not known and name in text):
        return None
    place = chance.randrange(1, len(paragraphs))
    paragraphs.insert(place, f"Here `{name}` becomes `{value}`.")
    return "\n\n".join(paragraphs)


def change_type(text: str, returned: Any, chance: random.Random) -> str | None:
    """The right value in the wrong type."""
    final = _FINAL.search(text)
    if final is None:
        return None
    return text[: final.start(1)] + _other_type(returned) + text[final.end(1) :]


def _other_type(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return f"'{value}'"
    if isinstance(value, int):
        return f"'{value}'"
    if isinstance(value, float):
        return f"'{value}'" if value % 1 else str(int(value))
    if isinstance(value, str):
        return value if re.fullmatch(r"-?\d+(\.\d+)?|True|False|None", value) else repr([value])
    if isinstance(value, list):
        return repr(tuple(value))
    return repr(list(value.items()))


def off_by_one_count(text: str, returned: Any, chance: random.Random) -> str | None:
    """One more, or one less."""
    found = list(_COUNT.finditer(text))
    if not found:
        return None
    place = chance.choice(found)
    group = place.lastindex or 1
    changed = str(max(0, int(place[group]) + chance.choice((-1, 1))))
    if changed == place[group]:
        return None
    return text[: place.start(group)] + changed + text[place.end(group) :]


MUTATIONS: dict[str, Mutation] = {
    "change_number": change_number,
    "swap_values": swap_values,
    "flip_condition": flip_condition,
    "drop_last_step": drop_last_step,
    "invent_value": invent_value,
    "change_type": change_type,
    "off_by_one_count": off_by_one_count,
}
