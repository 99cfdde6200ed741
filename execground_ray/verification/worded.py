"""Steps told in words around marked values: what is put into a collection, given to a call, done to a variable or left as it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from execground_ray.verification.arithmetic import UnknownError
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.marked_operations import calculations
from execground_ray.verification.notation import Side, parse
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import nodes_in
from execground_ray.verification.values import Opaque, fits, freeze
from execground_ray.verification.window import Window

_NAME = r"(?:the )?(?P<name>‹N\d+›|[a-z_]\w*)"
_SOON = r"(?: then| also| now| again| only| just| therefore| thus| next)*"
_INTO = r"(?:to|in|into|onto|on|at the (?:end|front|back|start|beginning) of)"
_PUT = r"(?:append|add|push|insert|enqueue|record)(?:s|es|ed)|puts?|stor(?:es|ed)|plac(?:es|ed)|sav(?:es|ed)"
_VALUES = r"(?P<values>‹[VE]\d+›(?:(?:, and |, | and )‹[VE]\d+›)*)"
_IS_PUT = re.compile(rf"{_VALUES} (?:is|are|gets?){_SOON} (?:{_PUT}){_SOON} {_INTO} {_NAME}", re.IGNORECASE)
_PUTS = re.compile(rf"\b(?:{_PUT}) {_VALUES} {_INTO} {_NAME}", re.IGNORECASE)
_GIVEN = re.compile(
    rf"(?:(?P<name>‹N\d+›) is{_SOON} called|\bcalls (?:itself|(?P<called>‹N\d+›)))(?: recursively| once more|{_SOON})"
    r" with (?P<values>‹V\d+›(?:(?:, and |, | and )‹V\d+›)+)",
    re.IGNORECASE,
)
_STAYS = re.compile(
    rf"{_NAME}{_SOON} (?:stays|remains|is left|is kept) (?:at |as |unchanged at )?(?P<values>‹V\d+›)"
    r"(?!.*\b(?:until|then|before|becomes|when)\b)",
    re.IGNORECASE,
)
# What is said to be done to a place, the operators that may be called so, and those that surely are not.
_DONE = {
    rf"is{_SOON} subtracted from (?P<place>‹N\d+›)": (ast.Sub, ast.Add | ast.Mult),
    rf"is{_SOON} added to (?P<place>‹N\d+›)": (ast.Add | ast.BitOr, ast.Sub | ast.Mult),
    rf"(?P<place>‹N\d+›) is{_SOON} multiplied by": (ast.Mult | ast.LShift | ast.Pow, ast.Add | ast.Sub | ast.Div),
    rf"(?P<place>‹N\d+›) is{_SOON} divided by": (ast.Div | ast.FloorDiv | ast.RShift, ast.Add | ast.Sub | ast.Mult),
}


def check_worded(context: Context) -> Iterator[Check]:
    """Judge the steps that a sentence with lines of its own tells in words."""
    window = context.window
    if window is None or not context.cited or not window.complete or window.hidden:
        return
    for pattern, judge in _RULES:
        for match in pattern.finditer(context.mask):
            yield from judge(context, window, match)


def _side(context: Context, window: Window, name: str | None) -> Side | None:
    """What is named: as code, or as a variable of the program by its plain name."""
    if name and name.startswith("‹"):
        sides = context.tokens(name)[0].sides
        return sides[0] if len(sides) == 1 else None
    return parse(name) if name in window.run.variables else None


def _values(context: Context, match: re.Match[str]) -> list[tuple[Token, Any]]:
    """The values that are told, as far as they are marked and known."""
    found = []
    for token in context.tokens(match["values"]):
        try:
            found += [(token, token.value)] if token.marked else []
        except UnknownError:
            continue
    return found


def _put(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """A collection has what is put into it; where it is one of the very call that the lines are of, as others may be older."""
    side = _side(context, window, match["name"])
    run = window.run
    if side is None or any(isinstance(each, ast.Call) for each in nodes_in(side.node)):
        return
    if not any(side.names & run.state(run.frame_of[line - 1], line).keys() for line in window.core_statements):
        return
    values, closed, _ = window.possible(side)
    parts = [run.inside(each).keys for each in values]
    if not closed or not all(isinstance(each, list | tuple | dict | set | frozenset) for each in values):
        return
    for token, value in _values(context, match):
        told = {freeze(value)}
        if isinstance(value, int | float):
            told.add(freeze(-value))  # as a heap may have it
        items = (
            {freeze(each) for each in value} if isinstance(value, list | tuple | set) else told
        )  # of "`[1]` is added"
        good = any(items <= each or not told.isdisjoint(each) for each in parts)
        unsure = not parts or any(isinstance(part, Opaque) for each in parts for part in each)
        yield context.verdict(token, Kind.VALUE, good or (None if unsure else False), f"{side.source} does not get it")


def _stays(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """A variable that stays is none that only gets other values there."""
    side = _side(context, window, match["name"])
    after = window.changed(side) if side else []
    if side is None or not after:
        return
    for token, value in _values(context, match):
        good = any(fits(value, each, token.sides[-1].tolerance) for each in after)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{side.source} changes there")


def _given(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """One call of the program's own is given all of the values."""
    run, frames = window.run, window.begun_calls
    if name := match["name"] or match["called"]:
        side = _side(context, window, name)
        frames = [frame for frame in frames if side and frame.is_of(side.source.rpartition(".")[2])]
    values = _values(context, match)
    given = [{key for _, value in frame.arguments for key in run.inside(value).keys} for frame in frames]
    if values and given and not any(isinstance(key, Opaque) for keys in given for key in keys):
        good = any({freeze(value) for _, value in values} <= keys for keys in given)
        yield context.verdict(values[-1][0], Kind.CALL, good, "it is not called with these there")


def _done(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """What is said to be done to a place is not what the lines do to it."""
    may_be, is_not = _DONE[match.re.pattern]
    [place] = context.tokens(match["place"])
    nodes = [each for done in calculations(window, place.sides[0]) for each in nodes_in(done)]
    operators = [node.op for node in nodes if isinstance(node, ast.BinOp)]
    if place.marked and any(isinstance(each, is_not) for each in operators):
        good = any(isinstance(each, may_be) for each in operators)
        yield context.verdict(place, Kind.OPERATION, good, f"that is not what is done to {place.sides[0].source}")


_RULES: tuple[tuple[re.Pattern[str], Callable[[Context, Window, re.Match[str]], Iterator[Check]]], ...] = (
    (_IS_PUT, _put),
    (_PUTS, _put),
    (_GIVEN, _given),
    (_STAYS, _stays),
    *((re.compile(said, re.IGNORECASE), _done) for said in _DONE),
)
