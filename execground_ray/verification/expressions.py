"""Evaluates Python expressions from their syntax tree, with nothing in reach but what ``allowed`` lists.

Comes in: a node of ``ast`` and a ``Scope``. Goes out: the value, or ``Unsupported``, or whatever exception the
expression raises. Used for the expressions that a text cites and, by ``replay``, for whole programs.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, ClassVar

from execground_ray.verification.allowed import BUILTINS, MAX_BITS, Namespace

MAX_ITEMS = 20_000  # elements that one call may take from an iterator
MAX_TEXT = 100_000  # characters or elements of a repeated sequence

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
# They take everything that an iterator has to give.
_CONSUMERS = frozenset(
    id(BUILTINS[name]) for name in "list tuple set frozenset sorted sum max min all any dict".split()
)


# They make a sequence of what they are given, in its order.
_ORDERED = frozenset(id(BUILTINS[name]) for name in "list tuple iter enumerate zip map filter str repr dict".split())


class Unsupported(Exception):  # noqa: N818 - it says what the replay cannot do, the program made no error
    """The expression or statement is outside of what is evaluated here."""


class Scope:
    """Names and their values, inside an enclosing scope."""

    __slots__ = ("frame", "nonlocals", "parent", "values")

    def __init__(self, values: dict[str, Any], parent: Scope | None = None, frame: int = -1) -> None:
        self.values = values
        self.parent = parent
        self.frame: int = frame if frame >= 0 or parent is None else parent.frame
        self.nonlocals: dict[str, Scope] = {}

    def owner(self, name: str) -> Scope | None:
        """The innermost scope in which ``name`` has a value."""
        scope: Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.parent
        return scope

    def lookup(self, name: str) -> Any:
        """The value of ``name``; raises ``NameError`` where it has none."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        if name in BUILTINS:
            return BUILTINS[name]
        raise NameError(name)

    def bind(self, name: str, value: Any) -> None:
        """Assign here, or where ``global`` and ``nonlocal`` say."""
        (self.nonlocals.get(name) or self).values[name] = value


_GROWING = frozenset((ast.Add, ast.Mult, ast.Pow, ast.LShift))


def _is_huge(kind: type, left: Any, right: Any) -> bool:
    """Whether the result of an operation of ``_GROWING`` may be an integer or a sequence beyond the limits."""
    if isinstance(left, int) and isinstance(right, int):
        if kind is ast.Pow:
            return left.bit_length() * right > MAX_BITS
        if kind is ast.Mult:
            return left.bit_length() + right.bit_length() > MAX_BITS
        return kind is ast.LShift and right > MAX_BITS
    if kind is ast.Add and hasattr(left, "__len__") and hasattr(right, "__len__"):
        return len(left) + len(right) > MAX_TEXT
    if kind is ast.Mult:
        for sequence, times in ((left, right), (right, left)):
            if hasattr(sequence, "__len__") and isinstance(times, int):
                return len(sequence) * times > MAX_TEXT
    return False


