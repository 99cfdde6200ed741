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
from collections.abc import Iterable
from typing import Any

from ray.data.block import BlockAccessor
from ray.data.datasource import BlockBasedFileDatasink, WriteResult

from execground_ray.records import Problem

TRAIN, REJECTED = "train", "rejected"


class ShardSink(BlockBasedFileDatasink):
    """Splits what it is given into the two kinds of shards.

    Args:
        path: folder or URI of the dataset.
        translator: who wrote the reasoning, for the rows' metadata.
        rows_per_shard: rows to gather before a write.
    """

    def __init__(self, path: str, translator: str, rows_per_shard: int) -> None:
        """See the class."""
        super().__init__(path, file_format="jsonl", min_rows_per_file=rows_per_shard)
        self._translator = translator

    def get_name(self) -> str:
        """What progress and statistics call this sink."""
        return "Shards"

    def on_write_start(self, schema: Any = None) -> None:
        """Create the two folders."""
        super().on_write_start(schema)
        for folder in (TRAIN, REJECTED):
            self._create_dir(f"{self.path}/{folder}")

    def on_write_complete(self, write_result: WriteResult[None]) -> None:
        """Leave the folders where they are, also when nothing was written."""

    def write_block(self, block: BlockAccessor, block_index: int, ctx: Any) -> None:
        """Write one block's rows; a folder without rows gets no file."""
        del block_index
        name = self.filename_provider.get_filename_for_task(ctx.kwargs["write_uuid"], ctx.task_idx)
        rows = block.to_arrow().to_pylist()
        self._write(f"{self.path}/{TRAIN}/{name}", (self._training_row(row) for row in rows if not row["reason"]))
        self._write(f"{self.path}/{REJECTED}/{name}", (_rejected_row(row) for row in rows if row["reason"]))

    def _write(self, path: str, rows: Iterable[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        if text:
            with self.open_output_stream(path) as stream:
                stream.write(text.encode())

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
