"""What can be wrong with a text, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is wrong with a place in a text."""

    WRONG_ANSWER = "wrong_answer"
    NO_ANSWER = "no_answer"
    CUT_OFF = "cut_off"
    FALSE_STATEMENT = "false_statement"
    FALSE_TOGETHER = "false_together"
    OUT_OF_ORDER = "out_of_order"
    UNKNOWN_NAME = "unknown_name"
    UNGROUNDED_VALUE = "ungrounded_value"
    WRONG_COUNT = "wrong_count"
    MENTIONS_TRACE = "mentions_trace"
    CODE_BLOCK = "code_block"
    REPETITION = "repetition"
    LANGUAGE = "language"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its kind, the span in the text, and why."""

    kind: Kind
    start: int
    end: int
    message: str
