"""Equations: ``5 + 8 = 13`` is worked out, ``total = 13`` and ``left = mid + 1 = 3`` are held against the run."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.notation import Side, parse, tolerance_of
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import nodes_in
from execground_ray.verification.values import same
from execground_ray.verification.window import Window


def check_equations(context: Context) -> Iterator[Check]:
    """Judge every equation of a sentence."""
    for token in context.sentence.tokens:
        for sides in token.equations:
            if len(sides) > 1:
                yield from _equation(context, token, sides)


def _equation(context: Context, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    known = [(index, value) for index, side in enumerate(sides) for value in _value(side)]
    for (left, first), (right, second) in pairwise(known):
        right_so = equal(first, second, tolerance_of(*sides)) or _other_reading(sides[left], sides[right], second)
        yield _arithmetic(context, token, right_so, f"{sides[left].source} is not {sides[right].source}")
    if not known or context.window is None:
        return
    for index, side in enumerate(sides):
        if not side.pure:
            value = next((value for place, value in known if place > index), known[-1][1])
            written = sides[next((place for place, _ in known if place > index), known[-1][0])]
            if isinstance(written.node, ast.Tuple) and not written.source.startswith("("):  # "for `k = 0, 2, 4`"
                good: bool | None = all(has_value(context, side, each, tolerance_of(written)) for each in value) or None
            else:
                good = has_value(context, side, value, tolerance_of(written))
            message = f"{side.source} is not {written.source} there"
            yield context.verdict(token, Kind.ASSIGNMENT, good, message)


def _value(side: Side) -> list[Any]:
    try:
        return [side.value]
    except UnknownError:
        return []


def _arithmetic(context: Context, token: Token, good: bool, message: str) -> Check:
    if good:
        return Check(Kind.EQUATION, token.start, token.end, Outcome.SUPPORTED)
    outcome = Outcome.UNKNOWN if context.is_question or context.is_denied(token) else Outcome.CONTRADICTED
    return Check(Kind.EQUATION, token.start, token.end, outcome, message)


def equal(left: Any, right: Any, tolerance: float) -> bool:
    """Whether two worked-out values are the same; each may be the rounded one."""
    return same(left, right, tolerance)


def _other_reading(left: Side, right: Side, value: Any) -> bool:
    """Other things that ``left = right`` can mean: rounded operands, whole division, a power, binary digits."""
    for reading in _readings(left):
        if same(reading, value):
            return True
        if isinstance(reading, float) and isinstance(value, int) and int(reading) == value:
            return True
        if isinstance(reading, int | float) and isinstance(value, int | float) and not isinstance(value, bool):
            if _rounded_operands(left) and math.isclose(reading, value, rel_tol=_rounded_operands(left)):
                return True
    return is_binary(right.source, left) or is_binary(left.source, right)


def _readings(side: Side) -> Iterator[Any]:
    yield from _value(side)
    if "^" in side.source and (power := parse(side.source.replace("^", "**"))):
        yield from _value(power)
    if "/" in side.source and "//" not in side.source and (whole := parse(side.source.replace("/", "//"))):
        yield from _value(whole)


def _rounded_operands(side: Side) -> float:
    """How rough a result is that is worked out from numbers that are written with few digits."""
    digits = [
        len(str(abs(node.value)).replace(".", "").lstrip("0"))
        for node in nodes_in(side.node)
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and not node.value.is_integer()
    ]
    return 0.51 * 10.0 ** (1 - min(digits)) if digits else 0.0


def is_binary(digits: str, side: Side) -> bool:
    """Whether ``digits`` write the value of ``side`` in base two."""
    digits = digits.strip("'\" ").removeprefix("0b")
    if not digits or set(digits) - {"0", "1"}:
        return False
    return any(isinstance(value, int) and int(digits, 2) == abs(value) for value in _value(side))


def has_value(context: Context, side: Side, value: Any, tolerance: float) -> bool | None:
    """Whether an expression of names had a value at the lines of a sentence; None where that is not known."""
    good = _in_window(context.window, side, value, tolerance)
    if good is False and not context.cited and context.whole is not None:
        # What a sentence without lines of its own tells may be of anywhere.
        good = _in_window(context.whole, side, value, tolerance)
    return good


def _in_window(window: Window | None, side: Side, value: Any, tolerance: float) -> bool | None:
    if window is None:
        return None
    values, closed = window.possible(side)
    if any(fits(value, each, tolerance) and not _mixed_up(value, each) for each in values):
        return True
    return False if closed else None


def _mixed_up(written: Any, actual: Any) -> bool:
    """Whether one is a list and the other a tuple or a set, or something in them is."""
    if {type(written), type(actual)} == {list, tuple} or (
        isinstance(written, list | tuple) and isinstance(actual, set | frozenset)
    ):
        return True
    if isinstance(written, list | tuple) and isinstance(actual, list | tuple):
        return any(map(_mixed_up, written, actual))
    return False


def fits(written: Any, actual: Any, tolerance: float) -> bool:
    """Whether ``written`` can be what a text writes for ``actual``: a single letter in quotes or a true number too."""
    if same(written, actual, tolerance):
        return True
    if isinstance(written, list | tuple) and isinstance(actual, set | frozenset):
        return same(written, actual)
    if isinstance(written, str) and isinstance(actual, list) and all(isinstance(each, str) for each in actual):
        return written == "".join(actual)
    return (
        isinstance(written, int)
        and isinstance(actual, int)
        and not isinstance(written, bool)
        and written == abs(actual)
        and str(written) != str(actual)
        and len(str(written)) > 2
        and set(str(written)) <= {"0", "1"}
    )
