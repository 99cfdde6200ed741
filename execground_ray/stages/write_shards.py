"""Write: all rows go in, training rows and rejected rows come out, in one write and each exactly once.

A write of some hundred rows gives at most one shard in ``train/`` and one in ``rejected/``, both JSON lines of the same
name. Every training row has the same keys and types, without nulls, because LLaMA-Factory loads the folder through
``datasets``, which fails on the first shard that differs::

    {"id": "0f3c…", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}],
     "source": "pyedu", "category": "…", "pair": 3, "input": "{\"n\": 2}", "output": "3", "trace_lines": 12,
     "translator": "template"}
    {"id": "5d1c…", "stage": "trace", "reason": "too_long", "detail": "pyedu.jsonl:12: 300 lines or more"}
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

from ray.data.block import Block, BlockAccessor
from ray.data.datasource import Datasink

from execground_ray.records import Problem
from execground_ray.storage import Folder

TRAIN, REJECTED = "train", "rejected"


class ShardSink(Datasink[None]):
    """Splits what it is given into the two kinds of shards.

    A write that Ray repeats, because its worker died, writes the same rows under the same names again.

    Args:
        folder: of the dataset.
        translator: who wrote the reasoning, for the rows' metadata.
        rows_per_shard: rows to gather before a write.
    """

    def __init__(self, folder: Folder, translator: str, rows_per_shard: int) -> None:
        """See the class."""
        self._folder = folder
        self._translator = translator
        self._rows_per_shard = rows_per_shard
        self._run = uuid.uuid4().hex[:8]

    def get_name(self) -> str:
        """What progress and statistics call this sink."""
        return "Shards"

    @property
    def min_rows_per_write(self) -> int:
        """Rows to gather before a write."""
        return self._rows_per_shard

    def write(self, blocks: Iterable[Block], ctx: Any) -> None:
        """Write the rows of some blocks; a folder without rows gets no file."""
        rows = [row for block in blocks for row in BlockAccessor.for_block(block).to_arrow().to_pylist()]
        name = f"{self._run}-{ctx.task_idx:06}.jsonl"
        self._write(f"{TRAIN}/{name}", (self._training_row(row) for row in rows if not row["reason"]))
        self._write(f"{REJECTED}/{name}", (_rejected_row(row) for row in rows if row["reason"]))

    def _write(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        if text:
            self._folder.write_text(name, text)

    def _training_row(self, row: dict[str, Any]) -> dict[str, Any]:
        problem = Problem.from_json(row["problem"])
        return {
            "id": row["id"],
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["text"]},
            ],
            "source": problem.source,
            "category": problem.category,
            "pair": row["pair"],
            "input": row["input"],
            "output": row["output"],
            "trace_lines": row["trace_lines"],
            "translator": self._translator,
        }


def _rejected_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "stage", "reason", "detail")}
