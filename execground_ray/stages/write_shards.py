r"""Write: all rows go in, training rows and rejected rows come out, in one write and each exactly once.

A write of some hundred rows gives at most one shard in ``train/`` and one in ``rejected/``, both JSON lines of the same
name. Every training row has the same keys and types, without nulls, because LLaMA-Factory loads the folder through
``datasets``, which fails on the first shard that differs::

    {"id": "0f3c…", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}],
     "source": "pyedu", "category": "…", "pair": 3, "input": "{\"n\": 2}", "output": "3", "trace_lines": 12,
     "answer_ok": true, "grounded": 1.0, "translator": "template"}
    {"id": "5d1c…", "stage": "trace", "reason": "too_long", "detail": "pyedu.jsonl:12: 300 lines or more"}

Beside them, under the same name in ``records/``, goes a Parquet file with what is known of each row of the write,
accepted or rejected: the problem, the execution, the text and what was found in it. The report is made from these, and
they are what lets a finished dataset be proved. They are written first: a write is complete when its shards hold the
rows of its records.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ray.data.block import Block, BlockAccessor
from ray.data.datasource import Datasink

from execground_ray.output.storage import Folder, OutputError
from execground_ray.records import Problem
from execground_ray.translators.llm.prompting import with_thinking

TRAIN, REJECTED, RECORDS = "train", "rejected", "records"
# What a record tells of a row, as far as the stages before gave it.
RECORD_COLUMNS = """
id locator stage reason detail problem pair input output trace trace_lines trace_seconds
problem_rows text prompt_tokens generated_tokens answer_ok grounded findings
""".split()
CONFIG = "config.yaml"
RECORD_ROW_GROUP = 128  # rows that have to be read to get at one


class ShardSink(Datasink[None]):
    """Splits what it is given into the two kinds of shards.

    A write that Ray repeats, because its worker died, writes the same rows under the same names again.

    Args:
        folder: of the dataset.
        translator: who wrote the reasoning, for the rows' metadata.
        rows_per_shard: rows to gather before a write.
        run: what the names of its shards begin with; None for a name by chance.
    """

    def __init__(self, folder: Folder, translator: str, rows_per_shard: int, run: str | None = None) -> None:
        """See the class."""
        self._folder = folder
        self._translator = translator
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
        """Write the rows of some blocks; a folder without rows gets no file.

        Raises:
            OutputError: something cannot be written, or the folder was deleted while the job ran.
        """
        tables = [BlockAccessor.for_block(block).to_arrow() for block in blocks]
        rows = [row for table in tables for row in table.to_pylist()]
        if not rows:
            return
        check_there(self._folder)
        name = f"{self._run}-{ctx.task_idx:06}"
        try:
            self._folder.write_bytes(f"{RECORDS}/{name}.parquet", _records(tables))
            accepted = (training_row(row, self._translator) for row in rows if not row["reason"])
            self._write(f"{TRAIN}/{name}.jsonl", accepted)
            self._write(f"{REJECTED}/{name}.jsonl", (rejected_row(row) for row in rows if row["reason"]))
        except OutputError:
            check_there(self._folder)  # deleted under the write: say that, not which file was missed first
            raise

    def _write(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        text = "".join(json_line(row) + "\n" for row in rows)
        if text:
            self._folder.write_text(name, text)
        else:
            self._folder.delete(name)  # of a try before, which a lost machine may have ended


def check_there(folder: Folder) -> None:
    """Make sure that the folder of a running job is still there: writing would make it anew, without what was in it.

    Raises:
        OutputError: it is not.
    """
    if not folder.exists(CONFIG):
        raise OutputError(f"{folder.path} cannot be written: its {CONFIG} was deleted while the job ran")


def new_run() -> str:
    """Return a name that no other run has."""
    return uuid.uuid4().hex[:8]


def training_row(row: dict[str, Any], translator: str) -> dict[str, Any]:
    """Return the row of ``train/`` for an accepted row and who wrote its reasoning."""
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
        "answer_ok": row["answer_ok"],
        "grounded": row["grounded"],
        "translator": translator,
    }


def rejected_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row of ``rejected/``."""
    return {name: row[name] for name in ("id", "stage", "reason", "detail")}


def json_line(row: dict[str, Any]) -> str:
    """Return the line of a shard."""
    return json.dumps(row, ensure_ascii=False)


def _records(tables: Iterable[pa.Table]) -> pa.Buffer:
    """The Parquet file of some blocks; of a text that a model thought about, the part that was verified."""
    rows = pa.concat_tables(table for table in tables if table.num_rows)
    texts = [
        text.removeprefix(with_thinking(thinking, ""))
        for text, thinking in zip(rows["text"].to_pylist(), rows["thinking"].to_pylist(), strict=True)
    ]
    rows = rows.set_column(rows.column_names.index("text"), "text", pa.array(texts, pa.string()))
    return records_file(rows.select([name for name in RECORD_COLUMNS if name in rows.column_names]))


def records_file(rows: pa.Table) -> pa.Buffer:
    """Return the Parquet file of the rows of a write."""
    file = pa.BufferOutputStream()
    pq.write_table(rows, file, row_group_size=RECORD_ROW_GROUP, compression="zstd")
    return file.getvalue()
