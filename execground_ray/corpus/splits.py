"""Where the problems are: what the configuration names goes in, the pieces to read in parallel come out.

A split is one such piece: a range of lines of a plain file, a whole compressed file, some row groups of a Parquet
file, or a shard of a Hugging Face dataset. Splits are small, travel to any worker, and stand in a fixed order: files
sorted by path, then position. ``split.read()`` streams what is in it, one line (bytes) or one row (dict) at a time.

Files are reached through pyarrow, so local paths and file://, s3://, gs:// and hf:// URIs take the same road.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.utils import glob_translate  # type: ignore[import-untyped]
from pyarrow import fs

from execground_ray.config.schema import FileSource, HuggingFaceSource, SampleSource

SPLIT_BYTES = 8 << 20  # about 2,400 problems of PyEdu: a second of reading
MAX_LINE_BYTES = 64 << 20  # what is longer is cut, and then rejected as malformed
READ_AHEAD_BYTES = 1 << 20
BATCH_ROWS = 64  # Parquet rows in memory at a time

SAMPLE_PATH = Path(__file__).parent / "sample.jsonl"
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
PARQUET = (".parquet", ".pq")
LINES = tuple(f"{kind}{packed}" for kind in (".jsonl", ".json", ".ndjson") for packed in ("", *COMPRESSED))

Raw = bytes | dict[str, Any]  # a line, or a row of columns


@dataclass(frozen=True)
class LineSplit:
    """The lines that begin in bytes ``start`` to ``stop`` of a file; a compressed file is one split."""

    filesystem: fs.FileSystem = field(repr=False, compare=False)  # may hold credentials
    path: str
    name: str  # the path as the user gave it, for people
    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """Bytes to read, as stored."""
        return self.stop - self.start

    def locator(self, position: int) -> str:
        """Where the line ``position`` (from 1) of the whole file is."""
        return f"{self.name}:{position}"

    def read(self) -> Iterator[Raw]:
        """Yield every physical line, blank ones too, never the whole file at once.

        Raises:
            OSError: the file cannot be read on, naming it; a truncated compressed file is such a case.
        """
        try:
            if self.path.endswith(COMPRESSED):
                with self.filesystem.open_input_stream(self.path, compression="detect") as stream:
                    yield from _read_lines(io.BufferedReader(stream, READ_AHEAD_BYTES), 0, None)
            else:
                with self.filesystem.open_input_file(self.path) as stream:
                    yield from _read_lines(io.BufferedReader(stream, READ_AHEAD_BYTES), self.start, self.stop)
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
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise OSError(f"{self.name}: {error}") from error


@dataclass(frozen=True)
class DatasetSplit:
    """Shard ``index`` of ``count`` of a streaming Hugging Face dataset."""

    dataset: Any = field(repr=False, compare=False)  # an IterableDataset, resolved once, so that all read one revision
    name: str
    index: int
    count: int
    size_bytes: int | None = None  # the library does not tell

    def locator(self, position: int) -> str:
        """Where the row ``position`` (from 1) of the whole dataset is."""
        return f"{self.name}#{position}"

    def read(self) -> Iterator[Raw]:
        """Yield every row as a dictionary of its columns."""
        yield from self.dataset.shard(self.count, self.index)


Split = LineSplit | ParquetSplit | DatasetSplit


def list_splits(source: SampleSource | FileSource | HuggingFaceSource) -> list[Split]:
    """Find everything that ``source`` names and cut it into splits, always in the same order.

    Only names, sizes and Parquet footers are read. In a folder the files count whose extension belongs to the kind
    of the source, at any depth, but none whose name begins with a dot or underscore; a file or a glob is taken at
    its word.

    Raises:
        FileNotFoundError: nothing is there; the message names the path.
        ValueError: the path, the configuration or the split cannot be understood.
        OSError: the storage refuses or cannot be reached.
    """
    if isinstance(source, SampleSource):
        return list(_file_splits(*_find_files(str(SAMPLE_PATH), LINES, name=SAMPLE_PATH.name)))
    if isinstance(source, HuggingFaceSource):
        if "://" not in source.path:
            return list(_dataset_splits(source))
        return list(_file_splits(*_find_files(source.path, sum((each.extensions for each in FORMATS.values()), ()))))
    return list(_file_splits(*_find_files(source.path, FORMATS[source.kind].extensions)))


def is_blank(raw: Raw) -> bool:
    """Whether a line is empty, and so neither a problem nor a fault."""
    return isinstance(raw, bytes) and not raw.strip()


def _find_files(path: str, extensions: tuple[str, ...], name: str = "") -> tuple[fs.FileSystem, list[tuple[str, Any]]]:
    """Return the file system and its (name for people, file info) pairs, sorted by path."""
    base, pattern = _cut_glob(path)
    filesystem, root = _open_filesystem(base)
    scheme, uri, _ = base.partition("://")
    shown = name or (f"{scheme}://{root}" if uri else base)  # not the URI itself: it may hold credentials
    info = filesystem.get_file_info(root)
    if info.type == fs.FileType.File and not pattern:
        return filesystem, [(shown, info)]
    wildcards = f"{shown.rstrip('/')}/{pattern}" if shown != "." else pattern
    if info.type != fs.FileType.Directory:
        raise FileNotFoundError(f"{wildcards if pattern else shown}: no such file or folder")
    selector = fs.FileSelector(root, recursive=not pattern or "/" in pattern)
    wanted = re.compile(glob_translate(pattern)) if pattern else None
    files = []
    for found in sorted(filesystem.get_file_info(selector), key=lambda found: found.path):
        below = found.path[len(root) :].lstrip("/")
        hidden = any(part.startswith((".", "_")) for part in below.split("/"))
        matches = wanted.match(below) if wanted else not hidden and below.lower().endswith(extensions)
        if found.type == fs.FileType.File and matches:
            files.append((f"{shown.rstrip('/')}/{below}" if shown != "." else below, found))
    if not files:
        wanted_files = f"{wildcards}: no file matches" if pattern else f"{shown}: no {', '.join(extensions)} file in it"
        raise FileNotFoundError(wanted_files)
    return filesystem, files


def _cut_glob(path: str) -> tuple[str, str]:
    """Cut ``path`` before its first part with a wildcard: (folder, pattern below it); no pattern, no wildcard."""
    is_uri = "://" in path
    if not is_uri and Path(path).expanduser().exists():
        return path, ""  # a name may contain brackets
    path, query, options = path.partition("?") if is_uri else (path, "", "")  # s3://bucket/key?region=...
    wildcard = re.search(r"[^/]*[*?\[].*", path, re.DOTALL)
    if not wildcard:
        return path + query + options, ""
    return (path[: wildcard.start()] or ".") + query + options, wildcard.group()


def _open_filesystem(base: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a path or URI and the path inside it."""
    if "://" not in base:
        return fs.LocalFileSystem(), str(Path(base).expanduser().absolute())
    try:
        filesystem, root = fs.FileSystem.from_uri(base)
    except pa.ArrowInvalid:
        scheme, _, _ = base.partition("://")  # the rest may hold credentials
        raise ValueError(f"{scheme}://...: not a URI that can be read; file, s3, gs and hf can") from None
    return filesystem, root.rstrip("/") or "/"


