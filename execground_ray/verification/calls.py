"""Calls: the arguments that a sentence tells are those of a call at its lines."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import operand_value, operands_of
from execground_ray.verification.recorded import Frame
from execground_ray.verification.values import Opaque, freeze, same
from execground_ray.verification.window import Window

_CALLED = re.compile(
    r"\b(?:calls?|called|calling|invoked?|invokes|recurses|runs|receives|itself)\b(?:(?!return)[^.;]){0,60}?\b(?:with|for|on|receives)\b(?: (?:the|a|arguments?|values?|numbers?|strings?|list|pair|inputs?|parameters?))* "
    r"(?P<arguments>‹[VE]\d+›(?:(?:, (?:and )?| and )‹[VE]\d+›)*)",
    re.IGNORECASE,
)


def check_calls(context: Context) -> Iterator[Check]:
    """Judge the arguments that a sentence with lines of its own tells."""
    window = context.window
    if window is None or not context.cited or not window.complete or window.hidden:
        return
    for match in _CALLED.finditer(context.mask):
        tokens = context.tokens(match["arguments"])
        try:
            values = [(token.sides, token.value) for token in tokens]
        except UnknownError:
            continue
        named = {sides[0].node.id: value for sides, value in values if isinstance(sides[0].node, ast.Name)}
        loose = [value for sides, value in values if len(sides) == 1]
        if len(named) + len(loose) == len(tokens):
            in_order = not named and len(loose) > 1
            good = _is_given(window, loose) if in_order else _is_called(window, named, loose)
            yield context.verdict(tokens[-1], Kind.CALL, good, f"no call there has {[named, loose]}")


def _is_called(window: Window, named: dict[str, Any], loose: list[Any]) -> bool | None:
    """Whether a call that these lines are in or begin has some arguments."""
    frames = [*window.around, *_begun(window)]
    calls = [dict(frame.arguments) for frame in frames if named.keys() <= dict(frame.arguments).keys()]
    wanted = Counter(map(freeze, loose))
    meant = [call for call in calls if all(same(value, call[name]) for name, value in named.items())]
    if any(wanted <= Counter(map(freeze, call.values())) for call in meant):
        return True
    known = not any(isinstance(call[name], Opaque) for call in calls for name in named)
    # A call that begins there and has no such argument may be told by its variables.
    fitting = all(named.keys() <= dict(frame.arguments).keys() for frame in _begun(window))
    return False if calls and named and known and fitting and not meant else None


def _is_given(window: Window, values: list[Any]) -> bool | None:
    """Whether these are all that a call which begins there gets, in their order."""
    given = [[value for _, value in frame.arguments] for frame in _begun(window)]
    known = not any(isinstance(value, Opaque) for arguments in given for value in arguments)
    if not given or not known or any(len(arguments) != len(values) for arguments in given):
        return None
    events = window.by_type.get(ast.Call, ())
    others = [[operand_value(each, event) for each in operands_of(event.node)] for event in events]
    if any(len(arguments) == len(values) and all(map(same, values, arguments)) for arguments in others):
        return None  # of another function
    return any(all(map(same, values, arguments)) for arguments in given)


def _begun(window: Window) -> list[Frame]:
    """The calls that begin there."""
    return [frame for frame in window.run.frames if frame.first in window.lines]
