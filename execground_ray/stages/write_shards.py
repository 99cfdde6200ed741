"""Write: all rows go in, the files of a dataset come out, each row in them exactly once.

A task writes some hundred rows: at most one shard in each of ``train/``, ``preference/`` and ``rejected/``, and what is
known of each row in ``records/``. The report is made from these, and they are what lets a finished dataset be proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from ray.data.block import Block, BlockAccessor
from ray.data.datasource import Datasink

from execground_ray.output.layout import new_run, write_name
from execground_ray.output.shards import write_files
from execground_ray.output.storage import Folder, OutputError, check_there


class ShardSink(Datasink[None]):
    """Splits what it is given into the kinds of shards.

    A write that Ray repeats, because its worker died, writes the same rows under the same names again.

    Args:
        folder: of the dataset.
        rows_per_shard: rows to gather before a write.
        run: what the names of its shards begin with; None for a name by chance.
    """

    def __init__(self, folder: Folder, rows_per_shard: int, run: str | None = None) -> None:
        self._folder = folder
        self._rows_per_shard = rows_per_shard
        self._run = run or new_run()

    def get_name(self) -> str:
        """What progress and statistics call this sink."""
        return "Shards"

    @property
    def min_rows_per_write(self) -> int:
        """Rows to gather before a write."""
        return self._rows_per_shard

    def write(self, blocks: Iterable[Block], ctx: Any) -> None:
        """Write the rows of some blocks.

        Raises:
            OutputError: something cannot be written, or the folder was deleted while the job ran.
        """
        tables = [BlockAccessor.for_block(block).to_arrow() for block in blocks]
        tables = [table for table in tables if table.num_rows]
        if not tables:
            return
        check_there(self._folder)
        try:
            write_files(self._folder, write_name(self._run, ctx.task_idx), pa.concat_tables(tables))
        except OutputError:
            check_there(self._folder)  # deleted under the write: say that, not which file was missed first
            raise
