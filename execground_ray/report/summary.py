"""The summary of a dataset: counted from the shards that are there, not from what the run believes it wrote.

``summary.json`` is written last: where it exists, the dataset is finished. ``dataset_info.json`` registers the folder
with LLaMA-Factory: ``train/`` as ``execground``, ``preference/``, if there are pairs, as ``execground_preference``.
"""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any

from execground_ray import __version__
from execground_ray.output.layout import (
    ATTEMPTS,
    DATASET_INFO,
    PREFERENCE,
    RECORDS,
    REJECTED,
    SUMMARY,
    TRAIN,
    UNFINISHED,
)
from execground_ray.output.rows import ended_in
from execground_ray.output.shards import read_counted_records, write_names
from execground_ray.output.storage import Folder
from execground_ray.reasons import ORDER
from execground_ray.records import Reason, Row, RowId, Stage

POINT = re.compile(r"\[\s+([\d.]+),\s+(\d+)\s+\]")  # two numbers, which json would write on four lines
LIBRARIES = ("ray", "snoop", "sandlock", "datasets", "pyarrow", "hydra-core")
REGISTRATION: dict[str, dict[str, Any]] = {
    "execground": {
        "file_name": TRAIN,
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    },
    "execground_preference": {
        "file_name": PREFERENCE,
        "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    },
}


@dataclass(frozen=True)
class Counts:
    """What the shards hold.

    Attributes:
        examples: training rows.
        problems_with_examples: distinct problems among them.
        rejected: problems by stage and reason.
        no_evidence: training rows whose run could not be repeated, so that it has not judged the text.
        not_attributed: training rows whose text cites no lines.
        translators: training rows by who wrote their text.
        preference_pairs: rows of ``preference/``.
        derived_inputs: training rows whose input is smaller than what was recorded.
        traced: problems that were only to be traced.
        reused: rows that a stage has taken over from an earlier output.
        made: rows that a stage has worked on.
    """

    examples: int
    problems_with_examples: int
    rejected: Counter[tuple[str, str]]
    no_evidence: int = 0
    not_attributed: int = 0
    translators: Counter[str] = field(default_factory=Counter)
    preference_pairs: int = 0
    derived_inputs: int = 0
    traced: int = 0
    reused: Counter[Stage] = field(default_factory=Counter)
    made: Counter[Stage] = field(default_factory=Counter)

    @property
    def problems(self) -> int:
        """Problems that left the stream, one way or the other."""
        return self.problems_with_examples + self.rejected.total() + self.traced


def count_shards(folder: Folder) -> Counts:
    """Count a dataset's shards.

    Every problem has one row with the problem's own id, in ``train/`` or in ``rejected/``, or, if it was only to be
    traced, in ``records/`` alone; its further examples have ``-2`` and so on behind it. A problem is rejected if none
    of its rows is an example.
    """
    examples = with_examples = no_evidence = not_attributed = derived_inputs = 0
    translators: Counter[str] = Counter()
    further: set[str] = set()
    for path in folder.files(TRAIN):
        for row in folder.read_rows(path):
            identity = RowId.parse(row["id"])
            examples += 1
            no_evidence += not row.get("evidence", True)
            not_attributed += not row.get("attributed", True)
            translators[row.get("translator", "")] += 1
            derived_inputs += row.get("derived_input", False)
            if identity.number > 1:
                further.add(identity.problem)
            else:
                with_examples += 1
    rejected: Counter[tuple[str, str]] = Counter()
    for path in folder.files(REJECTED):
        for row in folder.read_rows(path):
            if row["id"] in further:
                with_examples += 1
            elif RowId.parse(row["id"]).number == 1:
                rejected[row["stage"], row["reason"]] += 1
    pairs = sum(len(list(folder.read_rows(path))) for path in folder.files(PREFERENCE))
    counts = Counts(examples, with_examples, rejected, no_evidence, not_attributed, translators, pairs, derived_inputs)
    for write in write_names(folder, (RECORDS,)):
        known = read_counted_records(folder, write, ["id", "stage", "reason", "reused", "findings"])
        counts = _with_records(counts, known.to_pylist())
    return counts


def _with_records(counts: Counts, rows: list[Row]) -> Counts:
    """Add what only the records of a write tell: who was traced, and what was taken over."""
    traced = 0
    for row in rows:
        traced += row["reason"] == Reason.TRACED and RowId.parse(row["id"]).number == 1
        reused = ORDER[Stage(row.get("reused") or Stage.READ)]
        for stage in list(Stage)[1 : ORDER[ended_in(row)] + 1]:
            (counts.reused if ORDER[stage] <= reused else counts.made)[stage] += 1
    return replace(counts, traced=counts.traced + traced)


def make_summary(counts: Counts, problems_read: int, run: dict[str, Any]) -> dict[str, Any]:
    """Return the content of ``summary.json``.

    Args:
        counts: of the shards.
        problems_read: what the survey of the corpus found, and what is no longer in it but in the shards.
        run: ``sandbox`` and ``config`` of this run, and what ``attempts.whole_run`` tells of all starts of the job:
            ``seconds``, and where they are known ``legs``, ``throughput`` and ``tokens``; also ``source``, what it
            looked like.
    """
    order = {stage.value: place for place, stage in enumerate(Stage)}
    by_stage: dict[str, dict[str, int]] = {}
    for (stage, reason), count in sorted(counts.rejected.items(), key=lambda item: (order[item[0][0]], -item[1])):
        by_stage.setdefault(stage, {})[reason] = count
    summary = {
        "problems_read": problems_read,
        "problems_with_examples": counts.problems_with_examples,
        "problems_rejected": counts.rejected.total(),
        "traced": counts.traced,
        "counts_add_up": problems_read == counts.problems,
        "examples": counts.examples,
        "examples_without_evidence": counts.no_evidence,
        "examples_not_attributed": counts.not_attributed,
        "examples_by_translator": dict(sorted(counts.translators.items())),
        "preference_pairs": counts.preference_pairs,
        "examples_with_derived_input": counts.derived_inputs,
        "rejected": by_stage,
        "legs": run.get("legs", 1),
        "seconds": round(run["seconds"], 1),
        "problems_per_second": round(problems_read / run["seconds"], 2),
        "throughput": run.get("throughput", []),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {"execground-ray": __version__} | {name: version(name) for name in LIBRARIES},
        "source": run.get("source", {}),
        "sandbox": run["sandbox"],
        "config": run["config"],
    }
    if counts.reused:
        stages = list(Stage)[1:]
        summary["reuse"] = {
            stage.value: {"reused": counts.reused[stage], "made": counts.made[stage]} for stage in stages
        }
    return summary | ({"translation": run["tokens"]} if "tokens" in run else {})


def write_summary(folder: Folder, summary: dict[str, Any]) -> None:
    """Write ``dataset_info.json``, then ``summary.json``, and leave nothing else behind.

    A folder without a row is not registered: it is not there to be loaded.
    """
    folder.delete(DATASET_INFO)
    rows = {"execground": summary["examples"], "execground_preference": summary.get("preference_pairs", 0)}
    if registered := {name: REGISTRATION[name] for name, count in rows.items() if count}:
        folder.write_text(DATASET_INFO, json.dumps(registered, indent=2) + "\n")
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    folder.write_text(SUMMARY, POINT.sub(r"[\1, \2]", text) + "\n")
    for name in (UNFINISHED, ATTEMPTS):
        folder.delete(name)


def table(summary: dict[str, Any]) -> str:
    """Return the counts as a short table for a terminal."""
    rows = [("problems read", "", summary["problems_read"])]
    rows += [
        ("rejected", f"{stage}: {reason}", count)
        for stage, reasons in summary["rejected"].items()
        for reason, count in reasons.items()
    ]
    if summary.get("traced"):
        rows.append(("traced", "to be translated", summary["traced"]))
    rows.append(("with examples", "", summary["problems_with_examples"]))
    rows.append(("training rows", "", summary["examples"]))
    for key, words in (
        ("examples_without_evidence", "run not repeated"),
        ("examples_not_attributed", "no lines cited"),
        ("examples_with_derived_input", "smaller input derived"),
    ):
        if summary.get(key):
            rows.append(("  of these", words, summary[key]))
    translators = summary.get("examples_by_translator", {})
    if len(translators) > 1:
        rows += [("  of these", f"text by {translator}", count) for translator, count in translators.items()]
    if summary.get("preference_pairs"):
        rows.append(("preference pairs", "", summary["preference_pairs"]))
    for stage, rows_of in summary.get("reuse", {}).items():
        rows.append(("taken over", f"{stage}, {rows_of['made']:,} made", rows_of["reused"]))
    lines = [f"{name:14} {what:28} {count:>10,}" for name, what, count in rows]
    legs = f" in {summary['legs']} legs" if summary["legs"] > 1 else ""
    speed = f"{summary['seconds']:,.1f} s{legs}, {summary['problems_per_second']:,.1f} problems/s"
    check = "every problem is accounted for" if summary["counts_add_up"] else "THE COUNTS DO NOT ADD UP"
    if not summary["examples"] and not summary.get("traced"):
        check += f". NO TRAINING ROW: {_commonest(summary['rejected'])}"
    return "\n".join([*lines, f"{speed}; {check}"])


def _commonest(rejected: dict[str, dict[str, int]]) -> str:
    """The reason that most problems were rejected for, in words."""
    counts = {f"{stage}: {reason}": count for stage, reasons in rejected.items() for reason, count in reasons.items()}
    if not counts:
        return "the source has no problems"
    commonest = max(counts, key=lambda reason: counts[reason])
    return f"{counts[commonest]:,} problems were rejected as {commonest}; rejected/ says why, row by row"


def token_line(tokens: dict[str, Any]) -> str:
    """Return the summary's ``translation`` as one line for a terminal."""
    rate = tokens["generated_tokens"] / tokens["seconds"] if tokens["seconds"] else 0.0
    answers = tokens.get("answers", tokens["rows"])
    return (
        f"{answers:,} answers of {len(tokens['engines'])} engines: {tokens['prompt_tokens']:,} tokens read, "
        f"{tokens['generated_tokens']:,} written, {rate:,.0f}/s"
    )
