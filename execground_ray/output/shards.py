"""Reads back what a run wrote: the shards give the ids that count, ``records/`` what is known of each of their rows."""

from __future__ import annotations

import re
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from execground_ray.output.storage import Folder
from execground_ray.stages.write_shards import RECORDS, REJECTED, TRAIN

ID = re.compile(rb'^\{"id": "([^"]+)"', re.MULTILINE)  # a newline within a row is escaped, so lines begin with rows


def written(folder: Folder) -> list[str]:
    """Return the names of the writes that are there, without folder and ending, sorted."""
    return sorted({PurePath(path).stem for name in (TRAIN, REJECTED) for path in folder.files(name)})


def shard_row_ids(folder: Folder, name: str, write: str) -> list[str]:
    """Return the ids in one shard, in its order; none if there is no such shard."""
    shard = f"{name}/{write}.jsonl"
    if not folder.exists(shard):
        return []
    return [found.decode() for found in ID.findall(folder.read_bytes(f"{folder.path}/{shard}"))]


def known_rows(folder: Folder, write: str, columns: list[str] | None = None) -> pa.Table:
    """Return the records of one write, as they are.

    Args:
        folder: of the dataset.
        write: one of ``written``.
        columns: the columns wanted; those that the run did not make are left out. None for all.

    Raises:
        FileNotFoundError: the write has no records.
    """
    with folder.filesystem.open_input_file(f"{folder.path}/{RECORDS}/{write}.parquet") as file:
        parquet = pq.ParquetFile(file)
        known = parquet.schema_arrow.names
        return parquet.read(known if columns is None else [name for name in columns if name in known])


def read_records(folder: Folder, write: str, columns: list[str] | None = None) -> pa.Table:
    """Return what is known of the rows of one write, as ``known_rows`` does, without those that do not count.

    A write that died between its records and its shards leaves records of rows that were made again since: only rows
    whose ids are in its shards count. ``columns`` must have the ``id``.
    """
    rows = known_rows(folder, write, columns)
    ids = shard_row_ids(folder, TRAIN, write) + shard_row_ids(folder, REJECTED, write)
    return rows.filter(pc.is_in(rows["id"], pa.array(ids, pa.string())))
