"""Whether the values that a text cites come from somewhere, and whether what it says about them is true.

Comes in: ``plain`` text and ``Facts``. Goes out: the number of cited values, and a ``Finding`` for each that is false
or comes from nowhere.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from execground_ray.verification.calling import Calling, Told
from execground_ray.verification.checks import Checker
from execground_ray.verification.cited import Unknowable, Unknown
from execground_ray.verification.citing import Operand, Reader
from execground_ray.verification.claims import Claim, find_claims
from execground_ray.verification.counting import wrong_counts
from execground_ray.verification.facts import Facts, fragments
from execground_ray.verification.finding import Finding, Kind
from execground_ray.verification.history import History, Span, freeze
from execground_ray.verification.reading import plain, sentence_borders
from execground_ray.verification.story import list_items, out_of_order, overlap
from execground_ray.verification.syntax import target_name, walk

# What would be, is no statement about this run.
_COUNTERFACTUAL = re.compile(
    r"\bwould (?:be|have|need|give|return|come|make)\b|\bfor example\b|\be\.g\.|\bsuch as\b|\b(?:prevent|avoid|rule)s?\b",
    re.IGNORECASE,
)

_OPERATIONS = frozenset((ast.BinOp, ast.Call))
_BECOMES = re.compile(r"^[`\s*]*(?:becomes|is set to|takes the value of|is updated to|=)[`\s*]*$")
_BESIDE = re.compile(r"^[`\s,*|]*(?:(?:and|with|while)[`\s*]*)?(?:the[`\s*]*)?$")


class Grounding:
    """Holds the values and claims of one text against the facts."""

    def __init__(self, written: str, facts: Facts) -> None:
        text = plain(written)
        self.text = text
        self.written = written
        self.facts = facts
        self.checker = Checker(facts)
        self.borders = sentence_borders(written)
        self.operands = Reader(text, facts.identifiers).operands()
        self.claims = find_claims(text, self.borders, self.operands)
        self.findings: list[Finding] = []
        self.settled: set[int] = set()  # starts of operands that a true claim accounts for
        self.wrong: set[int] = set()
        self.decided = 0
        self.true: list[Claim] = []
        self.told: list[Told] = []
        self.true_values: list[Claim] = []

    def run(self) -> tuple[int, list[Finding]]:
        """The number of cited values, and what is wrong with them."""
        self.checker.find_aliases(self.claims)
        for claim in self.claims:
            self._claim(claim)
        self._together()
        self._computed()
        self._assigned()
        self._calling()
        self._in_order()
        cited = 0
        for first, last, operands in self._sentences():
            values = [operand for operand in operands if not operand.names and not operand.word]
            cited += len(values)
            if self.settled.issuperset(operand.start for operand in operands if not operand.names):
                continue
            if _COUNTERFACTUAL.search(self.text, first, last):
                continue
            near = self._near(operands)
            for operand in wrong_counts(self.text, self.facts, (first, last), operands):
                if operand.start not in self.settled:
                    self.wrong.add(operand.start)
                    self._report(Kind.WRONG_COUNT, operand, "is not the number of anything in the run")
            for operand in values:
                if operand.start in self.settled or operand.start in self.wrong:
                    continue
                if not self._grounded(operand, near):
                    self._report(
                        Kind.UNGROUNDED_VALUE, operand, "is nowhere in the run, the code, the question or the input"
                    )
        return cited, sorted(self.findings, key=lambda finding: finding.start)

    def _sentences(self) -> list[tuple[int, int, list[Operand]]]:
        result, place = [], 0
        for first, last in itertools.pairwise(self.borders):
            begin = place
            while place < len(self.operands) and self.operands[place].start < last:
                place += 1
            if place > begin:
                result.append((first, last, self.operands[begin:place]))
        return result

    def _report(self, kind: Kind, part: Operand | Claim, message: str) -> None:
        cited = " ".join(self.text[part.start : part.end].split())
        self.findings.append(Finding(kind, part.start, part.end, f"{cited!r} {message}"))

    def _claim(self, claim: Claim) -> None:
        if not claim.stated or self._quoted(claim):
            return
        verdict = self.checker.decide(claim)
        if verdict is False and claim.sign == "verb" and any(part.weak for part in claim.parts):
            verdict = None  # the word may not mean the variable
        self.decided += verdict is not None
        if verdict is False:
            self._report(
                Kind.FALSE_STATEMENT, claim, "is not true of any moment of the run" if claim.names else "is not true"
            )
            self.wrong.update(part.start for part in claim.parts)
        elif verdict:
            self.true.append(claim)
            self.settled.update([part.start for part in claim.parts])
            if claim.sign == "=" or (claim.sign == "verb" and not any(part.weak for part in claim.parts)):
                if claim.names and not (claim.sign == "verb" and claim.names <= self.facts.program.functions):
                    self.true_values.append(claim)
        else:
            self._unknown(claim)

    def _computed(self) -> None:
        """Calls and operations that are set as code and have the form of the program's must be its own."""
        for operand in self.operands:
            kind = type(operand.node)
            if not operand.code or (kind is not ast.Call and kind is not ast.Subscript) or operand.start in self.wrong:
                continue
            if kind is ast.Subscript and operand.closed:
                continue
            if self._is_false(partial(self.checker.instances.happened, operand.node), operand.names):
                self.wrong.add(operand.start)
                self._report(Kind.FALSE_STATEMENT, operand, "is not what the program computed with these values")

    def _assigned(self) -> None:
        """Check that what the text says a name becomes is what an assignment to it computed."""
        for left, right in itertools.pairwise(self.operands):
            if not left.code or not right.code or type(right.node) not in _OPERATIONS:
                continue
            target = target_name(left.node)
            if not target or not _BECOMES.match(self.text[left.end : right.start]):
                continue
            if self._is_false(partial(self.checker.instances.was_assigned, target, right.node), right.names | {target}):
                self._report(Kind.FALSE_STATEMENT, right, "is not what the program computed with these values")

    def _is_false(self, happened: Callable[[History], bool | None], names: frozenset[str]) -> bool:
        """Whether all is known of ``names`` and something did not happen."""
        verdict: bool | None = None
        with contextlib.suppress(Unknowable):
            for history in self.facts.histories():
                found = happened(history)
                verdict = found if found or history.knows(names) else None
                if found:
                    break
        return verdict is False

    def _calling(self) -> None:
        """Calls with their arguments, loops with their values."""
        calling = Calling(self.text, self.facts, self.checker)
        stated = [claim for claim in self.claims if claim.stated]
        for told in (
            *calling.calls(self.operands, self.claims),
            *calling.loops(self.operands),
            *calling.enumerations(stated),
            *calling.repeats(self.true),
            *calling.rounds(self.written),
            *calling.additions(self.operands),
        ):
            if told.true:
                self.settled.update(each.start for each in self.operands if told.start <= each.start < told.end)
                self.told.append(told)
            elif told.true is False:
                cited = " ".join(self.text[told.start : told.end].split())
                self.findings.append(Finding(Kind.FALSE_STATEMENT, told.start, told.end, f"{cited!r} did not happen"))

    def _in_order(self) -> None:
        """A text that follows the run must follow it everywhere, and keep to a round where it tells one."""
        strange: list[tuple[int, int]] = []
        told = [*self.true, *self.told]
        for history in self.facts.histories():
            timed = [
                (claim.start, claim.end, self.checker.moments(claim, history))
                for claim in self.true
                if not (history.objects > 1 and _of_objects(claim)) and self.checker.dated(claim, history)
            ]
            timed += [(told.start, told.end, told.when(history)) for told in self.told]
            kept = sorted((start, end, moments) for start, end, moments in timed if moments)
            strange = [kept[index][:2] for index in out_of_order([moments for _, _, moments in kept])]
            rounds = self._out_of_round(kept, history)
            if history.whole or (len(kept) == len(timed) == len(told) and not strange and not rounds):
                strange += rounds if history.whole else []
                break  # what follows as much of the run as is known follows all of it
        for start, end in dict.fromkeys(strange):
            cited = " ".join(self.text[start:end].split())
            self.findings.append(
                Finding(Kind.OUT_OF_ORDER, start, end, f"{cited!r} was not so at this point of the run")
            )

    def _out_of_round(self, kept: list[tuple[int, int, list[Span]]], history: History) -> list[tuple[int, int]]:
        """What stands in a list item that begins with ``i = 2``, but was so only in other rounds."""
        found = []
        for begin, end, name, values in list_items(self.written, self.true):
            if name not in self.facts.program.counters or name in history.clipped:
                continue
            rounds = [span for value in values for span in history.rounds(name).get(value, ())]
            for start, stop, moments in kept:
                if (
                    begin <= start < end
                    and rounds
                    and not any(overlap(moment, each) for moment in moments for each in rounds)
                ):
                    found.append((start, stop))
        return found

    def _together(self) -> None:
        """Values that stand side by side must have been there at the same time."""
        group: list[Claim] = []
        for claim in [*self.true_values, None]:
            if group and (claim is None or not self._beside(group, claim)):
                self._check_group(group)
                group = []
            if claim is not None:
                group.append(claim)

    def _beside(self, group: list[Claim], claim: Claim) -> bool:
        if claim.becomes:
            return False  # a step further on
        told = frozenset().union(*(each.parts[0].names for each in group))
        gap = self.text[group[-1].end : claim.start]
        return bool(told) and not told & claim.parts[0].names and len(gap) < 30 and bool(_BESIDE.match(gap))

    def _check_group(self, group: list[Claim]) -> None:
        if len(group) >= 2 and self.checker.never_together(group):
            start, end = group[0].start, group[-1].end
            cited = " ".join(self.text[start:end].split())
            self.findings.append(Finding(Kind.FALSE_TOGETHER, start, end, f"{cited!r} was never so at one time"))

    def _unknown(self, claim: Claim) -> None:
        """A value for a name that neither program nor question has."""
        left, right = claim.parts[0], claim.parts[-1]
        if claim.sign not in ("=", "verb") or not isinstance(left.node, ast.Name) or not left.code:
            return
        if left.node.id not in self.facts.words and right.literal and len(left.node.id) > 1:
            self._report(Kind.UNKNOWN_NAME, left, "is a name that neither the code nor the question has")

    def _quoted(self, claim: Claim) -> bool:
        """A line of the program, cited as such."""
        if claim.sign != "=" or not claim.names:
            return False
        source = "".join(self.text[claim.parts[0].start : claim.parts[-1].end].split()).strip("`").replace('"', "'")
        return source in self.facts.code_text

    def _near(self, operands: list[Operand]) -> list[Any]:
        """The values of a sentence, from which others may follow."""
        near: list[Any] = []
        for operand in operands:
            if not operand.closed:
                continue
            parts = [operand.node]
            if isinstance(operand.node, ast.Tuple | ast.List | ast.BinOp) and not operand.literal:
                parts += [part for part in walk(operand.node) if isinstance(part, ast.BinOp)]
            for part in parts:
                with contextlib.suppress(Unknown):
                    near.append(self.checker.evaluator.value(part, {}))
        return near

    def _grounded(self, operand: Operand, near: list[Any]) -> bool:
        try:
            value = self.checker.evaluator.value(operand.node, {})
        except Unknown:
            return True
        if not operand.literal:
            return all(self._known(part, near) for part in _constants(operand.node)) or self.facts.has(freeze(value))
        return self._known(value, near, strict=operand.code, pair=not self._as_whole(operand))

    def _as_whole(self, operand: Operand) -> bool:
        """A list, set or dictionary, or several values one after the other; a pair may be the text's own."""
        if isinstance(operand.node, ast.Tuple):
            return len(operand.node.elts) > 2
        return True

    def _known(self, value: Any, near: list[Any], strict: bool = False, pair: bool = False) -> bool:
        if value is Ellipsis or isinstance(value, bool) or value is None or self.facts.shows(freeze(value)):
            return True
        if isinstance(value, str):
            known = self._known_string(value)
        elif isinstance(value, int | float):
            known = self._follows(value, near, strict)
        elif not isinstance(value, dict | list | tuple | set | frozenset | range):
            known = False  # a complex number, bytes: only what the run shows
        else:
            known = all(self._known(part, near, strict) for part in fragments(value))
            if known and strict and len(value) > 1 and not pair:
                return self.facts.has(freeze(value)) or self.facts.has_piece(freeze(value))
        return known or self.facts.has(freeze(value))

    def _known_string(self, value: str) -> bool:
        if self.facts.has_text(value):
            return True
        return bool(re.search(r"[^\W\d_]{2,}", value)) and " " in value.strip()  # words in quotation marks, not a value

    def _follows(self, value: float, near: list[Any], strict: bool) -> bool:
        """Whether ``value`` is one operation away from values of the same sentence, or a size, or a count.

        A value that is set as code (``strict``) is one of the run, so it does not follow from just anything.
        """
        numbers = {each for each in near if isinstance(each, int | float) and not isinstance(each, bool)}
        for left, right in itertools.product(numbers | {1, 2}, numbers) if not strict else ():
            if value in (left + right, left - right, right - left, left * right):
                return True
            if right and value in (left / right, left // right, left % right):
                return True
        if near.count(value) > 1 or any(
            value == len(each) for each in near if isinstance(each, str | list | tuple | set)
        ):
            return True
        return any(value in sizes for sizes in self.facts.sizes())


def _of_objects(claim: Claim) -> bool:
    """About an attribute: where there are several objects, it is not known which one is meant."""
    return any(name.startswith(".") for name in claim.names)


def _constants(node: ast.expr) -> list[Any]:
    return [part.value for part in walk(node) if isinstance(part, ast.Constant)]
