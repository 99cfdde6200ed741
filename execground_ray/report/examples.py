"""Picks the rows that the report shows, and puts them into the form that its page reads.

A dataset of any size gives a page of one size: some hundred accepted rows and as many rejected, of every reason some.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from execground_ray.output.rows import is_rejected
from execground_ray.output.shards import read_counted_records
from execground_ray.output.storage import Folder
from execground_ray.records import Problem
from execground_ray.report.figures import Figures
from execground_ray.verification.citations import Attributed, read_citations

PER_KIND = 200  # rows shown, accepted and rejected each
MOST_CHARS = 20_000  # of one text of a row
CUT = "\n… cut here; the whole text is in records/"


def pick_rows(figures: Figures, seed: int, per_kind: int = PER_KIND) -> pa.Table:
    """Return ``write`` and ``place`` of the rows to show, drawn by ``seed``.

    Accepted texts with findings and without, and rejected rows of each reason, take turns until ``per_kind`` are drawn,
    so that what is rare is shown too.
    """
    rows = figures.rows
    groups: dict[bool, dict[tuple[str, bool], list[int]]] = {True: {}, False: {}}
    for index, (reason, flawed) in enumerate(
        zip(*(rows[name].to_pylist() for name in ("reason", "flawed")), strict=True)
    ):
        groups[not is_rejected(reason)].setdefault((reason, flawed), []).append(index)
    chosen = [index for strata in groups.values() for index in _take_turns(strata, per_kind, random.Random(seed))]  # noqa: S311
    return rows.select(["write", "place"]).take(pa.array(sorted(chosen), pa.int64()))


def read_examples(folder: Folder, picked: pa.Table) -> list[dict[str, Any]]:
    """Read the picked rows as the page shows them, accepted ones first."""
    places: dict[str, list[int]] = {}
    for write, place in zip(*(picked[name].to_pylist() for name in ("write", "place")), strict=True):
        places.setdefault(write, []).append(place)
    tables = [read_counted_records(folder, write).take(wanted) for write, wanted in places.items()]
    rows = [row for table in tables for row in table.to_pylist()]
    return sorted(map(_example, rows), key=lambda example: (is_rejected(example["reason"]), example["id"]))


def pack(examples: Sequence[dict[str, Any]]) -> str:
    """Return examples as text that no HTML can be hidden in: JSON, compressed, in base64."""
    text = json.dumps(examples, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _take_turns(strata: dict[Any, list[int]], wanted: int, chance: random.Random) -> Iterable[int]:
    """Draw from each stratum in turn until there are as many as wanted."""
    order = [strata[key] for key in sorted(strata)]
    for members in order:
        chance.shuffle(members)
    taken: list[int] = []
    while any(order) and len(taken) < wanted:
        for members in order:
            if members and len(taken) < wanted:
                taken.append(members.pop())
    return taken


def cited_passages(written: Attributed) -> list[list[Any]]:
    """Return, for each citation, where the words before it begin and end, and the lines that they tell.

    The words reach back to the citation before, or to the beginning of their line.
    """
    passages: list[list[Any]] = []
    done = 0
    for citation in written.citations:
        start = max(done, written.text.rfind("\n", 0, citation.place) + 1)
        passages.append([start, citation.place, [list(lines) for lines in citation.ranges]])
        done = citation.place
    return passages


def _example(row: dict[str, Any]) -> dict[str, Any]:
    written = read_citations(row["text"], row["trace_lines"])
    problem = Problem.from_json(row["problem"]) if row["problem"] else None
    return {
        "id": row["id"],
        "locator": row["locator"],
        "stage": row["stage"],
        "reason": row["reason"],
        "detail": row["detail"],
        "question": _cut(problem.question if problem else ""),
        "code": _cut(problem.refcode if problem else ""),
        "input": _cut(row["input"]),
        "output": _cut(row["output"]),
        "trace": _cut(row["trace"]),
        "text": _cut(written.text),
        "passages": cited_passages(written),
        "lines": row["trace_lines"],
        "milliseconds": round(row["trace_seconds"] * 1000, 1),
        "grounded": row.get("grounded"),
        "coverage": row.get("coverage"),
        "answer_ok": row.get("answer_ok"),
        "findings": json.loads(row.get("findings") or "[]"),
    }


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + CUT
