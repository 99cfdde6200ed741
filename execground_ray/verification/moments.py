"""What names have at one moment: the value that lines give one, what a step makes of it or leaves as it is, what is returned, how a loop ends."""

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
_BEGINS = re.compile(r"\W*(?:‹E0›:|(?:at|with|for|when|from|after) ‹E0›)", re.IGNORECASE)
_TAKEN = re.compile(r"\b(?:over|through|from|of|in)(?: the)? $", re.IGNORECASE)  # what a step begins with
_ENDS = re.compile(
    r"\b(?:ends?|over|through|done|finished|exhausted|complete) after (?P<last>‹E\d+›(?:,? and ‹E\d+›|, ‹E\d+›)*)",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:still|remains?|stays?|keeps?|unchanged)(?: (?:at|with|as|the same,|standing at))? (?P<made>‹E\d+›)",
    re.IGNORECASE,
)
_RETURNED = re.compile(r"\breturn(?:s|ed)? (?:(?:the|an?|its) (?:\w+ )?)?(?P<returned>‹[VE]\d+›)", re.IGNORECASE)


def check_moments(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own says of one moment."""
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
        yield from _stored(context, window)
        for match in _ENDS.finditer(context.mask):
            for token in context.tokens(match["last"]):
                yield from _ended(context, window, token)


def _ended(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """The last round of a loop is that of some time that the loop ran."""
    for side, value in _pair(token):
        lasts = [loop[-1] for loop in window.run.rounds(side.source) if loop]
        if lasts and not window.run.incomplete and not any(isinstance(each, Opaque) for each in lasts):
            good = any(fits(value, each, token.sides[-1].tolerance) for each in lasts)
            yield context.verdict(token, Kind.COUNT, good, f"no loop ends with {side.source} = {value!r}")


def _stored(context: Context, window: Window) -> Iterator[Check]:
    """A name that a sentence gives one value has one of those that the cited lines give it, if they do."""
    sentence, first = context.sentence, min(window.core_statements, default=0)
    for token in sentence.tokens if not window.inner else ():
        for side, value in _pair(token):
            stores = [event for event in window.run.stores(side.key) if event.line in window.lines]
            core = [event for event in stores if event.line in window.core_statements]
            again = len(re.findall(rf"\b{re.escape(side.source)}\b", sentence.source)) > 1
            if not core or again:
                continue
            near = [event.value for event in stores if event.line >= first]
            is_first = token is sentence.tokens[0] and _BEGINS.match(context.mask) and core[0].line > first
            if is_first or _TAKEN.search(context.around(token)[0]):
                near += window.held(side, before=True)[:1]
            near += window.changed(side)  # by a method
            near += [given for frame in window.touched for name, given in frame.arguments if name == side.source]
            if not any(isinstance(each, Opaque) for each in near):
                good = any(fits(value, each, token.sides[-1].tolerance) for each in near)
                yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} does not become {value!r} there")


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
        sure = window.recorded and not (window.inner and isinstance(value, MUTABLE))
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
    if isinstance(value, dict) and not context.sentence.code_of(token).startswith("{"):  # one of its entries
        return
    if values and token.marked and not any(isinstance(each, Opaque) for each in values):
        good = any(fits(value, each, token.sides[-1].tolerance) for each in values)
        yield context.verdict(token, Kind.CALL, good, f"{token.sides[-1].source} is not returned there")
