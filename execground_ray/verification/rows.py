r"""Judges rows: one with a text comes in, the same row comes out, scored, and rejected if the text is not true.

The program runs once more, instrumented, in the cage; the text is judged against that in a process of its own. What is
found stays with the row, each finding with its span in the text without citations::

    {"answer_ok": true, "attributed": true, "evidence": true, "grounded": 0.96, "coverage": 1.0,
     "supported": 48, "contradicted": 0, "unknown": 2, "findings": "[{\"kind\": \"value\", \"start\": 120, …}]"}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from execground_ray.python.values import read_json
from execground_ray.records import COLUMNS, Problem, Reason, Row, Stage, reject
from execground_ray.tracing.evidence import NoEvidence
from execground_ray.tracing.evidence_runner import EvidenceRunner
from execground_ray.verification.verdict import Execution, Verdict, judge
from execground_ray.verification.verifier import UnverifiableError, Verifier, to_verdict
from execground_ray.verification.watched import watches_of

if TYPE_CHECKING:
    from execground_ray.config.schema import Tracing, Verification


class RowVerifier:
    """Judges rows, in two processes that start with the first of them and stay.

    Args:
        verification: how strict, and the limits of one judgement.
        tracing: the limits that the traces were written with.
        caged: whether programs run in the sandbox.
    """

    def __init__(self, verification: Verification, tracing: Tracing, *, caged: bool) -> None:
        self._settings = verification
        self._verifier = Verifier(verification)
        self._runner = EvidenceRunner(tracing, caged=caged)

    def __enter__(self) -> RowVerifier:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self.close()

    def close(self) -> None:
        """End the processes."""
        self._verifier.close()
        self._runner.close()

    def _execution_of(self, row: Row) -> Execution:
        """Run the program of a row again for what its text speaks of, and gather what is known of its execution."""
        problem, arguments = Problem.from_json(row["problem"]), read_json(row["input"])
        watches = watches_of(row["text"], problem.refcode)
        found = self._runner.run(problem, arguments, row["trace"], row["output"], watches)
        return Execution(
            question=f"{problem.question}\n{arguments}",
            refcode=problem.refcode,
            returned=read_json(row["output"]),
            trace=row["trace"],
            evidence=None if isinstance(found, NoEvidence) else found,
        )

    def verify(self, row: Row) -> Row:
        """Judge one row that is not rejected."""
        try:
            verdict = self._verifier.verify(row["text"], self._execution_of(row))
        except UnverifiableError as error:  # one text that cannot be judged must not end the job, nor be believed
            return reject(row, Reason.UNGROUNDED, f"cannot be verified: {error}")
        scores = asdict(verdict)
        row = (
            row | {name: scores[name] for name in COLUMNS[Stage.VERIFY]} | {"findings": json.dumps(scores["findings"])}
        )
        return judged(row, verdict, self._settings)


def judged(row: Row, verdict: Verdict, settings: Verification) -> Row:
    """Return a row that was verified, rejected if its text is not good enough."""
    judgement = judge(verdict, settings)
    return row if judgement is None or settings.mode == "score" else reject(row, *judgement)


def judge_row(row: Row, settings: Verification) -> Row:
    """Judge a row by what was found when it was verified: other thresholds need no other run."""
    scores = {name: row[name] for name in COLUMNS[Stage.VERIFY]}
    return judged(row, to_verdict(scores | {"findings": json.loads(row["findings"])}), settings)
