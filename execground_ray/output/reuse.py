"""How much of an earlier output stands: its settings and this run's go in, the last stage that stands comes out.

Work is taken over up to the first stage whose settings differ. Thresholds are looked at again wherever the verdict that
they judge is known; neither that nor the export needs a model or a run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.parquet as pq

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import as_of_now, check
from execground_ray.config.schema import Config, Verification
from execground_ray.output.attempts import made_by, makers
from execground_ray.output.layout import RECORDS, SUMMARY, file_of
from execground_ray.output.resume import differing_keys
from execground_ray.output.storage import Folder
from execground_ray.records import ORDER, Row, Stage
from execground_ray.verification.rows import judge_row

# The first stage that each group of settings has to do with. The seed chooses between duplicates, too.
STAGE_OF = {
    "seed": Stage.PREFILTER,
    "sandbox": Stage.TRACE,
    "sampling": Stage.TRACE,
    "tracing": Stage.TRACE,
    "translator": Stage.TRANSLATE,
    "verification": Stage.VERIFY,
    "export": Stage.EXPORT,
}
KEEP_THINKING = "translator.keep_thinking"
THRESHOLDS = {f"verification.{name}" for name in ("mode", "min_grounded", "min_coverage", "min_supported")}


@dataclass(frozen=True)
class Reuse:
    """What of an earlier output's rows is taken over.

    Attributes:
        last: the last stage whose work is.
        keep_thinking: whether what a model thought belongs to it.
        thresholds: those that the rows were judged by, and those to judge them by now; None where these are the same.
    """

    last: Stage
    keep_thinking: bool = False
    thresholds: tuple[Verification, Verification] | None = None

    def judge(self, row: Row) -> Row | None:
        """Judge a row by the thresholds of now; None if its record does not tell what it was judged by."""
        if self.thresholds is None:
            return row
        plain = row | {"stage": "", "reason": "", "detail": ""}
        before, now = (judge_row(plain, each) for each in self.thresholds)
        return now if (before["stage"], before["reason"]) == (row["stage"], row["reason"]) else None


def find_reuse(folder: Folder, saved: dict[str, Any], config: Config, write: str | None) -> Reuse:
    """Compare the configuration of an earlier output with this one.

    Another version of this project judges by other rules, and another one of Python leaves other traces.

    Args:
        folder: of the earlier output.
        saved: its ``config.yaml``.
        config: of this run.
        write: name of one of its writes; None if it has none.
    """
    differing = {key for key in differing_keys(as_of_now(saved), asdict(config)) if not key.startswith("source")}
    keep_thinking = bool(getattr(config.translator, "keep_thinking", False))
    if not keep_thinking:
        differing.discard(KEEP_THINKING)  # it can be left out
    thresholds = None
    if differing & THRESHOLDS and (before := _verification(saved)):
        thresholds = before, config.verification
        differing -= THRESHOLDS
    changed = {Stage.EXPORT, *(STAGE_OF[key.partition(".")[0]] for key in differing)}
    changed |= _changed_by_versions(folder)
    there = _recorded(folder, write) if write else set()
    if "untold" not in there:  # records of earlier versions hold less of the work of a stage
        changed.add(Stage.VERIFY)
    if keep_thinking and "thinking" not in there:
        changed.add(Stage.TRANSLATE)
    last = list(Stage)[min(ORDER[stage] for stage in changed) - 1]
    if last is Stage.PREFILTER and "pairs" not in there:
        last = Stage.READ
    return Reuse(last, keep_thinking, thresholds if last is Stage.VERIFY else None)


def _verification(saved: dict[str, Any]) -> Verification | None:
    """The thresholds of a saved configuration; None if this version knows others."""
    try:
        return check(as_of_now(saved)).verification
    except ConfigError:
        return None


def _changed_by_versions(folder: Folder) -> set[Stage]:
    summary = json.loads(folder.read_text(SUMMARY)) if folder.exists(SUMMARY) else {}
    makers_of_rows, now = makers(folder, summary), made_by()
    stages = {"execground-ray": Stage.VERIFY, "python": Stage.TRACE}
    return {stage for name, stage in stages.items() for maker in makers_of_rows if maker[name] != now[name]}


def _recorded(folder: Folder, write: str) -> set[str]:
    with folder.filesystem.open_input_file(f"{folder.path}/{file_of(RECORDS, write)}") as stream:
        return set(pq.read_schema(stream).names)
