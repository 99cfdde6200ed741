"""What is wrong with what ``records/`` knows of a row: held against its problem and verified as in the stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from execground_ray.config.schema import Config
from execground_ray.corpus.parsing import content_id
from execground_ray.python.values import read_json
from execground_ray.records import COLUMNS, Pair, Problem, Reason, RowId, Stage
from execground_ray.tracing.literals import can_be_text_of
from execground_ray.tracing.program import normalize_newlines
from execground_ray.tracing.trace_runner import is_recorded
from execground_ray.tracing.values import to_json
from execground_ray.verification.rows import RowVerifier

OUTERMOST_LINE = re.compile(r"(?=.{5} \|) *(\d+) \| ?(.*)")  # of code, in the frame of the function that was called
ARGUMENT = re.compile(r" \.{6} (\w+) = (.*)")  # of that function, below its call; what is long has ... in it
SCORES, VERDICT = tuple(COLUMNS[Stage.VERIFY]), ("stage", "reason")


def record_faults(record: dict[str, Any], config: Config, verifier: RowVerifier) -> Iterator[str]:
    """Yield what is wrong with what is known of one row."""
    if record["reason"] and record["reason"] not in [reason.value for reason in Reason]:
        yield f"unknown reason {record['reason']!r}"
    elif record["reason"] not in ("", Reason.INTERNAL_ERROR) and Reason(record["reason"]).stage != record["stage"]:
        yield f"{record['reason']} is no reason of stage {record['stage']}"
    if not record["problem"]:
        return
    if RowId.parse(record["id"]).problem.partition(".")[0] != content_id(record["problem"].encode()):
        yield "its id is not that of its problem"
    if record["trace"]:
        yield from _execution_faults(record, Problem.from_json(record["problem"]), config)
    if "attempts" in record:
        yield from _attempt_faults(record, config)
    if is_verifiable(record):
        yield from _verification_faults(record, verifier)


def is_verifiable(record: dict[str, Any]) -> bool:
    """Whether a row has a text that was judged by the rules of this version; earlier ones did not ask the run."""
    return bool(record["text"]) and "evidence" in record


def _execution_faults(record: dict[str, Any], problem: Problem, config: Config) -> Iterator[str]:
    if not 0 <= record["pair"] < len(problem.ios):
        yield f"its problem has no pair {record['pair']}"
        return
    pair = problem.ios[record["pair"]]
    if record.get("derived_input"):
        pair = Pair(read_json(record["input"]), read_json(record["output"]))
        if pair.input in [recorded.input for recorded in problem.ios]:
            yield "its input is recorded, not derived"
    elif record["input"] != to_json(pair.input, exact=True):
        yield "input is not that of its pair"
    if not is_recorded(problem, pair.output, read_json(record["output"]), config.tracing.float_tolerance):
        yield "output is not that of its pair"
    lines = record["trace"].split("\n")
    if record["trace_lines"] != len(lines):
        yield f"trace_lines is {record['trace_lines']}, the trace has {len(lines)}"
    yield from _trace_faults(lines, problem, pair)


def _trace_faults(lines: Sequence[str], problem: Problem, pair: Pair) -> Iterator[str]:
    """Yield what shows that a trace is not that of this program, called with this input."""
    if not lines[0].endswith(f">>> Call to {problem.funcname}"):
        return  # a decorator was entered first, whose code is not the problem's
    for shown in map(ARGUMENT.fullmatch, lines[1:]):
        if shown is None:
            break
        if "..." not in shown[2] and not can_be_text_of(shown[2], pair.input.get(shown[1])):
            yield f"the trace is of another run: its {shown[1]} is {short(shown[2])}"
            return
    code = normalize_newlines(problem.refcode).split("\n")
    for shown in filter(None, map(OUTERMOST_LINE.fullmatch, lines)):
        number = int(shown[1])
        if number > len(code) or code[number - 1].strip() != shown[2].strip():
            yield f"the trace is of another program: its line {number} is {short(shown[2])}"
            return


def _attempt_faults(record: dict[str, Any], config: Config) -> Iterator[str]:
    attempts = json.loads(record["attempts"])
    for name in ("prompt_tokens", "generated_tokens"):
        if record[name] != sum(attempt[name] for attempt in attempts):
            yield f"{name} is {record[name]}, not the sum of its attempts"
    if record["text"] and attempts and record["translator"] == config.translator.kind:
        if record["text"] != attempts[-1]["text"]:
            yield "text is not that of its last attempt"


def _verification_faults(record: dict[str, Any], verifier: RowVerifier) -> Iterator[str]:
    """Verify the text again; what a later stage decided is left out of the comparison."""
    accepted = {"stage": "", "reason": "", "detail": ""}
    again = verifier.verify(record | accepted | COLUMNS[Stage.VERIFY])
    later = record["stage"] == Stage.EXPORT
    for name in SCORES if later else (*VERDICT, *SCORES):
        if name in record and again[name] != record[name]:  # those of earlier versions have fewer
            yield f"{name} is {short(record[name])}, verified again {short(again[name])}"
            return
    if later and again["reason"]:
        yield f"verified again: {short(again['detail'])}"


def short(value: Any) -> str:
    """Return a value as a text of one line, cut if it is long."""
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
