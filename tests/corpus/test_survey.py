"""The survey: counts, line numbers, limits, ids and the choice within a distinct problem, here and on Ray."""

import itertools
import json
import os
import random

import pytest
from problem_lines import problem_line

from execground_ray.config.schema import FileSource
from execground_ray.corpus import splits
from execground_ray.corpus.duplicates import Finished
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import Work, map_on_ray, survey_corpus, survey_split
from execground_ray.stages.read_problems import read_rows


def find(path):
    return list_splits(FileSource(kind="jsonl", limit=None, path=str(path), layout="pyedu"))


def rows_of(path, limit=None, seed=0):
    return [row for plan in survey_corpus(find(path), limit, seed) for row in read_rows(plan)]


def write(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("split_bytes", [100, 700, 10_000])
def test_line_numbers_are_those_of_the_file_whatever_the_splits(tmp_path, monkeypatch, split_bytes):
    monkeypatch.setattr(splits, "SPLIT_BYTES", split_bytes)
    lines = [problem_line(number=n) if n % 3 else "" for n in range(20)]
    write(tmp_path / "a.jsonl", lines)
    write(tmp_path / "b.jsonl", lines[1:3])
    found = [(row["locator"], json.loads(row["problem"])["meta"]["number"]) for row in rows_of(tmp_path)]
    expected = [(f"{tmp_path}/a.jsonl:{n + 1}", n) for n in range(20) if n % 3]
    assert found == [*expected, (f"{tmp_path}/b.jsonl:1", 1), (f"{tmp_path}/b.jsonl:2", 2)]


@pytest.mark.parametrize("limit", [1, 4, 5, 6, 100])
def test_the_limit_counts_rows_in_the_order_of_the_files(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(splits, "SPLIT_BYTES", 700)
    write(tmp_path / "a.jsonl", [problem_line(number=n) for n in range(5)])
    write(tmp_path / "b.jsonl", ["broken", *(problem_line(number=n) for n in range(5, 10))])
    everything = [row["locator"] for row in rows_of(tmp_path)]
    assert [row["locator"] for row in rows_of(tmp_path, limit)] == everything[:limit]


def test_the_limit_stops_the_survey(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.jsonl", [problem_line(number=n) for n in range(5)])
    read = []

    def map_and_count(function, found):
        return (read.append(split.name) or function(split) for split in found)

    survey_corpus(find(tmp_path), 6, 0, map_and_count)
    assert read == [f"{tmp_path}/a.jsonl", f"{tmp_path}/b.jsonl"]
    assert survey_split(find(tmp_path)[0], limit=2).lines == 2


def test_ids_are_unique_and_do_not_depend_on_the_names_or_order_of_files(tmp_path):
    lines = [problem_line(number=n % 4) for n in range(9)] + ["broken"] * 3 + ["{}"]
    seen = set()
    for attempt in range(4):
        random.Random(attempt).shuffle(lines)
        folder = tmp_path / str(attempt)
        folder.mkdir()
        for part in range(3):
            write(folder / f"{part}.jsonl", lines[part::3])
        rows = rows_of(folder)
        assert len({row["id"] for row in rows}) == len(lines)
        seen.add(frozenset((row["id"], row["reason"]) for row in rows))
    assert len(seen) == 1


def test_one_row_of_a_distinct_problem_takes_part(tmp_path):
    same = [problem_line(number=n, description="The same\n  problem.") for n in range(4)]
    same += [problem_line(number=4, description="The same problem."), same[0]]
    write(tmp_path / "a.jsonl", [*same, problem_line(number=5, description="The same problem.", argument="other")])
    kept = set()
    for seed in range(20):
        rows = rows_of(tmp_path, seed=seed)
        taken = [row for row in rows[:6] if not row["reason"]]
        assert len(taken) == 1
        kept.add(taken[0]["id"])
        assert not rows[6]["reason"]
        for row in rows[:6]:
            if row is not taken[0]:
                assert (row["stage"], row["reason"]) == ("prefilter", "duplicate_problem")
                assert row["detail"] == f"{row['locator']}: the same problem as {taken[0]['id']}"
    assert len(kept) == 5


def test_a_row_with_pairs_and_a_function_goes_before_one_without(tmp_path):
    no_pairs = json.loads(problem_line(number=1)) | {"ios": [{"input": {"n": 1}, "output": 1}], "refcode": "x = 1"}
    write(tmp_path / "a.jsonl", [json.dumps(no_pairs), problem_line(number=1)])
    for seed in range(10):
        weak, strong = rows_of(tmp_path, seed=seed)
        assert (weak["reason"], strong["reason"]) == ("duplicate_problem", "")


def test_lines_that_are_no_problem_are_never_the_same_problem(tmp_path):
    write(tmp_path / "a.jsonl", ["broken", "broken", "{}"])
    rows = rows_of(tmp_path)
    assert [row["reason"] for row in rows] == ["malformed_json", "malformed_json", "missing_field"]
    assert rows[1]["id"] == f"{rows[0]['id']}.2"


def test_the_survey_on_ray_is_the_survey(tmp_path, monkeypatch, ray_session):
    monkeypatch.setattr(splits, "SPLIT_BYTES", 1000)
    write(tmp_path / "a.jsonl", [problem_line(number=n % 15) for n in range(30)])
    found = find(tmp_path)
    assert len(found) > 5
    for limit in (None, 3, 17):
        here, there = survey_corpus(found, limit, 0), survey_corpus(found, limit, 0, map_on_ray)
        assert len(here) == len(there)
        for left, right in itertools.zip_longest(here, there):
            assert (left.split, left.first, left.rows) == (right.split, right.first, right.rows)
            assert left.duplicates.tolist() == right.duplicates.tolist()


def test_a_file_that_cannot_be_read_stops_the_survey_by_name(tmp_path, ray_session):
    with pytest.raises(OSError, match=r"a\.jsonl\.gz"):
        (tmp_path / "a.jsonl.gz").write_bytes(b"not compressed")
        find(tmp_path)
    (tmp_path / "a.jsonl.gz").unlink()
    (tmp_path / "a.json").write_text('[{"a": 1}')
    with pytest.raises(OSError, match=r"a\.json: the array has no end") as refused:
        survey_corpus(find(tmp_path), None, 0, map_on_ray)
    assert str(refused.value).count("\n") == 0


def grown(tmp_path, before, after, seed):
    """The rows of a corpus that grew when it was finished, the new ones, and how many were no longer in it."""
    write(tmp_path / "a.jsonl", before)
    first = rows_of(tmp_path, seed=seed)
    write(tmp_path / "a.jsonl", after)
    was_duplicate = [row["id"] for row in first if row["reason"] == "duplicate_problem"]
    finished = Finished.of([row["id"] for row in first], was_duplicate)
    plans = survey_corpus(find(tmp_path), None, seed, finished=finished)
    return first, [row for plan in plans for row in read_rows(plan)], Work.of(plans, finished)


def test_of_a_corpus_that_grew_only_what_is_new_is_read(tmp_path):
    lines = [problem_line(number=n) for n in range(6)] + ["broken", problem_line(number=2)]
    for place in range(3):
        (tmp_path / str(place)).mkdir()
        new = [problem_line(number=7), "{}", problem_line(number=2)]
        after = [new + lines, lines + new, [*lines[:4], *new, *lines[4:]]][place]
        _, rows, work = grown(tmp_path / str(place), lines, after, seed=0)
        assert (work.total, work.done, work.gone) == (11, 8, 0)
        assert sorted((row["id"].partition(".")[2], row["reason"]) for row in rows) == [
            ("", ""), ("", "missing_field"), ("3", "duplicate_problem"),
        ]  # fmt: skip


def test_the_row_of_a_distinct_problem_that_took_part_stays_whatever_comes(tmp_path):
    same = [problem_line(number=n, description="The same problem.") for n in range(9)]
    for seed in range(10):
        first, rows, work = grown(tmp_path, same[:3], same, seed)
        (taken,) = [row["id"] for row in first if not row["reason"]]
        assert {row["reason"] for row in rows} == {"duplicate_problem"}
        assert all(row["detail"].endswith(f"the same problem as {taken}") for row in rows)
        assert (len(rows), work.gone) == (6, 0)


def test_a_better_row_goes_before_one_that_could_not_take_part(tmp_path):
    weak = json.loads(problem_line(number=1, description="The same.")) | {"refcode": "x = 1"}
    strong = problem_line(number=2, description="The same.")
    for seed in range(5):
        _, (row,), _ = grown(tmp_path, [json.dumps(weak)], [json.dumps(weak), strong], seed)
        assert row["reason"] == ""


@pytest.mark.parametrize("done", range(1, 7))
def test_what_is_done_of_a_corpus_that_did_not_grow_changes_no_choice(tmp_path, done):
    write(tmp_path / "a.jsonl", [problem_line(number=n, description=f"Problem {n % 3}.") for n in range(7)])
    for seed in range(5):
        everything = {row["id"]: row for row in rows_of(tmp_path, seed=seed)}
        ids = random.Random(seed).sample(sorted(everything), done)
        finished = Finished.of(ids, [each for each in ids if everything[each]["reason"] == "duplicate_problem"])
        rows = [row for plan in survey_corpus(find(tmp_path), None, seed, finished=finished) for row in read_rows(plan)]
        assert {row["id"]: row for row in rows} == {each: everything[each] for each in everything.keys() - set(ids)}


def test_what_is_no_longer_there_is_counted(tmp_path):
    lines = [problem_line(number=n) for n in (0, 1, 2, 2)]
    _, rows, work = grown(tmp_path, lines, [lines[0], lines[2], problem_line(number=9)], seed=0)
    assert (len(rows), work.total, work.done, work.gone) == (1, 3, 2, 2)


def test_a_fingerprint_tells_every_change_of_a_source(tmp_path):
    def look(limit=None):
        return splits.fingerprint(find(tmp_path), limit)

    write(tmp_path / "a.jsonl", ["1"])
    seen = [look(), look(3)]
    write(tmp_path / "b.jsonl", ["1"])
    seen.append(look())
    write(tmp_path / "b.jsonl", ["1", "2"])
    seen.append(look())
    os.utime(tmp_path / "b.jsonl", ns=(5, 5))  # the same size and another content
    seen.append(look())
    (tmp_path / "b.jsonl").rename(tmp_path / "c.jsonl")
    seen.append(look())
    assert len({told["fingerprint"] for told in seen}) == len(seen)
    assert look() == look() == seen[-1]
    assert seen[-1] | {"fingerprint": ""} == {"splits": 2, "bytes": 6, "fingerprint": ""}
