"""What flows through the pipeline: the problem, the columns of a row, the stages and the reject reasons.

A problem enters the stream as one row and leaves it once: as training rows or as one rejected row.
Heterogeneous values (inputs, outputs) travel as JSON text, because Arrow changes or loses them otherwise.

One row, read from line 12 of a file, before any stage has looked at it::

    {"id": "0f3c…", "locator": "pyedu.jsonl:12", "problem": "{…the line as it was…}",
     "stage": "", "reason": "", "detail": ""}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Stage(StrEnum):
    """Where in the stream a problem was rejected, in the order of the stream."""

    READ = "read"
    PREFILTER = "prefilter"
    TRACE = "trace"
    TRANSLATE = "translate"
    VERIFY = "verify"
    EXPORT = "export"


class Reason(StrEnum):
    """Why a problem was rejected. Each member names the stage that gives it."""

    stage: Stage

    def __new__(cls, value: str, stage: Stage = Stage.READ) -> Reason:
        """Make the member a plain string that also knows its stage (always given; looking one up needs none)."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.stage = stage
        return member

    MALFORMED_JSON = "malformed_json", Stage.READ
    INVALID_UNICODE = "invalid_unicode", Stage.READ
    MISSING_FIELD = "missing_field", Stage.READ
    WRONG_TYPE = "wrong_type", Stage.READ

    DUPLICATE_PROBLEM = "duplicate_problem", Stage.PREFILTER
    SYNTAX_ERROR = "syntax_error", Stage.PREFILTER
    FUNCTION_MISSING = "function_missing", Stage.PREFILTER
    RANDOM_IMPORT = "random_import", Stage.PREFILTER
    NO_PAIRS = "no_pairs", Stage.PREFILTER
    OVERSIZED_INPUT = "oversized_input", Stage.PREFILTER

    TOO_LONG = "too_long", Stage.TRACE
    EXCEPTION = "exception", Stage.TRACE
    TIMEOUT = "timeout", Stage.TRACE
    MEMORY = "memory", Stage.TRACE
    KILLED = "killed", Stage.TRACE
    NO_RETURN = "no_return", Stage.TRACE
    OUTPUT_MISMATCH = "output_mismatch", Stage.TRACE
    NONDETERMINISTIC = "nondeterministic", Stage.TRACE
    UNSUPPORTED_VALUE = "unsupported_value", Stage.TRACE
    SANDBOX_FAULT = "sandbox_fault", Stage.TRACE

    PROMPT_TOO_LONG = "prompt_too_long", Stage.TRANSLATE
    ENGINE_ERROR = "engine_error", Stage.TRANSLATE
    UNFINISHED = "unfinished", Stage.TRANSLATE
    EMPTY = "empty", Stage.TRANSLATE

    WRONG_ANSWER = "wrong_answer", Stage.VERIFY
    UNGROUNDED = "ungrounded", Stage.VERIFY
    MENTIONS_TRACE = "mentions_trace", Stage.VERIFY
    CODE_BLOCK = "code_block", Stage.VERIFY
    DEGENERATE = "degenerate", Stage.VERIFY

    TOO_MANY_TOKENS = "too_many_tokens", Stage.EXPORT


@dataclass(frozen=True)
class Pair:
    """One recorded input/output pair of a problem."""

    input: dict[str, Any]
    output: Any


@dataclass(frozen=True)
class Problem:
    """One problem in the layout of CodeI/O's PyEdu corpus (arXiv 2502.07316)."""

    problem_description: str
    io_requirements: str
    refcode: str
    funcname: str
    ios: tuple[Pair, ...]
    source: str
    category: str
    meta: dict[str, Any]

    @property
    def question(self) -> str:
        """The task as a person reads it: the description, then what goes in and comes out."""
        return f"{self.problem_description}\n{self.io_requirements}".replace("\n\n", "\n").strip()

    @classmethod
    def from_json(cls, text: str) -> Problem:
        """Rebuild a problem from a line that the reader has already checked."""
        record = json.loads(text)
        record["ios"] = tuple(Pair(pair["input"], pair["output"]) for pair in record["ios"] or ())
        return cls(**{name: record[name] for name in cls.__dataclass_fields__})


def reject(row: dict[str, Any], reason: Reason, detail: str) -> dict[str, Any]:
    """Mark ``row`` as rejected; every later stage lets it pass untouched on its way to the write."""
    return row | {"stage": reason.stage.value, "reason": reason.value, "detail": detail}
