"""Read: the plan of a surveyed corpus goes in, one row per problem comes out, checked and with its id.

A line that is no problem becomes a rejected row, light (``problem`` is empty) and saying where the fault is::

    {"id": "5d1c07b5a4f0e6a1", "locator": "pyedu.jsonl:12", "problem": "", "stage": "read", "reason": "wrong_type",
     "detail": "pyedu.jsonl:12: ios[3].input: expected an object, found an array", "problem_rows": 1}
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa
from ray.data.block import BlockMetadata
from ray.data.context import DataContext
from ray.data.datasource import Datasource, ReadTask

from execground_ray.corpus.decoding import LineError
from execground_ray.corpus.duplicates import reject_copy
from execground_ray.corpus.lines import Raw
from execground_ray.corpus.parsing import content_id, parse_line, raw_content, to_json
from execground_ray.corpus.splits import is_blank
from execground_ray.corpus.survey import SplitPlan, Surveyed
from execground_ray.records import COLUMNS, Row, Stage, reject, schema_after

BLOCK_ROWS = 256
BLOCK_CHARS = 32 << 20


def read_rows(plan: SplitPlan) -> Iterator[Row]:
    """Read one split as rows, those that are finished aside.

    Raises:
        RuntimeError: the split has fewer rows than the survey found.
    """
    if isinstance(plan.split, Surveyed):
        yield from plan.split.rows(plan.rows, plan.duplicates, plan.done)
        return
    duplicates = {row: others for row, *others in plan.duplicates.tolist()}
    done = frozenset(plan.done.tolist())
    lines = (line for line in enumerate(plan.split.read(), plan.first) if not is_blank(line[1]))
    index = -1
    for index, (position, raw) in enumerate(islice(lines, plan.rows)):
        if index in done:
            continue
        row = _read_row(raw, plan, plan.split.locator(position))
        ordinal, kept, similarity = duplicates.get(index, (1, 0, 0.0))
        if ordinal > 1:
            row["id"] += f".{ordinal}"
        yield reject_copy(row, kept, similarity) if kept else row
    if index + 1 < plan.rows:
        raise RuntimeError(f"{plan.split.name} changed while it was being read")


class ProblemSource(Datasource):
    """A surveyed corpus as the start of a Ray Data plan: blocks with the columns of ``Stage.READ``.

    Those of an earlier output have the columns of later stages too, up to the last one that is taken over.

    The number of read tasks never exceeds the parallelism that Ray Data asks for; several splits share a task then.
    """

    def __init__(self, plans: Sequence[SplitPlan]) -> None:
        super().__init__()
        self.plans = plans

    def get_name(self) -> str:
        """What progress and statistics call this source."""
        return "Problems"

    def estimate_inmemory_data_size(self) -> int | None:
        """Bytes of the splits as stored; None where a library does not tell."""
        return _total_bytes(self.plans)

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: DataContext | None = None
    ) -> list[ReadTask]:
        """Hand out the splits, neighbours together."""
        plans = [plan for plan in self.plans if len(plan.done) < plan.rows]
        share = math.ceil(len(plans) / max(1, parallelism)) or 1
        groups = [plans[start : start + share] for start in range(0, len(plans), share)]
        return [_read_task(group, per_task_row_limit) for group in groups]


def _read_task(plans: Sequence[SplitPlan], row_limit: int | None) -> ReadTask:
    """One task of Ray Data; it carries its own splits and nothing else of the corpus."""
    names = tuple(dict.fromkeys(plan.split.name for plan in plans))
    rows = sum(plan.rows - len(plan.done) for plan in plans)
    metadata = BlockMetadata(num_rows=rows, size_bytes=_total_bytes(plans), exec_stats=None, input_files=names)
    return ReadTask(lambda: _blocks(plans), metadata, _schema(plans[0]), row_limit)


def _blocks(plans: Iterable[SplitPlan]) -> Iterator[pa.Table]:
    """Gather rows into Arrow tables."""
    rows: list[Row] = []
    chars = 0
    for plan in plans:
        for row in read_rows(plan):
            rows.append(row)
            chars += len(row["problem"])
            if len(rows) == BLOCK_ROWS or chars > BLOCK_CHARS:
                yield pa.Table.from_pylist(rows, _schema(plan))
                rows, chars = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, _schema(plan))


def _schema(plan: SplitPlan) -> pa.Schema:
    return schema_after(plan.split.last if isinstance(plan.split, Surveyed) else Stage.READ)


def _total_bytes(plans: Iterable[SplitPlan]) -> int | None:
    sizes = [plan.split.size_bytes for plan in plans]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _read_row(raw: Raw, plan: SplitPlan, locator: str) -> Row:
    """One line as a row, rejected if it is no problem; the id as yet without the ordinal of a copy."""
    row = COLUMNS[Stage.READ] | {"locator": locator}
    try:
        text = to_json(parse_line(raw, plan.layout))
    except LineError as fault:
        return reject(row | {"id": content_id(raw_content(raw))}, fault.reason, str(fault))
    return row | {"id": content_id(text), "problem": text.decode()}
