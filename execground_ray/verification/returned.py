"""What a sentence says is returned: what a call at its lines returned."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.tokens import Token
from execground_ray.verification.values import Opaque, fits
from execground_ray.verification.window import Window

_RETURNED = re.compile(r"\breturn(?:s|ed)? (?:(?:the|an?|its) (?:\w+ )?)?(?P<returned>‹[VE]\d+›)", re.IGNORECASE)


def check_returned(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own says is returned."""
    window = context.window
    if window is not None and context.cited and window.complete and not window.hidden:
        for match in _RETURNED.finditer(context.mask):
            yield from _returned(context, window, context.tokens(match["returned"])[0])


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
    if values and token.marked and not context.is_part(token) and not any(isinstance(each, Opaque) for each in values):
        good = any(fits(value, each, token.sides[-1].tolerance) for each in values)
        yield context.verdict(token, Kind.CALL, good, f"{token.sides[-1].source} is not returned there")
