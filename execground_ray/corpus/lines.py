"""A file of JSON in, its problems out as bytes, one by one and never the whole file at once.

Most files have one problem per line, in UTF-8. What else people have is told from the beginning of the file, not from
its name: compressed files, UTF-16 and UTF-32, byte order marks, and one JSON array of all problems, indented or not.
The elements of an array are only cut apart here, and then parsed like lines: so they give the same rows, the same ids,
and a fault costs one row. (``ijson`` refuses NaN, drops repeated keys and replaces lone surrogates.)
"""

from __future__ import annotations

import codecs
import io
import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyarrow import fs

MAX_LINE_BYTES = 64 << 20  # what is longer is cut, and then rejected as malformed
READ_AHEAD_BYTES = 1 << 20
HEAD_BYTES = 64 << 10

Raw = bytes | dict[str, Any]  # a line, or a row of columns

PACKED_BYTES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
}
PACKED_NAMES = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4", ".xz": "xz"}
COMPRESSED = tuple(PACKED_NAMES)
FOREIGN_BYTES = {b"PK\x03\x04": "a zip archive", b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"PAR1": "Parquet"}
TAR_PLACE, TAR_BYTES = 257, b"ustar"
ARRAY = re.compile(rb"\[\s*(\{|\]|$)")
INDENTED_OBJECT = re.compile(rb'\{\s*\n\s*"')
OUTSIDE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)  # a whole string, or what counts outside one
INSIDE = re.compile(rb'["\\]')


@dataclass(frozen=True)
class Form:
    """How a file is written.

    Attributes:
        packing: how it is compressed, empty if it is not.
        encoding: of its text.
        is_array: whether it is one JSON array of problems, not lines.
    """

    packing: str = ""
    encoding: str = "utf-8"
    is_array: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it can be read from its beginning only."""
        return self != USUAL


USUAL = Form()


def find_form(filesystem: fs.FileSystem, path: str, name: str) -> Form:
    """Find out how a file is written, from its beginning.

    Raises:
        ValueError: there are no lines of JSON in it, but something else that is known; the message names the file.
        OSError: it cannot be read.
    """
    with filesystem.open_input_stream(path, compression=None) as stream:
        head = stream.read(HEAD_BYTES)
    packing = next((packing for magic, packing in PACKED_BYTES.items() if head.startswith(magic)), "")
    packing = packing or next((packing for end, packing in PACKED_NAMES.items() if path.lower().endswith(end)), "")
    if packing:
        head = _read_head(filesystem, path, Form(packing), name)
    foreign = next((what for magic, what in FOREIGN_BYTES.items() if head.startswith(magic)), None)
    if head[TAR_PLACE:].startswith(TAR_BYTES):
        foreign = "a tar archive"
    if foreign:
        raise ValueError(f"{name}: {foreign}; allowed: lines of JSON, or an array of objects, plain or compressed")
    encoding = json.detect_encoding(head).removesuffix("-sig")
    if encoding != "utf-8":
        head = _read_head(filesystem, path, Form(packing, encoding), name)
    head = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if INDENTED_OBJECT.match(head):
        raise ValueError(f"{name}: one JSON object over several lines; allowed: one per line, or an array of objects")
    return Form(packing, encoding, _is_array(head))


def read_lines(filesystem: fs.FileSystem, path: str, form: Form, start: int, stop: int) -> Iterator[bytes]:
    """Yield the lines that begin in bytes ``start`` to ``stop``, blank ones too, or the elements of an array.

    Raises:
        OSError: it cannot be read on; a truncated compressed file is such a case, and an array without an end.
    """
    try:
        with _open(filesystem, path, form) as stream:
            if form.is_array:
                yield from cut_array(stream)
            else:
                yield from _cut_lines(stream, start, None if form.is_whole else stop)
    except (EOFError, lzma.LZMAError, UnicodeError) as error:
        raise OSError(str(error)) from error


def cut_array(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """Yield the elements of a JSON array as they stand there, without parsing them, each as if it were a line.

    Raises:
        OSError: it has no end, or something stands behind it.
    """
    cutter = _Cutter()
    count = 0
    while chunk := stream.read(READ_AHEAD_BYTES):
        for element in cutter.cut(chunk):
            count += 1
            yield element
    if not cutter.has_ended:
        raise OSError(f"the array has no end: cut off, or a bracket or quote is missing in or behind element {count}")


class _Cutter:
    """Cuts an array that comes in chunks, which may end anywhere."""

    def __init__(self) -> None:
        self.has_ended = False
        self._depth = 0
        self._in_string = self._is_escaped = False
        self._element = bytearray()

    def cut(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the elements that end in this chunk."""
        begin = place = 0
        if self._is_escaped:
            place, self._is_escaped = 1, False
        while not self.has_ended and (found := (INSIDE if self._in_string else OUTSIDE).search(chunk, place)):
            place, mark = found.end(), found.group()
            if self._in_string:
                place += self._step_in_string(mark, place == len(chunk))
            elif mark == b'"':
                self._in_string = True
            elif mark in (b"[", b"{"):
                self._depth += 1
                begin = place if self._depth == 1 else begin
            elif self._ends_element(mark):
                self._keep(chunk[begin : place - 1])
                yield bytes(self._element).strip() + b"\n"
                self._element.clear()
                begin = place
        if not self.has_ended:
            self._keep(chunk[begin:])
        elif chunk[begin:].strip():
            raise OSError("something stands behind the end of the array")

    def _step_in_string(self, mark: bytes, is_last: bool) -> int:
        """Note what a quote or backslash in a string means, and return how many bytes to skip."""
        if mark == b'"':
            self._in_string = False
            return 0
        self._is_escaped = is_last
        return 0 if is_last else 1

    def _ends_element(self, mark: bytes) -> bool:
        """Note a comma, a closing bracket or a whole string, and tell whether an element ends before it."""
        if mark in (b"]", b"}"):
            self._depth -= 1
            self.has_ended = self._depth == 0
        return self.has_ended or (mark == b"," and self._depth == 1)

    def _keep(self, part: bytes) -> None:
        self._element += part[: MAX_LINE_BYTES - len(self._element)]


