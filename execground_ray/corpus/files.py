"""The files that a path names: a path, glob or URI goes in, a file system and what it knows of each file come out.

Files are reached through pyarrow, so local paths and file://, s3://, gs:// and hf:// URIs take the same road.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
from fsspec.utils import glob_translate  # type: ignore[import-untyped]
from pyarrow import fs


def find_files(path: str, extensions: tuple[str, ...], name: str = "") -> tuple[fs.FileSystem, list[tuple[str, Any]]]:
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
