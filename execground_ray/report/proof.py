"""Proves a finished dataset from its files alone, and says what is wrong with it.

Every row is made again from what ``records/`` knows of it and compared with its line in the shards; what is known of it
is held against the problem, whose hash is in the row's id, and verified as it was in the stream; the shards together
are held against ``summary.json``. What only an execution can tell is left to who has a sandbox.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyarrow import fs

from execground_ray.config.schema import Config
from execground_ray.corpus.parsing import content_id
from execground_ray.output.layout import ENDINGS, PREFERENCE, RECORDS, REJECTED, TRAIN, WRITE_NAME, file_of
from execground_ray.output.rows import (
    json_line,
    preference_row,
    refused_message,
    rejected_row,
    training_prompt,
    training_row,
)
from execground_ray.output.shards import read_records, shard_bytes
from execground_ray.output.storage import Folder
from execground_ray.python_values import read_json
from execground_ray.records import COLUMNS, Pair, Problem, Reason, RowId, Stage
from execground_ray.report.summary import count_shards, make_summary
from execground_ray.tracing.literals import can_be_text_of
from execground_ray.tracing.program import normalize_newlines
from execground_ray.tracing.trace_runner import is_recorded
from execground_ray.tracing.values import to_json
from execground_ray.translators.llm.prompting import THINK, THOUGHT, with_thinking
from execground_ray.verification.citations import strip_citations
from execground_ray.verification.rows import RowVerifier

COUNTS = (
    "problems_with_examples",
    "problems_rejected",
    "traced",
    "counts_add_up",
    "examples",
    "examples_without_evidence",
    "examples_not_attributed",
    "examples_by_translator",
    "preference_pairs",
    "examples_with_derived_input",
    "rejected",
    "reuse",
)
OUTERMOST_LINE = re.compile(r"(?=.{5} \|) *(\d+) \| ?(.*)")  # of code, in the frame of the function that was called
ARGUMENT = re.compile(r" \.{6} (\w+) = (.*)")  # of that function, below its call; what is long has ... in it
SCORES, VERDICT = tuple(COLUMNS[Stage.VERIFY]), ("stage", "reason")


@dataclass
class WriteProof:
    """What was found in the files of one write.

    Attributes:
        write: its name.
        problems: what is wrong, each with the file and the row.
        accepted: ids in ``train/``.
        rejected: ids in ``rejected/``.
        traced: ids of rows that were only to be traced, which are in ``records/`` alone.
        known: ids in ``records/``.
        verified: rows whose text was verified again.
    """

    write: str
    problems: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    traced: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    verified: int = 0


def foreign_entries(folder: Folder) -> list[str]:
    """Name what is in the folders of the shards and does not belong there: a loader of ``train/`` takes every entry."""
    found = []
    for name, ending in ENDINGS.items():
        selector = fs.FileSelector(f"{folder.path}/{name}", allow_not_found=True)
        for entry in folder.filesystem.get_file_info(selector):
            if not entry.is_file or not re.fullmatch(rf"{WRITE_NAME}\.{ending}", entry.base_name):
                found.append(f"{name}/{entry.base_name}: does not belong here")  # noqa: PERF401  (plainer)
    return sorted(found)


def prove_write(folder: Folder, config: Config, caged: bool, write: str) -> WriteProof:
    """Prove the rows of one write, one by one; their programs run again, in the sandbox if ``caged``."""
    with RowVerifier(config.verification, config.tracing, caged=caged) as verifier:
        return _prove_write(folder, config, verifier, write)


def _prove_write(folder: Folder, config: Config, verifier: RowVerifier, write: str) -> WriteProof:
    proof = WriteProof(write)
    try:
        known = {row["id"]: row for row in read_records(folder, write).to_pylist()}
    except (OSError, pa.ArrowException) as error:
        proof.problems.append(f"{file_of(RECORDS, write)}: cannot be read: {error}")
        known = {}
    proof.known = list(known)
    for name, ids in ((TRAIN, proof.accepted), (REJECTED, proof.rejected), (PREFERENCE, [])):
        for place, line in _lines(folder, name, write):
            try:
                row = json.loads(line)
                identity = str(row["id"])
            except (ValueError, TypeError, LookupError) as error:
                proof.problems.append(f"{place}: no row: {type(error).__name__}: {error}")
                continue
            ids.append(identity)
            if identity not in known:
                proof.problems.append(f"{place}: {identity}: not in {file_of(RECORDS, write)}")
                continue
            record = known[identity]
            faults = list(row_faults(name, line, record, config))
            if name != PREFERENCE:  # the record of a pair is that of a training row
                faults += record_faults(record, config, verifier)
                proof.verified += is_verifiable(record)
            proof.problems += (f"{place}: {identity}: {fault}" for fault in faults)
    for identity, record in known.items():
        if record["reason"] == Reason.TRACED:
            proof.traced.append(identity)
            place = f"{file_of(RECORDS, write)}: {identity}"
            proof.problems += (f"{place}: {fault}" for fault in record_faults(record, config, verifier))
    return proof


def row_faults(name: str, line: str, record: dict[str, Any], config: Config) -> Iterator[str]:
    """Yield where one line of the shards in ``name`` is not what its record gives."""
    row = json.loads(line)
    if (name == REJECTED) != bool(record["reason"]) or record["reason"] == Reason.TRACED:
        yield f"in {name}/, but its record says {record['reason'] or 'accepted'}"
        return
    expected = _expected_row(name, row, record, config)
    if line == json_line(expected):
        return
    if list(row) == list(expected) and json_line(row) == json_line(expected):
        yield "the same values are written otherwise"
    if row.keys() == expected.keys() and list(row) != list(expected):
        yield "its columns are in another order"
    for column in sorted(row.keys() | expected.keys()):
        if column not in expected:
            yield f"column {column!r} does not belong here"
        elif column not in row:
            yield f"column {column!r} is missing"
        elif json.dumps(row[column]) != json.dumps(expected[column]):
            yield f"{column} is not what its record says"


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


def dataset_faults(folder: Folder, summary: dict[str, Any], proofs: Sequence[WriteProof]) -> Iterator[str]:
    """Yield what is wrong with the shards taken together."""
    ids = Counter(identity for proof in proofs for identity in (*proof.accepted, *proof.rejected, *proof.traced))
    for identity in sorted(identity for identity, count in ids.items() if count > 1):
        yield f"{identity}: {ids[identity]} rows have this id"
    for proof in proofs:
        lost = [identity for identity in proof.known if identity not in ids]
        if lost:
            yield f"{file_of(RECORDS, proof.write)}: no shard has the rows {_some(lost)}"
    counts = count_shards(folder)
    found = make_summary(counts, summary["problems_read"], {"seconds": 1.0, "sandbox": {}, "config": {}})
    for name in COUNTS:
        if summary.get(name, found.get(name)) != found.get(name):  # those of earlier versions have fewer
            yield f"summary.json: {name} is {_short(summary[name])}, the shards hold {_short(found.get(name))}"
    if not found["counts_add_up"]:
        yield f"summary.json: {summary['problems_read']} problems were read, {counts.problems} are in the shards"


def _lines(folder: Folder, kind: str, write: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a shard with their places; none if there is no such shard."""
    lines = shard_bytes(folder, kind, write).decode("utf-8", "replace").split("\n")
    if lines[-1]:
        lines[-1] += "…"  # no end of line: cut, even where it is JSON
    else:
        lines.pop()
    for number, line in enumerate(lines, 1):
        yield f"{file_of(kind, write)}:{number}", line


