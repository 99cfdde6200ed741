"""Code that a sentence marks, held against the run as code: calls, values of one moment, ranges, types, joined texts.

These rules read no English but a word or two beside the code. They judge sentences with lines of their own only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import RANGE, Check, Context
from execground_ray.verification.facts import follows
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches
from execground_ray.verification.notation import Side
from execground_ray.verification.own_calls import frames_of
from execground_ray.verification.run import Event
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of, name_of_call
from execground_ray.verification.values import Opaque, fits, freeze
from execground_ray.verification.window import MUTABLE, Window

# Two equations of one moment: "at `i = 2` we get `total = 5`".
_TOGETHER = re.compile(
    r"(?<!› )\b(?:at|for|with|when) (?P<first>‹E\d+›),? (?:(?:we|get|it|this|gives|giving|makes|making|have|comes|goes|the|an?|and|then|so|now|"
    r"there|is|has) ){0,3}(?P<second>‹E\d+›)",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"\b(?:makes|making|leaves|leaving|gives|giving|so that)(?: \w+){0,2} (?P<made>‹E\d+›)", re.IGNORECASE
)
_RETURNED = re.compile(r"\breturn(?:s|ed)? (?P<returned>‹V\d+›)", re.IGNORECASE)
_KINDS = "list|tuple|set|string|text|number|integer|float|dictionary"
_TYPE = re.compile(
    rf"\b(?P<type>{_KINDS}) (?P<token>‹V\d+›)|\b(?:a|an|as|the|(?P<as>as an?)) (?:(?:plain|new|empty|python) )?(?P<kind>{_KINDS})(?(as),?) (?P<equation>‹E\d+›)",
    re.IGNORECASE,
)
_TYPES: dict[str, tuple[type, ...]] = {
    "list": (list,), "tuple": (tuple,), "set": (set, frozenset), "string": (str,), "text": (str,), "number": (int, float),
    "integer": (int,), "float": (float,), "dictionary": (dict,),
}  # fmt: skip
# Calls that write a value, and those by which a text measures what the program need not have measured.
_VALUES = frozenset(
    "set frozenset deque array range list dict tuple dict_keys dict_values dict_items defaultdict float64 float32 int64 int32 bool_ str_".split()
)
_MEASURES = frozenset("len abs sum max min ord chr int float str bin round pow range".split())
# Rounds told apart from those that follow: "from `k = 1` to `k = 6` still fail".
_SOME = re.compile(r"^[^.;]*\b(?:still|fails?|false|skip\w*|nothing|not)\b", re.IGNORECASE)
LEAST_TEXT = 3  # letters of a text that can hardly be another one's by chance
_PLACES = ast.Name | ast.Attribute | ast.Subscript | ast.Constant


def check_marked_code(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own marks as code."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    yield from _following(context)
    for token in context.sentence.tokens:
        if token.marked:
            for sides in token.equations:
                yield from _called(context, window, token, sides)
                yield from _joined(context, window, token, sides)
                yield from _attribute(context, window, token, sides)
    for pattern, judge in (
        (_TOGETHER, _together),
        (RANGE, _ranged),
        (_TYPE, _typed),
        (_MADE, _made),
        (_RETURNED, _returned),
    ):
        for match in pattern.finditer(context.mask):
            yield from judge(context, window, match)


def _following(context: Context) -> Iterator[Check]:
    """What follows from values that the sentence has given: with ``p = ('a', 'b')``, ``''.join(p)`` is ``'ab'``."""
    for token in context.sentence.tokens:
        known = context.given(token)
        for sides in token.equations if token.marked else ():
            for side in sides[:-1] if sides[-1].is_literal else ():
                good = follows(side, known, sides[-1].value, sides[-1].tolerance)
                if good is not None:
                    yield context.verdict(token, Kind.EQUATION, good, f"{side.source} is not {sides[-1].source}")


def _called(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """A call is one that the lines make, unless the text works it out itself."""
    for side in sides:
        if isinstance(side.node, ast.Call) and (name := name_of_call(side.node)):
            good = _is_made(window, side.node, name, worked_out=len(sides) > 1)
            if good is not None:
                yield context.verdict(token, Kind.CALL, good, f"{side.source} is not called there")


def _is_made(window: Window, call: ast.Call, name: str, *, worked_out: bool) -> bool | None:
    run = window.run
    events = [event for event in window.by_type.get(ast.Call, ()) if name_of_call(event.node) == name]
    if not call.keywords and all(map(is_pure, call.args)) and not window.hidden:
        meant = frames_of(call, run, window.states)
        if meant is not None and not run.incomplete:
            return bool(meant)
    frames = [frame for frame in (*window.around, *window.touched) if frame.is_of(name)]
    for frame in frames:
        if frame.caller > 0:
            events += [event for event in run.events_at(frame.caller) if name_of_call(event.node) == name]
    if any(key_of(event.node) == key_of(call) or matches(call, event) for event in events):
        return True
    if name == "range" and is_pure(call) and not worked_out:
        return _is_range(window, call, events)
    if worked_out or name in _MEASURES or name[:1].isupper() or (name in _VALUES and all(map(is_pure, call.args))):
        return None
    if not events and not frames:
        # A call may have been left by an exception: nothing came of it.
        return None if window.raises or name in window.operations or key_of(call) in window.run.keys else False
    if (
        frames
        and key_of(call) in run.keys
        and not call.keywords
        and all(isinstance(each, _PLACES) for each in call.args)
    ):
        return None if is_pure(call) else False  # the program has this call, and has not come to it
    return None


def _is_range(window: Window, call: ast.Call, events: list[Event]) -> bool | None:
    """Whether a range of numbers is one that the program goes through; it may be written with other bounds."""
    ranges = [event.value for event in events if isinstance(event.value, range)]
    try:
        wanted = evaluate(call, {})
    except UnknownError:
        return None
    return any(list(each) == wanted for each in ranges if len(each) == len(wanted)) if ranges else None


def _joined(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """What texts are joined to is a text of these lines."""
    for side in sides:
        if not isinstance(side.node, ast.BinOp) or not side.pure or window.opaque:
            continue
        try:
            value = side.value
        except UnknownError:
            continue
        if isinstance(value, str) and len(value) >= LEAST_TEXT:
            good = any(value in text for text in window.texts)
            yield context.verdict(token, Kind.OPERATION, good, f"{value!r} is no text there")


def _attribute(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """``val = 3`` of an attribute or an argument: one of these lines has the value."""
    if len(sides) != 2 or not isinstance(sides[0].node, ast.Name) or not sides[1].is_literal:
        return
    name = sides[0].node.id
    if name in window.hidden or any(name in state for state in window.states):
        return
    events = [event for event in window.by_type.get(ast.Attribute, ()) if getattr(event.node, "attr", "") == name]
    owners = {event.node.value.id for event in events if isinstance(getattr(event.node, "value", None), ast.Name)}  # type: ignore[attr-defined]
    objects = {
        name
        for state in window.states
        for name, value in state.items()
        if isinstance(value, Opaque) and value.type in window.run.classes
    }
    if not objects <= owners:  # nobody has looked at its own
        return
    values = [event.value for event in events]
    values += [value for frame in window.touched for argument, value in frame.arguments if argument == name]
    if values and not any(isinstance(value, Opaque) for value in values):
        good = any(fits(sides[1].value, value, sides[1].tolerance) for value in values)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{name} is not {sides[1].source} there")


def _pairs(context: Context, window: Window, match: re.Match[str]) -> list[tuple[Side, Any]]:
    """The names and values of two equations; fewer where one is none of a name and a value."""
    tokens = context.tokens(match["first"]) + context.tokens(match["second"])
    found = [pair for token in tokens for pair in _pair(token)]
    unsure = window.hidden | (window.run.comprehended if match.re is _TOGETHER else frozenset())
    return [] if any(side.source in unsure for side, _ in found) else found


def _pair(token: Token) -> list[tuple[Side, Any]]:
    if token.marked and len(token.equations) == 1 and isinstance(token.sides[0].node, ast.Name):
        with suppress(UnknownError):
            return [(token.sides[0], token.value)]
    return []


def _together(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """Equations of one moment, each of which holds at some, hold at one."""
    pairs = _pairs(context, window, match)
    if len(pairs) < 2 or pairs[0][0].key == pairs[1][0].key:
        return
    held = [tuple(_holds(state, *pair) for pair in pairs) for state in window.states]
    if all(any(each) for each in zip(*held, strict=True)):
        token = context.tokens(match["second"])[0]
        yield context.verdict(token, Kind.ASSIGNMENT, (True, True) in held, f"not when {pairs[0][0].source} is so")


def _holds(state: dict[str, Any], side: Side, value: Any) -> bool:
    try:
        return fits(value, evaluate(side.node, state), 0.0)
    except UnknownError:
        return False


def _ranged(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """``from `k = 1` to `k = 9` ``: what a name gets first and last, at these lines or in the loop that begins there."""
    pairs = _pairs(context, window, match)
    if len(pairs) < 2 or pairs[0][0].key != pairs[1][0].key:
        return
    first, (side, last) = pairs[0][1], pairs[1]
    runs = [values for values in window.assigned(side) or [window.looked_at(side)] if values]
    if runs and not any(isinstance(value, Opaque) for values in runs for value in values):
        loops = [values for values in window.run.rounds(side.source) if values and fits(first, values[0], 0.0)]
        ends = slice(None) if _SOME.search(context.mask[match.end() :]) else slice(-1, None)
        good = any(fits(last, each, 0.0) for values in (*runs, *loops) for each in values[ends])
        token = context.tokens(match["second"])[0]
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} does not end with {last!r} there")


def _typed(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """``the tuple `(1, 4)` ``: what is alike at these lines is a tuple."""
    token = context.tokens(match["token"] or match["equation"])[0]
    named = (match["type"] or match["kind"]).lower()
    try:
        key = freeze(token.value)
    except UnknownError:
        return
    kinds = _TYPES[named]
    if token.marked and token.kind == "E" and isinstance(token.sides[0].node, ast.Name):
        values, closed, _ = window.possible(token.sides[0])
        if closed and values and not any(isinstance(each, kinds) for each in values):
            message = f"{token.sides[0].source} is no {named} there"
            yield context.verdict(token, Kind.ASSIGNMENT, False, message)
    elif token.marked and isinstance(token.value, kinds):
        alike = [each for each in window.values if freeze(each) == key]
        if alike and not any(isinstance(each, kinds) for each in alike):
            message = f"{token.sides[0].source} is no {named} there"
            yield context.verdict(token, Kind.ASSIGNMENT, False, message)


def _made(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """What a step makes of a name is what it has behind a statement, not only before all of them."""
    token = context.tokens(match["made"])[0]
    for side, value in _pair(token):
        left = window.left(side) + [event.value for event in window.run.stores(side.key) if event.line in window.lines]
        left += [given for frame in window.touched for name, given in frame.arguments if name == side.source]
        known = any(fits(value, each, 0.0) for each in window.possible(side)[0])
        sure = not window.hidden and not (window.inner and isinstance(value, MUTABLE))
        if known and left and sure and not any(isinstance(each, Opaque) for each in left):
            good = any(fits(value, each, token.sides[-1].tolerance) for each in left)
            yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} is not made {value!r} there")


def _returned(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """What is returned is what a call at these lines returns."""
    token = context.tokens(match["returned"])[0]
    values = [frame.returned for frame in window.around + window.touched]
    values += [event.value for event in window.by_type.get(ast.Call, ())]
    try:
        value = token.value
    except UnknownError:
        return
    if values and token.marked and not window.hidden and not any(isinstance(each, Opaque) for each in values):
        good = any(fits(value, each, token.sides[-1].tolerance) for each in values)
        yield context.verdict(token, Kind.CALL, good, f"{token.sides[-1].source} is not returned there")
