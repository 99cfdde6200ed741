"""What a text marks as code is in the program: its conditions, with values in place of names or not, its calls and names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from execground_ray.verification.arithmetic import UnknownError, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.facts import OPPOSITES
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import same_operand
from execground_ray.verification.notation import Side
from execground_ray.verification.recorded import Event
from execground_ray.verification.run import Run
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import CACHED, atoms_of, key_of, name_of_call, nodes_in, pairs_in
from execground_ray.verification.values import freeze
from execground_ray.verification.window import Window

_TWINS: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
# What a text may call that the program does not: measures and conversions by which it tells what a value is.
_MEASURES = frozenset(
    "len sum abs min max round type isinstance int str float bool range enumerate list ord chr repr slice tolist items keys values bool dict_keys dict_values dict_items".split()
)
# But not to say what a variable is assigned.
_CHANGES = frozenset({"min", "max", "round", "abs"})
# What compares, and no line tells what with what.
_COMPARING = frozenset(
    "min max sort sorted bisect bisect_left bisect_right insort heappush heappop heapify nlargest nsmallest".split()
)
# Atoms by which what is taken for true is told as a comparison: `len(stack) > 0`.
_TRUTH = frozenset({"len", "0", "None", "True", "False", "''"})


def check_absent(context: Context) -> Iterator[Check]:
    """Judge whether what a sentence marks is in the program."""
    window = context.window
    if window is None or not context.attributed:
        return
    for token in context.sentence.tokens:
        equations = token.equations if token.marked else ()
        found = [check for sides in equations for check in _found(context, window, token, sides)]
        if found and not context.is_denied(token):
            yield from found


def _found(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    if isinstance(sides[-1].node, ast.Lambda):  # an argument may be one, and is no part of the program
        return
    if window.complete:
        for kind, what in _absent(sides, window):
            yield context.verdict(token, kind, False, f"{what} is nothing that the program has")
        yield from _strange(context, window, token, sides)
    for what in _mistaken(sides, window):
        yield Check.of(token, Kind.CONDITION, f"{what} is nearly what is asked")


def _mistaken(sides: tuple[Side, ...], window: Window) -> Iterator[str]:
    """Conditions that the program has, but for what they are compared or joined by."""
    run = window.run
    for node in (each for side in sides for each in nodes_in(side.node)):
        if isinstance(node, ast.BoolOp):
            other = _is_joined_otherwise(node, window) if is_pure(node) else run.joins_otherwise(node)
            yield from [ast.unparse(node)] if other else []
            yield from (ast.unparse(each) for each in _comparisons(node) if _is_turned(each, window))
    yield from (ast.unparse(node) for side in sides for node in _comparisons(side.node) if _is_twin(node, run))


def _is_joined_otherwise(node: ast.BoolOp, window: Window) -> bool:
    """Whether these lines join so many conditions, and only by the other of ``and`` and ``or``."""
    joins = {
        type(each.op) for each in window.nodes if isinstance(each, ast.BoolOp) and len(each.values) == len(node.values)
    }
    return bool(joins) and type(node.op) not in joins


def _strange(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """Comparisons that these lines do not make."""
    made = set().union(*(_surely_made(side.node) for side in sides))
    for node in (each for side in sides for each in _comparisons(side.node)) if not window.hidden else ():
        if key_of(node) in made and _is_strange(node, window) and not _is_ahead(node, context, token):
            yield context.verdict(token, Kind.CONDITION, False, f"{ast.unparse(node)} is not looked at")


def _absent(sides: tuple[Side, ...], window: Window) -> Iterator[tuple[Kind, str]]:
    """Calls of functions and values of names that the program does not know; of what it measures a text may speak."""
    names, first = window.run.names, sides[0].node
    named = getattr(first, "id", getattr(first, "attr", ""))
    if len(sides) > 1 and named and named not in names and not _is_told_of(sides, window):
        yield Kind.ASSIGNMENT, sides[0].source
    is_assigned = len(sides) > 1 and isinstance(first, ast.Name) and first.id in window.run.variables
    for side in sides:
        for node in nodes_in(side.node) if not side.pure else ():
            name = name_of_call(node) if isinstance(node, ast.Call) else ""
            measures = _MEASURES - _CHANGES if is_assigned else _MEASURES
            if (
                name
                and not name.endswith(("Error", "Exception"))
                and name not in names | measures
                and not (name == "sorted" and "sort" in names)
            ):
                yield Kind.CALL, f"{name}()"


def _is_ahead(node: ast.Compare, context: Context, token: Token) -> bool:
    """Whether it is a condition of the program of which nothing is said but that it is looked at: it may be so later on."""
    known = context.window is not None and type(node.ops[0]) in _compared(node, context.window.run.compared)
    return known and not re.match(r"[^.;:]*\b(?:true|false)\b", context.around(token)[1])


def _is_told_of(sides: tuple[Side, ...], window: Window) -> bool:
    """Whether a text may speak of a value by a name of its own: one that the program writes out, or that an object shows."""
    last = sides[-1]
    try:
        is_written = freeze(last.value) in window.run.constants
    except UnknownError:
        return True
    return (
        last.is_condition
        or is_written
        or sides[0].source in window.texts
        or any(last.source in entry.text for entry in window.opaque)
    )


@lru_cache(maxsize=CACHED)
def _comparisons(tree: ast.expr) -> list[ast.Compare]:
    """The comparisons that a condition is made of, each of two expressions."""
    many = [node for node in nodes_in(tree) if isinstance(node, ast.Compare)]
    return [ast.Compare(left, [op], [right]) for node in many for left, op, right in pairs_in(node)]


@lru_cache(maxsize=CACHED)
def _surely_made(tree: ast.expr) -> set[str]:
    """The keys of those that are made whatever comes out: not behind an ``and``, an ``or`` or the first of a chain."""
    later = {part for node in nodes_in(tree) if isinstance(node, ast.BoolOp) for part in node.values[1:]}
    later |= {part for node in nodes_in(tree) if isinstance(node, ast.IfExp) for part in (node.body, node.orelse)}
    unsure = {each for part in later for each in nodes_in(part)}
    made = [node for node in nodes_in(tree) if isinstance(node, ast.Compare) and node not in unsure]
    return {key_of(ast.Compare(node.left, node.ops[:1], node.comparators[:1])) for node in made}


def _is_twin(node: ast.Compare, run: Run) -> bool:
    """Whether the program only compares the same, and including where they are equal if the text does not, or the reverse."""
    return _compared(node, run.compared) == {_TWINS.get(type(node.ops[0]))}


def _is_turned(node: ast.Compare, window: Window) -> bool:
    """Whether the program compares the same, and in no way that this is or the opposite of."""
    op, made = type(node.ops[0]), _compared(node, window.run.compared)
    return (
        bool(made)
        and made.isdisjoint({op, OPPOSITES[op]})
        and not any(_is_of(node, event) for event in window.comparing)
    )


def _compared(node: ast.Compare, many: dict[tuple[str, str], set[type[ast.cmpop]]]) -> set[type[ast.cmpop]]:
    """How something compares what a text compares."""
    left, right = key_of(node.left), key_of(node.comparators[0])
    mirrored = {_MIRRORED.get(op, op) for op in many.get((right, left), set())}
    return many.get((left, right), set()) | mirrored


def _is_strange(node: ast.Compare, window: Window) -> bool:
    """Whether these lines compare nothing that this can be."""
    op = type(node.ops[0])
    if is_pure(node):
        if not window.called.isdisjoint(_COMPARING):
            return False
    elif done := _compared(node, window.compared):
        if not done.isdisjoint({op, OPPOSITES[op]}):
            return False
    elif any(map(is_pure, (node.left, *node.comparators))) and any(
        atoms_of(node) - _TRUTH <= each for each in window.tests
    ):
        return False
    return not any(_is_of(node, event) for event in window.comparing)


def _is_of(node: ast.Compare, event: Event) -> bool:
    """Whether ``event`` compared these, in this way, the opposite one, or the other way round."""
    if not isinstance(event.node, ast.Compare):
        return False
    op, (right,) = type(node.ops[0]), node.comparators
    ways = [(node.left, right, op)]
    if not is_pure(node):  # values keep their order
        ways.append((right, node.left, _MIRRORED.get(op, op)))
    return any(
        type(does) in {way, OPPOSITES[way]} and same_operand(one, left, event) and same_operand(other, theirs, event)
        for left, does, theirs in pairs_in(event.node)
        for one, other, way in ways
    )
