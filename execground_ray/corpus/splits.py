"""Where the problems are: what the configuration names goes in, the pieces to read in parallel come out.

A split is one such piece: a range of lines of a plain file, a whole compressed file or JSON array, some row groups of
a Parquet file, or a shard of a Hugging Face dataset. Splits are small, travel to any worker, and stand in a fixed
order: files sorted by path, then position. ``split.read()`` streams what is in it, one line (bytes) or one row (dict)
at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from execground_ray.config.schema import FileSource, HuggingFaceSource, SampleSource
from execground_ray.corpus.columns import marked_rows
from execground_ray.corpus.duplicates import SplitSurvey
from execground_ray.corpus.files import find_files
from execground_ray.corpus.lines import COMPRESSED, USUAL, Form, Raw, find_form, read_lines
from execground_ray.corpus.windows import Array
from execground_ray.records import Row, Stage

SPLIT_BYTES = 8 << 20  # about 2,400 problems of PyEdu: a second of reading
BATCH_ROWS = 64  # Parquet rows in memory at a time
HEADS_AT_ONCE = 16  # files whose beginnings are read at a time

SAMPLE_PATH = Path(__file__).parent / "sample.jsonl"
PARQUET = (".parquet", ".pq")
LINES = tuple(f"{kind}{packed}" for kind in (".jsonl", ".json", ".ndjson") for packed in ("", *COMPRESSED))


@dataclass(frozen=True)
class LineSplit:
    """The lines that begin in bytes ``start`` to ``stop`` of a file; one of another form than usual is one split."""

    filesystem: fs.FileSystem = field(repr=False, compare=False)  # may hold credentials
    path: str
    name: str  # the path as the user gave it, for people
    start: int
    stop: int
    form: Form = USUAL
    version: str = ""  # of the file: changes when it does

    @property
    def size_bytes(self) -> int:
        """Bytes to read, as stored."""
        return self.stop - self.start

    def locator(self, position: int) -> str:
        """Where the line or element ``position`` (from 1) of the whole file is."""
        return f"{self.name}{'#' if self.form.is_array else ':'}{position}"

    def read(self) -> Iterator[Raw]:
        """Yield every physical line, blank ones too, never the whole file at once; of an array its elements.

        Raises:
            OSError: the file cannot be read on, naming it; a truncated compressed file is such a case.
        """
        try:
            yield from read_lines(self.filesystem, self.path, self.form, self.start, self.stop)
        except OSError as error:
            raise OSError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class ParquetSplit:
    """The row groups ``start`` to ``stop`` of a Parquet file."""

    filesystem: fs.FileSystem = field(repr=False, compare=False)
    path: str
    name: str
    start: int
    stop: int
    size_bytes: int  # of the columns, decoded
    version: str = ""

    def locator(self, position: int) -> str:
        """Where the row ``position`` (from 1) of the whole file is."""
        return f"{self.name}:{position}"

    def read(self) -> Iterator[Raw]:
        """Yield every row as a dictionary of its columns.

        Raises:
            OSError: the file cannot be read on, naming it.
        """
        try:
            with self.filesystem.open_input_file(self.path) as stream, pq.ParquetFile(stream) as file:
                for batch in file.iter_batches(BATCH_ROWS, row_groups=list(range(self.start, self.stop))):
                    yield from marked_rows(batch)
        except (OSError, pa.ArrowException) as error:
            raise OSError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class DatasetSplit:
    """Shard ``index`` of ``count`` of a streaming Hugging Face dataset."""

    dataset: Any = field(repr=False, compare=False)  # an IterableDataset of Arrow tables, of one revision
    name: str
    index: int
    count: int
    version: str = ""
    size_bytes: int | None = None  # the library does not tell

    def locator(self, position: int) -> str:
        """Where the row ``position`` (from 1) of the whole dataset is."""
        return f"{self.name}#{position}"

    def read(self) -> Iterator[Raw]:
        """Yield every row as a dictionary of its columns."""
        for table in self.dataset.shard(self.count, self.index).iter(BATCH_ROWS):
            yield from marked_rows(table)


@runtime_checkable
class Surveyed(Protocol):
    """A split of rows that have their ids, such as those of an earlier output; see ``output/reuse.py``."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def size_bytes(self) -> int | None:
        """Bytes to read, as stored."""

    @property
    def last(self) -> Stage:
        """The last stage whose columns its rows have."""

    def survey(self, limit: int | None, signatures_seed: int | None) -> SplitSurvey:
        """Keep of each of its first problems the hashes only; ``weak`` is one whose rows are not all here.

        With a seed signatures too, for near duplicates.
        """

    def rows(self, count: int, duplicates: Array, done: Array) -> Iterator[Row]:
        """Yield the rows of its first ``count`` problems, by the plan that ``corpus/survey.py`` makes of the rest."""


Split = LineSplit | ParquetSplit | DatasetSplit | Surveyed


