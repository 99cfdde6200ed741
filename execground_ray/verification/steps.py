"""What a step makes of a name, or leaves as it is, and what is returned."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import name_of_call
from execground_ray.verification.values import MUTABLE, Opaque, fits
from execground_ray.verification.window import Window

_MADE = re.compile(
    r"\b(?:makes?|making|leaves?|leaving|gives?|giving|restores?|restoring|obtain(?:s|ing)?|yields?|yielding|results? in|resulting in|leads? to|leading to|so that|hence|so|thus)(?: (?!from |with |at |for )\w+){0,2} ‹E\d+›(?: and ‹E\d+›)?",
    re.IGNORECASE,
)
_KEPT = re.compile(
    r"\b(?:still|remains?|stays?|keeps?|keeping|unchanged)"
    r"(?: (?:at|with|as|from|the same,|standing at|has|have|is|are))? ‹E\d+›"
    r"|‹E\d+›,? (?:(?:is |are |still )?(?:as before|unchanged|(?:kept )?as it (?:was|is)|stays|remains|stands)|still)\b(?! ‹)",
    re.IGNORECASE,
)
_RETURNED = re.compile(r"\breturn(?:s|ed)? (?:(?:the|an?|its) (?:\w+ )?)?(?P<returned>‹[VE]\d+›)", re.IGNORECASE)


def check_steps(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own says that a step makes, leaves or returns."""
    window = context.window
    if window is None or not context.cited or window.hidden or not window.core_complete:
        return
    for match in _MADE.finditer(context.mask):
        for token in context.tokens(match[0]):
            yield from _made(context, window, token)
    for match in _KEPT.finditer(context.mask):
        yield from _kept(context, window, context.tokens(match[0])[0])
    if window.complete:
        for match in _RETURNED.finditer(context.mask):
            yield from _returned(context, window, context.tokens(match["returned"])[0])


def _equation(token: Token) -> tuple[Side, Any] | None:
    """An expression of names and its value; None of what is no equation of both."""
    side = token.sides[0]
    is_called = name_of_call(side.node) not in {"", "len"}
    if not token.marked or len(token.equations) != 1 or side.is_condition or is_called or not side.names:
        return None
    try:
        return side, token.value
    except UnknownError:
        return None


def _made(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """What a step makes of a name, or leaves, is what it has behind a statement, not only before all of them."""
    side, value = _equation(token) or (None, None)
    if side is None or not isinstance(side.node, ast.Name):
        return
    is_one_of_several = context.enumerates(side.key)
    left = (not is_one_of_several and window.changed(side)) or window.left(side)
    stored = window.stored(side)
    near = stored & set(window.core_statements) or stored
    left += [event.value for event in window.run.stores(side.key) if event.line in near]
    begun = [frame for frame in window.touched if frame.first in window.core]
    left += [given for frame in begun for name, given in frame.arguments if name == side.source]
    yield from _among(context, window, token, side, value, left)


def _kept(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """What stays as it is, is not what statements change into something else."""
    side, value = _equation(token) or (None, None)
    if side is not None and not context.enumerates(side.key):
        yield from _among(context, window, token, side, value, window.changed(side))


def _among(context: Context, window: Window, token: Token, side: Side, value: Any, left: list[Any]) -> Iterator[Check]:
    """Whether a value that an expression has at these lines is one that they leave; nothing where that is not known."""
    inner = frozenset(name for state in window.inner_states for name in state)
    is_passing = window.inner or bool(window.comprehended)  # a comprehension may change what it looks at
    if (
        left
        and window.recorded
        and side.names.isdisjoint(window.passing | inner)
        and not (is_passing and isinstance(value, MUTABLE))
        and not any(isinstance(each, Opaque) for each in left)
        and any(fits(value, each, 0.0) for each in window.possible(side).values)
    ):
        good = any(fits(value, each, token.sides[-1].tolerance) for each in left)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} is not {value!r} then")


def _returned(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """What is returned is what a call at these lines returns."""
    values = [frame.returned for frame in window.around + window.touched]
    values += [event.value for event in window.of_kind(ast.Call)]
    if len(token.sides) > 1:  # "returns `low = 1` and `high = 4`": both in a tuple
        values += [part for value in values if isinstance(value, tuple) for part in value]
    try:
        value = token.value
    except UnknownError:
        return
    if (
        values
        and token.marked
        and not context.is_entry(token)
        and not context.is_part(token)
        and not any(isinstance(each, Opaque) for each in values)
    ):
        good = any(fits(value, each, token.sides[-1].tolerance) for each in values)
        yield context.verdict(token, Kind.CALL, good, f"{token.sides[-1].source} is not returned there")
