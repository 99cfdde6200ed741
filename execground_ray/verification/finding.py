"""What is found in a text: its kind, whether the execution bears it out, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a finding is about."""

    WRONG_ANSWER = "wrong_answer"
    NO_ANSWER = "no_answer"
    CUT_OFF = "cut_off"
    MENTIONS_TRACE = "mentions_trace"
    CODE_BLOCK = "code_block"
    REPETITION = "repetition"
    LANGUAGE = "language"
    VALUE = "value"  # a value that is cited
    EQUATION = "equation"  # an equation or comparison of values
    ASSIGNMENT = "assignment"  # a name, or an expression of names, and its value
    CONDITION = "condition"  # whether a condition held
    CALL = "call"  # what a call returned
    OPERATION = "operation"  # what was done to values
    COUNT = "count"  # how many rounds, calls or elements
    UNTOLD = "untold"  # steps that are left out, at the sentence that ought to tell them or the one before


class Outcome(StrEnum):
    """What the execution says of a cited value or claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or not known.

    Attributes:
        kind: What it is about.
        start: Where it begins in the text without citations.
        end: Where it ends there.
        message: Why.
        outcome: ``CONTRADICTED`` or ``UNKNOWN``.
        lines: Ranges of record lines that it was held against.
    """

    kind: Kind
    start: int
    end: int
    message: str
    outcome: Outcome = Outcome.CONTRADICTED
    lines: tuple[tuple[int, int], ...] = ()
