"""Every value that a sentence cites is one of its lines: whole, a part, a length; or follows from what it says itself.

Several in a row come in an order that the lines have them in.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.notation import Side
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import CACHED, children_of, name_of_call, nodes_in
from execground_ray.verification.values import Opaque, close, fits, freeze, rounding
from execground_ray.verification.window import Window

_COMPUTED = re.compile(
    r"\b(?:sum|total|difference|product|quotient|twice|double|half|square|minus|plus|leaves|apart|average|together|combined|distance|bits?|binary|gap|multiples?)\b",
    re.IGNORECASE,
)
# Values that are told one behind the other.
_ROW = re.compile(r"‹V\d+›(?:(?:,? and |, |; )‹V\d+›){2,}")
DISTINCT = 1_000  # an integer that is no text's own counting
MAX_PLACES = 4  # the values of so many names may be told as one tuple: (i, j)
_PRINTS = frozenset({"print", "write", "writelines"})


def check_values(context: Context) -> Iterator[Check]:
    """Judge the values of a sentence."""
    window = context.window
    if window is None:
        return
    sides = [(token, side) for token in context.sentence.tokens for equation in token.equations for side in equation]
    said = {key for _, side in sides for key in _worked_out(side)}
    for token, side in sides:
        for source, value in _literals(side):
            good = freeze(value) in said or in_window(window, source, value) or _is_bound(window, side, value)
            good = good or (isinstance(value, list) and len(value) == 1 and _is_index(window, value[0]))
            if good and context.cited and side is token.sides[-1] and _is_of_other_type(window, token, value):
                # Not a value that is nowhere, which a claim that is so would settle.
                yield Check.of(token, Kind.ASSIGNMENT, f"{source} is of another type there")
                continue
            sure = not good and _sure(context, window, token, value) and not _elsewhere(context, token, source, value)
            wrong = Outcome.CONTRADICTED if sure else Outcome.UNKNOWN
            yield Check.of(token, Kind.VALUE, f"{source} is no value there", Outcome.SUPPORTED if good else wrong)


def check_order(context: Context) -> Iterator[Check]:
    """Judge values that a sentence with lines of its own tells in a row: they are in an order that the run has them in."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    for match in _ROW.finditer(context.mask):
        tokens = context.tokens(match[0])
        with suppress(UnknownError):
            keys = tuple(freeze(token.value) for token in tokens)
            is_said = not context.is_conditional(tokens[0]) and not context.is_denied(tokens[0])
            if is_said and all(token.marked for token in tokens) and not _is_sorted(keys) and window.is_reordered(keys):
                told = ", ".join(map(context.sentence.code_of, tokens))
                yield Check.of(context.sentence, Kind.VALUE, f"{told} come in another order there")


def _is_sorted(keys: tuple[Any, ...]) -> bool:
    """Whether it is an order that anything is told in by itself: "the pegs `1`, `2` and `3`"."""
    try:
        return tuple(sorted(keys)) in (keys, keys[::-1])
    except TypeError:
        return False


def _is_bound(window: Window, side: Side, value: Any) -> bool:
    """Whether it is the bound of a range that ends at a value: the 22 in ``range(1, 22)``."""
    is_range = name_of_call(side.node) == "range" and isinstance(value, int)
    return is_range and (freeze(value - 1) in window.pool or freeze(value + 1) in window.pool)


def _is_index(window: Window, value: Any) -> bool:
    """Whether these lines take something by an index: ``[-1]`` alone may write it."""
    return any(isinstance(each, ast.Subscript) and ast.unparse(each.slice) == repr(value) for each in window.nodes)


def _is_of_other_type(window: Window, token: Token, value: Any) -> bool:
    """Whether it, or a part of it, is written as a list, and in all that is so in these lines it is a tuple, or the reverse."""
    if not token.marked or not window.complete or not isinstance(value, list | tuple) or len(value) < 2:
        return False
    node = token.sides[-1].node
    # As in "runs through `(1, 2), (3, 4)`".
    is_bare = isinstance(node, ast.Tuple) and node.col_offset == node.elts[0].col_offset
    is_called = any(isinstance(side.node, ast.Call) for side in token.sides)
    if is_bare or is_called or freeze(value) in window.run.constants:
        return False
    if (isinstance(value, tuple) and len(token.sides) < 2) or "namedtuple" in window.run.names:
        return False
    alike = window.run.alike(freeze(value), window.values)
    are_lists = bool(alike) and all(isinstance(each, list | tuple) for each in alike)
    return are_lists and not any(fits(value, each, 0.0) for each in alike)


def _elsewhere(context: Context, token: Token, source: str, value: Any) -> bool:
    """Whether it is a value of other lines, and a number told of something that these lines do not look at."""
    subject = token.sides[0]
    if context.window is None or context.whole is None:
        return False
    if isinstance(value, int | float) and (subject.pure or context.window.possible(subject).values):
        return False
    return in_window(context.whole, source, value)


