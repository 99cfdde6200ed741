"""Operations: those that a text writes and those that it tells in words are ones that the run does, with those operands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, is_pure, value_of
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind, Outcome
from execground_ray.verification.matching import matches, operand_value, operands_of
from execground_ray.verification.notation import Side
from execground_ray.verification.recorded import Event
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import name_of_call, nodes_in
from execground_ray.verification.values import Opaque, same
from execground_ray.verification.window import Window
from execground_ray.verification.words import OPERATIONS, SORTED, SORTING

_STATEMENTS = frozenset({"break", "continue"})
_BUILT_IN = frozenset(
    "round sorted reversed min max sum abs any all print map filter zip enumerate ord chr divmod pow".split()
)
_CHOICES = frozenset({"min", "max"})
_NOT_DONE = re.compile(
    r"^\W*(?:in order )?to [^,]*$|\b(?:not|no|never|without|nothing|neither|nor|if|when|whenever)\b|n't\b",
    re.IGNORECASE,
)


def check_operations(context: Context) -> Iterator[Check]:
    """Judge the operations that a sentence tells."""
    window = context.window
    if window is None:
        return
    for token in context.sentence.tokens:
        for sides in token.equations:
            for node in (each for side in sides for each in _operations(side.node)):
                good = _is_done(window, node)
                if good is not None:
                    outcome = Outcome.SUPPORTED if good else Outcome.CONTRADICTED
                    message = f"{ast.unparse(node)} is not the operation that is done"
                    yield Check.of(token, Kind.OPERATION, message, outcome)
            is_sure = context.cited and window.recorded and not window.inner and token.marked
            if is_sure and len(sides) > 2 and not context.is_conditional(token):
                yield from _assigned(token, window, sides)
    if context.cited and not context.is_open:
        yield from _told(context, window)
        yield from _joined_by(context, window)
        yield from _named(context, window)


def _assigned(token: Token, window: Window, sides: tuple[Side, ...]) -> Iterator[Check]:
    """``mid = 3 % 2 = 1``: what is assigned to a variable at these lines is worked out with these operators."""
    target = sides[0].node
    part = target.value if isinstance(target, ast.Subscript) else None
    named = target if part is None else part
    if not isinstance(named, ast.Name):
        return
    name = named.id
    stores = {event.line for event in window.run.stores(sides[0].key)} & window.lines
    done = window.run.assigned_to(name, stores if part is None else window.lines, parts=part is not None)
    done += [node for frame in window.touched for node in window.run.passed_as(name, frame)]
    if not done or not all(map(_is_plain, done)):
        return
    theirs = [_operators(node) for node in done]
    for side in sides[1:]:
        mine = _operators(side.node) if isinstance(side.node, ast.BinOp) else set()
        if not any(mine <= each for each in theirs) and (any(theirs) or "Add" not in mine):
            yield Check.of(token, Kind.OPERATION, f"{sides[0].source} is not worked out as {side.source}")


# Calls in which nothing is worked out that a text may tell as an operation of its own.
_PLAIN = frozenset({"int", "sqrt", "isqrt", "len", "abs", "float", "max", "min", "ord", "str", "pop", "get"})


def _is_plain(node: ast.expr) -> bool:
    """Whether all that an expression works out is written in it."""
    kinds = (
        ast.BinOp
        | ast.Name
        | ast.Constant
        | ast.Call
        | ast.Subscript
        | ast.Attribute
        | ast.UnaryOp
        | ast.operator
        | ast.expr_context
        | ast.unaryop
    )
    nodes = nodes_in(node)
    calls = {name_of_call(each) for each in nodes if isinstance(each, ast.Call)}
    is_one = isinstance(node, ast.BinOp | ast.Call) and all(isinstance(each, kinds) for each in nodes)
    return is_one and calls <= _PLAIN


# Operators that a text may tell as another: half of it is a division and a multiplication.
_ALIKE = {"FloorDiv": "Div", "RShift": "Div", "LShift": "Mult", "Pow": "Mult", "Sub": "Add"}


def _operators(node: ast.expr) -> set[str]:
    found = {type(each.op).__name__ for each in nodes_in(node) if isinstance(each, ast.BinOp)}
    return {_ALIKE.get(each, each) for each in found}


def _operations(tree: ast.expr) -> list[ast.BinOp | ast.Call]:
    """The operations of values in an expression; none of one of which the run need not do all."""
    nodes = nodes_in(tree)
    if any(isinstance(node, ast.BoolOp | ast.IfExp) for node in nodes):
        return []
    return [
        node
        for node in nodes
        if (isinstance(node, ast.BinOp) or (isinstance(node, ast.Call) and _operator(node) in _CHOICES))
        and is_pure(node)
    ]


def _is_done(window: Window, node: ast.BinOp | ast.Call) -> bool | None:
    """Whether the lines do an operation of values; False where they do another with these operands and this result."""
    try:
        result, values = value_of(node), [value_of(each) for each in operands_of(node)]
    except UnknownError:
        return None
    events = window.by_type.get(type(node), ())
    if any(matches(node, event) for event in events):
        return True
    return False if any(_done_otherwise(event, node, values, result) for event in events) else None


def _done_otherwise(event: Event, node: ast.BinOp | ast.Call, values: list[Any], result: Any) -> bool:
    """Whether an event has the operands and the result, but another operator."""
    mine, theirs = _operator(node), _operator(event.node)
    if (
        mine == theirs
        or {mine, theirs} == {"Div", "FloorDiv"}
        or (isinstance(node, ast.Call) and theirs not in _CHOICES)
    ):
        return False
    if isinstance(event.value, Opaque) or not same(result, event.value):
        return False
    if isinstance(node, ast.BinOp) and 0 in values:  # adding nothing is taking nothing away
        return False
    operands = [operand_value(each, event) for each in operands_of(event.node)]
    if len(operands) != len(values) or any(isinstance(each, Opaque) for each in operands):
        return False
    return any(all(map(same, order, operands)) for order in (values, values[::-1]))


def _operator(node: ast.AST) -> str:
    return type(node.op).__name__ if isinstance(node, ast.BinOp) else getattr(getattr(node, "func", None), "id", "")


def _joined_by(context: Context, window: Window) -> Iterator[Check]:
    """``the `or` expression``: conditions at these lines are joined so, if they are at all."""
    joined = {type(node.op).__name__.lower() for node in window.nodes if isinstance(node, ast.BoolOp)}
    for token in context.sentence.tokens if joined else ():
        word = context.sentence.code_of(token)
        if token.marked and word in {"and", "or"} and word not in joined:
            yield Check.of(token, Kind.OPERATION, f"nothing there is joined by {word}")


def _named(context: Context, window: Window) -> Iterator[Check]:
    """``break`` and ``continue`` at these lines, a function that the program names, ``any(...)`` where they call ``all``."""
    for token in context.sentence.tokens:
        name, bracket, _ = context.sentence.code_of(token).partition("(")
        other = {"any": "all", "all": "any"}.get(name, "")
        is_other = bool(other) and other in window.called and name not in window.called
        is_strange = name in _STATEMENTS and name.title() not in window.operations
        is_strange = is_strange or (name in _BUILT_IN and not bracket and name not in window.run.names)
        if token.marked and window.complete and (is_other or is_strange):
            yield context.verdict(token, Kind.OPERATION, False, f"{name} is not what is done there")


def _told(context: Context, window: Window) -> Iterator[Check]:
    """``is divided``: something in these lines does so; or ``is sorted``, and something in the run does."""
    sentence = context.sentence
    if not window.operations.isdisjoint({"eval", "exec"}):  # of code that the program has put together
        return
    anywhere = sentence.source.rstrip(" *_\n").endswith(":")  # it tells of what follows
    for pattern, done in (*OPERATIONS, (SORTED, SORTING)):
        for match in pattern.finditer(sentence.mask):
            operations = (context.whole or window if anywhere or done is SORTING else window).operations
            if not _NOT_DONE.search(sentence.mask[: match.end()]) and operations.isdisjoint(done):
                sure = window.complete and not window.hidden
                outcome = Outcome.CONTRADICTED if sure else Outcome.UNKNOWN
                yield Check.of(sentence, Kind.OPERATION, f"nothing there is {match[0]}", outcome)
