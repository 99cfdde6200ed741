"""The output folder, local or remote: which files it holds and how they are written and read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import fs


@dataclass(frozen=True)
class Folder:
    """A folder of any file system that pyarrow reaches.

    Attributes:
        filesystem: where it is.
        path: inside the file system, without a trailing slash.
    """

    filesystem: fs.FileSystem
    path: str

    @classmethod
    def at(cls, location: str) -> Folder:
        """Find a local path or a URI; it need not exist."""
        if "://" in location:
            filesystem, path = fs.FileSystem.from_uri(location)
            return cls(filesystem, path.rstrip("/"))
        return cls(fs.LocalFileSystem(), str(Path(location).expanduser().absolute()))

    def exists(self, name: str) -> bool:
        """Tell whether a file or folder of this name is in it."""
        return bool(self.filesystem.get_file_info(f"{self.path}/{name}").type != fs.FileType.NotFound)

    def files(self, name: str) -> list[str]:
        """Return the paths of the files in the subfolder ``name``, sorted; none if it does not exist."""
        selector = fs.FileSelector(f"{self.path}/{name}", allow_not_found=True)
        return sorted(info.path for info in self.filesystem.get_file_info(selector) if info.is_file)

    def write_text(self, name: str, text: str) -> None:
        """Write a file whole: readers see the old text or the new, on file systems that can rename."""
        self.filesystem.create_dir(self.path, recursive=True)
        final, unfinished = f"{self.path}/{name}", f"{self.path}/.{name}.unfinished"
        with self.filesystem.open_output_stream(unfinished) as stream:
            stream.write(text.encode())
        self.filesystem.move(unfinished, final)

    def read_text(self, name: str) -> str:
        """Return the text of a file."""
        with self.filesystem.open_input_stream(f"{self.path}/{name}") as stream:
            return str(stream.read().decode())

    def read_rows(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of one shard."""
        with self.filesystem.open_input_stream(path) as stream:
            for line in stream.read().splitlines():
                yield json.loads(line)

    def delete(self, name: str) -> None:
        """Delete a file or folder if it is there."""
        path = f"{self.path}/{name}"
        kind = self.filesystem.get_file_info(path).type
        if kind == fs.FileType.Directory:
            self.filesystem.delete_dir(path)
        elif kind == fs.FileType.File:
            self.filesystem.delete_file(path)
