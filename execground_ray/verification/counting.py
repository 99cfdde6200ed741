"""Counts that a text gives in words or digits: "six words", "after two rounds", "the remaining 12 characters".

Comes in: ``plain`` text, its operands and ``Facts``. Goes out: the operands that count something which the run does not
have that often. Counts of the text's own parts ("three steps") and of the program's ("two branches") are left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from execground_ray.verification.citing import Operand
from execground_ray.verification.facts import Facts

_NOUN = re.compile(
    r"^[`*\"']*[ -](?:(?:(?:more|other|different|distinct|remaining|separate|single|possible|such|valid|new|full|whole|complete|"
    r"unique|consecutive|recursive|further|total|of the|of these|of those|of its|closing|opening|even|odd|prime)|\w+(?:ed|ing|ic|al|ive|ous|ful))[ ]){0,2}"
    r"`?(?P<noun>[a-z]{3,}s|children|people|men|women|vertices|indices|matrices|dice)\b",
    re.IGNORECASE,
)
_TIMES = frozenset("times calls".split())
_ROUNDS = frozenset("rounds iterations passes loops repetitions turns cycles".split())
_OWN = frozenset(
    """steps cases checks conditions parts stages phases functions branches rules things ways reasons sides ends arguments
    parameters variables lines options possibilities properties facts questions criteria tests methods comparisons
    operations assignments statements sections quadrants directions halves thirds quarters brackets kinds types sorts
    this its has was does is as plus minus versus less equals gives yields always bits bytes seconds minutes hours days
    points digits_of sets means becomes divides remains stays helpers classes returns contains levels""".split()
)
_BEFORE = re.compile(
    r"(?:\b(?:step|stage|case|section|part|round|iteration|index|position|level|line|row|column|mod|modulo|by|than|first|last|next|top|base|every|each|any|least|most|about|between|or)|[-+*/%=<>≤≥^(\[,])\s*[`*]*$",
    re.IGNORECASE,
)


def wrong_counts(text: str, facts: Facts, sentence: tuple[int, int], operands: list[Operand]) -> Iterator[Operand]:
    """The operands of one sentence whose count the run does not support."""
    for operand in operands:
        value = None if operand.code else _integer(operand)
        if value is None or value < 3:
            continue
        noun = _NOUN.match(text[operand.end : sentence[1]])
        if noun is None or noun["noun"].lower() in _OWN or _BEFORE.search(text[sentence[0] : operand.start]):
            continue
        numbers = {value for value in map(_integer, operands) if value is not None}
        if not _supported(value, numbers, facts, noun["noun"].lower()):
            yield operand


def _integer(operand: Operand) -> int | None:
    node = operand.node
    plain = type(node) is ast.Constant and type(node.value) is int and not operand.torn
    return node.value if plain else None  # type: ignore[attr-defined]  # its type has just been seen


def _supported(value: int, numbers: set[int], facts: Facts, noun: str) -> bool:
    if noun in _ROUNDS and facts.replayed is not None:
        return value in facts.replayed.counts
    if value in facts.stated_numbers:
        return True
    others = numbers - {value}
    if any(value in (left + right, left - right, left * right) for left in others for right in others):
        return True
    if noun in _TIMES | _ROUNDS:
        passes = facts.best.passes.values()
        if value in passes or (facts.replayed is None and value + 1 in passes):
            return True
    return any(
        value in sizes or (noun not in _TIMES and any(value + other in sizes for other in others))
        for sizes in facts.sizes()
    )
