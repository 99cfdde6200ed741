"""What can be said for sure about values: the printed ones are read back, simple expressions are worked out.

In come texts of values and expressions of the code; out come values, or the error that says they are not known.
Nothing of the code is run: only operators, indexing and a few harmless built-in functions on plain values are known.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from execground_ray.python.operators import OPERATORS

MAX_BITS = 4096  # larger integers are not worked out
MAX_ITEMS = 10_000  # nor longer strings and lists
MAX_TEXT = 8_000  # characters of a value that is kept whole

FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        len,
        abs,
        min,
        max,
        sum,
        ord,
        chr,
        int,
        str,
        float,
        bool,
        round,
        sorted,
        list,
        tuple,
        set,
        divmod,
        range,
    )
}
ORDERLESS = {"len", "min", "max", "sorted", "set", "bool"}
_METHODS: dict[type, set[str]] = {
    str: {
        *("isdigit", "isalpha", "isalnum", "isupper", "islower", "isspace", "upper", "lower", "strip", "lstrip"),
        *(
            "rstrip",
            "startswith",
            "endswith",
            "count",
            "find",
            "rfind",
            "index",
            "split",
            "join",
            "title",
            "capitalize",
        ),
        *("replace", "swapcase", "casefold", "center", "ljust", "rjust", "zfill", "partition", "rpartition", "rsplit"),
        *("splitlines", "removeprefix", "removesuffix", "isdecimal", "isnumeric", "istitle", "isidentifier"),
    },
    list: {"index", "count"},
    tuple: {"index", "count"},
    dict: {"get"},
}
_GROWING = {"replace", "join", "center", "ljust", "rjust", "zfill"}


class UnknownValueError(Exception):
    """The value of an expression cannot be told."""


@lru_cache(maxsize=4096)
def read_value(text: str) -> Any:
    """Read a printed value back.

    Args:
        text: A Python literal. Treat the value as read-only, it is shared.

    Raises:
        UnknownValueError: If it is not a literal or was shortened when it was printed.
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise UnknownValueError(text) from None
    if "..." in text and _shortened(value):
        raise UnknownValueError(text)
    return value


def _shortened(value: Any) -> bool:
    """Tell whether `...` in a printed value may stand for something left out: strings lose their middle from 100 on."""
    if isinstance(value, str | bytes):
        return len(value) > 90 and "..." in str(value)
    if isinstance(value, dict):
        return any(_shortened(key) or _shortened(item) for key, item in value.items())
    if isinstance(value, list | tuple | set):
        return any(map(_shortened, value))
    return value is ...


def evaluate(node: ast.expr, known: Mapping[str, str]) -> Any:
    """Work out an expression.

    Args:
        node: The expression.
        known: Text of the value of each variable in scope. A name that is missing hides no built-in function only
            if the program defines none of that name: the caller puts such names in with an unreadable text.

    Raises:
        UnknownValueError: If the value cannot be told for sure or the expression would raise.
    """
    try:
        value = _evaluate(node, known)
    except UnknownValueError:
        raise
    except Exception as error:  # any failure of the code's own operation means the same here
        raise UnknownValueError(str(error)) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise UnknownValueError("not finite")
    return value


def _evaluate(node: ast.expr, known: Mapping[str, str]) -> Any:  # noqa: C901, PLR0911 - one line per kind
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in known:
            return read_value(known[name])
        case ast.List(elts=elements):
            return [_evaluate(element, known) for element in elements]
        case ast.Tuple(elts=elements):
            return tuple(_evaluate(element, known) for element in elements)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _evaluate(left, known), _evaluate(right, known))
        case ast.UnaryOp(op=op, operand=operand):
            return OPERATORS[type(op)](_evaluate(operand, known))
        case ast.BoolOp(op=op, values=values):
            return _boolean(op, values, known)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compare(_evaluate(left, known), ops, comparators, known)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _evaluate(body if _evaluate(test, known) else orelse, known)
        case ast.Subscript(value=container, slice=index):
            return _evaluate(container, known)[_evaluate(index, known)]
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else _evaluate(part, known) for part in (lower, upper, step)))
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _call(function, [_evaluate(argument, known) for argument in arguments], known)
    raise UnknownValueError(type(node).__name__)


