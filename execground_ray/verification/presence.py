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
from execground_ray.verification.values import Opaque, close, freeze, rounding
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
DISTINCT = 1_000  # an integer that is no text's own counting
MAX_PLACES = 4  # the values of so many names may be told as one tuple: (i, j)
_LARGE = 20  # outside of code marks smaller integers may be of the text's own counting
_SMALL = 2  # integers up to this in size say too little to be wrong


def check_values(context: Context) -> Iterator[Check]:
    """Judge the values of a sentence."""
    if not context.windows:
        return
    sides = [(token, side) for token in context.sentence.tokens for equation in token.equations for side in equation]
    said = {key for _, side in sides for key in _worked_out(side)}
    for token, side in sides:
        for source, value in _literals(side):
            good = freeze(value) in said or any(
                _is_there(context, token, each, source, value) for each in context.windows
            )
            wrong = Outcome.CONTRADICTED if not good and _sure(context, token, value) else Outcome.UNKNOWN
            outcome = Outcome.SUPPORTED if good else wrong
            yield Check(Kind.VALUE, token.start, token.end, outcome, f"{source} is no value there")


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


@lru_cache(maxsize=CACHED)
def _worked_out(side: Side) -> list[Any]:
    """Keys of what follows from the arithmetic that an expression states."""
    found = []
    for node in nodes_in(side.node):
        if isinstance(node, ast.BinOp | ast.Call | ast.Subscript) and is_pure(node):
            try:
                found.append(freeze(evaluate(node, {})))
            except UnknownError:
                continue
    return found


def _is_there(context: Context, token: Token, window: Window, source: str, value: Any) -> bool:
    """Whether a value is one of some lines, or one that tells a place or a size of them."""
    if in_window(window, source, value):
        return True
    if type(value) is not int:
        return False
    if _SIZE.search(context.mask) and (value in window.sizes or value + 1 in window.sizes):
        return True
    return 0 <= value <= window.run.longest and bool(_PLACE.search(context.around(token)[0]))


def in_window(window: Window, source: str, value: Any) -> bool:
    """Whether a value occurs at some lines: whole, in part, rounded, or in another order."""
    if freeze(value) in window.pool or freeze(value) in window.run.constants:
        return True
    if isinstance(value, bool):
        return bool(window.events)  # every expression is true or false
    if isinstance(value, str):
        constants = [each for each in window.run.constants if isinstance(each, str)]
        texts = [*window.texts, *constants, *(entry.text for entry in window.opaque)]
        return len(value) <= 1 or any(value in text or value[::-1] in text for text in texts)
    if isinstance(value, int | float):
        return _number(window, source, value)
    if isinstance(value, dict):
        entries = {(freeze(key), freeze(item)) for key, item in value.items()}
        return any(entries <= each for each in window.dict_entries)
    if isinstance(value, list | tuple | set | frozenset):
        is_pair = isinstance(value, tuple) and (len(value) <= MAX_PLACES or source[:1] != "(")
        return _sequence(window, [freeze(item) for item in value], is_pair)
    return False


def _number(window: Window, source: str, value: float) -> bool:
    if -value in window.pool or str(value) in window.texts:
        return True
    if isinstance(value, float):
        tolerance = rounding(source)
        return any(close(value, number, tolerance) for number in window.numbers)
    return any(isinstance(number, float) and -1 < number - value < 1 for number in window.numbers)  # between 9 and 10


def _sequence(window: Window, wanted: list[Any], is_pair: bool) -> bool:
    """A slice of a list, its elements in another order, or made of values of these lines."""
    if not wanted or window.has_slice(wanted) or window.has_slice(wanted[::-1]):
        return True
    if ("list", tuple(sorted(wanted, key=repr))) in window.set_pool:
        return True
    can_be_made = is_pair or len(wanted) in window.run.displays
    return can_be_made and all(key in window.pool or key in window.run.constants for key in wanted)


def _sure(context: Context, token: Token, value: Any) -> bool:
    """Whether a value that is nowhere can only be wrong."""
    window = context.windows[0]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_collection = isinstance(value, list | tuple | dict | set)
    distinct = len(value) > 1 if is_collection else isinstance(value, int) and abs(value) >= DISTINCT
    if not context.cited and (context.attributed or not distinct):
        return False
    if isinstance(value, list | dict | set) and window.changing:
        return False
    if (
        not window.complete
        or window.hidden
        or window.iterators
        or context.is_conditional(token)
        or context.is_denied(token)
    ):
        return False
    if isinstance(value, bool) or value is None or not (token.marked or is_number or is_collection):
        return False
    if is_number and (abs(value) <= max(_SMALL, 0 if token.marked else _LARGE - 1) or _COMPUTED.search(context.mask)):
        return False
    return not any(_may_hide(entry, value) for entry in window.opaque)


def _may_hide(entry: Opaque, value: Any) -> bool:
    """Whether a value that is not known exactly may have ``value`` in it."""
    return entry.cut or repr(value) in entry.text
