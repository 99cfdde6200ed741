"""The survey: counts, line numbers, limits, ids and the choice within a distinct problem, here and on Ray."""

import itertools
import json
import random

import pytest
from problem_lines import problem_line

from execground_ray.config.schema import FileSource
from execground_ray.corpus import splits
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import map_on_ray, survey_corpus, survey_split
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
    (tmp_path / "a.jsonl.gz").write_bytes(b"not compressed")
    with pytest.raises(OSError, match=r"a\.jsonl\.gz"):
        survey_corpus(find(tmp_path), None, 0, map_on_ray)
