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
from execground_ray.verification.values import MUTABLE, Opaque, fits
from execground_ray.verification.window import Window

_MADE = re.compile(
    r"\b(?:makes?|making|leaves?|leaving|gives?|giving|restores?|restoring|obtain(?:s|ing)?|yields?|yielding|results? in|resulting in|so that|hence|so|thus)(?: (?!from |with |at |for )\w+){0,2} (?P<made>‹E\d+›(?: and ‹E\d+›)?)",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:still|remains?|stays?|keeps?|unchanged)(?: (?:at|with|as|the same,|standing at))? (?P<made>‹E\d+›)",
    re.IGNORECASE,
)
_RETURNED = re.compile(r"\breturn(?:s|ed)? (?:(?:the|an?|its) (?:\w+ )?)?(?P<returned>‹[VE]\d+›)", re.IGNORECASE)


def check_steps(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own says that a step makes, leaves or returns."""
    window = context.window
    if window is None or window.hidden or not window.core_complete:
        return
    for pattern in (_MADE, _STILL) if context.cited else ():
        for match in pattern.finditer(context.mask):
            for token in context.tokens(match["made"]):
                yield from _made(context, window, token, match[0].lower())
    if window.complete and context.cited:
        for match in _RETURNED.finditer(context.mask):
            yield from _returned(context, window, context.tokens(match["returned"])[0])


def _pair(token: Token) -> list[tuple[Side, Any]]:
    """The name and the value of an equation; empty of what is none of a name and a value."""
    if not token.marked or len(token.equations) != 1 or not isinstance(token.sides[0].node, ast.Name | ast.Attribute):
        return []
    try:
        return [(token.sides[0], token.value)]
    except UnknownError:
        return []


def _made(context: Context, window: Window, token: Token, words: str) -> Iterator[Check]:
    """What a step makes of a name, or leaves, is what it has behind a statement, not only before all of them."""
    still = bool(_STILL.match(words))
    for side, value in _pair(token):
        if (
            isinstance(side.node, ast.Attribute)
            or side.source in window.passing
            or any(side.source in state for state in window.inner_states)
        ):
            continue
        as_it_is = words.startswith("leaves") and context.enumerates(side.key)  # one step of several
        left = (not as_it_is and window.changed(side)) or window.held(side, before=False)
        if still:
            left += window.held(side, before=True)
        else:
            stored = window.stored(side)
            near = stored & set(window.core_statements) or stored
            left += [event.value for event in window.run.stores(side.key) if event.line in near]
            begun = [frame for frame in window.touched if frame.first in window.core]
            left += [given for frame in begun for name, given in frame.arguments if name == side.source]
        known = any(fits(value, each, 0.0) for each in window.possible(side)[0])
        is_passing = window.inner or bool(window.comprehended)  # a comprehension may change what it looks at
        sure = window.recorded and not (is_passing and isinstance(value, MUTABLE))
        if known and left and sure and not any(isinstance(each, Opaque) for each in left):
            good = any(fits(value, each, token.sides[-1].tolerance) for each in left)
            yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} is not {value!r} then")


def _returned(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """What is returned is what a call at these lines returns."""
    values = [frame.returned for frame in window.around + window.touched]
    values += [event.value for event in window.of_kind(ast.Call)]
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
