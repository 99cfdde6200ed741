"""Works out expressions that a text writes: bounded, of exact built-in values, by an allow-list.

Names get their values from the run. What is not listed here, or would be too large, is ``UnknownError``: not known.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from execground_ray.python.operators import OPERATORS
from execground_ray.verification.trees import CACHED, nodes_in
from execground_ray.verification.values import Opaque

MAX_NODES = 2_000
MAX_ITEMS = 5_000
MAX_BITS = 4_000
MAX_FACTORIAL = 400
_SEQUENCE = (str, list, tuple)
_SIZED = (*_SEQUENCE, dict, set)


class UnknownError(Exception):
    """The value of an expression cannot be known."""


def _range(*bounds: int) -> list[int]:
    found = range(*bounds)
    _require(len(found) <= MAX_ITEMS)
    return list(found)


def _power(base: Any, exponent: Any) -> Any:
    _require(not isinstance(base, int) or not isinstance(exponent, int) or _bits(base) * abs(exponent) <= MAX_BITS)
    return base**exponent


def _length(value: Any) -> int:
    """The length of a value, which is known of some that are not known themselves."""
    return value.length if isinstance(value, Opaque) and value.length >= 0 else len(value)


def _round(number: float, digits: int = 0) -> Any:
    _require(abs(digits) <= MAX_FACTORIAL)
    return round(number, digits) if digits else round(number)


def _factorial(number: int) -> int:
    _require(number <= MAX_FACTORIAL)
    return math.factorial(number)


def _is_same(left: Any, right: Any) -> bool:
    """Whether two values are one object: of lists and the like, which were read back, nobody knows."""
    _require(left is None or right is None or not isinstance(left, list | dict | set))
    return bool(left == right)


_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = OPERATORS | {
    ast.Pow: _power,
    ast.Is: lambda left, right: _is_same(left, right),
    ast.IsNot: lambda left, right: not _is_same(left, right),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": _length, "sum": sum, "min": min, "max": max, "abs": abs, "int": int, "float": float, "str": str, "bool": bool,
    "round": _round, "sorted": sorted, "list": list, "tuple": tuple, "set": set, "range": _range, "ord": ord, "chr": chr,
    "divmod": divmod, "pow": _power, "reversed": lambda many: list(many)[::-1], "any": any, "all": all, "bin": bin,
    "hex": hex, "factorial": _factorial, "repr": repr, "frozenset": frozenset, "deque": list, "array": list,
    "Counter": lambda many=(): dict(Counter(many)), "OrderedDict": dict, "float64": float, "int64": int,
    "enumerate": lambda many, start=0: list(enumerate(many, start)), "zip": lambda *many: list(zip(*many, strict=False)),
}  # fmt: skip
for _name in "sqrt gcd floor ceil log log2 log10 sin cos tan atan2 radians degrees hypot isqrt exp".split():
    FUNCTIONS[_name] = getattr(math, _name)
METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        "upper lower strip lstrip rstrip split rsplit splitlines startswith endswith find rfind index count isdigit isalpha "
        "isalnum isupper islower isspace isnumeric isdecimal title capitalize swapcase replace join partition "
        "rpartition removeprefix removesuffix casefold istitle isidentifier".split()
    ),
    list: frozenset({"index", "count"}),
    tuple: frozenset({"index", "count"}),
    dict: frozenset({"keys", "values", "items", "get"}),
    set: frozenset({"union", "intersection", "difference", "issubset", "issuperset", "symmetric_difference"}),
    float: frozenset({"is_integer"}),
}
_MODULES = frozenset({"math", "np", "numpy"})
_NUMBERS = {"inf": math.inf, "nan": math.nan}
_FAULTS = (ArithmeticError, ValueError, TypeError, LookupError, RecursionError, AttributeError, MemoryError)


def evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of ``node`` where its names, and its watches, have the values of ``names``.

    Raises:
        UnknownError: it has none, or none that is known.
    """
    try:
        _require(len(nodes_in(node)) <= MAX_NODES)
        return _value(node, names)
    except _FAULTS as error:
        raise UnknownError(str(error)) from error


