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
from execground_ray.records import Problem, Reason
from execground_ray.report.record_faults import is_verifiable, record_faults, short
from execground_ray.report.summary import count_shards, make_summary
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
            yield f"summary.json: {name} is {short(summary[name])}, the shards hold {short(found.get(name))}"
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


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
