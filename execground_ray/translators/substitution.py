"""Writes expressions of the code with the values that their names had: `n % 2 == 0` becomes `13 % 2 == 0`.

In come an expression and the texts of the known variables; out comes source text.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from execground_ray.translators.known_values import UnknownValueError, evaluate

SHORT = 40  # characters of a container that may stand inside an expression


def is_scalar(value: Any) -> bool:
    """Tell whether a value reads well inside an expression: a number, a truth value, None, a short string."""
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and len(value) <= SHORT)


def substitute(node: ast.expr, known: Mapping[str, str]) -> str:
    """Write an expression with the values in place of the names, as far as they are known and short.

    The outermost operation stays (`xs[2]`, `len(xs)`, `3 + 4`); indexing and calls inside it give way to their values.

    Args:
        node: The expression.
        known: As for `evaluate`.

    Returns:
        Source text.
    """
    if isinstance(node, ast.Name):
        return write(_put_values(node, known))
    return write(_put_into_parts(node, known))


def write(node: ast.expr) -> str:
    """Write an expression as a person does: no brackets around the last part of `a and b`."""
    if not isinstance(node, ast.BoolOp):
        return ast.unparse(node)
    parts = [ast.unparse(part) for part in node.values]
    for index, part in enumerate(node.values):
        if isinstance(part, ast.BoolOp | ast.IfExp | ast.Lambda | ast.NamedExpr):
            parts[index] = f"({parts[index]})"
    return (" and " if isinstance(node.op, ast.And) else " or ").join(parts)


def _put_values(node: ast.expr, known: Mapping[str, str]) -> ast.expr:
    """Give the expression with values put in; a part that is bound elsewhere (lambda, comprehension) stays as it is."""
    return (
        _worked_out(node, known)
        if isinstance(node, ast.Name | ast.Subscript | ast.Call)
        else _put_into_parts(node, known)
    )


def _worked_out(node: ast.expr, known: Mapping[str, str]) -> ast.expr:
    """Give the value of an expression if it reads well in its place, else the expression with values put in."""
    try:
        value = evaluate(node, known)
    except UnknownValueError:
        return _put_into_parts(node, known)
    if is_scalar(value) or (not isinstance(node, ast.Name) and len(repr(value)) <= SHORT):
        return _literal(value)
    return _put_into_parts(node, known)


def _put_into_parts(node: ast.expr, known: Mapping[str, str]) -> ast.expr:  # noqa: C901, PLR0911 - one line per kind
    def put(part: ast.expr) -> ast.expr:
        return _put_values(part, known)

    def work_out(part: ast.expr) -> ast.expr:
        return put(part) if isinstance(part, ast.Slice | ast.Starred) else _worked_out(part, known)

    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return ast.BinOp(put(left), op, put(right))
        case ast.UnaryOp(op=op, operand=operand):
            return ast.UnaryOp(op, put(operand))
        case ast.BoolOp(op=op, values=values):
            return ast.BoolOp(op, [put(value) for value in values])
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return ast.Compare(put(left), ops, [put(part) for part in comparators])
        case ast.Tuple(elts=elements):
            return ast.Tuple([put(element) for element in elements], ast.Load())
        case ast.List(elts=elements):
            return ast.List([put(element) for element in elements], ast.Load())
        case ast.Subscript(value=container, slice=index):
            return ast.Subscript(_keep_name(container, known), work_out(index), ast.Load())
        case ast.Slice(lower=lower, upper=upper, step=step):
            return ast.Slice(*(part and work_out(part) for part in (lower, upper, step)))
        case ast.Call(func=function, args=arguments, keywords=keywords):
            owner = function
            if isinstance(function, ast.Attribute):
                owner = ast.Attribute(_keep_name(function.value, known), function.attr, ast.Load())
            named = [ast.keyword(keyword.arg, work_out(keyword.value)) for keyword in keywords]
            return ast.Call(owner, [work_out(argument) for argument in arguments], named)
    return node


def _keep_name(node: ast.expr, known: Mapping[str, str]) -> ast.expr:
    """Leave what is indexed or called upon recognisable: `s[3]`, not `'abcd'[3]`."""
    return node if isinstance(node, ast.Name) else _put_into_parts(node, known)


def _literal(value: Any) -> ast.expr:
    """Make a node of a value; a negative number is an operation, so that it gets its brackets (`(-3) ** 2`)."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    if value is None or isinstance(value, int | float | str):
        return ast.Constant(value)
    return ast.parse(repr(value), mode="eval").body
