"""Whether a text tells the steps of a run in their order.

Comes in: what a text says happened, statement by statement, each with the moments at which it was true. Goes out: the
statements that stand out: all others follow the run, and these do not fit where they are told. Texts that tell
in an order of their own, with reviews and previews, are left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from execground_ray.verification.claims import Claim
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


_ITEM = re.compile(r"^(?P<indent> *)(?P<bullet>(?:[-*+•]|\d{1,3}[.)]) +)", re.MULTILINE)


def list_items(written: str, claims: Sequence[Claim]) -> Iterator[tuple[int, int, str, list[Any]]]:
    """The list items that begin with the value of a name: "- ``i = 2``: …", "- ``i = 0`` and ``1``: …".

    Yields:
        Where the rest of the item begins, where it ends, the name and its values, frozen.
    """
    items = list(_ITEM.finditer(written))
    by_start = sorted(claims, key=lambda claim: claim.start)
    for index, item in enumerate(items):
        depth = len(item["indent"])
        behind = (each.start() for each in items[index + 1 :] if len(each["indent"]) <= depth)
        end = next(behind, len(written))
        blank = re.compile(r"\n\n(?! )").search(written, item.end(), end)
        end = blank.start() if blank else end
        head: list[Claim] = []
        for claim in by_start:
            if item.end() <= claim.start < end and claim.sign == "=" and isinstance(claim.parts[0].node, ast.Name):
                if head and claim.parts[0] is not head[0].parts[0]:
                    break
                begin = head[-1].end if head else item.end()
                if not re.fullmatch(r"[\s`*,]*(?:and\b)?[\s`*]*", written[begin : claim.start]):
                    break
                head.append(claim)
            elif claim.start >= item.end():
                break
        if head and re.match(r"[\s`*]*:", written[head[-1].end : end]):
            values = [part.value for claim in head if isinstance(part := claim.parts[1].node, ast.Constant)]
            if len(values) == len(head):
                yield head[-1].end, end, ast.unparse(head[0].parts[0].node), [freeze(value) for value in values]
