"""What a text tells of calls and loops: with which arguments, how deep, and what a loop went through.

"``f`` is called with ``a = 1`` and ``b = 2`` (recursion depth 3)", "for each ``i`` in ``range(3)``", "``x`` runs through
``1, 3, 5``": such statements are about several values at once, and wrong together where each alone may be right.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from execground_ray.verification.checks import Checker
from execground_ray.verification.cited import Unknown, same
from execground_ray.verification.citing import Operand
from execground_ray.verification.claims import Claim, start_of
from execground_ray.verification.facts import Facts, fragments, is_piece
from execground_ray.verification.history import OPAQUE, Call, History, Span, freeze
from execground_ray.verification.parsed import parse_expression
from execground_ray.verification.recorder import MAX_ELEMENTS
from execground_ray.verification.story import in_this_order, loops_with_rounds

_CALLED = re.compile(
    r"^[`*\s]*(?:(?:is|was|gets|being)\s+)?(?:then\s+|now\s+|again\s+|first\s+)*(?:called|invoked|calls itself|call itself)"
    r"(?:\s+(?:again|recursively|first|now|directly))*\s+with\b"
)
_DEPTH = re.compile(r"\brecursion depth (\d+)\b")
_TIMES = re.compile(r"[`*\s]*\((\d+) times\)")
_NOTHING = re.compile(r"[`*\s]*,?\s*(?:there is nothing to do|nothing happens|the loop does not run|does not run)")
_ADDING = re.compile(r"\b(?:adding|appending|pushing|inserting)[\s`*]*$", re.IGNORECASE)
_GIVES = re.compile(r"^[\s`*]*(?:gives|leaves|yields|makes)[\s`*]*=[\s`*]*$")
_SPANS = re.compile(r"(?:[^`.:;\n]*`[^`\n]*`)*")
_STOP = re.compile(r"[.:;](?=\s|$)|\n")
_EACH = re.compile(r"\bfor (?:each|every)?\s*(?:value )?[`*\s]*$", re.IGNORECASE)
_IN = re.compile(r"^[`*\s]*in[`*\s]*$")
_THROUGH = re.compile(
    r"^[`*\s]*(?:runs|goes|iterates|loops|steps|passes) (?:through|over)(?: the values)?[`*\s:]*$|^[`*\s]*takes the values[`*\s:]*$"
)


@dataclass(frozen=True)
class Told:
    """One such statement: where it stands, whether it is true, and when it was."""

    start: int
    end: int
    true: bool | None
    when: Callable[[History], list[Span]]


def _never(_: History) -> list[Span]:
    return []


class Calling:
    """Reads and checks the statements about calls and loops of one text."""

    def __init__(self, text: str, facts: Facts, checker: Checker) -> None:
        self.text = text
        self.facts = facts
        self.checker = checker

    def calls(self, operands: list[Operand], claims: list[Claim]) -> Iterator[Told]:
        """Calls that are told with their arguments."""
        values = [claim for claim in claims if claim.sign == "=" and isinstance(claim.parts[0].node, ast.Name)]
        for operand in operands:
            name = getattr(operand.node, "id", getattr(operand.node, "attr", ""))
            if name not in self.facts.program.functions:
                continue
            called = _CALLED.match(self.text[operand.end : operand.end + 60])
            if called is None:
                continue
            begin = operand.end + called.end()
            stop = _STOP.search(self.text, self._unquoted(begin))
            end = stop.start() if stop else len(self.text)
            first, last = (bisect_left(values, place, key=start_of) for place in (begin, end))
            given = [claim for claim in values[first:last] if claim.end <= end]
            depth = _DEPTH.search(self.text, begin, end)
            if given or depth:
                yield self._call(
                    operand.start, given[-1].end if given else end, name, given, int(depth[1]) if depth else None
                )

    def _unquoted(self, begin: int) -> int:
        """Behind the code spans and strings that follow, in which a mark ends nothing."""
        found = _SPANS.match(self.text, begin)
        return found.end() if found else begin

    def _call(self, start: int, end: int, name: str, given: list[Claim], depth: int | None) -> Told:
        def when(history: History) -> list[Span]:
            calls = history.calls.get(name, [])
            return sorted((call.begin, call.begin) for call in calls if self._fits(call, given, history, depth))

        if (
            name == self.facts.called
            and name not in self.facts.program.recursive
            and not self._given(given, self.facts.evidence.arguments)
        ):
            return Told(start, end, False, _never)
        verdict: bool | None = None
        for history in self.facts.histories():
            if when(history):
                return Told(start, end, True, when)
            if history.calls.get(name) and (history.knows((name,)) or name == self.facts.called):
                verdict = False
        return Told(start, end, verdict, when)

    def _fits(self, call: Call, given: list[Claim], history: History, depth: int | None) -> bool:
        if not self._given(given, dict(zip(call.names, call.arguments, strict=True))):
            return False
        return depth is None or history.depth(call.frame) == depth

    def _given(self, given: list[Claim], arguments: dict[str, Any]) -> bool:
        for claim in given:
            value = arguments.get(claim.parts[0].node.id, OPAQUE)  # type: ignore[attr-defined]  # chosen as names
            if value is OPAQUE:
                continue
            try:
                if not same(self.checker.evaluator.value(claim.parts[1].node, {}), value):
                    return False
            except Unknown:
                continue
        return True

    def loops(self, operands: list[Operand]) -> Iterator[Told]:
        """What the variable of a loop goes through."""
        for name, values in itertools.pairwise(operands):
            if type(name.node) is not ast.Name or not name.code or not values.code:
                continue
            gap = self.text[name.end : values.start]
            if _IN.match(gap) and _EACH.search(self.text[max(0, name.start - 20) : name.start]):
                yield self._loop(name, values)
                if _NOTHING.match(self.text, values.end):
                    yield Told(name.start, values.end, self._nothing(values.node), _never)
            elif _THROUGH.match(gap) and values.literal:
                whole = freeze(self.checker.evaluator.value(values.node, {}))
                true = self._values(name.node.id, whole)
                yield Told(name.start, values.end, true, _never)

    def rounds(self, written: str) -> Iterator[Told]:
        """Loops whose rounds are listed below them: those of other values, or in another order, are not theirs."""
        for start, end, values, heads, single in loops_with_rounds(written):
            with contextlib.suppress(Unknown, TypeError):
                whole = self._closed(values)
                if not hasattr(whole, "__len__") or len(whole) > MAX_ELEMENTS:
                    continue
                through = [freeze(value) for value in whole]
                listed = [freeze(self._closed(head)) for head in heads]
                if not set(listed) <= set(through) or (single and not in_this_order(listed, through)):
                    yield Told(start, end, False, _never)

    def _closed(self, source: str) -> Any:
        """The value of an expression without variables; raises ``Unknown`` for others."""
        parsed = parse_expression(source)
        if parsed is None:
            raise Unknown(source)
        return self.checker.evaluator.value(parsed[0], {})

    def additions(self, operands: list[Operand]) -> Iterator[Told]:
        """Like "Adding ``3`` gives ``items = [1, 3]``": what is added is there afterwards."""
        for added, name, whole in zip(operands, operands[1:], operands[2:], strict=False):
            if type(name.node) is not ast.Name or not whole.literal or type(whole.node) is ast.Constant:
                continue
            if added.names or not added.code or not _ADDING.search(self.text[max(0, added.start - 20) : added.start]):
                continue
            gap = self.text[added.end : name.start] + self.text[name.end : whole.start]
            if _GIVES.match(gap):
                with contextlib.suppress(Unknown):
                    value = freeze(self.checker.evaluator.value(added.node, {}))
                    items = map(freeze, fragments(self.checker.evaluator.value(whole.node, {})))
                    yield Told(added.start, whole.end, value in items, _never)

    def enumerations(self, claims: list[Claim]) -> Iterator[Told]:
        """Like "``i = 0``, ``1`` and ``2``": values that a name had one after the other."""
        group: list[Claim] = []
        for claim in [*claims, None]:
            if group and (claim is None or claim.parts[0] is not group[0].parts[0]):
                if len(group) > 1:
                    values = [freeze(self.checker.evaluator.value(each.parts[1].node, {})) for each in group]
                    name = group[0].parts[0].node.id  # type: ignore[attr-defined]  # chosen as names
                    yield Told(group[0].start, group[-1].end, self._values(name, ("list", *values)), _never)
                group = []
            if claim is not None and claim.sign == "=" and isinstance(claim.parts[0].node, ast.Name):
                if claim.parts[1].literal:
                    group.append(claim)

    def repeats(self, claims: list[Claim]) -> Iterator[Told]:
        """Like "``b = True`` (3 times)": as often as the name had the value, in a row or in all."""
        for claim in claims:
            times = _TIMES.match(self.text, claim.end)
            if times is None or claim.sign != "=" or not isinstance(claim.parts[0].node, ast.Name):
                continue
            value = freeze(self.checker.evaluator.value(claim.parts[1].node, {}))
            counts: set[int] = set()
            for history in self.facts.histories():
                if not history.knows(claim.names) or claim.names & history.clipped:
                    continue
                course = history.course(claim.parts[0].node.id)
                counts.add(course.count(value))
                counts.update(len(list(run)) for key, run in itertools.groupby(course) if key == value)
            yield Told(claim.start, times.end(), int(times[1]) in counts if counts else None, _never)

    def _loop(self, name: Operand, values: Operand) -> Told:
        variable: str = name.node.id  # type: ignore[attr-defined]  # chosen as a name

        def when(history: History) -> list[Span]:
            return self.checker.instances.loop_moments(variable, values.node, history) or []

        verdict: bool | None = None
        for history in self.facts.histories():
            found = self.checker.instances.loop_moments(variable, values.node, history)
            if found:
                return Told(name.start, values.end, True, when)
            verdict = (None if found is None else False) if history.knows((variable,)) else None
        return Told(name.start, values.end, verdict, when)

    def _nothing(self, node: ast.expr) -> bool | None:
        """Whether what a loop goes through, given as a value, is empty."""
        try:
            return not list(self.checker.evaluator.value(node, {}))
        except (Unknown, TypeError):
            return None

    def _values(self, name: str, whole: Any) -> bool | None:
        verdict: bool | None = None
        for history in self.facts.histories():
            if name not in history.names or name in history.clipped:
                continue
            courses = (history.course(name), history.changes(name))
            if whole in courses[0] or (isinstance(whole, tuple) and any(is_piece(whole[1:], each) for each in courses)):
                return True
            verdict = False if history.knows((name,)) else verdict
        return verdict
