"""Figures about every row of a dataset, from ``records/``: one small table, however large the rows are."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from execground_ray.output.rows import SCORES
from execground_ray.output.shards import read_counted_records, write_names
from execground_ray.output.storage import Folder
from execground_ray.verification.citations import strip_citations

WORD = r"\S+"
# What a text cites, as it is written there: numbers, quoted strings, constants.
VALUE = r"""\b\d[\d_,]*(?:\.\d+)?|"[^"\n]*"|'[^'\n]*'|\bTrue\b|\bFalse\b|\bNone\b"""
PLAIN = ["id", "stage", "reason", "trace_lines", "trace_seconds"]
OPTIONAL = ["generated_tokens", *SCORES, "findings"]


@dataclass(frozen=True)
class Figures:
    """What the rows of a dataset are like.

    Attributes:
        rows: one per row, accepted and rejected, with the columns ``write`` and ``place`` (which row of the write),
            those of ``PLAIN``, ``words`` and ``values`` of the text, ``flawed`` (whether something was found in the
            text), and of ``OPTIONAL`` what the run made.
        findings: number of findings of each kind.
        flawed: number of texts with findings of each kind.
    """

    rows: pa.Table
    findings: Counter[str]
    flawed: Counter[str]

    @property
    def examples(self) -> pa.Table:
        """The rows that were accepted."""
        return self.rows.filter(pc.equal(self.rows["reason"], ""))

    @property
    def verification(self) -> dict[str, Any]:
        """Figures of the verified examples for people; empty if the run did not verify."""
        examples = self.examples
        if not examples.num_rows or not set(SCORES) <= set(examples.column_names):
            return {}
        attributed = examples.filter(examples["attributed"])
        return {
            "answers_right": pc.mean(examples["answer_ok"]).as_py(),
            "values_grounded": pc.mean(examples["grounded"]).as_py(),
            "steps_told": pc.mean(attributed["coverage"]).as_py() or 0.0,
            "attributed": pc.mean(examples["attributed"]).as_py(),
            "judged_by_run": pc.mean(examples["evidence"]).as_py(),
            "without_findings": 1 - pc.mean(examples["flawed"]).as_py(),
        }


def read_figures(folder: Folder) -> Figures:
    """Read the figures of a whole dataset, write by write.

    Raises:
        FileNotFoundError: a write has no records.
    """
    findings: Counter[str] = Counter()
    flawed: Counter[str] = Counter()
    tables = []
    for write in write_names(folder):
        rows = read_counted_records(folder, write, [*PLAIN, *OPTIONAL, "text"])
        if "findings" in rows.column_names:
            for kinds in map(_kinds, rows["findings"].to_pylist()):
                findings.update(kinds)
                flawed.update(set(kinds))
        tables.append(_measure(rows, write))
    return Figures(pa.concat_tables(tables, promote_options="default") if tables else _NOTHING, findings, flawed)


def _measure(rows: pa.Table, write: str) -> pa.Table:
    """The rows of a write without their texts, measured."""
    count = rows.num_rows
    found = rows["findings"] if "findings" in rows.column_names else pa.array([""] * count, pa.string())
    written = zip(rows["text"].to_pylist(), rows["trace_lines"].to_pylist(), strict=True)
    texts = pa.array([strip_citations(*each) for each in written], pa.string())
    columns = {name: rows[name] for name in [*PLAIN, *OPTIONAL] if name in rows.column_names and name != "findings"}
    return pa.table(
        {
            "write": pa.array([write] * count, pa.string()),
            "place": pa.array(range(count), pa.int64()),
            **columns,
            "words": pc.count_substring_regex(texts, WORD),
            "values": pc.count_substring_regex(texts, VALUE),
            "flawed": pc.invert(pc.is_in(found, pa.array(["", "[]"]))),
        }
    )


def _kinds(findings: str) -> list[str]:
    return [finding["kind"] for finding in json.loads(findings or "[]")]


_NOTHING = pa.table(
    {
        name: pa.array([], kind)
        for name, kind in {
            **dict.fromkeys(["write", "id", "stage", "reason"], pa.string()),
            **dict.fromkeys(["place", "trace_lines", "words", "values"], pa.int64()),
            "trace_seconds": pa.float64(),
            "flawed": pa.bool_(),
        }.items()
    }
)
