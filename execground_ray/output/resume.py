"""What an output folder holds already, and so what is left to do.

The shards themselves are the record of what is done: every row in them has the id of its problem, and a write counts
if its shards hold the rows of its records. Nothing else has to be kept in step with them.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import ray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import GROUPS_SINCE, as_of_now
from execground_ray.config.schema import Config
from execground_ray.corpus.duplicates import Finished
from execground_ray.corpus.windows import Array
from execground_ray.output.layout import (
    ATTEMPTS,
    CARD,
    CARD_SIGN,
    CONFIG,
    DATASET_INFO,
    ENDINGS,
    PREFERENCE,
    REJECTED,
    REPORT,
    SUMMARY,
    TRAIN,
    UNFINISHED,
    WRITE_NAME,
    WRITTEN,
)
from execground_ray.output.shards import (
    delete_write,
    drop_problems,
    is_whole,
    line_ids,
    read_records,
    shard_bytes,
    write_names,
)
from execground_ray.output.storage import Folder
from execground_ray.records import Reason, RowId

# What may differ between two runs that write one dataset, groups or single keys: it changes no row.
FREE_KEYS = {
    "output",
    "cluster",
    "tracing.workers",
    "tracing.worker_runs",
    "export.rows_per_shard",
    "export.license",
    "export.push_to_hub",
    *(
        f"translator.{name}"
        for name in """
            url api_key_env concurrency requests_per_second timeout_s max_retries retry_wait_s max_failures
            device replicas tensor_parallel_size cluster_kwargs batch_rows batches_in_flight max_tries hang_timeout_s
        """.split()
    ),
}
# What earlier versions lack: the rows that such a version wrote stay, whatever these say of the next.
LACKED_BEFORE = (
    "export.control_text",
    "export.preference",
    "tracing.packages",
    *(f"translator.{name}" for name in ("attempts", "retry_max_tokens", "fallback")),
)


def prepare_output(folder: Folder, config: Config) -> bool:
    """Make the output folder ready and tell whether the dataset in it is finished already.

    Raises:
        ConfigError: something is there that this job has not made, or with other settings and
            ``output.on_existing`` is ``resume``, or at all and it is ``refuse``.
    """
    existing = [name for name in WRITTEN if folder.exists(name)]
    if existing and config.output.on_existing == "refuse":
        raise ConfigError(f"output.dir = {config.output.dir!r} holds {', '.join(existing)}, and on_existing is refuse")
    saved = saved_config(folder) if CONFIG in existing else None
    if saved is None and set(existing) - {UNFINISHED}:
        raise ConfigError(
            f"output.dir = {config.output.dir!r} holds {', '.join(existing)}, but no {CONFIG} of this job, so no run "
            "has begun it; allowed: another output.dir"
        )
    if config.output.on_existing == "overwrite":
        delete_dataset(folder)
        return False
    finished = SUMMARY in existing and json.loads(folder.read_text(SUMMARY)).get("counts_add_up", True)
    if saved is not None:
        earlier = is_of_earlier_version(saved)
        if earlier and not finished:
            raise ConfigError(
                f"output.dir = {config.output.dir!r} was begun by an earlier version, whose rows have other columns; "
                "allowed: that version, another output.dir, or output.on_existing=overwrite"
            )
        lacking = lacked_keys(saved)
        differing = [key for key in differing_keys(as_of_now(saved), asdict(config)) if key not in lacking]
        if earlier:  # its verification asked for other things
            differing = [key for key in differing if not key.startswith("verification.min_")]
        if differing:
            raise ConfigError(
                f"output.dir = {config.output.dir!r} was begun with other values of {', '.join(differing)}; "
                "allowed: the same values, another output.dir, or output.on_existing=overwrite"
            )
    folder.delete(UNFINISHED)
    return finished


def lacked_keys(saved: dict[str, Any]) -> list[str]:
    """Name what a saved configuration lacks because its version did, and what says nothing of the rows it has made."""
    return [key for key in LACKED_BEFORE if not _names(saved, key)]


def saved_config(folder: Folder) -> dict[str, Any] | None:
    """Return the configuration that a dataset was begun with, None if the file is not this job's."""
    try:
        saved = OmegaConf.to_container(OmegaConf.create(folder.read_text(CONFIG)))
    except (ValueError, YAMLError, OmegaConfBaseException):
        return None
    groups = Config.__dataclass_fields__.keys() - GROUPS_SINCE
    return saved if isinstance(saved, dict) and groups <= saved.keys() else None  # type: ignore[return-value]


def is_of_earlier_version(saved: dict[str, Any]) -> bool:
    """Whether a configuration comes from before texts were judged by the run itself (0.1)."""
    return "min_coverage" not in saved["verification"]


def delete_dataset(folder: Folder) -> None:
    """Delete the files that a run has made, and no other; what says that it is one goes last.

    A ``README.md`` is the card of a dataset only where it says so.
    """
    for kind, ending in ENDINGS.items():
        for path in folder.files(kind):
            name = PurePath(path).name
            if re.fullmatch(rf"{WRITE_NAME}\.{ending}", name):
                folder.delete(f"{kind}/{name}")
        folder.delete_if_empty(kind)
    names = [SUMMARY, DATASET_INFO, REPORT, UNFINISHED, ATTEMPTS]
    if folder.exists(CARD) and CARD_SIGN in folder.read_text(CARD):
        names.append(CARD)
    for name in [*names, CONFIG]:
        folder.delete(name)


