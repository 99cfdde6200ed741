"""The stages of the stream in their order, and the reasons for which a row ends in one before it is an example."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where in the stream a problem was rejected, in the order of the stream."""

    READ = "read"
    PREFILTER = "prefilter"
    TRACE = "trace"
    TRANSLATE = "translate"
    VERIFY = "verify"
    EXPORT = "export"


ORDER = {stage: place for place, stage in enumerate(Stage)}


def stage_in(stage: Stage, last: Stage) -> bool:
    """Whether a stage is among those up to ``last``."""
    return ORDER[stage] <= ORDER[last]


class Reason(StrEnum):
    """Why a row ended before it was an example: rejected, all but ``TRACED``. Each names the stage that gives it."""

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
    AMBIGUOUS_NULL = "ambiguous_null", Stage.READ

    DUPLICATE_PROBLEM = "duplicate_problem", Stage.PREFILTER
    NEAR_DUPLICATE = "near_duplicate", Stage.PREFILTER
    CONTAMINATED = "contaminated", Stage.PREFILTER
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

    TRACED = "traced", Stage.TRANSLATE  # no reject: translator=none stops here
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
    CONTROL_TEXT = "control_text", Stage.EXPORT

    INTERNAL_ERROR = "internal_error", Stage.READ  # an exception of our own, in any stage
