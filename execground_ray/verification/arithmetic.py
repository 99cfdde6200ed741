"""Works out expressions that a text writes: bounded, of exact built-in values, by an allow-list.

Names get their values from the run. What is not listed here, or would be too large, is ``UnknownError``: not known.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from execground_ray.operators import OPERATORS
from execground_ray.verification.trees import CACHED, nodes_in

MAX_STEPS = 2_000
MAX_ITEMS = 5_000
MAX_BITS = 4_000
MAX_FACTORIAL = 400


class UnknownError(Exception):
    """The value of an expression cannot be known."""


def _power(base: Any, exponent: Any) -> Any:
    if not all(isinstance(each, int | float) for each in (base, exponent)):
        raise UnknownError
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MAX_BITS:
        raise UnknownError
    return base**exponent


def _multiply(left: Any, right: Any) -> Any:
    for many, count in ((left, right), (right, left)):
        if isinstance(many, str | list | tuple) and isinstance(count, int) and len(many) * count > MAX_ITEMS:
            raise UnknownError
    return left * right


def _shift(left: Any, right: Any) -> Any:
    if not isinstance(right, int) or not 0 <= right <= MAX_BITS:
        raise UnknownError
    return left << right


def _remainder(left: Any, right: Any) -> Any:
    if isinstance(left, str):  # a format with any width
        raise UnknownError
    return left % right


def _factorial(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number <= MAX_FACTORIAL:
        raise UnknownError
    return math.factorial(number)


def _round(number: Any, *digits: Any) -> Any:
    if not isinstance(number, int | float):
        raise UnknownError
    return round(number, *digits)


def _range(*bounds: Any) -> list[int]:
    found = range(*bounds)
    if len(found) > MAX_ITEMS:
        raise UnknownError
    return list(found)


BOUNDED: dict[type[ast.AST], Callable[..., Any]] = OPERATORS | {
    ast.Mult: _multiply,
    ast.Mod: _remainder,
    ast.Pow: _power,
    ast.LShift: _shift,
    ast.Is: operator.eq,  # of values that were read back, none is another
    ast.IsNot: operator.ne,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len, "sum": sum, "min": min, "max": max, "abs": abs, "int": int, "float": float, "str": str, "bool": bool,
    "round": _round, "sorted": sorted, "list": list, "tuple": tuple, "set": set, "range": _range, "ord": ord, "chr": chr,
    "divmod": divmod, "pow": _power, "reversed": lambda many: list(many)[::-1], "any": any, "all": all, "bin": bin,
    "hex": hex, "factorial": _factorial, "sqrt": math.sqrt, "gcd": math.gcd, "floor": math.floor, "ceil": math.ceil,
    "log": math.log, "log2": math.log2, "log10": math.log10, "sin": math.sin, "cos": math.cos, "tan": math.tan,
    "atan2": math.atan2, "radians": math.radians, "degrees": math.degrees, "hypot": math.hypot, "isqrt": math.isqrt,
    "exp": math.exp, "repr": repr, "frozenset": frozenset, "enumerate": lambda many, start=0: list(enumerate(many, start)),
    "zip": lambda *many: list(zip(*many, strict=False)), "deque": list,
}  # fmt: skip
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
_FAULTS = (ArithmeticError, ValueError, TypeError, LookupError, RecursionError, AttributeError, MemoryError)


def evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of ``node`` where its names have the values of ``names``.

    Raises:
        UnknownError: it has none, or none that is known.
    """
    try:
        return _Evaluation(names).of(node)
    except _FAULTS as error:
        raise UnknownError(str(error)) from error


class _Evaluation:
    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._steps = 0

    def of(self, node: ast.expr) -> Any:
        """The value of a node, checked for its size."""
        self._steps += 1
        kind = type(node)
        if kind not in _VISITS or self._steps > MAX_STEPS:
            raise UnknownError(kind.__name__)
        value = _VISITS[kind](self, node)
        if isinstance(value, str | list | tuple | dict | set) and len(value) > MAX_ITEMS:
            raise UnknownError("too large")
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise UnknownError("too large")
        return value

    def _constant(self, node: ast.Constant) -> Any:
        if node.value is ...:
            raise UnknownError("cut")
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self._names:
            return self._names[node.id]
        if node.id in {"inf", "nan"}:
            return float(node.id)
        raise UnknownError(node.id)

    def _binop(self, node: ast.BinOp) -> Any:
        return apply(node.op, self.of(node.left), self.of(node.right))

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        return BOUNDED[type(node.op)](self.of(node.operand))

    def _boolop(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for each in node.values:
            value = self.of(each)
            if bool(value) == isinstance(node.op, ast.Or):
                return value
        return value

    def _compare(self, node: ast.Compare) -> bool:
        left = self.of(node.left)
        for operation, each in zip(node.ops, node.comparators, strict=True):
            right = self.of(each)
            if not BOUNDED[type(operation)](left, right):
                return False
            left = right
        return True

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.of(node.body if self.of(node.test) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        return self.of(node.value)[self.of(node.slice)]

    def _slice(self, node: ast.Slice) -> slice:
        return slice(*(each and self.of(each) for each in (node.lower, node.upper, node.step)))

    def _list(self, node: ast.List) -> list[Any]:
        return [self.of(each) for each in node.elts]

    def _tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self.of(each) for each in node.elts)

    def _set(self, node: ast.Set) -> set[Any]:
        return {self.of(each) for each in node.elts}

    def _dict(self, node: ast.Dict) -> dict[Any, Any]:
        if None in node.keys:
            raise UnknownError("unpacking")
        return {self.of(key): self.of(each) for key, each in zip(node.keys, node.values, strict=True) if key}

    def _call(self, node: ast.Call) -> Any:
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise UnknownError("arguments")
        function = node.func
        if isinstance(function, ast.Name) and function.id in FUNCTIONS and function.id not in self._names:
            return FUNCTIONS[function.id](*map(self.of, node.args))
        if not isinstance(function, ast.Attribute):
            raise UnknownError("function")
        if isinstance(function.value, ast.Name) and function.value.id in _MODULES and function.attr in FUNCTIONS:
            return FUNCTIONS[function.attr](*map(self.of, node.args))
        holder = self.of(function.value)
        if function.attr not in METHODS.get(type(holder), ()):
            raise UnknownError(function.attr)
        found = getattr(holder, function.attr)(*map(self.of, node.args))
        return list(found) if function.attr in {"keys", "values", "items"} else found


_VISITS: dict[type[ast.AST], Callable[[_Evaluation, Any], Any]] = {
    kind: visit
    for kind in vars(ast).values()
    if isinstance(kind, type) and (visit := vars(_Evaluation).get("_" + kind.__name__.lower()))
}


def apply(operation: ast.AST, left: Any, right: Any) -> Any:
    """The value of one binary operation."""
    return BOUNDED[type(operation)](left, right)


@lru_cache(maxsize=CACHED)
def is_pure(node: ast.expr) -> bool:
    """Whether an expression has no names but those of functions and constants."""
    if not any(isinstance(each, ast.Name) for each in nodes_in(node)):
        return True
    called = [each.func for each in nodes_in(node) if isinstance(each, ast.Call)]
    functions = set(map(id, called))
    modules = {id(each.value) for each in called if isinstance(each, ast.Attribute)}
    return all(
        not isinstance(each, ast.Name)
        or each.id in {"inf", "nan"}
        or (id(each) in functions and each.id in FUNCTIONS)
        or (id(each) in modules and each.id in _MODULES)
        for each in nodes_in(node)
    )
