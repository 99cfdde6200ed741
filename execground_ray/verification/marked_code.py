"""Code that a sentence marks, held against the run as code: calls, values that stand together, types, joined texts.

These rules read no English but a word or two beside the code. They judge sentences with lines of their own only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.equations import fits
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches
from execground_ray.verification.notation import Side, tolerance_of
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of, nodes_in
from execground_ray.verification.values import Opaque, freeze
from execground_ray.verification.window import Window

# What may stand between two equations of one moment: "at `i = 2` we get `total = 5`".
_TOGETHER = re.compile(
    r"(?<!› )\b(?:at|for|with|when) (?P<first>‹E\d+›),? ?(?:(?:we get|this gives|it gives|gives|makes|we have|comes|goes|the|a|an|and|"
    r"then|so|now|there is|is|has) ?){0,3}(?P<second>‹E\d+›)",
    re.IGNORECASE,
)
_TYPE = re.compile(r"\b(?P<type>list|tuple|set|string|text|number|integer|float|dictionary) (?P<token>‹V\d+›)", re.IGNORECASE)
_TYPES: dict[str, tuple[type, ...]] = {
    "list": (list,),
    "tuple": (tuple,),
    "set": (set, frozenset),
    "string": (str,),
    "text": (str,),
    "number": (int, float),
    "integer": (int,),
    "float": (float,),
    "dictionary": (dict,),
}
# Calls that write a value, and those by which a text measures what the program need not have measured.
_VALUES = frozenset("set frozenset deque array Counter OrderedDict defaultdict range list dict tuple".split())
_MEASURES = frozenset("len abs sum max min ord chr int float str bin round pow range".split())
LEAST_TEXT = 3  # letters of a text that can hardly be another one's by chance


def check_marked_code(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own marks as code."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    for token in context.sentence.tokens:
        if token.marked:
            yield from _calls(context, window, token)
            yield from _joined(context, window, token)
            yield from _attributes(context, window, token)
    for match in _TOGETHER.finditer(context.sentence.mask):
        yield from _together(context, window, match)
    for match in _TYPE.finditer(context.sentence.mask):
        yield from _typed(context, window, match)


def _calls(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """A call is one that the lines make, or one that the text works out itself."""
    for sides in token.equations:
        for side in sides:
            call = side.node
            if isinstance(call, ast.Call) and (name := _called(call)):
                good = _is_made(window, call, name, worked_out=len(sides) > 1)
                if good is not None:
                    yield context.verdict(token, Kind.CALL, good, f"{side.source} is not called there")


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _is_made(window: Window, call: ast.Call, name: str, *, worked_out: bool) -> bool | None:
    events = [event for event in window.by_type.get(ast.Call, ()) if isinstance(event.node, ast.Call)]
    named = [event for event in events if _called(event.node) == name]
    frames = [window.run.frames[frame].name.rpartition(".")[2] for frame in window.frames if frame >= 0]
    frames += [frame.name.rpartition(".")[2] for frame in window.run.frames if frame.first in window.lines or frame.last in window.lines]
    if any(key_of(event.node) == key_of(call) or matches(call, event) for event in named):
        return True
    if named or name in frames or worked_out or name in _MEASURES or (name in _VALUES and is_pure(call)):
        return None
    if name[:1].isupper() or (key_of(call) not in window.run.keys and name in window.operations):
        return None
    return False


def _joined(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """What texts are joined to is a text of these lines."""
    for sides in token.equations:
        for side in sides:
            if not isinstance(side.node, ast.BinOp) or not is_pure(side.node):
                continue
            try:
                value = evaluate(side.node, {})
            except UnknownError:
                continue
            if isinstance(value, str) and len(value) >= LEAST_TEXT and not window.opaque:
                good = any(value in text for text in window.texts) or None
                if not good and not any(entry.cut for entry in window.opaque):
                    good = False
                yield context.verdict(token, Kind.OPERATION, good, f"{value!r} is no text there")


def _attributes(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """``val = 3`` of an attribute or an argument: one that these lines evaluate has the value."""
    for sides in token.equations:
        if len(sides) != 2 or not isinstance(sides[0].node, ast.Name) or not sides[1].is_literal:
            continue
        name = sides[0].node.id
        if any(name in state for state in window.states):
            continue
        values = _values_of(window, name)
        if not values or any(isinstance(value, Opaque) for value in values):
            continue
        try:
            wanted = sides[1].value
        except UnknownError:
            continue
        good = any(fits(wanted, value, tolerance_of(sides[1])) for value in values)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{name} is not {sides[1].source} there")


def _values_of(window: Window, name: str) -> list[Any]:
    """The values of all attributes of a name, and of the arguments of calls."""
    found = [
        event.value
        for event in window.by_type.get(ast.Attribute, ())
        if isinstance(event.node, ast.Attribute) and event.node.attr == name
    ]
    for frame in window._touched:
        found += [value for argument, value in frame.arguments if argument == name]
    return found


def _together(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """Two equations of one moment hold at one moment."""
    tokens = [context.sentence.tokens[int(match[name][2:-1])] for name in ("first", "second")]
    pairs = [_pair(token) for token in tokens]
    if None in pairs or pairs[0][0].key == pairs[1][0].key or not all(isinstance(pair[0].node, ast.Name) for pair in pairs):
        return
    if not all(_ever(window, *pair) for pair in pairs):
        return
    good = any(all(_holds(state, *pair) for pair in pairs) for state in window.states)
    yield context.verdict(tokens[1], Kind.ASSIGNMENT, good, f"not at the same time: {pairs[0][0].source}, {pairs[1][0].source}")


def _pair(token: Token) -> tuple[Side, Any] | None:
    if len(token.equations) != 1 or len(token.sides) < 2 or token.sides[0].pure or not token.marked:
        return None
    try:
        return token.sides[0], token.sides[-1].value
    except UnknownError:
        return None


def _ever(window: Window, side: Side, value: Any) -> bool:
    return any(_holds(state, side, value) for state in window.states)


def _holds(state: dict[str, Any], side: Side, value: Any) -> bool:
    try:
        return fits(value, evaluate(side.node, state), 0.0)
    except UnknownError:
        return False


def _typed(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """``the tuple `(1, 4)` ``: what is alike at these lines is a tuple."""
    token = context.sentence.tokens[int(match["token"][2:-1])]
    try:
        value = token.value
    except UnknownError:
        return
    kinds = _TYPES[match["type"].lower()]
    if not token.marked or not isinstance(value, kinds):
        return
    key = freeze(value)
    alike = [each for each in window.values if freeze(each) == key]
    alike += [part for each in window.values if isinstance(each, list | tuple) for part in each if freeze(part) == key]
    if alike and not any(isinstance(each, kinds) for each in alike):
        yield context.verdict(token, Kind.ASSIGNMENT, False, f"{token.sides[0].source} is no {match['type']} there")
