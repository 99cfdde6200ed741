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
from execground_ray.verification.values import Opaque, freeze, same
from execground_ray.verification.window import Window

_CALLED = re.compile(
    r"\b(?:calls?|called|calling|invoked?|invokes|recurses|runs|receives|itself)\b[^.;]{0,60}?\b(?:with|for|on|receives)\b(?: (?:the|a|arguments?|values?|numbers?|strings?|list|pair|inputs?|parameters?))* "
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
            good = _is_called(window, named, loose)
            yield context.verdict(tokens[-1], Kind.CALL, good, f"no call there has {[named, loose]}")


def _is_called(window: Window, named: dict[str, Any], loose: list[Any]) -> bool | None:
    """Whether a call that these lines are in or begin has some arguments."""
    inside = {window.run.frame_of[line - 1] for line in window.core}
    calls = [
        dict(frame.arguments)
        for number, frame in enumerate(window.run.frames)
        if (frame.first in window.lines or number in inside) and named.keys() <= dict(frame.arguments).keys()
    ]
    wanted = Counter(map(freeze, loose))
    meant = [call for call in calls if all(same(value, call[name]) for name, value in named.items())]
    begun = [dict(frame.arguments) for frame in window.run.frames if frame.first in window.lines]
    if (named or len(loose) == 1) and any(wanted <= Counter(map(freeze, call.values())) for call in meant):
        return True
    known = not any(isinstance(call[name], Opaque) for call in calls for name in named)
    # A call that begins there and has no such argument may be told by its variables.
    fitting = all(named.keys() <= call.keys() for call in begun)
    if not named and len(loose) > 1:  # all that a call gets, in its order
        given = [[*call.values()] for call in begun]
        whole = given and all(
            len(values) == len(loose) and not any(isinstance(each, Opaque) for each in values) for values in given
        )
        return (
            None if not whole or _elsewhere(window, loose) else any(all(map(same, loose, values)) for values in given)
        )
    return False if calls and named and known and fitting and not meant else None


def _elsewhere(window: Window, loose: list[Any]) -> bool:
    """Whether a call there that is none of the program's has these arguments."""
    events = window.by_type.get(ast.Call, ())
    many = [[operand_value(each, event) for each in operands_of(event.node)] for event in events]
    return any(len(values) == len(loose) and all(map(same, loose, values)) for values in many)
