"""Judges a text sentence by sentence: all checks of all rules, against the lines that each sentence cites."""

from __future__ import annotations

from dataclasses import dataclass, field

from execground_ray.verification.absent import check_absent
from execground_ray.verification.actions import check_actions
from execground_ray.verification.citations import Attributed, Ranges
from execground_ray.verification.claims import check_claims
from execground_ray.verification.context import Check, Context
from execground_ray.verification.counts import check_counts
from execground_ray.verification.equations import check_equations
from execground_ray.verification.finding import Finding, Kind, Outcome
from execground_ray.verification.marked_operations import check_marked_operations
from execground_ray.verification.passages import Passage, passages
from execground_ray.verification.presence import check_order, check_values
from execground_ray.verification.returned import check_returned
from execground_ray.verification.run import Run
from execground_ray.verification.tokens import tokenize
from execground_ray.verification.trees import program_names
from execground_ray.verification.untold import Untold
from execground_ray.verification.window import Window
from execground_ray.verification.worded import check_worded
from execground_ray.verification.written_calls import check_written_calls

_RULES = (
    check_equations,
    check_claims,
    check_absent,
    check_marked_operations,
    check_returned,
    check_actions,
    check_worded,
    check_counts,
    check_written_calls,
    check_values,
    check_order,
)


@dataclass
class Judgement:
    """What became of a text's sentences.

    Attributes:
        findings: What is contradicted or not known.
        counts: Checks by outcome.
        coverage: Share of the program's statements in the record that some sentence tells; 0 of a text that cites none.
        untold: Number of those that none tells.
    """

    findings: list[Finding] = field(default_factory=list)
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    coverage: float = 0.0
    untold: int = 0


def judge_sentences(attributed: Attributed, refcode: str, run: Run | None) -> Judgement:
    """Judge every sentence of a text; without a run only its arithmetic."""
    judgement = Judgement()
    names = run.names if run else program_names(refcode)
    cites = bool(attributed.citations)
    whole = Window(run, ((1, run.count),)) if run else None
    windows: dict[Ranges, Window] = {}
    stretches = passages(attributed)
    contexts = []
    for passage in stretches:
        window = whole
        if run is not None and passage.cited:
            window = windows[passage.cited] = windows.get(passage.cited) or Window(run, passage.cited)
        sentence = tokenize(attributed.text, passage.start, passage.end, names)
        contexts.append(Context(sentence, window, whole, bool(passage.cited), cites))
    found = [[check for rule in _RULES for check in rule(context)] for context in contexts]
    if run is not None and cites:
        untold = Untold(run, contexts)
        judgement.coverage, judgement.untold = untold.share, len(untold.statements)
        judgement.findings += untold.findings()
        for place, check in untold.checks():
            found[place].append(check)
    for passage, checks in zip(stretches, found, strict=True):
        _note(judgement, passage, checks)
    return judgement


def _note(judgement: Judgement, passage: Passage, checks: list[Check]) -> None:
    """Count what was checked; a value in a claim that is so is one that is known."""
    settled = {
        (check.start, check.end)
        for check in checks
        if check.outcome is Outcome.SUPPORTED and check.kind is not Kind.VALUE
    }
    for check in dict.fromkeys(checks):
        outcome = check.outcome
        if check.kind is Kind.VALUE and outcome is not Outcome.SUPPORTED and (check.start, check.end) in settled:
            outcome = Outcome.SUPPORTED
        judgement.counts[outcome] += 1
        if outcome is not Outcome.SUPPORTED:
            judgement.findings.append(
                Finding(check.kind, check.start, check.end, check.message, outcome, passage.cited)
            )
