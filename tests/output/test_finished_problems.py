"""What is done of a corpus, read from the files of its writes, and what is taken away because it is half done.

Every test leaves files behind as a job does that dies at some moment, and looks at what a resume makes of them.
"""

import json
from collections import Counter

import pytest
from exported_rows import block, rejected
from pyarrow import parquet

from execground_ray import __version__
from execground_ray.output.attempts import carry_over, read_attempts, whole_run
from execground_ray.output.layout import CONFIG
from execground_ray.output.resume import delete_late_writes, finished_problems
from execground_ray.output.storage import Folder
from execground_ray.records import split_row
from execground_ray.stages.write_shards import ShardSink

A, B, C = (f"{number:016x}" for number in (10, 11, 12))


class Task:
    def __init__(self, number):
        self.task_idx = number


pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture
def folder(tmp_path):
    found = Folder.at(str(tmp_path / "out"))
    found.write_text(CONFIG, "seed: 1\n")
    return found


def write(folder, number, *rows, run="aaaaaaaa"):
    ShardSink(folder, 1000, run).write([block(*rows)], Task(number))


def examples(identity, count, of=None):
    """So many first rows of a problem that gave ``of`` rows."""
    ids = [identity, *(f"{identity}-{number}" for number in range(2, count + 1))]
    return [{"id": name, "problem_rows": of or count} for name in ids]


def done(folder):
    finished, kept = finished_problems(folder)
    return {f"{value:016x}" for value in finished.contents.tolist()} | finished.copies, kept


def ids_in(folder):
    rows = [row for name in ("train", "rejected") for path in folder.files(name) for row in folder.read_rows(path)]
    return sorted(row["id"] for row in rows)


def ids_in_records(folder):
    return sorted(
        identity for path in folder.files("records") for identity in parquet.read_table(path)["id"].to_pylist()
    )


def test_what_is_whole_is_done_and_left_as_it_is(folder):
    write(folder, 0, *examples(A, 3), rejected(B) | {"problem_rows": 1})
    write(folder, 1, *examples(f"{A}.2", 2))
    before = ids_in(folder)
    assert done(folder) == ({A, f"{A}.2", B}, {"aaaaaaaa-000000", "aaaaaaaa-000001"})
    assert ids_in(folder) == ids_in_records(folder) == before


@pytest.mark.parametrize("lost", ["train", "rejected", "records"])
def test_of_a_write_that_lost_a_file_nothing_is_done_and_nothing_left(folder, lost):
    write(folder, 0, *examples(A, 1), rejected(B) | {"problem_rows": 1})
    write(folder, 1, *examples(C, 1))
    name = f"{lost}/aaaaaaaa-000000.{'parquet' if lost == 'records' else 'jsonl'}"
    assert folder.exists(name)
    folder.delete(name)
    assert done(folder) == ({C}, {"aaaaaaaa-000001"})
    assert ids_in(folder) == ids_in_records(folder) == [C]


@pytest.mark.parametrize("lost", ["train", "records"])
def test_a_file_that_was_cut_off_takes_its_write_with_it(folder, tmp_path, lost):
    write(folder, 0, *examples(A, 2), rejected(B) | {"problem_rows": 1})
    (path,) = (tmp_path / "out" / lost).iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert done(folder) == (set(), set())
    assert ids_in(folder) == ids_in_records(folder) == []


def test_a_shard_that_lost_whole_lines_is_no_whole_write(folder, tmp_path):
    write(folder, 0, *examples(A, 1), *examples(B, 1))
    (path,) = (tmp_path / "out/train").iterdir()
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert done(folder)[0] == set()


def test_rows_of_one_problem_may_stand_in_several_writes(folder):
    rows = examples(A, 3)
    for number, row in enumerate(rows):
        write(folder, number, row)
    assert done(folder)[0] == {A}
    assert len(ids_in(folder)) == 3


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_problem_that_lost_one_row_is_made_again_whole(folder, lost):
    first, second, third = examples(A, 3)
    write(folder, 0, first, *examples(B, 2), rejected(f"{C}") | {"problem_rows": 1})
    write(folder, 1, second)
    write(folder, 2, rejected(third["id"]) | {"problem_rows": 3}, *examples(f"{B}.2", 1))
    folder.delete(f"records/aaaaaaaa-{lost:06}.parquet")
    expected = {0: {f"{B}.2"}, 1: {B, f"{B}.2", C}, 2: {B, C}}[lost]
    assert done(folder)[0] == expected
    assert {identity.partition("-")[0] for identity in ids_in(folder)} == expected
    assert ids_in(folder) == ids_in_records(folder)
    assert done(folder)[0] == expected