def value_of(node: ast.expr) -> Any:
    """The value of an expression without names, worked out once; it is not to be changed.

    Raises:
        UnknownError: it has none, or none that is known.
    """
    found = _values_of(node)
    if not found:
        raise UnknownError
    return found[0]


@lru_cache(maxsize=CACHED)
def _values_of(node: ast.expr) -> tuple[Any, ...]:
    try:
        return (evaluate(node, {}),)
    except UnknownError:
        return ()


def _require(condition: bool) -> None:
    if not condition:
        raise UnknownError("too large")


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _value(node: ast.expr | None, names: Mapping[str, Any]) -> Any:
    """The value of a node, checked for its size."""
    value = _work_out(node, names)
    _require(not isinstance(value, _SIZED) or len(value) <= MAX_ITEMS)
    _require(_bits(value) <= MAX_BITS)
    return value


def _work_out(node: ast.expr | None, names: Mapping[str, Any]) -> Any:  # noqa: C901, PLR0911, PLR0912
    if isinstance(node, ast.Attribute | ast.Subscript | ast.Call) and (watch := _source(node)) in names:
        return names[watch]
    match node:
        case None:
            return None
        case ast.Constant(value=value) if value is not ...:
            return value
        case ast.Name(id=name) if name in names or name in _NUMBERS:
            return names[name] if name in names else _NUMBERS[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _apply(op, _value(left, names), _value(right, names))
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](_value(operand, names))
        case ast.BoolOp(op=op, values=parts):
            for each in parts:
                value = _value(each, names)
                if bool(value) == isinstance(op, ast.Or):
                    break
            return value
        case ast.Compare(left=left, ops=ops, comparators=rights):
            values = [_value(each, names) for each in (left, *rights)]
            return all(_OPERATORS[type(op)](*pair) for op, *pair in zip(ops, values, values[1:], strict=False))
        case ast.Subscript(value=holder, slice=index):
            return _value(holder, names)[_value(index, names)]
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(_value(each, names) for each in (lower, upper, step)))
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)](_value(each, names) for each in parts)
        case ast.Dict(keys=keys, values=parts) if None not in keys:
            return {_value(key, names): _value(each, names) for key, each in zip(keys, parts, strict=True)}
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _call(function, [_value(each, names) for each in arguments], names)
    raise UnknownError(type(node).__name__)


@lru_cache(maxsize=CACHED)
def _source(node: ast.expr) -> str:
    return ast.unparse(node)


def _apply(op: ast.operator, left: Any, right: Any) -> Any:
    """The value of one operation, if it cannot be large."""
    if isinstance(op, ast.Mult):
        for many, count in ((left, right), (right, left)):
            _require(not isinstance(many, _SEQUENCE) or not isinstance(count, int) or len(many) * count <= MAX_ITEMS)
    if isinstance(op, ast.LShift):
        _require(0 <= right <= MAX_BITS)
    if isinstance(op, ast.Mod) and isinstance(left, str):  # a format with any width
        raise UnknownError
    return _OPERATORS[type(op)](left, right)


def _call(function: ast.expr, arguments: list[Any], names: Mapping[str, Any]) -> Any:
    match function:
        case ast.Name(id=name) if name in FUNCTIONS and name not in names:
            return FUNCTIONS[name](*arguments)
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES and name in FUNCTIONS:
            return FUNCTIONS[name](*arguments)
        case ast.Attribute(value=holder, attr=name):
            value = _value(holder, names)
            if name in METHODS.get(type(value), ()):
                found = getattr(value, name)(*arguments)
                return list(found) if name in {"keys", "values", "items"} else found
    raise UnknownError("function")


@lru_cache(maxsize=CACHED)
def is_pure(node: ast.expr) -> bool:
    """Whether an expression has no names but those of functions and constants."""
    allowed: set[int] = set()
    for each in nodes_in(node):
        match each:
            case ast.Call(func=ast.Name(id=name) as function) if name in FUNCTIONS:
                allowed.add(id(function))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name) as module)) if name in _MODULES:
                allowed.add(id(module))
    return all(not isinstance(each, ast.Name) or each.id in _NUMBERS or id(each) in allowed for each in nodes_in(node))