def _expected_row(name: str, row: dict[str, Any], record: dict[str, Any], config: Config) -> dict[str, Any]:
    """The row of the shards in ``name`` that ``record`` gives."""
    if name == REJECTED:
        return rejected_row(record)
    told = {"translator": config.translator.kind} | record  # that of an earlier version does not say
    told["prompt"] = training_prompt(Problem.from_json(record["problem"]), record["input"])
    told["answer"] = _answer(row, record, config)
    if name == TRAIN:
        return training_row(told)
    return preference_row(told | {"refused": with_thinking(*refused_message(record))})


def _answer(row: dict[str, Any], record: dict[str, Any], config: Config) -> str:
    """The assistant's message; of earlier versions, only the row itself has what a model thought before the text."""
    text = strip_citations(record["text"], record["trace_lines"])
    if "attempts" in record:
        attempts = json.loads(record["attempts"]) if record["translator"] == config.translator.kind else []
        return with_thinking(attempts[-1]["thinking"] if attempts else "", text)
    kept = getattr(config.translator, "keep_thinking", False)
    try:
        content = row["messages"][1]["content"]
        if kept and content.startswith(THINK) and content.endswith(f"{THOUGHT}\n\n{text}"):
            return str(content)
    except (LookupError, TypeError, AttributeError):  # messages of another form are found to differ
        pass
    return text


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
            yield f"the trace is of another run: its {shown[1]} is {_short(shown[2])}"
            return
    code = normalize_newlines(problem.refcode).split("\n")
    for shown in filter(None, map(OUTERMOST_LINE.fullmatch, lines)):
        number = int(shown[1])
        if number > len(code) or code[number - 1].strip() != shown[2].strip():
            yield f"the trace is of another program: its line {number} is {_short(shown[2])}"
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
            yield f"{name} is {_short(record[name])}, verified again {_short(again[name])}"
            return
    if later and again["reason"]:
        yield f"verified again: {_short(again['detail'])}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
