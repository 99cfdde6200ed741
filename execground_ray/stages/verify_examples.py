r"""Verify: reasoning goes in, the same rows come out, scored; what is not true to the execution is rejected.

The scores stay with the row: whether the stated answer is right, the share of the cited values that the execution bears
out, and every finding with its span in the text::

    {"answer_ok": true, "grounded": 0.96, "findings": "[{\"kind\": \"ungrounded_value\", \"start\": 120, …}]"}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import pyarrow as pa

from execground_ray.config.schema import Verification
from execground_ray.records import Problem, Reason, reject
from execground_ray.stages.translate_traces import TRANSLATED_SCHEMA
from execground_ray.verification import Evidence, UnverifiableError, Verifier, judge

VERIFIED_SCHEMA = pa.schema(
    [*TRANSLATED_SCHEMA, ("answer_ok", pa.bool_()), ("grounded", pa.float64()), ("findings", pa.string())]
)
NOT_VERIFIED = {"answer_ok": False, "grounded": 0.0, "findings": "[]"}


def verify_rows(batch: pa.Table, verification: Verification) -> pa.Table:
    """Judge a batch; rows that are rejected already pass untouched.

    The process that verifies stays for as long as the one that calls this.
    """
    rows = [row | NOT_VERIFIED if row["reason"] else verify_row(row, verification) for row in batch.to_pylist()]
    return pa.Table.from_pylist(rows, VERIFIED_SCHEMA)


def evidence_of(row: dict[str, Any]) -> Evidence:
    """Gather what a row knows about its execution."""
    problem = Problem.from_json(row["problem"])
    arguments, returned = json.loads(row["input"]), json.loads(row["output"])
    return Evidence(problem.question, problem.refcode, arguments, returned, row["trace"])


@lru_cache(maxsize=1)
def verifier_for(verification: Verification) -> Verifier:
    """Return the process that verifies under these limits, always the same one."""
    return Verifier(verification)


def verify_row(row: dict[str, Any], verification: Verification) -> dict[str, Any]:
    """Judge one row that is not rejected."""
    try:
        verdict = verifier_for(verification).verify(row["text"], evidence_of(row))
    except UnverifiableError as error:  # one text that the engine cannot take must not end the job, nor be believed
        detail = f"{row['locator']}: cannot be verified: {error}"
        return reject(row | NOT_VERIFIED, Reason.UNGROUNDED, detail)
    findings = [asdict(finding) for finding in verdict.findings]
    row |= {"answer_ok": verdict.answer_ok, "grounded": verdict.grounded, "findings": json.dumps(findings)}
    judgement = judge(verdict, verification)
    if judgement is None or verification.mode == "score":
        return row
    reason, detail = judgement
    return reject(row, reason, f"{row['locator']}: {detail}")
