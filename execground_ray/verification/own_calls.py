"""Calls of the program's own functions that a text writes, ``gcd(12, 8)``: what they returned wherever they were made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from execground_ray.verification.arithmetic import UnknownError, evaluate, is_pure
from execground_ray.verification.trees import name_of_call
from execground_ray.verification.values import MUTABLE, Opaque, fits

if TYPE_CHECKING:
    from execground_ray.verification.recorded import Frame
    from execground_ray.verification.run import Run

_RECEIVERS = frozenset({"self", "cls"})


def returned_by(call: ast.Call, run: Run, states: list[dict[str, Any]]) -> tuple[list[Any], bool] | None:
    """What the calls of the run that may be meant returned, and whether all of that is known.

    None where the function is none of the program's, or there is no call of it.

    Args:
        call: as a text writes it.
        run: the run.
        states: of the names, in which its arguments may have been worked out.
    """
    frames = frames_of(call, run, states)
    if frames is None:
        return None
    known = [frame.returned for frame in frames if not isinstance(frame.returned, Opaque)]
    return known, bool(frames) and len(known) == len(frames) and name_of_call(call) not in run.generators


def frames_of(call: ast.Call, run: Run, states: list[dict[str, Any]]) -> list[Frame] | None:
    """The calls of the run that may be meant; None as for ``returned_by``."""
    name = name_of_call(call)
    frames = [frame for frame in run.frames if frame.is_of(name)] if name in run.functions else []
    takes_any = any(node.args.vararg or node.args.kwarg for node in run.definitions.get(name, ()))
    if not frames or takes_any or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    ways = list(_ways(run, name))
    written = {id(node): _values(node, states) for node in (*call.args, *(each.value for each in call.keywords))}
    return [frame for frame in frames if any(_may_be(call, way, frame, written) for way in ways)]


def _ways(run: Run, name: str) -> Iterator[list[str]]:
    """The parameters of the functions of that name."""
    for node in run.definitions.get(name, ()):
        names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
        yield names[1:] if names[:1] and names[0] in _RECEIVERS else names


def _may_be(call: ast.Call, parameters: list[str], frame: Frame, written: dict[int, list[Any]]) -> bool:
    """Whether a call has, as far as is known, the arguments that are written."""
    given = dict(frame.arguments)
    if len(call.args) > len(parameters):
        return False
    nodes = dict(zip(parameters, call.args, strict=False)) | {
        each.arg: each.value for each in call.keywords if each.arg
    }
    return all(name in given and _may_have(node, given[name], written[id(node)]) for name, node in nodes.items())


def _may_have(node: ast.expr, given: Any, values: list[Any]) -> bool:
    if isinstance(given, Opaque) or (isinstance(given, MUTABLE) and not is_pure(node)):  # it may have changed since
        return True
    return not values or any(isinstance(value, Opaque) or fits(value, given, 0.0) for value in values)


def _values(node: ast.expr, states: list[dict[str, Any]]) -> list[Any]:
    """What an argument may have been, each value once."""
    found: dict[str, Any] = {}
    for state in [{}] if is_pure(node) else [{}, *states]:
        with suppress(UnknownError):
            value = evaluate(node, state)
            found[f"{type(value).__name__} {value!r}"] = value
    return list(found.values())
