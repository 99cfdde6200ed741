"""The files of a write: rows go in as shards and records, and what was written is read back by write and by id.

The records of a write go first: it is whole when its shards hold the rows of its records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from execground_ray.output.layout import ENDINGS, PREFERENCE, RECORDS, REJECTED, TRAIN, file_of
from execground_ray.output.rows import (
    RECORD_COLUMNS,
    is_rejected,
    json_line,
    preference_row,
    rejected_row,
    training_row,
)
from execground_ray.output.storage import Folder
from execground_ray.records import Reason, Row, RowId

ID = re.compile(rb'\{"id": "([^"]+)"')
ROW_GROUP = 128  # records that have to be read to get at one


def write_files(folder: Folder, write: str, rows: pa.Table) -> None:
    """Write the records of some rows, then their shards; a folder without rows gets no file.

    Of a row that was only to be traced the record is all there is.

    Args:
        folder: of the dataset.
        write: its name.
        rows: as the last stage gives them.

    Raises:
        OutputError: something cannot be written.
    """
    write_records(folder, write, rows)
    listed = rows.to_pylist()
    accepted = [row for row in listed if not row["reason"]]
    rejected = (row for row in listed if is_rejected(row["reason"]))
    # Before the shards that make the write whole.
    _write_shard(folder, file_of(PREFERENCE, write), (preference_row(row) for row in accepted if row["refused"]))
    _write_shard(folder, file_of(TRAIN, write), map(training_row, accepted))
    _write_shard(folder, file_of(REJECTED, write), map(rejected_row, rejected))


def write_records(folder: Folder, write: str, rows: pa.Table) -> None:
    """Write what is known of the rows of a write."""
    folder.write_bytes(file_of(RECORDS, write), records_file(rows))


def records_file(rows: pa.Table) -> pa.Buffer:
    """Return the content of a file of records."""
    file = pa.BufferOutputStream()
    known = rows.select([name for name in RECORD_COLUMNS if name in rows.column_names])
    pq.write_table(known, file, row_group_size=ROW_GROUP, compression="zstd")
    return file.getvalue()


def write_names(folder: Folder, kinds: Sequence[str] = (TRAIN, REJECTED, RECORDS)) -> list[str]:
    """Return the names of the writes that have a file in one of these folders, sorted."""
    return sorted({PurePath(path).stem for kind in kinds for path in folder.files(kind)})


def shard_bytes(folder: Folder, kind: str, write: str) -> bytes:
    """Return the content of one shard; nothing if there is no such shard."""
    shard = file_of(kind, write)
    return folder.read_bytes(f"{folder.path}/{shard}") if folder.exists(shard) else b""


def line_ids(data: bytes) -> list[str | None]:
    """Return the id of each line of a shard, None for a line that is no row."""
    return [found[1].decode() if found else None for found in map(ID.match, data.splitlines())]


def shard_ids(folder: Folder, write: str) -> list[str]:
    """Return the ids of the rows of one write, accepted ones first."""
    shards = (shard_bytes(folder, kind, write) for kind in (TRAIN, REJECTED))
    return [identity for data in shards for identity in line_ids(data) if identity]


def read_records(folder: Folder, write: str, columns: list[str] | None = None) -> pa.Table:
    """Return the records of one write, as they are.

    Args:
        folder: of the dataset.
        write: its name.
        columns: the columns wanted; those that the run did not make are left out. None for all.

    Raises:
        FileNotFoundError: the write has no records.
    """
    with folder.filesystem.open_input_file(f"{folder.path}/{file_of(RECORDS, write)}") as file:
        parquet = pq.ParquetFile(file)
        known = parquet.schema_arrow.names
        return parquet.read(known if columns is None else [name for name in columns if name in known])


def read_counted_records(folder: Folder, write: str, columns: list[str] | None = None) -> pa.Table:
    """Return the records of one write as ``read_records`` does, without those that do not count.

    A write that died between its records and its shards leaves records of rows that were made again since: only rows
    whose ids are in its shards count, and those that were only to be traced. ``columns`` must have ``id`` and
    ``reason``.
    """
    rows = read_records(folder, write, columns)
    in_shards = pc.is_in(rows["id"], pa.array(shard_ids(folder, write), pa.string()))
    return rows.filter(pc.or_(in_shards, pc.equal(rows["reason"], Reason.TRACED.value)))


def is_whole(data: bytes) -> bool:
    """Tell whether a shard has its end, and nothing but rows."""
    try:
        json.loads(data.splitlines()[-1])
    except (ValueError, IndexError):
        return False
    return data.endswith(b"\n") and None not in line_ids(data)


def delete_write(folder: Folder, write: str) -> None:
    """Delete all files of a write."""
    for kind in ENDINGS:
        folder.delete(file_of(kind, write))


def drop_problems(folder: Folder, write: str, problems: set[str]) -> None:
    """Take the rows of some problems out of a write; should that be cut off, the whole write counts as cut off."""
    rows = read_records(folder, write)
    kept = rows.filter(pa.array([RowId.parse(identity).problem not in problems for identity in rows["id"].to_pylist()]))
    if not kept.num_rows:
        delete_write(folder, write)
        return
    write_records(folder, write, kept)
    for kind in (PREFERENCE, TRAIN, REJECTED):
        data = shard_bytes(folder, kind, write)
        lines = zip(data.splitlines(keepends=True), line_ids(data), strict=True)
        left = [line for line, identity in lines if identity and RowId.parse(identity).problem not in problems]
        _write_or_delete(folder, file_of(kind, write), b"".join(left))


def _write_shard(folder: Folder, path: str, rows: Iterable[Row]) -> None:
    _write_or_delete(folder, path, "".join(json_line(row) + "\n" for row in rows).encode())


def _write_or_delete(folder: Folder, path: str, content: bytes) -> None:
    if content:
        folder.write_bytes(path, content)
    else:
        folder.delete(path)  # of a try before, which a lost machine may have ended