@lru_cache(maxsize=CACHED)
def _literals(side: Side) -> list[tuple[str, Any]]:
    """The outermost values that are written in an expression."""
    found: list[tuple[str, Any]] = []
    stack: list[ast.expr] = [side.node]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Subscript) and not is_pure(node.value):
            stack.append(node.value)  # the index is judged with the element
        elif _is_literal(node) or _is_one_number(node):
            try:
                written = side.source.encode()[node.col_offset : node.end_col_offset].decode()
                found.append((written, value_of(node)))
            except UnknownError:
                continue
        else:
            stack += [each for each in children_of(node) if isinstance(each, ast.expr)]
    return found


def _is_one_number(node: ast.expr) -> bool:
    """Whether it writes one number as two: ``1 / 128``, ``2 + 3j``."""
    match node:
        case ast.BinOp(ast.Constant(), ast.Div(), ast.Constant()):
            return True
        case ast.BinOp(left, ast.Add() | ast.Sub(), ast.Constant(complex())):
            return _is_literal(left)
    return False


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
                found.append(freeze(value_of(node)))
            except UnknownError:
                continue
    return found


def in_window(window: Window, source: str, value: Any) -> bool:
    """Whether a value occurs at some lines: whole, in part, rounded, in another order, or as a size or a place in something."""
    constants = [each for each in window.run.constants if isinstance(each, str)]
    in_constant = isinstance(value, set) and any(source in each for each in constants)  # `'{0} of {1}'`
    if window.has_key(freeze(value)) or freeze(value) in window.run.constants or in_constant:
        return True
    if isinstance(value, bool):
        return bool(window.events)  # every expression is true or false
    if isinstance(value, str):
        texts = [*window.texts, *constants, *(entry.text for entry in window.opaque)]
        return len(value) <= 1 or any(value in text for text in texts)
    if isinstance(value, int | float):
        return _number(window, source, value)
    if isinstance(value, dict):
        entries = {(freeze(key), freeze(item)) for key, item in value.items()}
        # Of a comprehension an entry may have been replaced by a later one.
        is_made = "DictComp" in window.operations and all(part in window.pool for entry in entries for part in entry)
        return is_made or any(entries <= each for each in window.dict_entries)
    if isinstance(value, set) and any({freeze(item) for item in value} <= each for each in window.sets):
        return True
    if isinstance(value, list | tuple | set):
        is_pair = isinstance(value, tuple) and (len(value) <= MAX_PLACES or source[:1] != "(")
        return _sequence(window, [freeze(item) for item in value], is_pair)
    return False


def _number(window: Window, source: str, value: Any) -> bool:
    if -value in window.pool or str(value) in window.texts:
        return True
    if abs(value) >= 100 and any(str(value) in text for text in window.texts):
        return True
    if isinstance(value, float):
        tolerance = rounding(source)
        return any(close(value, number, tolerance) for number in window.numbers)
    if 0 <= value <= max(window.sizes, default=0):  # an index
        return True
    return any(isinstance(number, float) and -1 < number - value < 1 for number in window.numbers)  # between 9 and 10


def _sequence(window: Window, wanted: list[Any], is_pair: bool) -> bool:
    """A slice of a list, its elements in another order, or made of values of these lines."""
    if not wanted:  # what is empty is there as such
        return False
    if window.has_slice(wanted) or window.has_unordered(wanted):
        return True
    can_be_made = is_pair or len(wanted) in window.run.displays
    return can_be_made and all(key in window.pool or key in window.run.constants for key in wanted)


def _sure(context: Context, window: Window, token: Token, value: Any) -> bool:
    """Whether a value that is nowhere can only be wrong."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_collection = isinstance(value, list | tuple | dict | set)
    distinct = len(value) > 1 if is_collection else isinstance(value, int) and abs(value) >= DISTINCT
    if not context.cited and (context.attributed or not distinct):
        return False
    if (
        (isinstance(value, dict) and len(token.sides) > 1)  # which is judged with what it is told of
        or not window.complete
        or window.hidden
        or window.iterators
        or context.is_conditional(token)
        or context.is_denied(token)
    ):
        return False
    if isinstance(value, bool) or value is None:
        return False
    if not token.marked and (context.attributed or isinstance(value, str)):  # a text that cites marks its values
        return False
    if is_number and _COMPUTED.search(context.mask):
        return False
    if isinstance(value, str) and not _PRINTS.isdisjoint(window.operations):
        return False  # what is printed is no value
    return not any(_may_hide(entry, value) for entry in window.opaque)


def _may_hide(entry: Opaque, value: Any) -> bool:
    """Whether a value that is not known exactly may have ``value`` in it."""
    return entry.cut or repr(value) in entry.text
