"""Calls that a sentence marks, ``gcd(12, 8)``: they are ones that its lines make, with these arguments, or the text's own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.context import Check, Context
from execground_ray.verification.finding import Kind
from execground_ray.verification.matching import matches, operand_value, same_operand
from execground_ray.verification.notation import Side
from execground_ray.verification.own_calls import frames_of
from execground_ray.verification.recorded import Event
from execground_ray.verification.tokens import Token
from execground_ray.verification.trees import key_of, name_of_call, nodes_in
from execground_ray.verification.values import MUTABLE, Opaque, same
from execground_ray.verification.window import Window
from execground_ray.verification.words import ASKS

# Calls that write a value, and those by which a text measures what the program need not have measured.
_VALUES = frozenset(
    "set frozenset deque array range list dict tuple dict_keys dict_values dict_items defaultdict uint8 int8 int16 int32 int64 float32 float64 bool_ str_".split()
)
_MEASURES = frozenset("len abs sum max min ord chr int float str bool bin round pow range".split())
_DEFINED = re.compile(r" (?:is|are|gets?)(?: \w+)? (?:defined|declared)\b")
_MUTATORS = frozenset(
    "append appendleft add extend insert pop popleft popitem remove discard clear sort reverse update".split()
)
_ORDERS = frozenset("sorted reversed zip enumerate map filter".split())
_MAY_STOP = ast.BoolOp | ast.IfExp | ast.Lambda | ast.comprehension  # before it comes to all of its parts
_PLACES = ast.Name | ast.Attribute | ast.Subscript | ast.Constant


def check_written_calls(context: Context) -> Iterator[Check]:
    """Judge the calls that a sentence with lines of its own marks."""
    window = context.window
    if window is None or not context.cited or not window.complete:
        return
    for token in context.sentence.tokens:
        if token.marked and not _DEFINED.match(context.around(token)[1]):
            for sides in token.equations:
                yield from _called(context, window, token, sides)


def _called(context: Context, window: Window, token: Token, sides: tuple[Side, ...]) -> Iterator[Check]:
    """A call is one that the lines make, unless the text works it out itself."""
    for side in sides:
        if isinstance(side.node, ast.Call) and (name := name_of_call(side.node)):
            good = _is_made(window, side.node, name, worked_out=len(sides) > 1)
            if good is not None:
                yield context.verdict(token, Kind.CALL, good, f"{side.source} is not called there")
        nodes = nodes_in(side.node)
        inside = [each for each in nodes if isinstance(each, ast.Call) and each is not side.node]
        for call in inside if not any(isinstance(each, _MAY_STOP) for each in nodes) else ():
            if all(map(is_pure, call.args)) and _is_own(window, call) is False:
                yield context.verdict(token, Kind.CALL, False, f"{ast.unparse(call)} is not called")


def _is_made(window: Window, call: ast.Call, name: str, *, worked_out: bool) -> bool | None:
    """Whether these lines make a call; None where that is not known, or the call may be the text's own."""
    own = _is_own(window, call)
    if own is not None:
        return own
    events = [event for event in window.by_type.get(ast.Call, ()) if name_of_call(event.node) == name]
    if _is_another(window, call, events):
        return False
    frames = [frame for frame in (*window.around, *window.touched) if frame.is_of(name)]
    callers = [frame.caller for frame in frames if frame.caller > 0]
    events += [e for line in callers for e in window.run.events_at(line) if name_of_call(e.node) == name]
    if any(_is_this(call, event) for event in events):
        return True
    if name == "range":
        return _is_range(window, call, events)
    unsure = (frames and not events) or window.raises or call.keywords or _has_parameters(window, call)
    if name in _MEASURES or unsure or key_of(call) in window.run.iterated:
        is_missing = worked_out and not window.raises and _is_needless(window, call)
        return False if is_missing or (frames and _is_ahead(window, call)) else None
    is_value = (name in _VALUES or name[:1].isupper()) and all(map(is_pure, call.args))
    return None if is_value else False


def _is_own(window: Window, call: ast.Call) -> bool | None:
    """Whether a function of the program was called with the arguments that are written out; None where that is not known."""
    if call.keywords or not any(map(is_pure, call.args)) or window.hidden or window.run.incomplete:
        return None
    meant = frames_of(call, window.run, window.states)
    return None if meant is None or (meant and not all(map(is_pure, call.args))) else bool(meant)


def _is_this(call: ast.Call, event: Event) -> bool:
    """Whether a call is what ``event`` evaluated; a text may leave out whose method it is."""
    node = event.node
    if key_of(node) == key_of(call) or matches(call, event):
        return True
    mine, theirs = call.args, getattr(node, "args", [])
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


def _is_nowhere(window: Window, call: ast.Call, *, called: bool) -> bool:
    """Whether nothing of that name is called there, nor anything that a text may tell as it, nor left by an exception."""
    name = name_of_call(call)
    explained = ASKS.get(name, frozenset()) | {name}
    known = window.raises or not explained.isdisjoint(window.operations) or key_of(call) in window.run.keys
    return not called and not known


def _is_ahead(window: Window, call: ast.Call) -> bool:
    """Whether the program has this call, and has not come to it."""
    is_its = key_of(call) in window.run.keys and not is_pure(call) and not call.keywords
    return is_its and all(isinstance(each, _PLACES) for each in call.args)


def _is_another(window: Window, call: ast.Call, events: list[Event]) -> bool:
    """Whether the cited lines themselves make other calls of the program of a function, and not this one, which is its too."""
    name = name_of_call(call)
    if name in _MEASURES or key_of(call) not in window.run.keys or all(map(is_pure, call.args)):
        return False
    own = name in window.run.functions
    made = {key_of(event.node) for event in events if not own or event.line in window.core_statements}
    around = [frame for frame in window.touched if not window.core.isdisjoint({frame.first, frame.last})]
    calling = {
        key_of(event.node) for frame in around if frame.caller > 0 for event in window.run.events_at(frame.caller)
    }
    return bool(made) and key_of(call) not in made | calling


def _is_needless(window: Window, call: ast.Call) -> bool:
    """Whether it orders or pairs values, or chooses of two, where nothing does: no text needs that to tell what a value is."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    chooses = name in {"max", "min"} and len(call.args) > 1 and not all(map(is_pure, call.args))
    return (name in _ORDERS or chooses) and name not in window.operations


def _is_other_method(window: Window, call: ast.Call) -> bool:
    """Whether it changes a variable by a method, and these lines call others of its methods, but not this one."""
    func = call.func
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name) or func.attr not in _MUTATORS:
        return False
    of = func.value.id
    if of in window.hidden or not any(isinstance(state.get(of), MUTABLE) for state in window.states):
        return False
    return func.attr not in window.called and window.run.never(key_of(call))


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
    is_of_a_loop = any(isinstance(each, range) and list(each) in may_be for each in window.run.looped)
    return None if is_of_a_loop and (is_plain or not is_pure(call)) else False