def _binary(op: ast.operator, left: Any, right: Any) -> Any:
    for value in (left, right):
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise UnknownValueError("too large")
    if isinstance(op, ast.Pow) and (abs(right) > 256 or (isinstance(left, int) and left.bit_length() > 64)):
        raise UnknownValueError("too large")
    if isinstance(op, ast.LShift) and right > MAX_BITS:
        raise UnknownValueError("too large")
    if isinstance(op, ast.Mult):
        sizes = [
            value if isinstance(value, int) else len(value) for value in (left, right) if not isinstance(value, float)
        ]
        if any(not isinstance(value, int | float) for value in (left, right)) and math.prod(sizes) > MAX_ITEMS:
            raise UnknownValueError("too large")
    if isinstance(op, ast.Mod) and isinstance(left, str | bytes):
        raise UnknownValueError("formatting")  # a width could make it as long as it likes
    return OPERATORS[type(op)](left, right)


def _boolean(op: ast.boolop, values: list[ast.expr], known: Mapping[str, str]) -> Any:
    value = None
    for node in values:
        value = _evaluate(node, known)
        if bool(value) is isinstance(op, ast.Or):
            break
    return value


def _compare(left: Any, ops: list[ast.cmpop], comparators: list[ast.expr], known: Mapping[str, str]) -> Any:
    for op, node in zip(ops, comparators, strict=True):
        right = _evaluate(node, known)
        if isinstance(op, ast.Is | ast.IsNot) and not isinstance(right, bool | None):
            raise UnknownValueError("identity")
        if not OPERATORS[type(op)](left, right):
            return False
        left = right
    return True


def _call(function: ast.expr, arguments: list[Any], known: Mapping[str, str]) -> Any:
    if isinstance(function, ast.Name) and function.id in FUNCTIONS and function.id not in known:
        if function.id not in ORDERLESS and any(isinstance(argument, set) for argument in arguments):
            raise UnknownValueError("order")  # a set that is read back need not have the order that it had
        if any(isinstance(argument, str) and function.id in ("int", "float") for argument in arguments[1:]):
            raise UnknownValueError("arguments")
        if any(isinstance(argument, range) and len(argument) > MAX_ITEMS for argument in arguments):
            raise UnknownValueError("too large")
        return FUNCTIONS[function.id](*arguments)
    if isinstance(function, ast.Attribute):
        owner = _evaluate(function.value, known)
        known_method = function.attr in _METHODS.get(type(owner), ())
        if known_method and not any(isinstance(argument, set) for argument in arguments):
            if function.attr in _GROWING and not _stays_small(owner, arguments):
                raise UnknownValueError("too large")
            return getattr(owner, function.attr)(*arguments)
    raise UnknownValueError("call")


def _stays_small(text: Any, arguments: list[Any]) -> bool:
    """Tell whether a method cannot make a string much longer than its parts."""
    widths = [abs(part) if isinstance(part, int) else len(part) for part in arguments]
    inner = sum(len(part) for argument in arguments if isinstance(argument, list | tuple) for part in argument)
    return (len(text) + 1) * (max(widths, default=0) + 1) + inner <= MAX_ITEMS * 10


def value_text(value: Any) -> str:
    """Write a value as Python does; the items of a set stand in order, whatever order this process gave them."""
    if isinstance(value, set | frozenset) and value:
        items = "{" + ", ".join(sorted(map(value_text, value), key=lambda text: (len(text), text))) + "}"
        return items if isinstance(value, set) else f"frozenset({items})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{value_text(key)}: {value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(value_text, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)


def completed(text: str, node: ast.expr, known: Mapping[str, str]) -> str:
    """Give the whole of a value that was shortened when it was printed, where it can be worked out.

    Args:
        text: The value as printed.
        node: The expression that gave it.
        known: Values before.

    Returns:
        The text of the whole value, or `text` where it is whole already or cannot be known.
    """
    if "..." not in text:
        return text
    try:
        read_value(text)
    except UnknownValueError:
        start, end = text.partition("...")[0], text.rpartition("...")[2]
    else:
        return text
    try:
        whole = value_text(evaluate(node, known))
    except UnknownValueError:
        return text
    fits = whole.startswith(start) and whole.endswith(end) and len(text) < len(whole) <= MAX_TEXT
    return whole if fits else text
