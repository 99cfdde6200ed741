"""Whether a text tells the steps of a run in their order.

Comes in: what a text says happened, statement by statement, each with the moments at which it was true. Goes out: the
statements that stand out: all others follow the run, and these do not fit where they are told. Texts that tell
in an order of their own, with reviews and previews, are left alone.
"""

from __future__ import annotations

import ast
import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from execground_ray.verification.claims import Claim, start_of
from execground_ray.verification.history import LAST_STEP, Span, freeze

MIN_STATEMENTS = 4  # fewer do not make a story
MAX_STRANGE = 2  # more than these: the text has an order of its own
MIN_FOLLOWING = 0.75


def out_of_order(statements: Sequence[Sequence[Span]]) -> list[int]:
    """The indices of the statements that do not fit into a text that otherwise follows the run."""
    if len(statements) < MIN_STATEMENTS or _follows(statements):
        return []
    kept = _longest(statements)
    strange = [index for index in range(len(statements)) if index not in kept]
    if len(strange) > MAX_STRANGE or len(kept) < MIN_FOLLOWING * len(statements):
        return []
    return strange


def overlap(left: Span, right: Span) -> bool:
    """Whether two spans share a moment; the last step of a span is not part of it, unless it is its only one."""
    first, last = max(left[0], right[0]), min(left[1], right[1])
    return first < last or (
        first == last and first in (left[0], right[0]) and (left[0] == left[1] or right[0] == right[1])
    )


def _earliest(spans: Sequence[Span], step: int) -> int:
    """The first moment, not before ``step``, at which a statement is true; ``LAST_STEP`` if there is none."""
    for begin, end in spans:
        if end > step or begin >= step:
            return max(begin, step)
    return LAST_STEP


def _follows(statements: Sequence[Sequence[Span]]) -> bool:
    step = 0
    for spans in statements:
        step = _earliest(spans, step)
        if step >= LAST_STEP:
            return False
    return True


def _longest(statements: Sequence[Sequence[Span]]) -> set[int]:
    """The indices of a longest row of statements that can have happened one after the other."""
    ends: list[int] = [-1]  # ends[n]: the earliest moment at which n statements can have been told
    rows: list[list[tuple[int, int]]] = []  # for each statement: (length, earliest moment) that it makes possible
    for spans in statements:
        made = []
        for length in range(len(ends) - 1, -1, -1):
            step = _earliest(spans, max(ends[length], 0))
            if step >= LAST_STEP:
                continue
            if length + 1 == len(ends):
                ends.append(step)
            elif step < ends[length + 1]:
                ends[length + 1] = step
            else:
                continue
            made.append((length + 1, step))
        rows.append(made)
    kept: set[int] = set()
    length, limit = len(ends) - 1, LAST_STEP
    for index in range(len(statements) - 1, -1, -1):
        steps = [step for made, step in rows[index] if made == length and step <= limit]
        if length and steps:
            kept.add(index)
            limit = min(steps)
            length -= 1
    return kept


_BULLET = r"(?P<indent> *)(?:[-*+•]|\d{1,3}[.)]) +"
_ITEM = re.compile(f"^{_BULLET}", re.MULTILINE)
_LISTED = re.compile(r"[\s`*,]*(?:and\b)?[\s`*]*")  # between the values at the head of an item
_OPENS = re.compile(r"[\s`*]*:")
_PARAGRAPH = re.compile(r"\n\n(?! )")


def list_items(written: str, claims: Sequence[Claim]) -> Iterator[tuple[int, int, str, list[Any]]]:
    """The list items that begin with the value of a name: "- ``i = 2``: …", "- ``i = 0`` and ``1``: …".

    Yields:
        Where the rest of the item begins, where it ends, the name and its values, frozen.
    """
    items = list(_ITEM.finditer(written))
    by_start = sorted(claims, key=start_of)
    for index, item in enumerate(items):
        head: list[Claim] = []
        for claim in itertools.islice(by_start, bisect_left(by_start, item.end(), key=start_of), None):
            if claim.sign != "=" or type(claim.parts[0].node) is not ast.Name:
                break
            if head and claim.parts[0] is not head[0].parts[0]:
                break
            if not _LISTED.fullmatch(written, head[-1].end if head else item.end(), claim.start):
                break
            head.append(claim)
        if head and _OPENS.match(written, head[-1].end):
            depth = len(item["indent"])
            behind = (each.start() for each in items[index + 1 :] if len(each["indent"]) <= depth)
            end = next(behind, len(written))
            blank = _PARAGRAPH.search(written, item.end(), end)
            end = blank.start() if blank else end
            values = [part.value for claim in head if isinstance(part := claim.parts[1].node, ast.Constant)]
            if len(values) == len(head):
                yield head[-1].end, end, ast.unparse(head[0].parts[0].node), [freeze(value) for value in values]


_LOOP = re.compile(r"\b[Ff]or each `(?P<name>\w+)` in `(?P<values>[^`]+)`: *$")
_ROUND = re.compile(
    rf"{_BULLET}`(?P<name>\w+) = (?P<first>[^`]+)`(?P<more>(?:(?:,|,? and) `[^`=]+`)*)(?: up to `(?P=name) = (?P<last>[^`]+)`)?:"
)


def loops_with_rounds(written: str) -> Iterator[tuple[int, int, str, list[str], bool]]:
    """The loops that are told round by round: "for each ``i`` in ``range(3)``:" above a list of "- ``i = 0``: …".

    Yields:
        Where the loop begins and ends in the text, what it goes through, the values that head the items of its list, as
        source, and whether the items have one value each, or a first and a last.
    """
    if "or each `" not in written:
        return
    lines = written.split("\n")
    place = 0
    for number, line in enumerate(lines):
        loop = _LOOP.search(line) if "or each `" in line else None
        if loop:
            outer = len(item["indent"]) if (item := _ITEM.match(line)) else -1
            below = number + 1 + (lines[number + 1 : number + 2] == [""])
            rounds = list(_rounds(lines, below, loop["name"], outer))
            values = [value for item in rounds for value in _heads(item)]
            if values:
                single = not any(item["more"] for item in rounds)
                yield place + loop.start(), place + loop.end("values") + 1, loop["values"], values, single
        place += len(line) + 1


def _rounds(lines: list[str], below: int, name: str, outer: int) -> Iterator[re.Match[str]]:
    """The items of one list, deeper than ``outer``, that begin with a value of ``name``; those inside them left out."""
    depth: int | None = None
    for line in itertools.islice(lines, below, None):
        indent = len(line) - len(line.lstrip())
        if depth is not None and (not line.strip() or indent > depth):
            continue
        item = _ROUND.match(line)
        if item is None or item["name"] != name or indent <= outer or depth not in (None, indent):
            return
        depth = indent
        yield item


def _heads(item: re.Match[str]) -> list[str]:
    return [item["first"], *re.findall(r"`([^`]+)`", item["more"]), *([item["last"]] if item["last"] else [])]


def in_this_order(wanted: Iterable[Any], values: Iterable[Any]) -> bool:
    """Whether ``values`` has the wanted ones in their order, others between them or not."""
    rest = iter(values)
    return all(value in rest for value in wanted)
