"""Code that a sentence marks, held against the run as code: calls, values of one moment, ranges, types, joined texts.

These rules read no English but a word or two beside the code. They judge sentences with lines of their own only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.facts import follows
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches, operand_value
from execground_ray.verification.notation import Side
from execground_ray.verification.own_calls import frames_of
from execground_ray.verification.recorded import Event
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.values import MUTABLE, Opaque, fits, freeze, same
from execground_ray.verification.window import Window
from execground_ray.verification.words import ASKS

_KINDS = "list|tuple|set|string|text|number|integer|float|dictionary"
_TYPE = re.compile(
    rf"\b(?P<type>{_KINDS}) (?P<token>‹V\d+›)|\b(?:a|an|as|the|(?P<as>as an?)) (?:(?:plain|new|empty|python) )?(?P<kind>{_KINDS})(?(as),?) (?P<equation>‹E\d+›)",
    re.IGNORECASE,
)
_TYPES: dict[str, tuple[type, ...]] = {
    "list": (list,), "tuple": (tuple,), "set": (set, frozenset), "string": (str,), "text": (str,), "number": (int, float),
    "integer": (int,), "float": (float,), "dictionary": (dict,),
}  # fmt: skip
_KIND = re.compile(r"\b(?P<kind>tuple|float|dictionary)s?\b", re.IGNORECASE)
# Calls that write a value, and those by which a text measures what the program need not have measured.
_VALUES = frozenset(
    "set frozenset deque array range list dict tuple dict_keys dict_values dict_items defaultdict float64 float32 int64 int32 bool_ str_".split()
)
_MEASURES = frozenset("len abs sum max min ord chr int float str bin round pow range".split())
_DEFINED = re.compile(r" (?:is|are|gets?)(?: \w+)? (?:defined|declared)\b")
_CHANGES = frozenset(
    "append appendleft add extend insert pop popleft popitem remove discard clear sort reverse update".split()
)
_ORDERS = frozenset("sorted reversed zip enumerate map filter".split())
LEAST_TEXT = 3  # letters of a text that can hardly be another one's by chance
_PLACES = ast.Name | ast.Attribute | ast.Subscript | ast.Constant


def check_marked_code(context: Context) -> Iterator[Check]:
    """Judge what a sentence with lines of its own marks as code."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    yield from _following(context)
    for token in context.sentence.tokens:
        if token.marked:
            for sides in token.equations:
                yield from _called(context, window, token, sides)
                yield from _joined(context, window, token, sides)
                yield from _attribute(context, window, token, sides)
    yield from _mentioned(context)
    for match in _TYPE.finditer(context.mask):
        yield from _typed(context, window, match)


def _mentioned(context: Context) -> Iterator[Check]:
    """A kind of values that a sentence speaks of is one that the run has."""
    whole = context.whole
    if whole is None or whole.run.incomplete or whole.opaque or context.is_open:
        return
    for kind in (match["kind"].lower() for match in _KIND.finditer(context.mask)):
        if _TYPES[kind][0].__name__ not in whole.types:
            yield Check.of(context.sentence, Kind.VALUE, f"there is no {kind} in the run")


def _following(context: Context) -> Iterator[Check]:
    """What follows from values that the sentence has given: with ``p = ('a', 'b')``, ``''.join(p)`` is ``'ab'``."""
    for token in context.sentence.tokens:
        known = context.given(token)
        for sides in token.equations if token.marked else ():
            for side in sides[:-1] if sides[-1].is_literal else ():
                good = follows(side, known, sides[-1].value, sides[-1].tolerance)
                if good is not None:
                    yield context.verdict(token, Kind.EQUATION, good, f"{side.source} is not {sides[-1].source}")


