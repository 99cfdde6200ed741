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
from execground_ray.output.resume import differing_keys, lacked_keys
from execground_ray.output.storage import Folder
from execground_ray.reasons import ORDER
from execground_ray.records import Reason, Row, Stage, reject
from execground_ray.verification.rows import judge_row

# The first stage that each group of settings has to do with. The seed chooses between duplicates, too.
STAGE_OF = {
    "seed": Stage.PREFILTER,
    "prefilter": Stage.PREFILTER,
    "sandbox": Stage.TRACE,
    "sampling": Stage.TRACE,
    "tracing": Stage.TRACE,
    "translator": Stage.TRANSLATE,
    "translator.fallback": Stage.VERIFY,  # which sees what is to be replaced
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
        translator: the kind of it, whose texts the rows are to have.
        keep_thinking: whether what a model thought belongs to them.
        thresholds: those that the rows were judged by, and those to judge them by now; None where these are the same.
    """

    last: Stage
    translator: str
    keep_thinking: bool = False
    thresholds: tuple[Verification, Verification] | None = None

    def own_text(self, row: Row) -> Row:
        """Return a row with what its translator wrote, whoever stepped in for it, and with what it thought if wanted.

        That is the last of its ``attempts``; records of earlier versions have none, and nobody stepped in.
        """
        attempts = json.loads(row["attempts"])
        if not self.keep_thinking:
            attempts = [attempt | {"thinking": ""} for attempt in attempts]
            row = row | {"attempts": json.dumps(attempts), "thinking": ""}
        if not attempts or not row["text"]:
            return row | {"translator": row["translator"] or self.translator} if row["text"] else row
        own = attempts[-1]
        if self.last is Stage.VERIFY and row["translator"] != self.translator:
            return row
        row |= {"text": own["text"], "thinking": own["thinking"], "translator": self.translator}
        if own["reason"] and own["findings"] is None:  # nothing that could be verified
            row |= {"text": "", "thinking": "", "translator": ""}
            return reject(row, Reason(own["reason"]), own["detail"])
        return row

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
    lacked = lacked_keys(saved)
    differing = {key for key in differing_keys(as_of_now(saved), asdict(config)) if not key.startswith("source")}
    differing -= set(lacked)
    keep_thinking = bool(getattr(config.translator, "keep_thinking", False))
    if not keep_thinking:
        differing.discard(KEEP_THINKING)  # it can be left out
    falls_back = getattr(config.translator, "fallback", "none") != "none"  # other texts would have been refused
    thresholds = None
    if differing & THRESHOLDS and not falls_back and (before := _verification(saved)):
        thresholds = before, config.verification
        differing -= THRESHOLDS
    changed = {Stage.EXPORT, *(STAGE_OF.get(key) or STAGE_OF[key.partition(".")[0]] for key in differing)}
    changed |= _changed_by_versions(folder)
    there = _recorded(folder, write) if write else set()
    if "untold" not in there:  # records of earlier versions hold less of the work of a stage
        changed.add(Stage.VERIFY)
    if keep_thinking and "attempts" not in there:
        changed.add(Stage.TRANSLATE)
    last = list(Stage)[min(ORDER[stage] for stage in changed) - 1]
    if last is Stage.PREFILTER and "pairs" not in there:
        last = Stage.READ
    return Reuse(last, config.translator.kind, keep_thinking, thresholds if last is Stage.VERIFY else None)


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
