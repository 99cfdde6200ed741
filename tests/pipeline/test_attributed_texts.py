"""Texts that cite lines, from a server, through the whole job: judged by the run, citations taken out, and kept."""

import json
import re

import pyarrow.parquet as pq
import pytest
from citing_server import MARKS, citing_server, problem

from execground_ray.verification.citations import strip_citations


@pytest.fixture(scope="module")
def output(start_job, tmp_path_factory):
    folder = tmp_path_factory.mktemp("attributed")
    lines = [json.dumps(problem(number, mark)) for number, mark in enumerate(MARKS, 1)]
    (folder / "problems.jsonl").write_text("\n".join(lines))
    with citing_server() as (url, _):
        job = start_job(
            "source=jsonl",
            f"source.path={folder}/problems.jsonl",
            f"output.dir={folder}/out",
            "translator=http",
            f"translator.url={url}",
            "cluster.num_cpus=2",
            "tracing.workers=1",
        )
        ended = job.wait()
    assert ended.code == 0, ended.stderr
    return folder / "out"


def rows(folder):
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_true_texts_are_accepted_without_their_citations(output):
    accepted = rows(output / "train")
    assert sorted(row["attributed"] for row in accepted) == [False, True, True]
    for row in accepted:
        text = row["messages"][1]["content"]
        assert not re.search(r"\[\d", text)
        assert text.endswith(f"**Final output:** `{row['output']}`")
        assert (row["evidence"], row["answer_ok"], row["grounded"]) == (True, True, 1.0)
        assert row["coverage"] == (1.0 if row["attributed"] else 0.0)


def test_the_records_keep_them(output):
    kept = [row for path in (output / "records").iterdir() for row in pq.read_table(path).to_pylist() if row["text"]]
    accepted = {row["id"]: row for row in rows(output / "train")}
    assert len(kept) == len(MARKS)
    for row in kept:
        assert bool(re.search(r" \[\d+", row["text"])) == row["attributed"]
        if row["id"] in accepted:
            assert strip_citations(row["text"], row["trace_lines"]) == accepted[row["id"]]["messages"][1]["content"]


def test_a_mistake_or_a_missing_last_line_is_rejected_with_its_reason(output):
    found = {row["detail"].partition(": ")[2]: row["reason"] for row in rows(output / "rejected")}
    assert sorted(found.values()) == ["unfinished", "ungrounded", "ungrounded"]
    assert any("99" in detail for detail in found)


def test_the_summary_counts_what_cites_nothing(output):
    summary = json.loads((output / "summary.json").read_text())
    assert (summary["examples_not_attributed"], summary["examples_without_evidence"]) == (1, 0)
