"""Decides whether a text is true to the execution.

Comes in: a text and its ``Evidence``. Goes out: a ``Verdict`` with everything that was found; ``judge`` turns it into
the reason to reject, under thresholds. No model is asked, nothing of the program is executed, and the same text and
evidence always give the same verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from execground_ray.records import Reason
from execground_ray.verification.answer import find_statements
from execground_ray.verification.facts import Evidence, Facts
from execground_ray.verification.finding import Finding, Kind
from execground_ray.verification.form import end_findings, form_findings
from execground_ray.verification.grounding import Grounding

_ABOUT_VALUES = frozenset(
    {
        Kind.FALSE_STATEMENT,
        Kind.FALSE_TOGETHER,
        Kind.OUT_OF_ORDER,
        Kind.UNKNOWN_NAME,
        Kind.UNGROUNDED_VALUE,
        Kind.WRONG_COUNT,
    }
)
# In this order: what makes the rest of a text meaningless comes first.
_REASONS: tuple[tuple[Reason, frozenset[Kind]], ...] = (
    (Reason.DEGENERATE, frozenset({Kind.REPETITION, Kind.LANGUAGE})),
    (Reason.UNFINISHED, frozenset({Kind.CUT_OFF, Kind.NO_ANSWER})),
    (Reason.WRONG_ANSWER, frozenset({Kind.WRONG_ANSWER})),
    (Reason.CODE_BLOCK, frozenset({Kind.CODE_BLOCK})),
    (Reason.MENTIONS_TRACE, frozenset({Kind.MENTIONS_TRACE})),
)


class Thresholds(Protocol):
    """The part of the configuration that a decision needs."""

    @property
    def min_grounded(self) -> float:
        """Least share of cited values that the execution bears out."""


@dataclass(frozen=True)
class Verdict:
    """What was found in one text.

    Attributes:
        answer_ok: The final answer is the value that came back.
        grounded: Share of the cited values that the evidence bears out, 0 to 1; 1 where none is cited.
        findings: Everything that is wrong, in the order of the text.
        values_checked: Number of cited values.
        claims_checked: Number of statements that were found true or false.
    """

    answer_ok: bool
    grounded: float
    findings: tuple[Finding, ...]
    values_checked: int
    claims_checked: int


def verify(text: str, evidence: Evidence, *, with_replay: bool = True) -> Verdict:
    """Hold ``text`` against what the execution showed.

    Args:
        text: the reasoning.
        evidence: of the execution.
        with_replay: whether the program may be replayed where the trace leaves a doubt.
    """
    statements = find_statements(text, evidence.returned, evidence.trace)
    findings = [
        Finding(Kind.WRONG_ANSWER, each.start, each.end, "is not the value that came back")
        for each in statements
        if not each.right
    ]
    if not statements:
        findings.append(Finding(Kind.NO_ANSWER, max(0, len(text) - 1), len(text), "states no final answer"))
    if not (statements and statements[-1].whole):
        findings += end_findings(text, statements[-1].end if statements else None)
    findings += form_findings(text, evidence.question, evidence.refcode)
    grounding = Grounding(text, Facts(evidence, with_replay=with_replay))
    cited, wrong = grounding.run()
    share = 1.0 if not cited else max(0.0, 1 - len(wrong) / max(cited, len(wrong)))
    return Verdict(
        answer_ok=bool(statements) and all(each.right for each in statements),
        grounded=share,
        findings=tuple(sorted([*findings, *wrong], key=lambda finding: (finding.start, finding.end))),
        values_checked=cited,
        claims_checked=grounding.decided,
    )


def judge(verdict: Verdict, thresholds: Thresholds) -> tuple[Reason, str] | None:
    """The reason to reject a text and the detail of it, or None to keep it."""
    for reason, kinds in _REASONS:
        for finding in verdict.findings:
            if finding.kind in kinds:
                return reason, finding.message
    if verdict.grounded < thresholds.min_grounded:
        about = [finding for finding in verdict.findings if finding.kind in _ABOUT_VALUES]
        return Reason.UNGROUNDED, "; ".join(finding.message for finding in about[:3])
    return None
