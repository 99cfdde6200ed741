"""Every value that a sentence cites is one of its lines: whole, a part, a length; or follows from what it says itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.notation import Side
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import CACHED, children_of, nodes_in
from execground_ray.verification.values import Opaque, close, freeze, kind_of, parts, rounding
from execground_ray.verification.window import Window

_PLACE = re.compile(
    r"\b(?:index|indices|indexes|positions?|places?|columns?|rows?|steps?|rounds?|bits?|digits?|levels?|cells?|vert(?:ex|ices)|nodes?|numbers?|pass|iteration|step|slot|of the|from|through|between|at)(?: ‹\w+›(?:,| and| to| or|,? and then)?)*\s*$",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"\b(?:lengths?|long|size|elements|entries|items|characters|letters|digits|numbers|rows|columns|keys|times|last|index|many|count(?:s|ed)?|pairs|rounds|passes|iterations)\b",
    re.IGNORECASE,
)
_COMPUTED = re.compile(
    r"\b(?:sum|total|difference|product|quotient|twice|double|half|square|minus|plus|leaves|apart|average|together|combined|distance|bits?|binary|gap|multiples?)\b",
    re.IGNORECASE,
)
MIN_DISTINCT = 2
MAX_PLACES = 4  # the values of so many names may be told as one tuple: (i, j)
_LARGE = 20  # outside of code marks smaller integers may be of the text's own counting
_SMALL = 2  # integers up to this in size say too little to be wrong


def check_values(context: Context) -> Iterator[Check]:
    """Judge the values of a sentence."""
    if context.window is None:
        return
    said = _said(context)
    for token in context.sentence.tokens:
        for sides in token.equations:
            for side in sides:
                for source, value in _literals(side):
                    yield _check(context, token, source, value, said)


@lru_cache(maxsize=CACHED)
def _literals(side: Side) -> list[tuple[str, Any]]:
    """The outermost values that are written in an expression."""
    found: list[tuple[str, Any]] = []
    stack: list[ast.expr] = [side.node]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Subscript) and not is_pure(node.value):
            stack.append(node.value)  # the index is judged with the element
        elif _is_literal(node):
            try:
                found.append((ast.get_source_segment(side.source, node) or ast.unparse(node), evaluate(node, {})))
            except UnknownError:
                continue
        else:
            stack += [each for each in children_of(node) if isinstance(each, ast.expr)]
    return found


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict) and is_pure(node)


def _said(context: Context) -> set[Any]:
    """Values that follow from the sentence's own arithmetic: all sides of its equations, worked out."""
    return {
        key
        for token in context.sentence.tokens
        for sides in token.equations
        for side in sides
        for key in _worked_out(side)
    }


@lru_cache(maxsize=CACHED)
def _worked_out(side: Side) -> list[Any]:
    found = []
    for node in nodes_in(side.node):
        if isinstance(node, ast.BinOp | ast.Call | ast.Subscript) and is_pure(node):
            try:
                found.append(freeze(evaluate(node, {})))
            except UnknownError:
                continue
    return found


def _check(context: Context, token: Token, source: str, value: Any, said: set[Any]) -> Check:
    good = known(context, token, source, value, said)
    outcome = Outcome.SUPPORTED if good else Outcome.CONTRADICTED
    if not good and not _sure(context, token, value):
        outcome = Outcome.UNKNOWN
    return Check(Kind.VALUE, token.start, token.end, outcome, f"{source} is no value there")


def known(context: Context, token: Token, source: str, value: Any, said: set[Any]) -> bool:
    """Whether a value is one of the lines of a sentence."""
    if freeze(value) in said:
        return True
    windows = [context.window] if context.cited else [context.window, context.whole]
    for window in windows:
        if window is None:
            continue
        if (
            in_window(window, source, value)
            or _is_place(context, token, window, value)
            or _is_size(context, window, value)
        ):
            return True
    return False


def in_window(window: Window, source: str, value: Any) -> bool:
    """Whether a value occurs at some lines: whole, in part, as a length, rounded or in another base."""
    key = freeze(value)
    if key in window.pool or key in window.run.constants:
        return True
    if isinstance(value, bool):
        return bool(window.by_type)  # every expression is true or false
    if isinstance(value, str):
        return _text(window, value)
    if isinstance(value, int | float):
        return _number(window, source, value)
    if isinstance(value, list | tuple):
        return _sequence(
            window, list(value), isinstance(value, tuple) and (len(value) <= MAX_PLACES or source[:1] != "(")
        )
    if isinstance(value, set | frozenset):
        return _sequence(window, sorted(value, key=repr), False)
    if isinstance(value, dict):
        return not value or _sub_dict(window, value)
    return False