def list_splits(source: SampleSource | FileSource | HuggingFaceSource) -> list[Split]:
    """Find everything that ``source`` names and cut it into splits, always in the same order.

    Only names, sizes, the beginnings of files and Parquet footers are read. In a folder the files count whose extension
    belongs to the kind of the source, at any depth, but none whose name begins with a dot or underscore; a file or a
    glob is taken at its word.

    Raises:
        FileNotFoundError: nothing is there; the message names the path.
        ValueError: the path, the configuration, the split or a file cannot be understood.
        OSError: the storage refuses or cannot be reached.
    """
    if isinstance(source, SampleSource):
        return list(_file_splits(*find_files(str(SAMPLE_PATH), LINES, name=SAMPLE_PATH.name)))
    if isinstance(source, HuggingFaceSource):
        if "://" not in source.path:
            return list(_dataset_splits(source))
        return list(_file_splits(*find_files(source.path, sum((each.extensions for each in FORMATS.values()), ()))))
    return list(_file_splits(*find_files(source.path, FORMATS[source.kind].extensions)))


def fingerprint(splits: Sequence[Split], limit: int | None) -> dict[str, Any]:
    """Return what a source looked like when it was read; it is another one when anything was added or changed."""
    sizes = [split.size_bytes for split in splits]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    return {"splits": len(splits), "bytes": total, "fingerprint": _digest([limit, *map(repr, splits)])}


def is_blank(raw: Raw) -> bool:
    """Whether a line is empty, and so neither a problem nor a fault."""
    return isinstance(raw, bytes) and not raw.strip()


def _file_splits(filesystem: fs.FileSystem, files: list[tuple[str, Any]]) -> Iterator[Split]:
    """Cut files into splits of about ``SPLIT_BYTES``; what has the extension of no format is read as lines."""

    def cut(file: tuple[str, Any]) -> list[Split]:
        name, info = file
        found = (each for each in FORMATS.values() if info.path.lower().endswith(each.extensions))
        return list(next(found, FORMATS["jsonl"]).cut(filesystem, info, name))

    with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
        for splits in pool.map(cut, files):
            yield from splits


def _line_splits(filesystem: fs.FileSystem, info: Any, name: str) -> Iterator[LineSplit]:
    """Cut one file of lines; an empty file gives no split."""
    if not info.size:
        return
    form = find_form(filesystem, info.path, name)
    step = info.size if form.is_whole else SPLIT_BYTES
    for start in range(0, info.size, step):
        yield LineSplit(filesystem, info.path, name, start, min(start + step, info.size), form, _version(info))


def _parquet_splits(filesystem: fs.FileSystem, info: Any, name: str) -> Iterator[ParquetSplit]:
    """Cut one Parquet file between row groups."""
    path = info.path
    try:
        with filesystem.open_input_file(path) as stream:
            footer = pq.read_metadata(stream)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{name}: {error}") from error
    start, size = 0, 0
    for group in range(footer.num_row_groups):
        size += footer.row_group(group).total_byte_size
        if size >= SPLIT_BYTES or group == footer.num_row_groups - 1:
            yield ParquetSplit(filesystem, path, name, start, group + 1, size, _version(info))
            start, size = group + 1, 0


def _dataset_splits(source: HuggingFaceSource) -> Iterator[Split]:
    """Let ``datasets`` resolve a repository or folder.

    JSON files it only finds: it would have to give every column one type, and the values of problems have none.
    """
    import datasets  # takes a second, and only this kind of source needs it

    from execground_ray.private.datasets import Json

    builder = datasets.load_dataset_builder(source.path, source.name, revision=source.revision)
    files = builder.config.data_files or {}
    if not isinstance(builder, Json):
        dataset = datasets.load_dataset(
            source.path, source.name, split=source.split, revision=source.revision, streaming=True
        ).reshard()
        dataset, count = dataset.with_format("arrow"), dataset.num_shards
        found = files.get(source.split, ())
        version = _digest([*found, *getattr(found, "origin_metadata", ())])  # with revisions, or times of local files
        yield from (DatasetSplit(dataset, source.path, index, count, version) for index in range(count))
        return
    if source.split not in files:
        raise ValueError(f"{source.path}: no split {source.split!r}; there are: {', '.join(map(str, files))}")
    folder = str(Path(source.path).absolute())
    for file in sorted(files[source.split]):
        name = source.path.rstrip("/") + file.removeprefix(folder) if file.startswith(folder + "/") else ""
        yield from _file_splits(*find_files(file, LINES, name))


def _digest(values: Iterable[Any]) -> str:
    digest = blake2b(digest_size=8)
    for value in values:
        digest.update(f"{value}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _version(info: Any) -> str:
    return f"{info.size} {info.mtime_ns}"


@dataclass(frozen=True)
class Format:
    """A kind of files, the one that ``source`` has in the configuration.

    Attributes:
        extensions: of its files; in a folder no others are read.
        cut: takes the file system, what it knows of a file, and the name for people; yields its splits in order.
    """

    extensions: tuple[str, ...]
    cut: Callable[[fs.FileSystem, Any, str], Iterator[Split]]


FORMATS = {"jsonl": Format(LINES, _line_splits), "parquet": Format(PARQUET, _parquet_splits)}
