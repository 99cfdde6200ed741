"""A dataset is finished, then its source changes, and the same command goes on with what is new."""

import json
import re

import pytest
from job import rows_of
from problem_lines import problem_line

from ray_jobs.check import main as check


@pytest.fixture(scope="module")
def runs(start_job, tmp_path_factory):
    """Two runs of three problems, then five more and one less and a higher limit, and a third of the same."""
    folder = tmp_path_factory.mktemp("grown")
    source, output = folder / "problems.jsonl", folder / "out"
    same = {"source": "jsonl", "source.path": source, "output.dir": output}
    same |= {"cluster.num_cpus": 1, "tracing.preload": "[]"}
    lines = [problem_line(number) for number in range(9)]
    seen = []
    for corpus, limit in ((lines[:4], 3), (lines[1:], 7), (lines[1:], 7)):
        text = "".join(f"{line}\n" for line in corpus)
        if not source.exists() or source.read_text() != text:
            source.write_text(text)
        ended = start_job(*(f"{key}={value}" for key, value in same.items()), f"source.limit={limit}").wait()
        assert ended.code == 0, ended.stderr
        numbers = [json.loads(row["output"]) - json.loads(row["input"])["n"] for row in rows_of(output, "train")]
        seen.append((ended, sorted(numbers), json.loads((output / "summary.json").read_text())))
    return output, seen


def test_what_is_new_is_added_and_what_is_gone_is_said(runs):
    output, [(_, first, _), (ended, second, summary), _] = runs
    assert (first, second) == ([0, 1, 2], list(range(8)))
    assert "2 of 7 problems are done already\n" in ended.stderr
    assert f"the source has changed: 1 problems in {output} are no longer in it; their rows stay" in ended.stderr
    assert (summary["problems_read"], summary["counts_add_up"]) == (8, True)
    assert summary["config"]["source"]["limit"] == 7


def test_the_summary_tells_of_all_runs(runs):
    _, [(_, _, first), (_, _, second), _] = runs
    assert (first["legs"], second["legs"]) == (1, 2)
    assert second["seconds"] > first["seconds"]
    assert second["throughput"][: len(first["throughput"])] == first["throughput"]


def test_the_same_again_ends_at_once(runs):
    output, [_, (_, _, before), (ended, _, after)] = runs
    assert ended.stderr == ""
    assert re.fullmatch(r".* is finished already; .*\n", ended.stdout)
    assert after == before
    assert not (output / ".legs").exists()


def test_the_dataset_is_proved(runs, monkeypatch):
    monkeypatch.setattr("sys.argv", ["check", str(runs[0]), "--sample", "0", "--workers", "1"])
    assert check() == 0
