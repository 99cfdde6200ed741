"""Writes expressions of the code with the values that their names had: `n % 2 == 0` becomes `13 % 2 == 0`.

In come an expression and the texts of the known variables; out comes source text.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from execground_ray.translators.template.known_values import FUNCTIONS, UnknownValueError, evaluate, value_text

SHORT = 40  # characters of a container that may stand inside an expression
UNKNOWN = object()
HARMLESS = {*FUNCTIONS, "enumerate", "zip", "map", "filter", "reversed", "isinstance", "type", "any", "all"}


def substitute(node: ast.expr, known: Mapping[str, str]) -> str:
    """Write an expression with the values in place of the names, as far as they are known and short.

    The outermost operation stays (`xs[2]`, `len(xs)`, `3 + 4`); indexing and calls inside it give way to their values.
    A call that cannot be worked out may change a container: after it, containers are left as they stand.

    Args:
        node: The expression.
        known: As for `evaluate`.

    Returns:
        Source text.
    """
    if any(isinstance(part, ast.NamedExpr) for part in ast.walk(node)):
        return write(node)
    substitution = _Substitution(node, known)
    return write(substitution.value(node) if isinstance(node, ast.Name) else substitution.parts(node))


def write(node: ast.expr) -> str:
    """Write an expression as a person does: no brackets around the last part of `a and b`."""
    if not isinstance(node, ast.BoolOp):
        return ast.unparse(node)
    parts = [ast.unparse(part) for part in node.values]
    for index, part in enumerate(node.values):
        if isinstance(part, ast.BoolOp | ast.IfExp | ast.Lambda | ast.NamedExpr):
            parts[index] = f"({parts[index]})"
    return (" and " if isinstance(node.op, ast.And) else " or ").join(parts)


class _Substitution:
    """Puts values into one expression."""

    def __init__(self, node: ast.expr, known: Mapping[str, str]) -> None:
        self.known = known
        calls = [part for part in ast.walk(node) if isinstance(part, ast.Call) and self._may_change(part)]
        ends = [(call.end_lineno or 0, call.end_col_offset or 0) for call in calls if hasattr(call, "end_lineno")]
        self.barrier = min(ends, default=None)

    def _may_change(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Name) and call.func.id in HARMLESS and call.func.id not in self.known:
            return False
        return self._worked_out(call) is UNKNOWN

    def _worked_out(self, node: ast.expr) -> Any:
        try:
            return evaluate(node, self.known)
        except UnknownValueError:
            return UNKNOWN

    def _after_change(self, node: ast.expr) -> bool:
        return self.barrier is not None and (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) >= self.barrier

    def value(self, node: ast.expr) -> ast.expr:
        """Give the value of a name, an element or a call, else the expression with values put into its parts."""
        return (
            self.result(node) if isinstance(node, ast.Name | ast.Subscript | ast.Call | ast.IfExp) else self.parts(node)
        )

    def result(self, node: ast.expr) -> ast.expr:
        """Give the value of an expression if it reads well in its place, else the expression with values put in."""
        is_sliced = isinstance(node, ast.Tuple) and any(isinstance(part, ast.Slice) for part in node.elts)
        if (
            is_sliced
            or isinstance(node, ast.Slice | ast.Starred)
            or (self._after_change(node) and not isinstance(node, ast.Name))
        ):
            return self.parts(node)
        value = self._worked_out(node)
        short = value is not UNKNOWN and (
            value is None
            or isinstance(value, int | float)
            or (isinstance(value, str) and len(value) <= SHORT)
            or (not isinstance(node, ast.Name) and not isinstance(value, range) and len(value_text(value)) <= SHORT)
        )
        return _literal(value) if short else self.parts(node)

    def parts(self, node: ast.expr) -> ast.expr:  # noqa: C901, PLR0911 - one line per kind
        """Put values into the parts; a part that is bound elsewhere (lambda, comprehension) stays as it is."""
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return ast.BinOp(self.value(left), op, self.value(right))
            case ast.UnaryOp(op=op, operand=operand):
                inner = self.value(operand)
                double = isinstance(inner, ast.UnaryOp) and not isinstance(op, ast.Not)  # `--1`
                return node if double and isinstance(operand, ast.Name) else ast.UnaryOp(op, inner)
            case ast.BoolOp(op=op, values=values):
                return ast.BoolOp(op, self._operands(op, values))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return ast.Compare(self.value(left), ops, [self.value(part) for part in comparators])
            case ast.Tuple(elts=elements):
                parts = [self.parts(part) if isinstance(part, ast.Slice) else self.value(part) for part in elements]
                return ast.Tuple(parts, ast.Load())
            case ast.List(elts=elements):
                return ast.List([self.value(element) for element in elements], ast.Load())
            case ast.Subscript(value=container, slice=index):
                return ast.Subscript(self._owner(container), self.result(index), ast.Load())
            case ast.Slice(lower=lower, upper=upper, step=step):
                return ast.Slice(*(part and self.result(part) for part in (lower, upper, step)))
            case ast.Call(func=function, args=arguments, keywords=keywords):
                if isinstance(function, ast.Attribute):
                    function = ast.Attribute(self._owner(function.value), function.attr, ast.Load())
                named = [ast.keyword(keyword.arg, self.result(keyword.value)) for keyword in keywords]
                return ast.Call(function, [self.result(argument) for argument in arguments], named)
        return node

    def _operands(self, op: ast.boolop, values: list[ast.expr]) -> list[ast.expr]:
        """Put values into the operands; one that is not reached and could not be worked out stays as it is."""
        parts: list[ast.expr] = []
        decided = False
        for node in values:
            value = self._worked_out(node)
            parts.append(node if decided and value is UNKNOWN else self.value(node))
            decided = decided or (value is not UNKNOWN and bool(value) is isinstance(op, ast.Or))
        return parts

    def _owner(self, node: ast.expr) -> ast.expr:
        """Leave what is indexed or called upon recognisable: `s[3]`, not `'abcd'[3]`."""
        return node if isinstance(node, ast.Name) else self.parts(node)


def _literal(value: Any) -> ast.expr:
    """Make a node of a value; a negative number is an operation, so that it gets its brackets (`(-3) ** 2`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    if value is None or isinstance(value, int | float | str):
        return ast.Constant(value)
    return ast.parse(value_text(value), mode="eval").body
