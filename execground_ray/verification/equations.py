"""Equations: ``5 + 8 = 13`` is worked out, ``total = 13`` and ``left = mid + 1 = 3`` are held against the run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.facts import follows, has_value
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import LASTING, fits, same

# Kinds that show their names, and are no others that are written as a list.
_NAMED = frozenset({"deque", "range"})

_ARRAYS = frozenset({"ndarray", "Series"})  # of which each element is added: `[3, 8] + [2, 1] = [5, 9]`

# Words behind which a name tells another time, or a part of some object.
THEN = re.compile(
    r"\b(?:of|from|at|after|before|since|until|behind|for|over) (?:‹E\d+›(?:,? and |, | in ))*$", re.IGNORECASE
)
_WITH = re.compile(
    r"\b(?:node|object|instance|one|element|item|child|parent)s? (?:with |whose |of |\()$", re.IGNORECASE
)
# Two equations of one moment: "for `i = 1`, `left = 3`", but not "`a = 1` at `i = 0`, `a = 3` at `i = 1`".
_TOGETHER = re.compile(r"‹E(?P<one>\d+)›(?=(?:,| and|:|;) ‹E(?P<other>\d+)›(?! (?:at|for|with|when) ))")


# A calculation and what is said to come of it: "`21 & 20` is `20`".
_COMES_TO = re.compile(
    r"(?P<left>‹V\d+›)(?:,? which| again| then| thus)* (?:is|equals|gives|makes|yields|comes to|leaves|becomes|results in)"
    r"(?: again| also| only| just| still)* (?P<right>‹V\d+›)(?=\W*$|[.,;:)—–]| [(—–]| (?:and|so|which|because|since) )",
    re.IGNORECASE,
)


def check_equations(context: Context) -> Iterator[Check]:
    """Judge every equation of a sentence."""
    for match in _COMES_TO.finditer(context.mask):
        left, right = (context.tokens(match[each])[0] for each in ("left", "right"))
        is_worked_out = len(left.sides) == 1 and not left.sides[0].is_literal and left.marked and right.marked
        if is_worked_out and len(right.sides) == 1:
            yield from _arithmetic(context, right, (*left.sides, *right.sides))
    for token in context.sentence.tokens:
        for sides in token.equations:
            if len(sides) > 1:
                yield from _arithmetic(context, token, sides)
                is_last = context.ends_range(token)
                yield from _names(replace(context, window=context.whole) if is_last else context, token, sides)
    for match in _TOGETHER.finditer(context.mask):
        yield from _together(context, *(context.sentence.tokens[int(match[each])] for each in ("one", "other")))


def _value(side: Side | None) -> list[Any]:
    try:
        return [side.value] if side else []
    except UnknownError:
        return []


def _arithmetic(context: Context, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """Each side without names that has a value is the one before it."""
    tolerance = max(side.tolerance for side in sides)
    for left, right in pairwise([side for side in sides if _value(side)]):
        good = same(left.value, right.value, tolerance) or any(
            same(reading, right.value)
            or (isinstance(reading, float) and isinstance(right.value, int) and int(reading) == right.value)
            for reading in _readings(left)
        )
        # Whole numbers give no 7.0.
        good = good and not (type(left.value) is int and isinstance(right.value, float) and right.is_literal)
        outcome = Outcome.SUPPORTED if good else Outcome.CONTRADICTED
        of_arrays = (
            isinstance(left.value, list) and context.window is not None and context.window.run.has_types(_ARRAYS)
        )
        if not good and (context.asks or context.is_denied(token) or of_arrays):
            outcome = Outcome.UNKNOWN
        yield Check.of(token, Kind.EQUATION, f"{left.source} is not {right.source}", outcome)


def _readings(side: Side) -> Iterator[Any]:
    """Other things that a side can mean: whole division, a power, what it compares with last (``5 > 2 * 2 = 4``)."""
    if isinstance(side.node, ast.Compare):
        yield from _value(parse(ast.unparse(side.node.comparators[-1])))
    for sign, meant in (("", ""), ("^", "**"), ("/", "//")):
        if sign in side.source and "//" not in side.source:
            yield from _value(parse(side.source.replace(sign, meant)))


def _names(context: Context, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """Each side with names has the value that the next one without gives, or else the last."""
    known = [(index, side) for index, side in enumerate(sides) if _value(side)]
    is_its_own = token.marked and context.cited
    for index, side in enumerate(sides):
        if side.pure or not known:
            continue
        written = next((each for place, each in known if place > index), known[-1][1])
        if isinstance(written.node, ast.Tuple) and not written.source.startswith("("):  # "for `k = 0, 2, 4`"
            good: bool | None = all(has_value(context, side, each, written.tolerance) for each in written.value) or None
        else:
            good = follows(side, context.given(token), written.value, written.tolerance) if is_its_own else None
            good = has_value(context, side, written.value, written.tolerance) if good is None else good
            if good is False and _is_of_another(context, token, side, written):
                good = None
            if is_its_own and isinstance(side.node, ast.Name):
                good = good and not is_of_another_kind(context, token, side, written)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} is not {written.source} there")


def _together(context: Context, one: Token, other: Token) -> Iterator[Check]:
    """Two variables, told together, have their values at one time; each of them has its own at some."""
    window = context.window
    if window is None or not context.cited or not window.recorded or window.hidden:
        return
    told = {each.sides[0].source: each for each in (one, other) if _gives_lasting(each)}
    states = [state for state in window.states if told.keys() <= state.keys()]
    fitting = [
        {name for name, each in told.items() if fits(each.value, state[name], each.sides[-1].tolerance)}
        for state in states
    ]
    if len(told) > 1 and set().union(*fitting) == told.keys() and told.keys() not in fitting:
        first, second = map(context.sentence.code_of, (one, other))
        yield context.verdict(other, Kind.ASSIGNMENT, False, f"{second} is not so where {first} is")


def _gives_lasting(token: Token) -> bool:
    """Whether it gives a variable, marked as code, a value that nothing can change."""
    sides = token.sides
    return (
        token.marked
        and isinstance(sides[0].node, ast.Name)
        and any(isinstance(each, LASTING) for each in _value(sides[-1]))
    )


def _is_of_another(context: Context, token: Token, side: Side, written: Side) -> bool:
    """Whether a name is that of another time, "since `i = 3`", or of an object, "the node with `val = 9`"."""
    before, _ = context.around(token)
    if context.window is None or context.whole is None or not isinstance(side.node, ast.Name | ast.Attribute):
        return False
    if _WITH.search(before) and getattr(side.node, "attr", side.source) in context.window.run.attributes:
        return True
    if isinstance(side.node, ast.Attribute):
        return False
    is_first = token is context.sentence.tokens[0]  # which says what the sentence is about
    if is_first or not THEN.search(before):
        return False
    whole = replace(context, window=context.whole, cited=False)
    return bool(has_value(whole, side, written.value, written.tolerance))


def is_of_another_kind(context: Context, token: Token, side: Side, written: Side) -> bool:
    """Whether a list is written for what shows itself as another kind, ``deque([1])``."""
    window, code = context.window, context.sentence.code_of(token)
    is_display = isinstance(written.node, ast.List | ast.Dict)
    if window is None or not is_display or not window.run.has_types(_NAMED):
        return False
    kinds = {window.run.type_of(each) for each in window.possible(side).values if same(written.value, each)}
    if not kinds or not kinds <= _NAMED:
        return False
    said = context.sentence.source
    return not any(name in code or f"{side.source} = {name}(" in said for name in kinds)
