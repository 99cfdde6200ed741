"""What a sentence marks that its lines do to a variable: ``total -= 3``, ``res = text[i]``, and what such a step, or a call, leaves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from execground_ray.verification.arithmetic import UnknownError, evaluate
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of
from execground_ray.verification.values import Opaque, fits
from execground_ray.verification.window import Window

_AUGMENTED = re.compile(
    r"(?P<target>[^=<>!]+?)\s*(?P<operator>\+|-|\*\*|//|\*|/|%|&|\||\^|<<|>>)=\s*(?P<operand>[^=].*)", re.DOTALL
)
_SO = r",? (?:(?:and|which|so|this|thus|then|now|that) )*"
_VERB = r"(?:leaves|leaving|makes|making|gives|giving|yields|brings|means|turns it into|results in)(?: \w+){0,2} "
_LEAVES = re.compile(rf"{_SO}{_VERB}(?P<left>‹E\d+›)")
_FOLLOWED = re.compile(rf"{_SO}(?:{_VERB})?(?P<left>‹E\d+›)")
_SETS = re.compile(
    r"\b(?:re)?(?:sets|setting|assigns|assigning|stores|storing)(?: (?!of)\w+)? (?P<set>‹[EN]\d+›)"
    r"|(?P<given>‹[EN]\d+›) (?:is|are|gets?)(?: \w+)? (?:re)?(?:set|assigned|stored)\b",
    re.IGNORECASE,
)
_READ = ast.Name | ast.Attribute | ast.Subscript | ast.BinOp  # of what else a value may be shown


def check_assignments(context: Context) -> Iterator[Check]:
    """Judge the assignments that a sentence with lines of its own marks, and what it says that they and calls leave."""
    window = context.window
    if window is None or not context.cited or not window.complete or window.hidden:
        return
    for match in _SETS.finditer(context.mask):
        yield from _set(context, window, context.tokens(match["set"] or match["given"])[0])
    for token in context.sentence.tokens:
        if not token.marked:
            continue
        for equation in token.equations:
            yield from _assigned(context, window, token, equation)
        if token.kind == "W" and (sides := _read(context.sentence.code_of(token))):
            yield from _augmented(context, window, token, *sides)
        elif len(token.equations) == 1 == len(token.sides) and isinstance(token.sides[0].node, ast.Call):
            behind = [window.run.scope(line, before=False)[1] for line in window.evaluated_at(token.sides[0])]
            yield from _left(context, token, token.sides[0], behind)


def _set(context: Context, window: Window, token: Token) -> Iterator[Check]:
    """What a sentence says is set, these lines give a value: a variable, or an attribute of some object."""
    node = token.sides[0].node if token.marked and len(token.equations) == 1 else None
    name = getattr(node, "attr", getattr(node, "id", ""))
    is_its = isinstance(node, ast.Attribute) or name in window.run.variables
    given = {argument for frame in window.touched for argument, _ in frame.arguments}
    stored = [event for event in window.events if isinstance(getattr(event.node, "ctx", None), ast.Store)]
    if is_its and name not in given:
        good = any(name == getattr(event.node, "attr", getattr(event.node, "id", "")) for event in stored)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{token.sides[0].source} is not set there")


def _read(code: str) -> tuple[Side, Side] | None:
    """The target of an augmented assignment, and the operation that it is; None of other code."""
    match = _AUGMENTED.fullmatch(code)
    target = parse(match["target"]) if match else None
    result = parse(f"({match['target']}) {match['operator']} ({match['operand']})") if match else None
    return (target, result) if target and result else None


def _left(context: Context, token: Token, step: Side, behind: list[dict[str, Any]]) -> Iterator[Check]:
    """What a sentence says that a step leaves is what one of its statements has behind it."""
    left = (_LEAVES if isinstance(step.node, ast.Call) else _FOLLOWED).match(context.around(token)[1])
    for other in context.tokens(left["left"]) if left and behind else ():
        made, value = other.sides[0], other.sides[-1]
        if made.names & step.names and value.pure and other.marked:
            with suppress(UnknownError):
                found = [evaluate(made.node, state) for state in behind]
                if not any(isinstance(each, Opaque) for each in found):
                    good = any(fits(value.value, each, value.tolerance) for each in found)
                    message = f"{context.sentence.code_of(token)} does not leave {value.source}"
                    yield context.verdict(other, Kind.ASSIGNMENT, good, message)


def _augmented(context: Context, window: Window, token: Token, target: Side, result: Side) -> Iterator[Check]:
    """What a target becomes is what it had, with the operation done; and what the sentence says that it leaves."""
    source = context.sentence.code_of(token)
    done = _done(window, target, result)
    if done is None and not window.inner and not window.stored(target) and result.key not in window.run.keys:
        done = [] if target.source in window.run.variables else None
    if done is None:
        return
    is_otherwise = _is_otherwise(window, target, result)
    done = [] if is_otherwise else done
    is_elsewhere = result.key in window.run.keys and not window.evaluated_at(result)
    if not done and is_elsewhere and not is_otherwise:
        return
    yield context.verdict(token, Kind.OPERATION, bool(done), f"{source} is not done there")
    if not window.inner:
        yield from _left(context, token, target, done)


def _is_otherwise(window: Window, target: Side, result: Side) -> bool:
    """Whether the program changes a variable at these lines in other ways only."""
    nodes = window.run.assigned_to(target.source, window.stored(target), parts=False)
    operators = {type(node.op) for node in nodes if isinstance(node, ast.BinOp)}
    return isinstance(result.node, ast.BinOp) and bool(nodes) and type(result.node.op) not in operators


def _assigned(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """``res = text[i]``: what a variable is given at these lines is what the expression was there."""
    target = sides[0]
    if not isinstance(target.node, ast.Name) or not window.stored(target) or sides[-1].is_literal:
        return
    nodes = window.run.assigned_to(target.source, window.stored(target), parts=False)
    added = {key_of(node.right) for node in nodes if isinstance(node, ast.BinOp) and key_of(node.left) == target.key}
    for side in sides[1:]:
        if side.key in added and len(added) == len({key_of(node) for node in nodes}):
            yield context.verdict(token, Kind.OPERATION, False, f"{target.source} is not given {side.source} alone")
        elif isinstance(side.node, _READ) and side.names <= window.run.names and _done(window, target, side) == []:
            yield context.verdict(token, Kind.ASSIGNMENT, False, f"{target.source} is not given {side.source}")


def _done(window: Window, target: Side, result: Side) -> list[dict[str, Any]] | None:
    """The names behind each of the statements that give a target a value; None where that is not known."""
    found, unknown = [], False
    stores = window.stored(target)
    for line in window.statements:
        if stores and line not in stores:
            continue
        (_, before), (_, after) = (window.run.scope(line, before=when) for when in (True, False))
        try:
            value = evaluate(target.node, after)
            is_done = fits(evaluate(result.node, before), value, result.tolerance)
        except UnknownError as error:
            if isinstance(error.__cause__, LookupError) and stores:  # there is no such element
                continue
            # Where one of its variables has no value yet, it is not this.
            unset = (target.names | result.names) & window.run.variables - before.keys()
            unknown = unknown or not unset
            continue
        if is_done or isinstance(value, Opaque):
            found.append(after)
    deep = any(window.run.is_inner(event.frame) for event in window.run.stores(target.key) if event.line in stores)
    return found or (None if unknown or deep or not stores else [])
