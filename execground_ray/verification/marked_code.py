"""Code that a sentence marks, held against the run as code: what follows from given values, attributes, types, joined texts.

These rules read no English but a word or two beside the code. They judge sentences with lines of their own only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.facts import follows
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import Opaque, fits, freeze
from execground_ray.verification.window import Window

_KINDS = "list|tuple|set|string|text|number|integer|float|dictionary"
_TYPE = re.compile(
    rf"\b(?P<type>{_KINDS}) (?P<token>‹V\d+›)|\b(?:a|an|as|the|(?P<as>as an?)) (?:(?:plain|new|empty|python) )?(?P<kind>{_KINDS})(?(as),?) (?P<equation>‹E\d+›)",
    re.IGNORECASE,
)
_TYPES: dict[str, tuple[type, ...]] = {
    "list": (list,), "tuple": (tuple,), "set": (set, frozenset), "string": (str,), "text": (str,), "number": (int, float),
    "integer": (int,), "float": (float,), "dictionary": (dict,),
}  # fmt: skip
_KIND = re.compile(r"\b(?P<kind>tuple|float|dictionary)s?\b", re.IGNORECASE)
LEAST_TEXT = 3  # letters of a text that can hardly be another one's by chance


def check_marked_code(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own marks as code."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    yield from _following(context)
    for token in context.sentence.tokens:
        if token.marked:
            for sides in token.equations:
                yield from _joined(context, window, token, sides)
                yield from _attribute(context, window, token, sides)
    yield from _mentioned(context)
    for match in _TYPE.finditer(context.mask):
        yield from _typed(context, window, match)


def _mentioned(context: Context) -> Iterator[Check]:
    """A kind of values that a sentence speaks of is one that the run has."""
    whole = context.whole
    if whole is None or whole.run.incomplete or whole.opaque or context.is_open:
        return
    for kind in (match["kind"].lower() for match in _KIND.finditer(context.mask)):
        if _TYPES[kind][0].__name__ not in whole.types:
            yield Check.of(context.sentence, Kind.VALUE, f"there is no {kind} in the run")


def _following(context: Context) -> Iterator[Check]:
    """What follows from values that the sentence has given: with ``p = ('a', 'b')``, ``''.join(p)`` is ``'ab'``."""
    for token in context.sentence.tokens:
        known = context.given(token)
        for sides in token.equations if token.marked else ():
            for side in sides[:-1] if sides[-1].is_literal else ():
                good = follows(side, known, sides[-1].value, sides[-1].tolerance)
                if good is not None:
                    yield context.verdict(token, Kind.EQUATION, good, f"{side.source} is not {sides[-1].source}")


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
    given = [value for frame in window.touched for argument, value in frame.arguments if argument == name]
    is_near = bool(given) or any(event.line in window.core_statements for event in events)
    if not is_near or not objects <= owners:  # nobody has looked at its own
        return
    values = [event.value for event in events] + given
    if values and not any(isinstance(value, Opaque) for value in values):
        good = any(fits(sides[1].value, value, sides[1].tolerance) for value in values)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{name} is not {sides[1].source} there")


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
    elif token.marked and isinstance(token.value, kinds) and not window.iterators:
        alike = [each for each in window.values if freeze(each) == key]
        if alike and not any(isinstance(each, kinds) for each in alike):
            message = f"{token.sides[0].source} is no {named} there"
            yield context.verdict(token, Kind.ASSIGNMENT, False, message)
