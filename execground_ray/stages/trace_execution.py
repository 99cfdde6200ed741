"""Trace: problems with the pairs to try go in, executions come out, one row for each; or a rejected row.

An actor of Ray Data holds one ``TraceRunner`` with its two caged workers for as long as it lives.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pyarrow as pa

from execground_ray.config.schema import Tracing
from execground_ray.records import Problem, reject
from execground_ray.stages.read_problems import ROW_SCHEMA
from execground_ray.tracing.trace_runner import Execution, Failure, TraceRunner

TRACED_SCHEMA = pa.schema(
    [
        *ROW_SCHEMA,
        ("pair", pa.int64()),  # index of the pair in the problem's ios, -1 for none
        ("input", pa.string()),  # the arguments of the call, a JSON object
        ("output", pa.string()),  # the exact value that it returned, JSON
        ("trace", pa.string()),
        ("trace_lines", pa.int64()),
        ("trace_seconds", pa.float64()),  # wall time of the traced run
        ("problem_rows", pa.int64()),  # how many rows its problem gave: a resume has to find all of them
    ]
)
NOT_TRACED = {
    "pair": -1,
    "input": "",
    "output": "",
    "trace": "",
    "trace_lines": 0,
    "trace_seconds": 0.0,
    "problem_rows": 1,
}


class TraceExecution:
    """The callable of the actors.

    Args:
        tracing: limits of a run.
        caged: whether programs run in the sandbox.
        seed: of the order in which the pairs of a problem are tried; the order depends on nothing else but its id.
        examples_per_problem: how many executions to find for each.
    """

    def __init__(self, tracing: Tracing, caged: bool, seed: int, examples_per_problem: int) -> None:
        """See the class; the caged workers start with the first problem."""
        self._runner = TraceRunner(tracing, caged=caged)
        self._pairs_per_problem = tracing.pairs_per_problem
        self._seed = seed
        self._examples_per_problem = examples_per_problem

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Trace a batch of rows; rows that are rejected already pass untouched."""
        rows = [traced for row in batch.to_pylist() for traced in self._trace_row(row)]
        return pa.Table.from_pylist(rows, TRACED_SCHEMA)

    def _trace_row(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        if row["reason"]:
            return [row | NOT_TRACED]
        problem = Problem.from_json(row["problem"])
        pairs = pair_order(row["id"], json.loads(row["pairs"]), self._seed)[: self._pairs_per_problem]
        found = self._runner.trace_problem(problem, pairs, self._examples_per_problem)
        if isinstance(found, Failure):
            return [reject(row, found.reason, f"{row['locator']}: {found.detail}") | NOT_TRACED]
        of_all = row | {"problem_rows": len(found)}
        return [_traced_row(of_all, problem, execution, number) for number, execution in enumerate(found, 1)]


def pair_order(problem_id: str, pairs: list[int], seed: int) -> list[int]:
    """Return the pairs in the random order that belongs to this problem and seed."""
    order = list(pairs)
    random.Random(f"{seed}:{problem_id}").shuffle(order)  # noqa: S311  (chance, not secrecy)
    return order


def _traced_row(row: dict[str, Any], problem: Problem, execution: Execution, number: int) -> dict[str, Any]:
    """The row of one example; the first keeps the problem's id, the second gets ``-2`` behind it, and so on."""
    return row | {
        "id": row["id"] if number == 1 else f"{row['id']}-{number}",
        "pair": execution.pair,
        "input": json.dumps(problem.ios[execution.pair].input),
        "output": execution.output,
        "trace": execution.trace,
        "trace_lines": execution.trace.count("\n") + 1,
        "trace_seconds": execution.wall_seconds,
    }
