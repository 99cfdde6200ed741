"""What the lines of a sentence say of an expression: its values, whether it was true, what a call returned."""

from __future__ import annotations

from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Context
from execground_ray.verification.notation import Side
from execground_ray.verification.values import Opaque, same


def has_value(context: Context, side: Side, value: Any, tolerance: float) -> bool | None:
    """Whether an expression of names had a value at the lines of a sentence; None where that is not known."""
    for window in context.windows:
        values, closed = window.possible(side)
        if any(fits(value, each, tolerance) for each in values):
            return True
        if not closed:
            return None
    return False if context.windows else None


def is_true(context: Context, side: Side, wanted: bool) -> bool | None:
    """Whether an expression was true, or false, at the lines of a sentence; None where that is not known."""
    if side.pure:
        try:
            return bool(side.value) is wanted
        except UnknownError:
            return None
    for window in context.windows:
        if context.cited and window.complete and (made := window.outcomes(side)):
            return wanted in made
        values, closed = window.possible(side)
        if any(bool(value) is wanted for value in values):
            return True
        if not closed:
            return None
    return False if context.windows else None


def has_returned(context: Context, name: str, value: Any, tolerance: float) -> bool | None:
    """Whether a call of a function that ends at the lines of a sentence returned a value."""
    if not context.windows:
        return None
    window = context.windows[0]
    calls = [frame for frame in window.run.frames if frame.name.rpartition(".")[2] == name]
    ending = [frame.returned for frame in calls if frame.last in window.lines]
    if any(fits(value, each, tolerance) for each in ending):
        return True
    if any(isinstance(frame.returned, Opaque) or fits(value, frame.returned, tolerance) for frame in calls):
        return None
    return False if ending and window.complete else None


def fits(written: Any, actual: Any, tolerance: float) -> bool:
    """Whether a text can write ``written`` for ``actual``: not a list for a tuple or a set."""
    if isinstance(written, str) and isinstance(actual, list) and all(isinstance(each, str) for each in actual):
        return written == "".join(actual)
    return same(written, actual, tolerance) and not _mixed_up(written, actual)


def _mixed_up(written: Any, actual: Any) -> bool:
    """Whether one is a list, the other a tuple, or one of both and the other a set; or something in them is."""
    if isinstance(written, set | frozenset):
        return isinstance(actual, list | tuple)
    if not isinstance(written, list | tuple):
        return False
    if isinstance(actual, list | tuple):
        return {type(written), type(actual)} == {list, tuple} or any(map(_mixed_up, written, actual))
    return isinstance(actual, set | frozenset)
