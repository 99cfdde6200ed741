"""Open the corpus that the configuration names, or say in one line why that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyarrow import fs

from execground_ray.config.errors import ConfigError
from execground_ray.corpus.splits import LineSplit, ParquetSplit, Split, list_splits


def open_corpus(source: Any) -> list[Split]:
    """Return the splits of ``source``, in their order.

    Raises:
        ConfigError: there is nothing, it may not be read, or nobody who has it can be reached.
    """
    try:
        splits = list_splits(source)
        files = (split for split in splits if isinstance(split, LineSplit | ParquetSplit))
        for path in sorted({split.path for split in files if isinstance(split.filesystem, fs.LocalFileSystem)}):
            Path(path).open("rb").close()
    except (OSError, ValueError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(f"source: {first}") from error
    return splits
