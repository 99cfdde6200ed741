"""Decides whether a text is true to the execution.

Comes in: a text and what is known of the ``Execution``. Goes out: a ``Verdict`` with everything that was found;
``judge`` turns it into the reason to reject, under settings. No model is asked, nothing of the program is executed, and
the same text and evidence always give the same verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from execground_ray.records import Reason
from execground_ray.tracing.evidence import decode
from execground_ray.verification.answer import Returned, answer_findings, read_answer
from execground_ray.verification.citations import Attributed, read_citations
from execground_ray.verification.finding import Finding, Kind, Outcome
from execground_ray.verification.form import end_findings, form_findings
from execground_ray.verification.judgement import Judgement, judge_sentences
from execground_ray.verification.run import Run

if TYPE_CHECKING:
    from execground_ray.config.schema import Verification

# In this order: what makes the rest of a text meaningless comes first.
_REASONS: tuple[tuple[Reason, frozenset[Kind]], ...] = (
    (Reason.DEGENERATE, frozenset({Kind.REPETITION, Kind.LANGUAGE})),
    (Reason.UNFINISHED, frozenset({Kind.CUT_OFF, Kind.NO_ANSWER})),
    (Reason.WRONG_ANSWER, frozenset({Kind.WRONG_ANSWER})),
    (Reason.CODE_BLOCK, frozenset({Kind.CODE_BLOCK})),
    (Reason.MENTIONS_TRACE, frozenset({Kind.MENTIONS_TRACE})),
)
_FORM = frozenset(kind for _, kinds in _REASONS for kind in kinds)


@dataclass(frozen=True)
class Execution:
    """What is known of one execution.

    Attributes:
        question: The problem in words, and the arguments of the call.
        refcode: The program.
        returned: The value that came back.
        trace: The record.
        evidence: The JSON text of the instrumented run, or None.
    """

    question: str
    refcode: str
    returned: Any
    trace: str
    evidence: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What was found in one text; all places are in the text without citations.

    Attributes:
        answer_ok: The final answer is the value that came back.
        attributed: The text cites record lines.
        evidence: There was evidence to hold it against; else only form, arithmetic and the final answer are judged.
        grounded: Share of the cited values and claims that are borne out; 1 where there are none.
        coverage: Share of the program's statements in the record that some sentence tells; 0 of a text that cites none.
        supported: Number of cited values and claims that are borne out.
        contradicted: Number of those that are not so.
        unknown: Number of those that cannot be told.
        findings: What is contradicted or unknown, in the order of the text.
        untold: Number of those that none tells.
    """

    answer_ok: bool
    attributed: bool
    evidence: bool
    grounded: float
    coverage: float
    supported: int
    contradicted: int
    unknown: int
    untold: int
    findings: tuple[Finding, ...]


def verify(text: str, execution: Execution) -> Verdict:
    """Hold a text, as its translator wrote it, against what the execution showed."""
    attributed = read_citations(text, execution.trace.count("\n") + 1)
    run = _run(execution)
    judgement = judge_sentences(attributed, execution.refcode, run)
    returned = Returned(execution.returned, _exact(execution, run))
    answer_ok, findings = answer_findings(attributed.text, returned, attributed=bool(attributed.citations))
    findings += form_findings(attributed.text, execution.question, execution.refcode, execution.trace)
    if not answer_ok:
        findings += end_findings(attributed.text)
    return _verdict(attributed, run, judgement, answer_ok, findings)


def _verdict(
    attributed: Attributed, run: Run | None, judgement: Judgement, answer_ok: bool, findings: list[Finding]
) -> Verdict:
    counts = judgement.counts
    total = sum(counts.values())
    every = [*findings, *judgement.findings]
    return Verdict(
        answer_ok=answer_ok,
        attributed=bool(attributed.citations),
        evidence=run is not None,
        grounded=counts[Outcome.SUPPORTED] / total if total else 1.0,
        coverage=judgement.coverage,
        supported=counts[Outcome.SUPPORTED],
        contradicted=counts[Outcome.CONTRADICTED],
        unknown=counts[Outcome.UNKNOWN],
        untold=judgement.untold,
        findings=tuple(sorted(every, key=lambda finding: (finding.start, finding.end, finding.kind))),
    )


def _run(execution: Execution) -> Run | None:
    if execution.evidence is None:
        return None
    try:
        return Run(execution.refcode, decode(execution.evidence))
    except (ValueError, SyntaxError, RecursionError):  # what a program wrote is believed only where it is whole
        return None


def _exact(execution: Execution, run: Run | None) -> Any:
    """The value that came back as the program had it: a tuple, where JSON has a list."""
    if run is not None and run.frames:
        return run.frames[0].returned
    shown = execution.trace[execution.trace.rfind("<<< Return value from ") :]
    return read_answer(re.sub(r"\n\s*", " ", shown.partition(": ")[2]))


def judge(verdict: Verdict, settings: Verification) -> tuple[Reason, str] | None:
    """The reason to reject a text and the detail of it, or None to keep it."""
    wrong = [finding for finding in verdict.findings if finding.outcome is Outcome.CONTRADICTED]
    for reason, kinds in _REASONS:
        for finding in wrong:
            if finding.kind in kinds:
                return reason, finding.message
    about = [finding for finding in wrong if finding.kind not in _FORM]
    if about:
        return Reason.UNGROUNDED, "; ".join(finding.message for finding in about[:3])
    if verdict.evidence:
        return _floors(verdict, settings)
    return None


def _floors(verdict: Verdict, settings: Verification) -> tuple[Reason, str] | None:
    """Too little that is borne out, or too little of the record told."""
    if verdict.supported < settings.min_supported or verdict.grounded < settings.min_grounded:
        return Reason.UNGROUNDED, f"borne out: {verdict.supported} of {verdict.supported + verdict.unknown}"
    if verdict.attributed and verdict.coverage < settings.min_coverage:
        left_out = "; ".join(finding.message for finding in verdict.findings if finding.kind is Kind.UNTOLD)
        return Reason.UNGROUNDED, f"tells {verdict.coverage:.0%} of the steps: {left_out}"
    return None
