"""What an output folder holds already, and so what is left to do.

The shards themselves are the record of what is done: every row in them has the id of its problem, and a write counts
if its shards hold the rows of its records. Nothing else has to be kept in step with them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from omegaconf import OmegaConf

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import Config
from execground_ray.corpus.survey import Finished
from execground_ray.output.attempts import LEGS
from execground_ray.output.shards import known_rows
from execground_ray.output.storage import UNFINISHED, Folder
from execground_ray.report.summary import SUMMARY
from execground_ray.stages.write_shards import CONFIG, RECORDS, REJECTED, TRAIN, records_file

OUTPUTS = (TRAIN, REJECTED, RECORDS, UNFINISHED, LEGS, SUMMARY, "dataset_info.json", CONFIG, "report.html", "README.md")
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
    return SUMMARY in existing and json.loads(folder.read_text(SUMMARY)).get("counts_add_up", True)


def finished_problems(folder: Folder) -> tuple[Finished, frozenset[str]]:
    """Find out what is done, in parallel, and take away what is half done, so that it is made again.

    A write whose shards do not hold the rows of its records was cut off, and is deleted. Of a problem that has fewer
    rows than it gave, because the others were in such a write, the rows that are there are taken out; so are those of a
    problem that is there twice, because a worker of a killed job wrote on while the next job had begun.

    Returns:
        The finished problems, and the names of the writes that hold them.
    """
    reading = ray.remote(num_cpus=0.1)(read_write)
    names = sorted({PurePath(path).stem for name in (TRAIN, REJECTED, RECORDS) for path in folder.files(name)})
    writes: dict[str, Write] = {}
    for name, write in zip(names, ray.get([reading.remote(folder, name) for name in names]), strict=True):
        if write is None:
            delete_write(folder, name)
        else:
            writes[name] = write
    contents = np.concatenate([np.empty(0, np.uint64), *(write.whole.contents for write in writes.values())])
    copies = [identity for write in writes.values() for identity in write.whole.copies]
    parts: Counter[str] = Counter()
    in_all: dict[str, int] = {}
    for write in writes.values():
        parts.update({identity: present for identity, (present, _) in write.parts.items()})
        in_all |= {identity: rows for identity, (_, rows) in write.parts.items()}

    values, counts = np.unique(contents, return_counts=True)
    again = {f"{value:016x}" for value in values[counts > 1].tolist()}
    again |= {identity for identity, count in Counter(copies).items() if count > 1}
    finished = Finished.of(identity for identity, rows in in_all.items() if parts[identity] == rows)
    again |= {identity for identity, rows in in_all.items() if parts[identity] != rows}
    again |= {f"{value:016x}" for value in np.intersect1d(values, finished.contents).tolist()}
    again |= finished.copies.intersection(copies)
    for name, write in writes.items():
        if lost := write.problems_of(again):
            drop_problems(folder, name, lost)
    contents = np.concatenate([values, finished.contents])
    lost_contents = Finished.of(again)
    contents = contents[~np.isin(contents, lost_contents.contents)]
    done = Finished(contents, (frozenset(copies) | finished.copies) - lost_contents.copies)
    return done, frozenset(name for name in writes if folder.exists(f"{RECORDS}/{name}.parquet"))


@dataclass(frozen=True)
class Write:
    """The problems of one write.

    Attributes:
        whole: those of which it holds all rows.
        parts: the others: how many rows it holds, and how many there are.
    """

    whole: Finished
    parts: dict[str, tuple[int, int]]

    def problems_of(self, wanted: set[str]) -> set[str]:
        """Return those of the problems that have rows in this write."""
        contents = {f"{value:016x}" for value in self.whole.contents.tolist()} if wanted else set()
        return wanted & (contents | self.whole.copies | self.parts.keys())


def read_write(folder: Folder, name: str) -> Write | None:
    """Return the problems of one write; None if it was cut off."""
    ids: list[str] = []
    for shard in (f"{TRAIN}/{name}.jsonl", f"{REJECTED}/{name}.jsonl"):
        if folder.exists(shard):
            found = shard_ids(folder.read_bytes(f"{folder.path}/{shard}"))
            if found is None:
                return None
            ids += found
    try:
        known = known_rows(folder, name, ["id", "problem_rows"])
    except (OSError, pa.ArrowException):
        return None
    if sorted(ids) != sorted(known["id"].to_pylist()):
        return None
    present: Counter[str] = Counter()
    in_all: dict[str, int] = {}
    for identity, rows in zip(known["id"].to_pylist(), known["problem_rows"].to_pylist(), strict=True):
        problem = identity.partition("-")[0]
        present[problem] += 1
        in_all[problem] = rows
    parts = {problem: (present[problem], rows) for problem, rows in in_all.items() if present[problem] != rows}
    return Write(Finished.of(in_all.keys() - parts.keys()), parts)


def shard_ids(data: bytes) -> list[str] | None:
    """Return the ids of the rows of one shard; None if its end is missing."""
    lines = data.splitlines()
    matches = [ID.match(line) for line in lines]
    try:
        json.loads(lines[-1])
    except (ValueError, IndexError):
        return None
    if not data.endswith(b"\n") or None in matches:
        return None
    return [match[1].decode() for match in matches if match]


def delete_write(folder: Folder, name: str) -> None:
    """Delete all files of a write."""
    for path in (f"{TRAIN}/{name}.jsonl", f"{REJECTED}/{name}.jsonl", f"{RECORDS}/{name}.parquet"):
        folder.delete(path)


def delete_late_writes(folder: Folder, kept: frozenset[str], run: str) -> None:
    """Delete the writes that are neither of this run nor were there when it began.

    Workers of a killed job live some seconds longer and may still write; what they wrote was made again by then.
    """
    names = {PurePath(path).stem for name in (TRAIN, REJECTED, RECORDS) for path in folder.files(name)}
    for name in names - kept:
        if not name.startswith(f"{run}-"):
            delete_write(folder, name)


def drop_problems(folder: Folder, name: str, problems: set[str]) -> None:
    """Take the rows of some problems out of a write; should that be cut off, the whole write counts as cut off."""
    rows = known_rows(folder, name)
    kept = rows.filter(pa.array([row.partition("-")[0] not in problems for row in rows["id"].to_pylist()]))
    if not kept.num_rows:
        delete_write(folder, name)
        return
    folder.write_bytes(f"{RECORDS}/{name}.parquet", records_file(kept))
    for shard in (f"{TRAIN}/{name}.jsonl", f"{REJECTED}/{name}.jsonl"):
        if not folder.exists(shard):
            continue
        lines = folder.read_bytes(f"{folder.path}/{shard}").splitlines(keepends=True)
        ids = [ID.match(line) for line in lines]
        text = [
            line
            for line, found in zip(lines, ids, strict=True)
            if found and found[1].decode().partition("-")[0] not in problems
        ]
        if text:
            folder.write_bytes(shard, b"".join(text))
        else:
            folder.delete(shard)


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
