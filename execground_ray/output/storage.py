"""The output folder, local or remote: which files it holds and how they are written and read."""

from __future__ import annotations

import json
import posixpath
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from execground_ray.output.layout import CONFIG, UNFINISHED

SCHEMES = {"gcs": "gs", "py::fsspec+hf": "hf"}  # of the file systems that pyarrow names otherwise
OBJECT_STORES = ("s3", "gcs", "abfs")


class OutputError(OSError):
    """A file of the dataset could not be written; the message names it."""


@dataclass(frozen=True)
class Folder:
    """A folder of any file system that pyarrow reaches.

    Attributes:
        filesystem: where it is.
        path: inside the file system, without a trailing slash.
        options: of the URI, behind its question mark.
    """

    filesystem: fs.FileSystem
    path: str
    options: str = ""

    @classmethod
    def at(cls, location: str) -> Folder:
        """Find a local path or a URI; it need not exist."""
        if "://" in location:
            filesystem, path = fs.FileSystem.from_uri(location)
            return cls(filesystem, path.rstrip("/"), location.partition("?")[2])
        return cls(fs.LocalFileSystem(), str(Path(location).expanduser().absolute()))

    @property
    def location(self) -> str:
        """Where it is, for people: an absolute path or a URI without what was given to reach it."""
        kind = self.filesystem.type_name
        return self.path if kind == "local" else f"{SCHEMES.get(kind, kind)}://{self.path}"

    def exists(self, name: str) -> bool:
        """Tell whether a file or folder of this name is in it."""
        return bool(self.filesystem.get_file_info(f"{self.path}/{name}").type != fs.FileType.NotFound)

    def files(self, name: str) -> list[str]:
        """Return the paths of the files in the subfolder ``name``, sorted; none if it does not exist."""
        selector = fs.FileSelector(f"{self.path}/{name}", allow_not_found=True)
        return sorted(info.path for info in self.filesystem.get_file_info(selector) if info.is_file)

    def write_text(self, name: str, text: str) -> None:
        """Write a text as ``write_bytes`` does."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes | pa.Buffer) -> None:
        """Write a file whole, whatever dies on the way: nobody ever sees a part of it.

        Object stores show a file when it is closed; elsewhere it is written under another name first, in the folder
        ``.unfinished`` beside the others, and then renamed. That name is of this attempt alone: the first may live
        still when Ray tries again.

        Raises:
            OutputError: the disk is full, the folder may not be written to, the store cannot be reached.
        """
        final = f"{self.path}/{name}"
        own = f"{UNFINISHED}/{name}.{uuid.uuid4().hex}"
        writing = final if self.filesystem.type_name in OBJECT_STORES else f"{self.path}/{own}"
        try:
            self.filesystem.create_dir(posixpath.dirname(final), recursive=True)
            self.filesystem.create_dir(posixpath.dirname(writing), recursive=True)
            with self.filesystem.open_output_stream(writing) as stream:
                stream.write(content)
            if writing != final:
                self.filesystem.move(writing, final)
        except OSError as error:
            if writing != final:
                with suppress(OSError):
                    self.delete(own)  # on a full disk the next attempt needs the room
            raise OutputError(f"{final} cannot be written: {error}") from error

    def read_text(self, name: str) -> str:
        """Return the text of a file."""
        with self.filesystem.open_input_stream(f"{self.path}/{name}") as stream:
            return str(stream.read().decode())

    def read_bytes(self, path: str) -> bytes:
        """Return the content of one of ``files``."""
        with self.filesystem.open_input_stream(path) as stream:
            return bytes(stream.read())

    def read_rows(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of one shard."""
        for line in self.read_bytes(path).splitlines():
            yield json.loads(line)

    def delete_if_empty(self, name: str) -> None:
        """Delete a folder if there is one with nothing in it."""
        path = f"{self.path}/{name}"
        selector = fs.FileSelector(path, allow_not_found=True)
        if self.filesystem.get_file_info(path).type == fs.FileType.Directory:
            if not self.filesystem.get_file_info(selector):
                self.filesystem.delete_dir(path)

    def delete(self, name: str) -> None:
        """Delete a file or folder if it is there."""
        path = f"{self.path}/{name}"
        kind = self.filesystem.get_file_info(path).type
        if kind == fs.FileType.Directory:
            self.filesystem.delete_dir(path)
        elif kind == fs.FileType.File:
            self.filesystem.delete_file(path)


def check_there(folder: Folder) -> None:
    """Make sure that the folder of a running job is still there: writing would make it anew, without what was in it.

    Raises:
        OutputError: it is not.
    """
    if not folder.exists(CONFIG):
        raise OutputError(f"{folder.path} cannot be written: its {CONFIG} was deleted while the job ran")
