"""Translate: executions go in, the same rows come out with the reasoning that explains them in ``text``."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from execground_ray.records import Problem
from execground_ray.stages.trace_execution import TRACED_SCHEMA
from execground_ray.translators.template import write_reasoning

TRANSLATED_SCHEMA = TRACED_SCHEMA.append(pa.field("text", pa.string()))


def translate_rows(batch: pa.Table) -> pa.Table:
    """Write the reasoning of a batch by rules, without a model; rejected rows pass untouched."""
    rows = [row | {"text": "" if row["reason"] else _translate(row)} for row in batch.to_pylist()]
    return pa.Table.from_pylist(rows, TRANSLATED_SCHEMA)


def _translate(row: dict[str, Any]) -> str:
    problem = Problem.from_json(row["problem"])
    return write_reasoning(problem.refcode, problem.funcname, json.loads(row["input"]), row["trace"], row["output"])
