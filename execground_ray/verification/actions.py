"""What a sentence says is done: a call with arguments, a value put into a collection, a value of some type, a step by some amount."""

from __future__ import annotations

import ast
import re
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import operand_value
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import Opaque, freeze, same
from execground_ray.verification.window import Window

_ADVERB = r"(?:now|then|also|again|just|simply|therefore|thus|first|next|both|only)"
_PUT = r"stored|added|appended|inserted|put|pushed|placed|saved|recorded|noted"
_TOKENS = r"‹[VE]\d+›(?:(?:, (?:and )?| and )‹[VE]\d+›)*"
_INTO = re.compile(
    rf"(?P<values>{_TOKENS}) (?:is|are|was|gets?|being)(?: {_ADVERB})* (?:{_PUT})(?: \w+){{0,3}}? (?:in|to|into|on|onto)(?: the)?(?: \w+)? (?P<holder>‹N\d+›)"
    rf"|\b(?:stores?|adds?|appends?|inserts?|puts?|pushes|places|adding|appending|storing|putting)(?: {_ADVERB})* (?P<active>{_TOKENS})(?: \w+){{0,3}}? (?:in|to|into|on|onto)(?: the)?(?: \w+)? (?P<target>‹N\d+›)",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"\b(?:calls?|called|calling|invoked?|invokes|recurses|runs|receives|itself)\b[^.;]{0,60}?\b(?:with|for|on|receives)\b(?: (?:the|a|arguments?|values?|numbers?|strings?|list|pair|inputs?|parameters?))* (?P<arguments>‹[VE]\d+›(?:(?:, (?:and )?| and )‹[VE]\d+›)*)",
    re.IGNORECASE,
)
_TYPED = re.compile(
    r"(?P<name>‹N\d+›)(?: (?:now|then|thus|therefore|still|also))* (?:is|becomes|remains|stays|holds|as|starts(?: out)? as|begins as)(?: (?:now|then|still|again|just))* (?:an? )(?:(?:new|empty|sorted|single|plain|whole|normal|real|nested|python) )*(?P<type>list|tuple|set|dictionary|dict|string|integer|float|boolean)\b",
    re.IGNORECASE,
)
_TYPES: dict[str, tuple[type, ...]] = {
    "list": (list,),
    "tuple": (tuple,),
    "set": (set, frozenset),
    "dictionary": (dict,),
    "dict": (dict,),
    "string": (str,),
    "integer": (int,),
    "float": (float,),
    "boolean": (bool,),
}
_HOLDERS = (list, tuple, set, dict, str, deque)


def check_actions(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own says is done there."""
    window = context.window
    if window is None or not context.cited:
        return
    mask = context.sentence.mask
    for match in _INTO.finditer(mask):
        yield from _into(context, window, match)
    for match in _CALLED.finditer(mask):
        yield from _called(context, window, match)
    for match in _TYPED.finditer(mask):
        yield from _typed(context, window, match)


def _tokens(context: Context, mask: str) -> list[Token]:
    return [context.sentence.tokens[int(number)] for number in re.findall(r"‹\w(\d+)›", mask)]


def _into(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    holder = _tokens(context, match["holder"] or match["target"])[0]
    if len(holder.sides) != 1:
        return
    holders, closed = window.possible(holder.sides[0])
    for token in _tokens(context, match["values"] or match["active"]):
        try:
            value = token.value
        except UnknownError:
            continue
        good: bool | None = any(_contains(each, value) for each in holders)
        if not good and not (
            closed
            and isinstance(holder.sides[0].node, ast.Name)
            and all(isinstance(each, _HOLDERS) for each in holders)
        ):
            good = None
        yield context.verdict(
            token, Kind.ASSIGNMENT, good, f"{token.sides[-1].source} is not in {holder.sides[0].source} there"
        )


def _contains(holder: Any, value: Any) -> bool:
    if isinstance(holder, str):
        return isinstance(value, str) and value in holder
    if isinstance(holder, dict):
        if isinstance(value, dict):
            return all(same(each, holder.get(key)) for key, each in value.items())
        return any(same(value, each) for pair in holder.items() for each in pair) or any(
            _contains(each, value) for each in holder.values() if isinstance(each, list | set | tuple | deque)
        )
    if isinstance(holder, list | tuple | set | frozenset | deque):
        return any(
            same(value, each) or (isinstance(each, list | tuple | set | dict) and _contains(each, value))
            for each in holder
        ) or (isinstance(value, list | tuple | set) and all(_contains(holder, each) for each in value))
    return False


def _called(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """The arguments are those of one call that begins at these lines, or of one that they evaluate."""
    tokens = _tokens(context, match["arguments"])
    named: dict[str, Any] = {}
    loose: list[Any] = []
    for token in tokens:
        try:
            value = token.value
        except UnknownError:
            return
        if len(token.sides) == 2 and isinstance(token.sides[0].node, ast.Name):
            named[token.sides[0].node.id] = value
        elif len(token.sides) == 1:
            loose.append(value)
        else:
            return
    calls = _calls(window)
    fitting = [call for call in calls if named.keys() <= call.keys()]
    if not fitting or any(isinstance(value, Opaque) for call in fitting for value in call.values()):
        return
    good = any(
        all(same(value, call[name]) for name, value in named.items()) and _among(loose, list(call.values()))
        for call in fitting
    )
    if not good and not named and (not window.complete or len(loose) < 2 or _in_events(window, loose)):
        return
    yield context.verdict(tokens[-1], Kind.CALL, good, f"no call there has {match['arguments']}: {[named, loose]}")


def _calls(window: Window) -> list[dict[str, Any]]:
    """The arguments of the calls that these lines are in or begin."""
    frames = {window.run.frame_of[line - 1] for line in window.core}
    return [
        dict(frame.arguments)
        for number, frame in enumerate(window.run.frames)
        if frame.first in window.lines or number in frames
    ]


def _among(values: list[Any], every: list[Any]) -> bool:
    left = Counter(map(freeze, every))
    left.subtract(map(freeze, values))
    return all(count >= 0 for count in left.values())


def _in_events(window: Window, values: list[Any]) -> bool:
    """Whether some call that is evaluated there can have had these arguments; of a recursion at any of its levels."""
    given: dict[int, set[Any]] = {}
    for event in window.events:
        given.setdefault(id(event.node), set()).add(freeze(event.value))
    for event in window.by_type.get(ast.Call, ()):
        arguments = event.node.args if isinstance(event.node, ast.Call) else []
        every = {key for each in arguments for key in (*given.get(id(each), ()), freeze(operand_value(each, event)))}
        if all(freeze(value) in every for value in values):
            return True
    return False


def _typed(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    token = _tokens(context, match["name"])[0]
    if (
        len(token.sides) != 1
        or token.sides[0].pure
        or context.sentence.mask[: match.start()].rstrip().endswith(("of", "in", "if", "that", "whether"))
    ):
        return
    values, closed = window.possible(token.sides[0])
    kinds = _TYPES[match["type"].lower()]
    good = any(isinstance(value, kinds) for value in values) or (None if not closed else False)
    yield context.verdict(token, Kind.ASSIGNMENT, good, f"{token.sides[0].source} is no {match['type']} there")