class _Recoded(io.RawIOBase):
    """A stream of text in another encoding as UTF-8; what is wrong in it stays wrong."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._waiting:
            chunk = self._stream.read(READ_AHEAD_BYTES)
            self._waiting = self._decoder.decode(chunk, final=not chunk).encode("utf-8", "surrogatepass")
            if not chunk:
                break
        part, self._waiting = self._waiting[: len(buffer)], self._waiting[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _open(filesystem: fs.FileSystem, path: str, form: Form) -> Any:
    """Open a file as a buffered stream of its text in UTF-8."""
    if not form.is_whole:
        return io.BufferedReader(filesystem.open_input_file(path), READ_AHEAD_BYTES)
    packing = form.packing if form.packing not in ("", "xz") else None
    stream = filesystem.open_input_stream(path, compression=packing)
    if form.packing == "xz":
        stream = lzma.open(stream)  # noqa: SIM115  (closed with what reads it)
    if form.encoding != "utf-8":
        stream = _Recoded(stream, form.encoding)
    return io.BufferedReader(stream, READ_AHEAD_BYTES)


def _read_head(filesystem: fs.FileSystem, path: str, form: Form, name: str) -> bytes:
    """Return the beginning of the text of a file."""
    try:
        with _open(filesystem, path, form) as stream:
            return bytes(stream.read(HEAD_BYTES))
    except (OSError, EOFError, lzma.LZMAError, UnicodeError) as error:
        raise OSError(f"{name}: {error}") from error


def _is_array(head: bytes) -> bool:
    """Whether a file that begins so is an array of objects, and not lines of which the first is an array."""
    if not ARRAY.match(head):
        return False
    first, _, rest = head.partition(b"\n")
    try:
        return not (isinstance(json.loads(first), list) and rest.strip())
    except ValueError:
        return True


def _cut_lines(stream: io.BufferedIOBase, start: int, stop: int | None) -> Iterator[bytes]:
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
        yield line.removeprefix(codecs.BOM_UTF8) if first else line


def _skip_line(stream: io.BufferedIOBase) -> int:
    """Read to the end of the line and return how many bytes that took."""
    skipped = 0
    while part := stream.readline(READ_AHEAD_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