def _called(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """A call is one that the lines make, unless the text works it out itself."""
    if _DEFINED.match(context.around(token)[1]):
        return
    for side in sides:
        if isinstance(side.node, ast.Call) and (name := name_of_call(side.node)):
            good = _is_made(window, side.node, name, worked_out=len(sides) > 1)
            if good is not None:
                yield context.verdict(token, Kind.CALL, good, f"{side.source} is not called there")
        for call in (each for each in nodes_in(side.node) if isinstance(each, ast.Call) and each is not side.node):
            if not call.keywords and all(map(is_pure, call.args)) and not window.hidden and not window.run.incomplete:
                if frames_of(call, window.run, window.states) == []:
                    yield context.verdict(token, Kind.CALL, False, f"{ast.unparse(call)} is not called")


def _is_made(window: Window, call: ast.Call, name: str, *, worked_out: bool) -> bool | None:
    run = window.run
    events = [event for event in window.by_type.get(ast.Call, ()) if name_of_call(event.node) == name]
    if not call.keywords and any(map(is_pure, call.args)) and not window.hidden:
        meant = frames_of(call, run, window.states)
        if meant is not None and not run.incomplete and (not meant or all(map(is_pure, call.args))):
            return bool(meant)
    if _is_another(window, call, events):
        return False
    frames = [frame for frame in (*window.around, *window.touched) if frame.is_of(name)]
    for frame in frames:
        if frame.caller > 0:
            events += [event for event in run.events_at(frame.caller) if name_of_call(event.node) == name]
    if any(key_of(event.node) == key_of(call) or matches(call, event) for event in events):
        return True
    if name == "range" and not worked_out:
        return _is_range(window, call, events)
    if not window.raises and ((worked_out and _is_needless(window, call)) or _is_other_method(window, call)):
        return False
    if worked_out or name in _MEASURES or name[:1].isupper() or (name in _VALUES and all(map(is_pure, call.args))):
        return None
    if _is_of_others(window, call, events):
        return False
    if not events and not frames:
        # A call may have been left by an exception: nothing came of it.
        explained = ASKS.get(name, frozenset()) | {name}
        return (
            None
            if window.raises or not explained.isdisjoint(window.operations) or key_of(call) in window.run.keys
            else False
        )
    if (
        frames
        and key_of(call) in run.keys
        and not call.keywords
        and all(isinstance(each, _PLACES) for each in call.args)
    ):
        return None if is_pure(call) else False  # the program has this call, and has not come to it
    return None


def _is_another(window: Window, call: ast.Call, events: list[Event]) -> bool:
    """Whether the cited lines themselves make other calls of the program of a function, and not this one, which is its too."""
    callers = {frame.caller for frame in window.touched if not window.core.isdisjoint({frame.first, frame.last})}
    name = name_of_call(call)
    if name in _MEASURES:
        return False
    own = name in window.run.functions
    made = {key_of(event.node) for event in events if not own or event.line in window.core_statements}
    made |= (
        {key_of(event.node) for line in callers if line > 0 for event in window.run.events_at(line)} if made else set()
    )
    is_its = key_of(call) in window.run.keys and not all(map(is_pure, call.args))
    return bool(made) and is_its and key_of(call) not in made


def _is_needless(window: Window, call: ast.Call) -> bool:
    """Whether it orders or pairs values, or chooses of two, where nothing does: no text needs that to tell what a value is."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    chooses = name in {"max", "min"} and len(call.args) > 1 and not all(map(is_pure, call.args))
    return (name in _ORDERS or chooses) and name not in window.operations


def _is_other_method(window: Window, call: ast.Call) -> bool:
    """Whether it changes a variable by a method, and these lines call others of its methods, but not this one."""
    if (
        not isinstance(call.func, ast.Attribute)
        or call.func.attr not in _CHANGES
        or not isinstance(call.func.value, ast.Name)
    ):
        return False
    of = call.func.value.id
    if of in window.hidden or not any(isinstance(state.get(of), MUTABLE) for state in window.states):
        return False
    return call.func.attr not in window.called and window.run.never(key_of(call))


def _is_of_others(window: Window, call: ast.Call, events: list[Event]) -> bool:
    """Whether what is called there is called with other arguments than those that a text writes out."""
    if call.keywords or not any(map(is_pure, call.args)):
        return False
    made = [event for event in events if key_of(event.node.func) == key_of(call.func)]  # type: ignore[attr-defined]
    is_shown = any(ast.unparse(call) in entry.text for entry in window.opaque)  # how an object shows itself
    return bool(made) and not is_shown and all(_differs(call, event) for event in made)


def _differs(call: ast.Call, event: Event) -> bool:
    """Whether an argument that a call writes out is another one in ``event``."""
    theirs = event.node.args  # type: ignore[attr-defined]
    if event.node.keywords or any(isinstance(each, ast.Starred) for each in (*theirs, *call.args)):  # type: ignore[attr-defined]
        return False
    if len(theirs) != len(call.args):
        return len(theirs) < len(call.args)
    for mine, other in zip(call.args, theirs, strict=True):
        value = operand_value(other, event)
        if is_pure(mine) and not isinstance(value, Opaque):
            with suppress(UnknownError):
                if not same(evaluate(mine, {}), value):
                    return True
    return False


def _is_range(window: Window, call: ast.Call, events: list[Event]) -> bool | None:
    """Whether a range of numbers is one that the program goes through; it may be written with other bounds."""
    ranges = [event.value for event in events if isinstance(event.value, range)]
    may_be = []
    for state in [{}] if is_pure(call) else window.states:
        with suppress(UnknownError):
            may_be.append(evaluate(call, state))
    if not ranges or not may_be:
        return None
    if any(list(each) in may_be for each in ranges if any(len(each) == len(wanted) for wanted in may_be)):
        return True
    is_plain = all(isinstance(each, ast.Constant) for each in call.args)
    return (
        None
        if (is_plain or not is_pure(call))
        and any(isinstance(each, range) and list(each) in may_be for each in window.run.looped)
        else False
    )


def _joined(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """What texts are joined to is a text of these lines."""
    for side in sides:
        if not isinstance(side.node, ast.BinOp) or not side.pure or window.opaque:
            continue
        try:
            value = side.value
        except UnknownError:
            continue
        if isinstance(value, str) and len(value) >= LEAST_TEXT:
            good = any(value in text for text in window.texts)
            yield context.verdict(token, Kind.OPERATION, good, f"{value!r} is no text there")


def _attribute(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """``val = 3`` of an attribute or an argument: one of these lines has the value."""
    if len(sides) != 2 or not isinstance(sides[0].node, ast.Name) or not sides[1].is_literal:
        return
    name = sides[0].node.id
    if name in window.hidden or any(name in state for state in window.states):
        return
    events = [event for event in window.by_type.get(ast.Attribute, ()) if getattr(event.node, "attr", "") == name]
    owners = {event.node.value.id for event in events if isinstance(getattr(event.node, "value", None), ast.Name)}  # type: ignore[attr-defined]
    objects = {
        name
        for state in window.states
        for name, value in state.items()
        if isinstance(value, Opaque) and value.type in window.run.classes
    }
    if not objects <= owners:  # nobody has looked at its own
        return
    values = [event.value for event in events]
    values += [value for frame in window.touched for argument, value in frame.arguments if argument == name]
    if values and not any(isinstance(value, Opaque) for value in values):
        good = any(fits(sides[1].value, value, sides[1].tolerance) for value in values)
        yield context.verdict(token, Kind.ASSIGNMENT, good, f"{name} is not {sides[1].source} there")


def _typed(context: Context, window: Window, match: re.Match[str]) -> Iterator[Check]:
    """``the tuple `(1, 4)` ``: what is alike at these lines is a tuple."""
    token = context.tokens(match["token"] or match["equation"])[0]
    named = (match["type"] or match["kind"]).lower()
    try:
        key = freeze(token.value)
    except UnknownError:
        return
    kinds = _TYPES[named]
    if token.marked and token.kind == "E" and isinstance(token.sides[0].node, ast.Name):
        values, closed, _ = window.possible(token.sides[0])
        if closed and values and not any(isinstance(each, kinds) for each in values):
            message = f"{token.sides[0].source} is no {named} there"
            yield context.verdict(token, Kind.ASSIGNMENT, False, message)
    elif token.marked and isinstance(token.value, kinds):
        alike = [each for each in window.values if freeze(each) == key]
        if alike and not any(isinstance(each, kinds) for each in alike):
            message = f"{token.sides[0].source} is no {named} there"
            yield context.verdict(token, Kind.ASSIGNMENT, False, message)