def _text(window: Window, value: str) -> bool:
    if any(value in text or value[::-1] in text for text in window.texts):
        return True
    if any(value in entry.text for entry in window.opaque):
        return True
    if len(value) <= 1 or any(value in text for text in window.run.texts):
        return True
    digits = value.removeprefix("0b")
    return bool(digits) and not set(digits) - {"0", "1"} and int(digits, 2) in window.pool


def _number(window: Window, source: str, value: Any) -> bool:
    if -value in window.pool:
        return True
    if isinstance(value, float):
        tolerance = rounding(source)
        return any(close(value, number, tolerance) for number in window.numbers)
    if any(isinstance(number, float) and -1 < number - value < 1 for number in window.numbers):
        return True  # "between 9 and 10": a number of which it is the whole part
    digits = str(value)
    if len(digits) > 2 and not set(digits) - {"0", "1"} and int(digits, 2) in window.pool:
        return True
    return digits in window.texts


def _sequence(window: Window, value: list[Any], is_pair: bool) -> bool:
    """A slice of a list, its elements in another order, or all of them values of these lines."""
    wanted = [freeze(item) for item in value]
    if not wanted or window.has_slice(wanted) or window.has_slice(wanted[::-1]):
        return True
    if ("list", tuple(sorted(wanted, key=repr))) in window.set_pool:
        return True
    return all(_is_made_of(window, each) for each in wanted) and (is_pair or len(wanted) in window.run.displays)


def _is_made_of(window: Window, key: Any) -> bool:
    """Whether a part of a list that the program writes out is known, or consists of what is."""
    if key in window.pool or key in window.run.constants or key in {-each for each in window.run.numbers}:
        return True
    return (
        isinstance(key, tuple)
        and key[0] == "list"
        and len(key[1]) in window.run.displays
        and all(_is_made_of(window, each) for each in key[1])
    )


def _sub_dict(window: Window, value: dict[Any, Any]) -> bool:
    wanted = {(freeze(key), freeze(item)) for key, item in value.items()}
    return any(wanted <= entries for entries in window.dict_entries)


def _is_size(context: Context, window: Window, value: Any) -> bool:
    """Whether a number is the length of something, or its last index, where a sentence speaks of such."""
    if not isinstance(value, int) or isinstance(value, bool) or not _SIZE.search(context.sentence.mask):
        return False
    return value in window.sizes or value + 1 in window.sizes


def _is_place(context: Context, token: Token, window: Window, value: Any) -> bool:
    """Whether a number says where: an index up to the largest length, or a step of the text's own counting."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    if _PLACE.search(context.before(token)):
        return 0 <= value <= max([*window.sizes, window.run.longest], default=0)
    return False


def _sure(context: Context, token: Token, value: Any) -> bool:
    """Whether a value that is nowhere can only be wrong."""
    window = context.window
    if window is None or not window.complete or context.is_conditional(token) or context.is_denied(token):
        return False
    if not context.cited and not (context.attributed is False and _is_distinct(value)):
        return False
    if not token.marked and not isinstance(value, int | float | list | tuple | dict):
        return False
    if isinstance(value, bool) or value is None or (isinstance(value, int | float) and abs(value) <= _SMALL):
        return False
    if isinstance(value, int | float) and (
        _COMPUTED.search(context.sentence.mask) or (not token.marked and abs(value) < _LARGE)
    ):
        return False
    return not any(_may_hide(entry, value) for entry in window.opaque) and not window.iterators


def _is_distinct(value: Any) -> bool:
    """Whether a value says so much that it cannot be one of the text's own, though its lines are not known."""
    if isinstance(value, list | tuple | dict | set):
        return len(value) >= MIN_DISTINCT
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10 ** (MIN_DISTINCT + 1)


def _may_hide(entry: Opaque, value: Any) -> bool:
    """Whether a value that is not known exactly may have ``value`` in it."""
    if entry.cut:
        return kind_of(value) in {"str", "number"} or any(True for _ in parts(value, 1))
    return repr(value) in entry.text
