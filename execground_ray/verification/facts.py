"""What the lines of a sentence say of an expression: its values, whether it was true, what a function returned."""

from __future__ import annotations

import ast
import re
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate
from execground_ray.verification.context import Context
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import name_of_call
from execground_ray.verification.values import Opaque, fits, kind_of, same

OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.Lt: ast.GtE, ast.Gt: ast.LtE, ast.In: ast.NotIn, ast.Is: ast.IsNot,
}  # fmt: skip
OPPOSITES |= {other: one for one, other in OPPOSITES.items()}
_ROUNDS = re.compile(r"\b(?:rounds?|loops?|iterat\w+|(?:goes|go|runs?|moves?) (?:over|through))\b", re.IGNORECASE)


def has_value(context: Context, side: Side, value: Any, tolerance: float) -> bool | None:
    """Whether an expression of names had a value at the lines of a sentence; None where that is not known."""
    window = context.window
    if window is None:
        return None
    if window.has(side, value, tolerance):
        return True
    values, closed, kinds = window.possible(side)
    if not values and any(
        fits(value, event.value, tolerance) for event in window.run.stores(side.key)
    ):  # at another time
        return None
    if isinstance(value, list) and not window.unseen.isdisjoint(side.names):  # one step behind what is seen
        if any(fits(value[:-1], each, tolerance) for each in values):
            return None
    if _is_of_all(value, values, tolerance) or _is_put(side, value, values):
        return None
    if isinstance(side.node, ast.Name) and window.has_entry(side.source, value):
        return None
    # An outlook on the rounds of a loop.
    if isinstance(side.node, ast.Name) and (_ROUNDS.search(context.mask) or context.enumerates(side.key)):
        if any(fits(value, each, tolerance) for loop in window.run.rounds(side.source) for each in loop):
            return None
    return False if closed or (kinds is not None and kind_of(value) not in kinds) else None


def _is_of_all(value: Any, values: list[Any], tolerance: float) -> bool:
    """Whether it is all values in a list, as a comprehension gathers them, or "the row stays `0` everywhere"."""
    rows = [each for each in values if isinstance(each, list) and len(each) > 1]
    is_everywhere = any(all(fits(value, item, tolerance) for item in row) for row in rows)
    is_gathered = isinstance(value, list) and len(value) > 1
    return is_everywhere or (is_gathered and all(any(fits(item, each, tolerance) for each in values) for item in value))


def _is_put(side: Side, value: Any, values: list[Any]) -> bool:
    """Whether a whole number is told of a place that has it as another: an array makes what it is given its own."""
    return isinstance(side.node, ast.Subscript) and isinstance(value, int) and any(same(value, each) for each in values)


def has_returned(context: Context, side: Side, value: Any, tolerance: float) -> bool | None:
    """Whether a call of the function that is named, or the call that is written, gave a value."""
    window, name = context.window, name_of_call(side.node) or side.source.rpartition(".")[2]
    if window is not None and isinstance(side.node, ast.Call) and name in window.run.functions:
        return has_value(context, side, value, tolerance)
    calls = [frame for frame in window.run.frames if frame.name.rpartition(".")[2] == name] if window else []
    if window is None or not calls:
        return has_value(context, side, value, tolerance)
    ending = [frame.returned for frame in calls if frame.last in window.lines]
    if any(fits(value, each, tolerance) for each in ending):
        return True
    if any(isinstance(frame.returned, Opaque) or fits(value, frame.returned, tolerance) for frame in calls):
        return None
    return False if ending and name not in window.run.generators else None


def is_true(context: Context, side: Side, wanted: bool, token: Token | None = None) -> bool | None:
    """Whether an expression was true, or false, at the lines of a sentence; None where that is not known."""
    window = context.window
    given = context.given(token) if context.cited and token else {}
    if side.names <= given.keys():  # all that it is of is told
        try:
            return bool(evaluate(side.node, given)) is wanted
        except UnknownError:
            if side.pure:
                return None
    if window is None:
        return None
    again = sum(side.key == each.key for other in context.sentence.tokens for each in other.sides) > 1
    is_seen = window.core_recorded
    made = window.outcomes(side, inner=again or window.inner) if is_seen else set()
    if is_seen and (other := _opposite(side)):
        made |= {not each for each in window.outcomes(other, inner=again or window.inner)}
    if len(made) != 1 or again:  # the moment tells which is meant
        moment = window.at_moment(side, given)
        if moment or window.is_never(side, given):
            return any(bool(value) is wanted for value in moment) if moment else None
    if made and (context.cited or wanted in made):
        return wanted in made
    values, closed, _ = window.possible(side)  # where it is not tested, it may be known all the same
    return any(bool(value) is wanted for value in values) or (False if closed or made else None)


def _opposite(side: Side) -> Side | None:
    """The comparison that is true where this one is false: ``x != 5`` of ``x == 5``; None where it is none."""
    match side.node:
        case ast.Compare(left, [op], [right]):
            return parse(ast.unparse(ast.Compare(left, [OPPOSITES[type(op)]()], [right])))
    return None


def follows(side: Side, known: dict[str, Any], value: Any, tolerance: float) -> bool | None:
    """Whether an expression has a value by those that a sentence has given its names; None where it has not given all."""
    if isinstance(side.node, ast.Name) or not side.names or not side.names <= known.keys():
        return None
    try:
        return fits(value, evaluate(side.node, known), tolerance)
    except UnknownError:
        return None
