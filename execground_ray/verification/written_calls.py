"""Calls that a sentence marks, ``gcd(12, 8)``: they are ones that its lines make, with these arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches, same_operand
from execground_ray.verification.notation import Side
from execground_ray.verification.own_calls import frames_of
from execground_ray.verification.recorded import Event
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.window import Window

# Methods that change what they are called of: a text that writes such a call tells a step. What other calls of a library
# give may be worked out in any way: `sum((3, 2))`.
_CHANGING = frozenset(
    "append appendleft extend extendleft insert pop popleft popitem remove discard add update clear sort reverse rotate setdefault".split()
)
_DISPLAYS = ast.List | ast.Tuple | ast.Set | ast.Dict
_DEFINED = re.compile(r"(?:(?:,|,? and) ‹\w+›)* (?:is|are|gets?)(?: \w+)? (?:defined|declared)\b")
_DEFINES = re.compile(r"\b(?:defin|declar)\w+\b[^.;:]*$", re.IGNORECASE)
_EXPLAINS = re.compile(r"\b(?:since|because|as|after|had|was|were|earlier|before)\b[^.;:,]*$", re.IGNORECASE)
_EVERY = re.compile(r"\b(?:per|each|every)\b", re.IGNORECASE)  # a sentence of all rounds of a loop
_LAZY = frozenset({"map", "filter", "generator"})  # of what is called in them no line tells
_EACH = ast.GeneratorExp | ast.ListComp | ast.Lambda  # not to be compared with values in place of names


def check_written_calls(context: Context) -> Iterator[Check]:
    """Judge the calls that a sentence marks."""
    window = context.window
    if window is None or not context.attributed or not window.complete:
        return
    for token in context.sentence.tokens:
        before, behind = context.around(token)
        if token.marked and not _DEFINED.match(behind) and not _DEFINES.search(before):
            for sides in token.equations:
                yield from _called(context, window, token, sides)


def _called(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """A call is one that the lines make."""
    for side in sides:
        if isinstance(side.node, ast.Call) and (name := name_of_call(side.node)):
            good = _is_made(window, side.node, name)
            if good is False and context.whole is not None and _EXPLAINS.search(context.around(token)[0]):
                good = None if _is_made(context.whole, side.node, name) else False  # made by an earlier step
            looks_ahead = not is_pure(side.node) and (len(sides) > 1 or _EVERY.search(context.mask))
            if good is False and ((looks_ahead and _is_ahead(window, side.node)) or _is_defined(window, side.node)):
                good = None
            if good is not None:
                yield context.verdict(token, Kind.CALL, good, f"{side.source} is not called there")


def _is_made(window: Window, call: ast.Call, name: str) -> bool | None:
    """Whether these lines make a call; None where that is not known.

    Of a library's functions only those are held against the lines whose calls are steps. What the others give may be told
    at any time, and be worked out in any way, ``sum((3, 2))``: with variables they are calls that some line makes.
    """
    own = _is_own(window, call)
    if own is not None:
        return own or bool(window.by_key(key_of(call)))
    is_step = name in window.run.functions.keys() | _CHANGING | {"range"}
    operands = [*call.args, *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
    if not is_step and (not operands or any(is_pure(each) or isinstance(each, _DISPLAYS) for each in operands)):
        return None
    frames = [frame for frame in (*window.around, *window.touched) if frame.is_of(name)]
    callers = [frame.caller for frame in frames if frame.caller > 0]
    lines = (*window.statements, *callers) if is_step else window.run.statements
    events = [event for line in lines for event in window.run.calls_at(line, name)]
    if any(_is_this(call, event) for event in events):
        return True
    if name == "range":
        return _is_range(window, call, events)
    unsure = (
        window.raises
        or (not is_step and key_of(call) in window.run.keys)
        or name in {"len"} | window.run.iterating | window.run.passed
        or any(entry.type in _LAZY for entry in window.opaque)
        or any(isinstance(each, ast.keyword) for each in nodes_in(call))
        or any(isinstance(each, _EACH) for each in call.args)
        or (frames and (not events or _has_parameters(window, call)))
    )
    return None if unsure else False


def _is_ahead(window: Window, call: ast.Call) -> bool:
    """Whether it is made inside of a loop, a branch or a call that begins at these lines."""
    calls = (each for each in window.run.events if isinstance(each.node, ast.Call) and each.node in window.begun)
    return any(_is_this(call, each) for each in calls)


def _is_defined(window: Window, call: ast.Call) -> bool:
    """Whether it is written in a function that these lines define."""
    run = window.run
    shown = {run.lines[line - 1][2] for line in window.core_statements}
    made = [each for line in shown for each in run.statements_on.get(line, ()) if isinstance(each, ast.FunctionDef)]
    return any(key_of(call) == key_of(each) for function in made for each in nodes_in(function))


def _is_own(window: Window, call: ast.Call) -> bool | None:
    """Whether a function of the program was called with the arguments that are written out; None where that is not known."""
    given = [*call.args, *(each.value for each in call.keywords)]
    is_unsure = window.hidden or window.run.incomplete or name_of_call(call) in window.run.generators
    if not any(map(is_pure, given)) or is_unsure:
        return None
    meant = frames_of(call, window.run, window.states)
    return None if meant is None or (meant and not all(map(is_pure, given))) else bool(meant)


def _is_this(call: ast.Call, event: Event) -> bool:
    """Whether a call is what ``event`` evaluated; a text may leave out whose method it is."""
    node = event.node
    if key_of(node) == key_of(call) or matches(call, event):
        return True
    mine, theirs = call.args, getattr(node, "args", [])
    calls = [each for each in nodes_in(node) if isinstance(each, ast.Call)]
    if any(isinstance(each, ast.Starred | ast.IfExp) for inner in calls for each in inner.args):
        return True  # its arguments are written out nowhere
    is_short = isinstance(call.func, ast.Name) and len(mine) == len(theirs)
    return is_short and all(same_operand(one, other, event) for one, other in zip(mine, theirs, strict=True))


def _has_parameters(window: Window, call: ast.Call) -> bool:
    """Whether it is written with the names that its arguments have in the function."""
    return any(
        all((isinstance(each, ast.Name) and each.id in parameters) or is_pure(each) for each in call.args)
        for parameters in (
            {each.arg for each in node.args.args} for node in window.run.definitions.get(name_of_call(call), ())
        )
    )


def _is_range(window: Window, call: ast.Call, events: list[Event]) -> bool | None:
    """Whether a range of numbers is one that the program goes through; with values it is written with the same bounds."""
    ranges = [event.value for event in events if isinstance(event.value, range)]
    bounds = []
    for state in [{}] if is_pure(call) else window.states:
        with suppress(UnknownError, TypeError, ValueError):
            bounds.append(_bounds(range(*(evaluate(each, state) for each in call.args))))
    if not ranges or not bounds:
        return None
    if any(_bounds(each) in bounds for each in ranges):
        return True
    is_of_a_loop = any(isinstance(each, range) and _bounds(each) in bounds for each in window.run.looped)
    is_plain = all(isinstance(each, ast.Constant) for each in call.args)
    return None if is_of_a_loop and (is_plain or not is_pure(call)) else False


def _bounds(many: range) -> tuple[int, int, int]:
    return many.start, many.stop, many.step