class Evaluator:
    """Evaluates one node by the method that is named after its type."""

    methods: ClassVar[dict[type, Callable[..., Any]]] = {}
    # Elements of which the order in a set is known: that of strings changes from one interpreter to the next.
    orderly: ClassVar[frozenset[type]] = frozenset((int, float, bool))

    def __init_subclass__(cls) -> None:
        cls.methods = _methods_of(cls)

    def evaluate(self, node: ast.expr, scope: Scope) -> Any:
        """The value of ``node`` in ``scope``."""
        kind = type(node)
        if kind is ast.Constant:
            return node.value  # type: ignore[attr-defined]  # its type has just been seen
        method = self.methods.get(kind)
        if method is None:
            raise Unsupported(type(node).__name__)
        return method(self, node, scope)

    def note(self, value: Any) -> Any:
        """Called with results of operations; a place for a subclass to keep them."""
        return value

    def bind_target(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Assign to a name or, element by element, to a tuple of names."""
        if isinstance(target, ast.Name):
            scope.bind(target.id, value)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, scope)
        else:
            raise Unsupported(type(target).__name__)

    def in_order(self, value: Any) -> Any:
        """``value``, unless it is a set of several elements whose order nobody can tell."""
        if isinstance(value, set | frozenset) and len(value) > 1 and not self.orderly.issuperset(map(type, value)):
            raise Unsupported("the order of a set")
        return value

    def _unpack(self, target: ast.Tuple | ast.List, value: Any, scope: Scope) -> None:
        items = list(islice(iter(self.in_order(value)), MAX_ITEMS))
        star = next((index for index, item in enumerate(target.elts) if isinstance(item, ast.Starred)), None)
        if star is not None:
            behind = len(target.elts) - star - 1
            if len(items) < len(target.elts) - 1:
                raise ValueError("not enough values to unpack")
            items[star : len(items) - behind] = [items[star : len(items) - behind]]
        if len(items) != len(target.elts):
            raise ValueError("number of values to unpack")
        for item, part in zip(target.elts, items, strict=True):
            self.bind_target(item.value if isinstance(item, ast.Starred) else item, part, scope)

    def _Constant(self, node: ast.Constant, _: Scope) -> Any:  # noqa: N802 - named after the node
        return node.value

    def _Name(self, node: ast.Name, scope: Scope) -> Any:  # noqa: N802
        return scope.lookup(node.id)

    def _BinOp(self, node: ast.BinOp, scope: Scope) -> Any:  # noqa: N802
        left = self.evaluate(node.left, scope)
        right = self.evaluate(node.right, scope)
        return self.note(self.operate(type(node.op), left, right))

    def operate(self, kind: type, left: Any, right: Any) -> Any:
        """``left op right``, unless the result would be huge."""
        operation = _BINARY.get(kind)
        if operation is None:
            raise Unsupported(kind.__name__)
        if kind in _GROWING and _is_huge(kind, left, right):
            raise Unsupported("a huge value")
        return operation(left, right)

    def _UnaryOp(self, node: ast.UnaryOp, scope: Scope) -> Any:  # noqa: N802
        return _UNARY[type(node.op)](self.evaluate(node.operand, scope))

    def _BoolOp(self, node: ast.BoolOp, scope: Scope) -> Any:  # noqa: N802
        stop_at = isinstance(node.op, ast.Or)
        value = None
        for part in node.values:
            value = self.evaluate(part, scope)
            if bool(value) is stop_at:
                break
        return value

    def _Compare(self, node: ast.Compare, scope: Scope) -> Any:  # noqa: N802
        left = self.evaluate(node.left, scope)
        if len(node.ops) == 1:
            return _COMPARE[type(node.ops[0])](left, self.evaluate(node.comparators[0], scope))
        result: Any = True
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(comparator, scope)
            result = _COMPARE[type(operation)](left, right)
            if not result:
                break
            left = right
        return result

    def _IfExp(self, node: ast.IfExp, scope: Scope) -> Any:  # noqa: N802
        return self.evaluate(node.body if self.evaluate(node.test, scope) else node.orelse, scope)

    def _Subscript(self, node: ast.Subscript, scope: Scope) -> Any:  # noqa: N802
        return self.note(self.evaluate(node.value, scope)[self.evaluate(node.slice, scope)])

    def _Slice(self, node: ast.Slice, scope: Scope) -> slice:  # noqa: N802
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if part is None else self.evaluate(part, scope) for part in parts))

    def _Attribute(self, node: ast.Attribute, scope: Scope) -> Any:  # noqa: N802
        return self.attribute(self.evaluate(node.value, scope), node.attr)

    def attribute(self, value: Any, name: str) -> Any:
        """``value.name``; no private name, so that no path leads out of the program's own data."""
        if isinstance(value, Namespace):
            if name not in value.members:
                raise Unsupported(f"module member {name}")
            return value.members[name]
        if name.startswith("_") or name in ("format", "format_map", "mro"):
            raise Unsupported(f"attribute {name}")
        return getattr(value, name)

    def _elements(self, nodes: list[ast.expr], scope: Scope) -> list[Any]:
        values: list[Any] = []
        for node in nodes:
            if type(node) is ast.Starred:
                values += bounded(self.in_order(self.evaluate(node.value, scope)))
            else:
                values.append(self.evaluate(node, scope))
        return values

    def _List(self, node: ast.List, scope: Scope) -> list[Any]:  # noqa: N802
        return self._elements(node.elts, scope)

    def _Tuple(self, node: ast.Tuple, scope: Scope) -> tuple[Any, ...]:  # noqa: N802
        return tuple(self._elements(node.elts, scope))

    def _Set(self, node: ast.Set, scope: Scope) -> set[Any]:  # noqa: N802
        return set(self._elements(node.elts, scope))

    def _Dict(self, node: ast.Dict, scope: Scope) -> dict[Any, Any]:  # noqa: N802
        result: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                result.update(self.evaluate(value, scope))
            else:
                result[self.evaluate(key, scope)] = self.evaluate(value, scope)
        return result

    def _JoinedStr(self, node: ast.JoinedStr, scope: Scope) -> str:  # noqa: N802
        return self.note("".join(self.evaluate(part, scope) for part in node.values))

    def _FormattedValue(self, node: ast.FormattedValue, scope: Scope) -> str:  # noqa: N802
        value = self.evaluate(node.value, scope)
        conversions: dict[int, Callable[[Any], Any]] = {115: str, 114: repr, 97: ascii}
        convert = conversions.get(node.conversion, lambda same: same)
        return format(convert(value), self.evaluate(node.format_spec, scope) if node.format_spec else "")

    def _Call(self, node: ast.Call, scope: Scope) -> Any:  # noqa: N802
        function = self.evaluate(node.func, scope)
        arguments = self._elements(node.args, scope)
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            keywords.update(value if keyword.arg is None else {keyword.arg: value})
        return self.note(self.call(function, arguments, keywords))

    def call(self, function: Any, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Call ``function``; what takes a whole iterator takes a bounded one."""
        if id(function) in _ORDERED:
            for argument in arguments:
                self.in_order(argument)
        if id(function) in _CONSUMERS:
            arguments = [bounded(item) for item in arguments]
        return function(*arguments, **keywords)

    def _generate(self, node: Any, scope: Scope, results: Callable[[Scope], Any]) -> Iterator[Any]:
        inner = Scope({}, scope)

        def descend(depth: int) -> Iterator[Any]:
            if depth == len(node.generators):
                yield results(inner)
                return
            generator = node.generators[depth]
            for item in self.iterate(self.evaluate(generator.iter, inner if depth else scope)):
                self.bind_target(generator.target, item, inner)
                if all(self.evaluate(test, inner) for test in generator.ifs):
                    yield from descend(depth + 1)

        return descend(0)

    def iterate(self, value: Any) -> Iterator[Any]:
        """The elements of ``value``, a bounded number of them."""
        for index, item in enumerate(self.in_order(value)):
            if index >= MAX_ITEMS:
                raise Unsupported("a long iteration")
            yield item

    def _GeneratorExp(self, node: ast.GeneratorExp, scope: Scope) -> Iterator[Any]:  # noqa: N802
        return self._generate(node, scope, lambda inner: self.evaluate(node.elt, inner))

    def _ListComp(self, node: ast.ListComp, scope: Scope) -> Any:  # noqa: N802
        return self.note(list(self._generate(node, scope, lambda inner: self.evaluate(node.elt, inner))))

    def _SetComp(self, node: ast.SetComp, scope: Scope) -> Any:  # noqa: N802
        return self.note(set(self._generate(node, scope, lambda inner: self.evaluate(node.elt, inner))))

    def _DictComp(self, node: ast.DictComp, scope: Scope) -> Any:  # noqa: N802
        def item(inner: Scope) -> tuple[Any, Any]:
            return self.evaluate(node.key, inner), self.evaluate(node.value, inner)

        return self.note(dict(self._generate(node, scope, item)))


def _methods_of(evaluator: type) -> dict[type, Callable[..., Any]]:
    names = (name for name in dir(evaluator) if name.startswith("_") and hasattr(ast, name[1:]))
    return {getattr(ast, name[1:]): getattr(evaluator, name) for name in names}


Evaluator.methods = _methods_of(Evaluator)


def bounded(value: Any) -> Any:
    """``value`` itself if it is a container of a bearable size, otherwise a list of its bounded number of elements."""
    if isinstance(value, range | Iterator) or (isinstance(value, Iterable) and not hasattr(value, "__len__")):
        items = list(islice(value, MAX_ITEMS + 1))
        if len(items) > MAX_ITEMS:
            raise Unsupported("a long iteration")
        return items
    return value
