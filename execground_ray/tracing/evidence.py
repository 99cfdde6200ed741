r"""Evidence: what a run with every expression instrumented has found out, as the judgement reads it.

In comes the JSON text that the instrumented run wrote inside the cage, so anybody's; out comes ``Evidence``, or a
``ValueError`` where it is not what it should be. Record lines are numbered from 1: line k is
``trace.split("\n")[k - 1]``. Node ids are indices in ``list(ast.walk(ast.parse(normalize_newlines(refcode))))``;
values are indices in ``Evidence.values``; -1 is none.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from execground_ray.tracing.literals import read_value

__all__ = ["Event", "Evidence", "Frame", "Line", "Name", "NoEvidence", "Value", "decode", "read_value"]

DETAIL_CHARS = TYPE_CHARS = 200
VALUE_KINDS = frozenset(("literal", "cut", "opaque"))
LINE_KINDS = frozenset(("call", "def", "source", "again", "value", "raised", "return"))


class Value(NamedTuple):
    """One distinct value.

    Attributes:
        kind: ``literal``, which ``read_value`` reads; ``cut``, a plain value too large; ``opaque``, anything else.
        text: of a literal, its source; of a cut value, the beginning of that; else what people see of it.
        type: name of its class.
        length: -1 where it has none, or none that can be asked for.
    """

    kind: str
    text: str
    type: str
    length: int


class Line(NamedTuple):
    """One line of the record.

    Attributes:
        kind: ``call``, ``def``, ``source``, ``again``, ``value``, ``raised`` (of an exception) or ``return``.
        frame: the call that it belongs to.
        source_line: number of the line of the program that it shows, 0 for none.
        name: the variable of a ``value`` line, empty else.
        owner: of a ``value`` or ``raised`` line, the line of the statement that made it; else the line itself.
    """

    kind: str
    frame: int
    source_line: int
    name: str
    owner: int


class Frame(NamedTuple):
    """One call that has a trace; a generator is one, however often it is re-entered.

    Attributes:
        function: its name.
        parent: the nearest call around it that has a trace.
        caller_line: record line of the statement there that called.
        call: node id of the Call there, -1 where none called (an operator, a loop).
        first_line: of the record.
        last_line: of the record.
        arguments: names and values.
        returned: the value it gave last; -1 if it gave none, ended by an exception.
    """

    function: str
    parent: int
    caller_line: int
    call: int
    first_line: int
    last_line: int
    arguments: tuple[tuple[str, int], ...]
    returned: int


class Event(NamedTuple):
    """The expression ``node`` was evaluated to ``value`` while ``line`` was run in ``frame``.

    Attributes:
        outcome: 1 or 0 where the node is a condition whose truth is known, -1 else.
    """

    line: int
    frame: int
    node: int
    value: int
    outcome: int


class Name(NamedTuple):
    """After the statement of a record line, a name had a new value; -1 once it is deleted.

    Attributes:
        frame: -1 for the program's globals.
        name: of a variable, or a watch.
    """

    line: int
    frame: int
    name: str
    value: int


@dataclass(frozen=True)
class Evidence:
    """What happened in one run.

    Attributes:
        values: the distinct ones.
        lines: of the record, the first at index 0.
        frames: in the order in which they began.
        events: in the order in which they happened.
        names: likewise.
        complete: whether nothing was left out.
        complete_until: the first record line of which something was; one behind the last line if nothing was.
        incomplete_lines: the record lines of which something was left out, for there was too much of it.
    """

    values: tuple[Value, ...]
    lines: tuple[Line, ...]
    frames: tuple[Frame, ...]
    events: tuple[Event, ...]
    names: tuple[Name, ...]
    complete: bool
    complete_until: int
    incomplete_lines: frozenset[int] = frozenset()


@dataclass(frozen=True)
class NoEvidence:
    """Why there is none; nothing that is held against the program or a text.

    Attributes:
        reason: ``mismatch`` where the instrumented run was not the same run, else how it ended.
        detail: for people.
    """

    reason: str
    detail: str


def decode(text: str) -> Evidence:
    """Read what an instrumented run sent.

    Raises:
        ValueError: it is not evidence; nothing in it is believed then.
    """
    try:
        fields = json.loads(text)
        if fault := fields.get("fault"):
            raise ValueError(fault)
        evidence = Evidence(
            values=tuple(_values(fields["values"])),
            lines=tuple(map(Line._make, fields["lines"])),
            frames=tuple(_frames(fields["frames"])),
            events=tuple(map(Event._make, fields["events"])),
            names=tuple(map(Name._make, fields["names"])),
            complete=fields["complete"],
            complete_until=fields["complete_until"],
            incomplete_lines=frozenset(fields["incomplete_lines"]),
        )
        _check(evidence)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"malformed evidence: {error}"[:DETAIL_CHARS]) from None
    return evidence


def _values(rows: Any) -> Iterator[Value]:
    for value in map(Value._make, rows):
        yield value if len(value.type) <= TYPE_CHARS else value._replace(type=value.type[:TYPE_CHARS])


def _frames(rows: Any) -> Iterator[Frame]:
    for row in rows:
        frame = Frame(*row)
        yield frame._replace(arguments=tuple((name, value) for name, value in frame.arguments))


def _check(evidence: Evidence) -> None:
    """Hold every field to its type, and every index to what it points into."""
    lines, frames, values = len(evidence.lines), len(evidence.frames), len(evidence.values)
    for value in evidence.values:
        _require(value.kind in VALUE_KINDS and _are(str, value.text, value.type) and _are(int, value.length))
    kinds, line_frames, sources, line_names, owners = _columns(evidence.lines, 5)
    _require(set(kinds) <= LINE_KINDS and _all_within(-(2**31), sources) and set(map(type, line_names)) <= {str})
    _require(_all_within(-1, line_frames, frames) and _all_within(1, owners, lines + 1))
    for frame in evidence.frames:
        _require(_are(str, frame.function) and _are(int, frame.call) and _within(-1, frame.parent, frames))
        _require(all(_within(-1, at, lines + 1) for at in (frame.caller_line, frame.first_line, frame.last_line)))
        _require(all(_are(str, name) and _within(-1, value, values) for name, value in frame.arguments))
        _require(_within(-1, frame.returned, values))
    event_lines, event_frames, nodes, event_values, outcomes = _columns(evidence.events, 5)
    _require(_all_within(1, event_lines, lines + 1) and _all_within(-1, event_frames, frames))
    _require(_all_within(0, nodes) and _all_within(-1, event_values, values) and _all_within(-1, outcomes, 2))
    name_lines, name_frames, names, name_values = _columns(evidence.names, 4)
    _require(_all_within(1, name_lines, lines + 1) and _all_within(-1, name_frames, frames))
    _require(set(map(type, names)) <= {str} and _all_within(-1, name_values, values))
    _require(_all_within(1, evidence.incomplete_lines, lines + 1))
    _require(type(evidence.complete) is bool and evidence.complete != bool(evidence.incomplete_lines))
    _require(evidence.complete_until == min(evidence.incomplete_lines, default=lines + 1))


def _are(kind: type, *things: object) -> bool:
    return all(type(thing) is kind for thing in things)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[tuple[Any, ...]]:
    """The rows of a table as columns: there are many rows, and each column is checked at once."""
    return list(zip(*rows, strict=True)) or [()] * count


def _all_within(least: int, indices: Collection[int], end: int = 2**31) -> bool:
    return not indices or (set(map(type, indices)) == {int} and least <= min(indices) and max(indices) < end)


def _within(least: int, index: int, end: int = 2**31) -> bool:
    return type(index) is int and least <= index < end


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("a field is not what it should be")
