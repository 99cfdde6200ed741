r"""Judges rows: one with a text comes in, the same row comes out, scored, and rejected if the text is not true.

The scores stay with the row: whether the stated answer is right, the share of the cited values that the execution bears
out, and every finding with its span in the text::

    {"answer_ok": true, "grounded": 0.96, "findings": "[{\"kind\": \"ungrounded_value\", \"start\": 120, …}]"}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING

from execground_ray.records import Problem, Reason, Row, reject
from execground_ray.verification.facts import Evidence
from execground_ray.verification.verdict import judge
from execground_ray.verification.verifier import UnverifiableError, Verifier

if TYPE_CHECKING:
    from execground_ray.config.schema import Verification


def evidence_of(row: Row) -> Evidence:
    """Gather what a row knows about its execution."""
    problem = Problem.from_json(row["problem"])
    arguments, returned = json.loads(row["input"]), json.loads(row["output"])
    return Evidence(problem.question, problem.refcode, arguments, returned, row["trace"])


@lru_cache(maxsize=1)
def verifier_for(verification: Verification) -> Verifier:
    """Return the process that verifies under these limits, always the same one; it stays as long as this one."""
    return Verifier(verification)


def verify_row(row: Row, verification: Verification) -> Row:
    """Judge one row that is not rejected."""
    try:
        verdict = verifier_for(verification).verify(row["text"], evidence_of(row))
    except UnverifiableError as error:  # one text that the engine cannot take must not end the job, nor be believed
        return reject(row, Reason.UNGROUNDED, f"cannot be verified: {error}")
    findings = [asdict(finding) for finding in verdict.findings]
    row = row | {"answer_ok": verdict.answer_ok, "grounded": verdict.grounded, "findings": json.dumps(findings)}
    judgement = judge(verdict, verification)
    return row if judgement is None or verification.mode == "score" else reject(row, *judgement)
