"""A run that is stopped and then finds a shard cut off ends with every problem once and the usual rows.

It works with one tracing worker, and in the end with one CPU, so that its rows also show that parallelism changes
none of them.
"""

import json
import re
import signal
from collections import Counter
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest
from job import Ended, Job, rows_of
from problem_lines import slow_line

from execground_ray.corpus.splits import SAMPLE_PATH

SAMPLE = 127
SLOW = 2  # behind those of the sample stand so many that take seconds, so that there is time to interrupt
PROBLEMS = SAMPLE + SLOW


@dataclass(frozen=True)
class Stage:
    """What one of the runs came to: how it ended, and the ids of the problems that were done then."""

    job: Job
    ended: Ended
    done: set[str]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("interrupted") / "out"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "problems.jsonl"
    path.write_text(SAMPLE_PATH.read_text("utf-8") + "".join(map(slow_line, range(SLOW))), "utf-8")
    return path


@pytest.fixture(scope="module")
def start(start_job, output, corpus):
    def start(*overrides):
        source = ("source=jsonl", f"source.path={corpus}")
        fixed = (*source, f"output.dir={output}", "tracing.workers=1", "export.rows_per_shard=5")
        return start_job(*fixed, *overrides)

    return start


@pytest.fixture(scope="module")
def stopped(start, output):
    """Ctrl-C after the first writes."""
    job = start("cluster.num_cpus=2")
    job.wait_until(lambda: len(list((output / "records").glob("*"))) > 2)
    job.signal_group(signal.SIGINT)
    ended = job.wait(60)
    return Stage(job, ended, ids_in(output))


@pytest.fixture(scope="module")
def cut_off(output, stopped):
    """One shard loses its end afterwards, as on a disk not written in time; the ids in the writes that are whole."""
    assert stopped.job.left_behind(patience_seconds=30) == []
    shard = max((output / "train").iterdir(), key=lambda path: path.stat().st_size)
    content = shard.read_bytes()
    shard.write_bytes(content[: len(content) - 10])
    whole = set()
    for records in (output / "records").iterdir():
        shards = [output / name / f"{records.stem}.jsonl" for name in ("train", "rejected")]
        lines = [line for path in shards if path.exists() for line in path.read_text("utf-8").splitlines(keepends=True)]
        if all(line.endswith("\n") for line in lines):
            ids = {json.loads(line)["id"] for line in lines}
            if ids == set(pq.read_table(records)["id"].to_pylist()):
                whole |= ids
    return whole


@pytest.fixture(scope="module")
def resumed(start, output, cut_off):
    """To the end."""
    job = start("cluster.num_cpus=1")
    ended = job.wait()
    return Stage(job, ended, ids_in(output))


def ids_in(output):
    return {row["id"] for name in ("train", "rejected") for row in rows_of(output, name)}


def files_of(output):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in output.rglob("*") if path.is_file()}


def by_id(rows):
    return {row["id"]: row for row in rows}


def test_ctrl_c_ends_the_run_and_says_how_to_go_on(stopped):
    assert stopped.ended.code == 1
    assert stopped.ended.stderr.splitlines()[-1].startswith("Stopped. What is written is kept")
    assert "Traceback" not in stopped.ended.stderr
    assert len(stopped.ended.stderr.splitlines()) < 10


def test_ctrl_c_leaves_no_process_behind(stopped):
    assert stopped.job.left_behind(patience_seconds=30) == []


def test_it_was_interrupted_midway(stopped):
    assert 0 < len(stopped.done) < PROBLEMS


def test_the_last_run_does_only_what_is_missing(resumed, cut_off):
    assert resumed.ended.code == 0, resumed.ended.stderr
    assert 0 < len(cut_off) < PROBLEMS
    assert f"{len(cut_off)} of {PROBLEMS} problems are done already" in resumed.ended.stderr


def test_the_records_know_every_row_once(resumed, output):
    known = [identity for path in (output / "records").iterdir() for identity in pq.read_table(path)["id"].to_pylist()]
    assert sorted(known) == sorted(resumed.done)


def test_the_summary_tells_of_all_starts(resumed, output):
    del resumed
    summary = json.loads((output / "summary.json").read_text())
    assert summary["legs"] == 2
    assert summary["throughput"][-1][1] == PROBLEMS
    assert not (output / ".legs").exists()


def test_every_problem_is_there_once(resumed, output, sample_run):
    rows = rows_of(output, "train") + rows_of(output, "rejected")
    assert [identity for identity, count in Counter(row["id"] for row in rows).items() if count > 1] == []
    assert len(resumed.done) == PROBLEMS
    assert resumed.done > ids_in(sample_run[0])
    assert json.loads((output / "summary.json").read_text())["counts_add_up"]


def test_the_rows_are_those_of_a_run_in_one_go_with_two_workers(resumed, output, sample_run):
    sample = ids_in(sample_run[0])
    examples = {identity: row for identity, row in by_id(rows_of(output, "train")).items() if identity in sample}
    assert examples == by_id(rows_of(sample_run[0], "train"))
    assert resumed.done - sample == {row["id"] for row in rows_of(output, "train")} - examples.keys()
    reasons, usual = ({row["id"]: row["reason"] for row in rows_of(at, "rejected")} for at in (output, sample_run[0]))
    assert reasons == usual


def test_nothing_unfinished_is_left(resumed, output):
    assert not (output / ".unfinished").exists()
    for shard in (output / "train").iterdir():
        for line in shard.read_text("utf-8").splitlines():
            json.loads(line)
    assert resumed.job.left_behind(patience_seconds=30) == []


def test_a_finished_output_is_left_as_it_is(resumed, start, output):
    del resumed
    before = files_of(output)
    job = start()
    ended = job.wait(60)
    assert (ended.code, ended.stderr) == (0, "")
    assert re.fullmatch(r".* is finished already; output\.on_existing=overwrite builds it anew\n", ended.stdout)
    assert files_of(output) == before


REFUSED = {
    "seed": ("seed=7", "error: output.dir = .* was begun with other values of seed; allowed: the same values, .*"),
    "refuse": ("output.on_existing=refuse", "error: output.dir = .* holds train, .*, and on_existing is refuse"),
}


@pytest.mark.parametrize(("override", "message"), REFUSED.values(), ids=REFUSED)
def test_another_run_does_not_touch_it_unless_told_to(resumed, start, output, override, message):
    del resumed
    before = files_of(output)
    ended = start(override).wait(60)
    assert (ended.code, ended.stdout) == (2, "")
    assert re.fullmatch(message + "\n", ended.stderr)
    assert files_of(output) == before