def finished_problems(folder: Folder) -> tuple[Finished, frozenset[str]]:
    """Find out what is done, in parallel, and take away what is half done, so that it is made again.

    A write whose shards do not hold the rows of its records was cut off, and is deleted. Of a problem that has fewer
    rows than it gave, because the others were in such a write, the rows that are there are taken out; so are those of a
    problem that is there twice, because a worker of a killed job wrote on while the next job had begun.

    Returns:
        The finished problems, and the names of the writes that hold them.
    """
    reading = ray.remote(num_cpus=0.1)(read_write)
    names = write_names(folder)
    writes: dict[str, Write] = {}
    for name, write in zip(names, ray.get([reading.remote(folder, name) for name in names]), strict=True):
        if write is None:
            delete_write(folder, name)
        else:
            writes[name] = write
    contents = _joined(write.whole.contents for write in writes.values())
    copies = [problem for write in writes.values() for problem in write.whole.copies]
    shares: defaultdict[str, Fraction] = defaultdict(Fraction)
    for write in writes.values():
        for problem, share in write.parts.items():
            shares[problem] += share

    values, counts = np.unique(contents, return_counts=True)
    again = {f"{value:016x}" for value in values[counts > 1].tolist()}
    again |= {problem for problem, count in Counter(copies).items() if count > 1}
    finished = Finished.of(problem for problem, share in shares.items() if share == 1)
    again |= {problem for problem, share in shares.items() if share != 1}
    again |= {f"{value:016x}" for value in np.intersect1d(values, finished.contents).tolist()}
    again |= finished.copies.intersection(copies)
    for name, write in writes.items():
        if lost := write.problems_of(again):
            drop_problems(folder, name, lost)
    contents = np.concatenate([values, finished.contents])
    lost_contents = Finished.of(again)
    contents = contents[~np.isin(contents, lost_contents.contents)]
    copies_done = (frozenset(copies) | finished.copies) - lost_contents.copies
    duplicates = _joined(write.whole.duplicates for write in writes.values())
    near = _joined(write.whole.near for write in writes.values())
    done = Finished(contents, copies_done, duplicates, near)
    return done, frozenset(writes).intersection(write_names(folder))


@dataclass(frozen=True)
class Write:
    """The problems of one write.

    Attributes:
        whole: those of which it holds all rows.
        parts: the others, each with the share of it that the rows here are; see ``records.split_row``.
    """

    whole: Finished
    parts: dict[str, Fraction]

    def problems_of(self, wanted: set[str]) -> set[str]:
        """Return those of the problems that have rows in this write."""
        contents = {f"{value:016x}" for value in self.whole.contents.tolist()} if wanted else set()
        return wanted & (contents | self.whole.copies | self.parts.keys())


def read_write(folder: Folder, name: str) -> Write | None:
    """Return the problems of one write; None if it was cut off."""
    ids: list[str | None] = []
    for kind in (TRAIN, PREFERENCE, REJECTED):
        data = shard_bytes(folder, kind, name)
        if data and not is_whole(data):
            return None
        if kind != PREFERENCE:  # whose rows are in train/ too
            ids += line_ids(data)
    try:
        known = read_records(folder, name, ["id", "problem_rows", "reason"])
    except (OSError, pa.ArrowException):
        return None
    in_shards = known.filter(pc.not_equal(known["reason"], Reason.TRACED.value))
    if sorted(filter(None, ids)) != sorted(in_shards["id"].to_pylist()):
        return None
    shares: defaultdict[str, Fraction] = defaultdict(Fraction)
    for identity, rows in zip(known["id"].to_pylist(), known["problem_rows"].to_pylist(), strict=True):
        shares[RowId.parse(identity).problem] += Fraction(1, rows)
    parts = {problem: share for problem, share in shares.items() if share != 1}
    duplicates, near = (
        known.filter(pc.equal(known["reason"], reason.value))["id"].to_pylist()
        for reason in (Reason.DUPLICATE_PROBLEM, Reason.NEAR_DUPLICATE)
    )
    return Write(Finished.of(shares.keys() - parts.keys(), duplicates, near), parts)


def delete_late_writes(folder: Folder, kept: frozenset[str], run: str) -> None:
    """Delete the writes that are neither of this run nor were there when it began.

    Workers of a killed job live some seconds longer and may still write; what they wrote was made again by then.
    """
    for name in write_names(folder):
        if name not in kept and not name.startswith(f"{run}-"):
            delete_write(folder, name)


def differing_keys(before: Any, now: Any, key: str = "") -> list[str]:
    """Name the keys whose values differ between two configurations and would change rows.

    A higher ``source.limit`` changes none: it adds some.
    """
    if key in FREE_KEYS or (key == "source.limit" and (now is None or (before is not None and now >= before))):
        return []
    if isinstance(before, dict) and isinstance(now, dict):
        names: Iterable[str] = sorted(before.keys() | now.keys())
        return [
            found
            for name in names
            for found in differing_keys(before.get(name), now.get(name), f"{key}.{name}" if key else name)
        ]
    if isinstance(now, tuple):
        now = list(now)
    return [] if before == now else [key]


def _joined(arrays: Iterable[Array]) -> Array:
    return np.concatenate([np.empty(0, np.uint64), *arrays])


def _names(saved: dict[str, Any], key: str) -> bool:
    """Whether a saved configuration has a key of a group."""
    group, _, name = key.partition(".")
    return name in (saved.get(group) or {})