def _file_splits(filesystem: fs.FileSystem, files: list[tuple[str, Any]]) -> Iterator[Split]:
    """Cut files into splits of about ``SPLIT_BYTES``; what has the extension of no format is read as lines."""
    for name, info in files:
        found = (each for each in FORMATS.values() if info.path.lower().endswith(each.extensions))
        yield from next(found, FORMATS["jsonl"]).cut(filesystem, info, name)


def _line_splits(filesystem: fs.FileSystem, info: Any, name: str) -> Iterator[LineSplit]:
    """Cut one file of lines; an empty file gives no split."""
    if info.path.endswith(COMPRESSED):
        yield LineSplit(filesystem, info.path, name, 0, info.size)
        return
    for start in range(0, info.size, SPLIT_BYTES):
        yield LineSplit(filesystem, info.path, name, start, min(start + SPLIT_BYTES, info.size))


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
            yield ParquetSplit(filesystem, path, name, start, group + 1, size)
            start, size = group + 1, 0


def _dataset_splits(source: HuggingFaceSource) -> Iterator[Split]:
    """Let ``datasets`` resolve a repository or folder.

    JSON files it only finds: it would have to give every column one type, and the values of problems have none.
    """
    import datasets  # takes a second, and only this kind of source needs it

    from execground_ray.private.datasets import Json

    builder = datasets.load_dataset_builder(source.path, source.name)
    if not isinstance(builder, Json):
        dataset = datasets.load_dataset(source.path, source.name, split=source.split, streaming=True).reshard()
        count = dataset.num_shards
        yield from (DatasetSplit(dataset, source.path, index, count) for index in range(count))
        return
    files = builder.config.data_files
    if source.split not in files:
        raise ValueError(f"{source.path}: no split {source.split!r}; there are: {', '.join(map(str, files))}")
    folder = str(Path(source.path).absolute())
    for file in sorted(files[source.split]):
        name = source.path.rstrip("/") + file.removeprefix(folder) if file.startswith(folder + "/") else ""
        yield from _file_splits(*_find_files(file, LINES, name))


def _read_lines(stream: io.BufferedReader, start: int, stop: int | None) -> Iterator[bytes]:
    """Yield the lines that begin in ``start`` to ``stop``, or to the end."""
    position = start
    if start:  # the line that runs into this range belongs to the one before
        stream.seek(start - 1)
        position = start - 1 + _skip_line(stream)
    while stop is None or position < stop:
        line = stream.readline(MAX_LINE_BYTES)
        if not line:
            return
        first, position = position == 0, position + len(line)
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            position += _skip_line(stream)
        yield line.removeprefix(b"\xef\xbb\xbf") if first else line


def _skip_line(stream: io.BufferedReader) -> int:
    """Read to the end of the line and return how many bytes that took."""
    skipped = 0
    while part := stream.readline(READ_AHEAD_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


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
