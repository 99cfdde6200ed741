"""Trace: problems with the pairs to try go in, executions come out, one row for each; or a rejected row.

An actor of Ray Data holds one ``TraceRunner`` with its two caged workers for as long as it lives.
"""

from __future__ import annotations

import json
import random

import pyarrow as pa

from execground_ray.config.schema import Tracing
from execground_ray.records import Problem, Row, Stage, map_rows, reject, split_row
from execground_ray.tracing.trace_runner import Execution, Failure, TraceRunner
from execground_ray.tracing.values import to_json


class TraceExecution:
    """The callable of the actors.

    Args:
        tracing: limits of a run.
        caged: whether programs run in the sandbox.
        seed: of the order in which the pairs of a problem are tried; the order depends on nothing else but its id.
        examples_per_problem: how many executions to find for each.
    """

    def __init__(self, tracing: Tracing, caged: bool, seed: int, examples_per_problem: int) -> None:
        """The caged workers start with the first problem."""
        self._runner = TraceRunner(tracing, caged=caged)
        self._pairs_per_problem = tracing.pairs_per_problem
        self._seed = seed
        self._examples_per_problem = examples_per_problem

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Trace a batch of rows; rows that are rejected already pass untouched."""
        return map_rows(Stage.TRACE, batch, self._trace_row)

    def close(self) -> None:
        """End the workers; those of an actor end with it."""
        self._runner.close()

    def _trace_row(self, row: Row) -> Row | list[Row]:
        problem = Problem.from_json(row["problem"])
        pairs = pair_order(row["id"], json.loads(row["pairs"]), self._seed)[: self._pairs_per_problem]
        found = self._runner.trace_problem(problem, pairs, self._examples_per_problem)
        if isinstance(found, Failure):
            return reject(row, found.reason, found.detail)
        parts = split_row(row, len(found))
        return [part | _traced(execution) for part, execution in zip(parts, found, strict=True)]


def pair_order(problem_id: str, pairs: list[int], seed: int) -> list[int]:
    """Return the pairs in the random order that belongs to this problem and seed."""
    order = list(pairs)
    random.Random(f"{seed}:{problem_id}").shuffle(order)  # noqa: S311  (chance, not secrecy)
    return order


def _traced(execution: Execution) -> Row:
    return {
        "pair": execution.pair,
        "input": to_json(execution.arguments, exact=True),
        "output": execution.output,
        "trace": execution.trace,
        "trace_lines": execution.trace.count("\n") + 1,
        "trace_seconds": execution.wall_seconds,
        "derived_input": execution.derived_input,
    }
