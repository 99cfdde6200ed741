"""What a text tells of calls and loops: with which arguments, how deep, and what a loop went through.

"``f`` is called with ``a = 1`` and ``b = 2`` (recursion depth 3)", "for each ``i`` in ``range(3)``", "``x`` runs through
``1, 3, 5``": such statements are about several values at once, and wrong together where each alone may be right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from execground_ray.verification.checks import Checker
from execground_ray.verification.cited import Unknown, same
from execground_ray.verification.citing import Operand
from execground_ray.verification.claims import Claim
from execground_ray.verification.facts import Facts
from execground_ray.verification.history import OPAQUE, Call, History, Span, freeze

_CALLED = re.compile(
    r"^[`*\s]*(?:(?:is|was|gets|being)\s+)?(?:then\s+|now\s+|again\s+|first\s+)*(?:called|invoked|calls itself|call itself)"
    r"(?:\s+(?:again|recursively|first|now|directly))*\s+with\b"
)
_DEPTH = re.compile(r"\brecursion depth (\d+)\b")
_STOP = re.compile(r"[.:;](?=\s|$)|\n")
_EACH = re.compile(r"\bfor (?:each|every)?\s*(?:value )?[`*\s]*$", re.IGNORECASE)
_IN = re.compile(r"^[`*\s]*in[`*\s]*$")
_THROUGH = re.compile(r"^[`*\s]*(?:runs|goes|iterates|loops|steps|passes) (?:through|over)(?: the values)?[`*\s:]*$|^[`*\s]*takes the values[`*\s:]*$")


@dataclass(frozen=True)
class Told:
    """One such statement: where it stands, whether it is true, and when it was."""

    start: int
    end: int
    true: bool | None
    moments: list[Span]


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
            called = _CALLED.match(self.text[operand.end : operand.end + 60])
            if called is None or name not in self.facts.functions:
                continue
            begin = operand.end + called.end()
            stop = _STOP.search(self.text, self._unquoted(begin))
            end = stop.start() if stop else len(self.text)
            given = [claim for claim in values if begin <= claim.start and claim.end <= end]
            depth = _DEPTH.search(self.text, begin, end)
            if given or depth:
                last = given[-1].end if given else end
                yield self._call(operand.start, last, name, given, int(depth[1]) if depth else None)

    def _unquoted(self, begin: int) -> int:
        """Behind the code spans and strings that follow, in which a mark ends nothing."""
        found = re.compile(r"(?:[^`.:;\n]*`[^`\n]*`)*").match(self.text, begin)
        return found.end() if found else begin

    def _call(self, start: int, end: int, name: str, given: list[Claim], depth: int | None) -> Told:
        verdict: bool | None = None
        for history in self.facts.histories():
            calls = history.calls.get(name, [])
            found = [call for call in calls if self._fits(call, given, history, depth)]
            if found:
                return Told(start, end, True, sorted((call.begin, call.begin) for call in found))
            if calls and history.whole:
                verdict = False
        return Told(start, end, verdict, [])

    def _fits(self, call: Call, given: list[Claim], history: History, depth: int | None) -> bool:
        if depth is not None and history.depth(call.frame) != depth:
            return False
        arguments = dict(zip(call.names, call.arguments, strict=True))
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
        for name, values in zip(operands, operands[1:], strict=False):
            if not isinstance(name.node, ast.Name) or not name.code or not values.code:
                continue
            gap = self.text[name.end : values.start]
            before = self.text[max(0, name.start - 20) : name.start]
            if _IN.match(gap) and _EACH.search(before):
                yield Told(name.start, values.end, self._loop(name.node.id, values.node), [])
            elif _THROUGH.match(gap) and values.literal:
                yield Told(name.start, values.end, self._values(name.node.id, values.node), [])

    def _loop(self, name: str, node: ast.expr) -> bool | None:
        verdict: bool | None = None
        for history in self.facts.histories():
            found = self.checker.instances.is_loop(name, node, history)
            if found:
                return True
            verdict = found if history.whole else None
        return verdict

    def _values(self, name: str, node: ast.expr) -> bool | None:
        verdict: bool | None = None
        for history in self.facts.histories():
            if name not in history.names or name in history.clipped:
                continue
            had = history.spans(name)
            whole = freeze(self.checker.evaluator.value(node, {}))
            if whole in had or (isinstance(whole, tuple) and all(part in had for part in whole[1:])):
                return True
            verdict = False if history.whole else verdict
        return verdict