@pytest.mark.parametrize("identity", [A, f"{A}.2"])
def test_a_problem_that_two_runs_wrote_is_made_again(folder, identity):
    write(folder, 0, *examples(identity, 2), *examples(B, 1))
    write(folder, 0, *examples(identity, 2), *examples(C, 1), run="bbbbbbbb")
    assert done(folder)[0] == {B, C}
    assert ids_in(folder) == ids_in_records(folder) == [B, C]


def test_what_a_killed_run_wrote_after_the_next_had_begun_goes_away(folder):
    write(folder, 0, *examples(A, 1))
    _, kept = done(folder)
    write(folder, 1, *examples(B, 1))
    write(folder, 0, *examples(B, 1), run="bbbbbbbb")
    delete_late_writes(folder, kept, "bbbbbbbb")
    assert Counter(ids_in(folder)) == Counter([A, B])
    assert [path.rpartition("/")[2] for path in folder.files("train")] == [
        "aaaaaaaa-000000.jsonl",
        "bbbbbbbb-000000.jsonl",
    ]


def test_a_write_that_is_repeated_with_other_rows_leaves_none_of_the_first(folder):
    write(folder, 0, *examples(A, 1), rejected(B) | {"problem_rows": 1})
    write(folder, 0, rejected(A) | {"problem_rows": 1}, rejected(B) | {"problem_rows": 1})
    assert ids_in(folder) == [A, B]
    assert done(folder)[0] == {A, B}


def test_what_was_a_duplicate_is_known_as_one(folder):
    duplicate = rejected(B) | {"stage": "prefilter", "reason": "duplicate_problem", "problem_rows": 1}
    write(folder, 0, *examples(A, 1), duplicate, duplicate | {"id": f"{B}.2"})
    write(folder, 1, rejected(C) | {"problem_rows": 1})
    finished, _ = finished_problems(folder)
    assert finished.duplicates.tolist() == [int(B, 16)]
    assert finished.count == 4


LEG = {"seconds": 10.0, "done": 0, "throughput": [(0.0, 0), (4.0, 6), (9.0, 12)], "tokens": None}
TOKENS = {"rows": 2, "prompt_tokens": 30, "generated_tokens": 4, "seconds": 1.5, "engines": [{"rows": 2}]}


def test_legs_are_added_up():
    run = whole_run([LEG | {"tokens": TOKENS}, LEG | {"done": 8, "tokens": TOKENS}])
    assert (run["legs"], run["seconds"]) == (2, 20.0)
    assert run["throughput"] == [(0.0, 0), (4.0, 6), (10.0, 8), (14.0, 14), (19.0, 20)]
    assert run["tokens"] == {
        "rows": 4,
        "prompt_tokens": 60,
        "generated_tokens": 8,
        "seconds": 3.0,
        "engines": [{"rows": 2}, {"rows": 2}],
    }
    assert "tokens" not in whole_run([LEG])
    json.dumps(run)


def test_what_a_finished_dataset_tells_is_added_to_by_the_next_legs(folder):
    legs = [LEG | {"began": 1.0, "tokens": TOKENS}, LEG | {"began": 2.0, "done": 12, "tokens": TOKENS}]
    run = whole_run(legs)
    summary = {name: run[name] for name in ("legs", "seconds", "throughput")} | {"translation": run["tokens"]}
    carry_over(folder, summary | {"python": "CPython 3.11.7", "versions": {"execground-ray": __version__}})
    assert whole_run(read_attempts(folder)) == run
    folder.write_text(".legs/aa.json", json.dumps(LEG | {"began": 3.0, "done": 24, "tokens": TOKENS}))
    after = whole_run(read_attempts(folder))
    assert (after["legs"], after["seconds"], after["tokens"]["rows"]) == (3, 30.0, 6)
    assert after["throughput"] == [*run["throughput"], (20.0, 24), (24.0, 30), (29.0, 36)]


def parts_of_parts():
    """The rows of a problem whose second execution was told three times, by a stage after tracing."""
    first, second = split_row({"id": A, "problem_rows": 1}, 2)
    return [first, *split_row(second, 3)]


def test_rows_that_any_stage_made_are_found_wherever_they_were_written(folder):
    rows = parts_of_parts()
    assert [row["id"] for row in rows] == [A, f"{A}-2", f"{A}-4", f"{A}-6"]
    for number, row in enumerate(rows):
        write(folder, number, row)
    assert done(folder)[0] == {A}
    assert len(ids_in(folder)) == 4


@pytest.mark.parametrize("lost", range(4))
def test_a_problem_is_not_done_while_one_of_them_is_missing(folder, lost):
    rows = parts_of_parts()
    del rows[lost]
    write(folder, 1, rows[0], {"id": B})
    write(folder, 2, *rows[1:])
    assert done(folder)[0] == {B}
    assert ids_in(folder) == [B]
