"""What an output folder holds already, and so what is left to do.

The shards themselves are the record of what is done: every row in them has the id of its problem, and a shard is
either there whole or not at all. Nothing else has to be kept in step with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

import ray
from omegaconf import OmegaConf

from execground_ray.config import Config
from execground_ray.corpus import Finished
from execground_ray.report.summary import SUMMARY
from execground_ray.schema import ConfigError
from execground_ray.stages.write_shards import RECORDS, REJECTED, TRAIN
from execground_ray.storage import UNFINISHED, Folder

CONFIG = "config.yaml"
OUTPUTS = (TRAIN, REJECTED, RECORDS, UNFINISHED, SUMMARY, "dataset_info.json", CONFIG, "report.html", "README.md")
# What may differ between two runs that write one dataset: it changes no row.
FREE_KEYS = (
    "output.",
    "cluster.",
    "tracing.workers",
    "tracing.worker_runs",
    "export.rows_per_shard",
    "export.push_to_hub",
)
ID = re.compile(rb'\{"id": "([^"]+)"')


def prepare_output(folder: Folder, config: Config) -> bool:
    """Make the output folder ready and tell whether the dataset in it is finished already.

    Raises:
        ConfigError: something is there and ``output.on_existing`` is ``refuse``, or it is ``resume`` and what is there
            was made with other settings or not by this job.
    """
    existing = [name for name in OUTPUTS if folder.exists(name)]
    if config.output.on_existing == "overwrite":
        for name in existing:
            folder.delete(name)
        return False
    if existing and config.output.on_existing == "refuse":
        raise ConfigError(f"output.dir = {config.output.dir!r} holds {', '.join(existing)}, and on_existing is refuse")
    if CONFIG not in existing and set(existing) - {UNFINISHED}:
        raise ConfigError(
            f"output.dir = {config.output.dir!r} holds {', '.join(existing)} but no {CONFIG}, so no run has begun it; "
            "allowed: another output.dir, or output.on_existing=overwrite, which deletes them"
        )
    if CONFIG in existing:
        differing = differing_keys(OmegaConf.to_container(OmegaConf.create(folder.read_text(CONFIG))), asdict(config))
        if differing:
            raise ConfigError(
                f"output.dir = {config.output.dir!r} was begun with other values of {', '.join(differing)}; "
                "allowed: the same values, another output.dir, or output.on_existing=overwrite"
            )
    folder.delete(UNFINISHED)
    return SUMMARY in existing


def finished_problems(folder: Folder) -> Finished:
    """Read the ids of all shards, in parallel; a shard that was cut off is deleted, so that its rows are made again."""
    reading = ray.remote(num_cpus=0.1)(shard_ids)
    found: list[str] = []
    paths = [path for name in (TRAIN, REJECTED) for path in folder.files(name)]
    for path, ids in zip(paths, ray.get([reading.remote(folder, path) for path in paths]), strict=True):
        if ids is None:
            folder.filesystem.delete_file(path)
        else:
            found += ids
    drop_lost_records(folder)
    return Finished.of(found)


def drop_lost_records(folder: Folder) -> None:
    """Delete the records of writes that died before they wrote a shard: their rows are made again."""
    written = {PurePath(path).stem for name in (TRAIN, REJECTED) for path in folder.files(name)}
    for path in folder.files(RECORDS):
        if PurePath(path).stem not in written:
            folder.filesystem.delete_file(path)


def shard_ids(folder: Folder, path: str) -> list[str] | None:
    """Return the problems' ids in one shard, further examples of a problem aside; None if its end is missing."""
    data = folder.read_bytes(path)
    lines = data.splitlines()
    matches = [ID.match(line) for line in lines]
    try:
        json.loads(lines[-1])
    except (ValueError, IndexError):
        return None
    if not data.endswith(b"\n") or None in matches:
        return None
    ids = [match[1].decode() for match in matches if match]
    return [identity for identity in ids if "-" not in identity]


def differing_keys(before: Any, now: Any, key: str = "") -> list[str]:
    """Name the keys whose values differ between two configurations and would change rows."""
    if isinstance(before, dict) and isinstance(now, dict):
        names: Iterable[str] = sorted(before.keys() | now.keys())
        return [
            found
            for name in names
            for found in differing_keys(before.get(name), now.get(name), f"{key}.{name}" if key else name)
        ]
    if isinstance(now, tuple):
        now = list(now)
    return [] if before == now or key.startswith(FREE_KEYS) else [key]
