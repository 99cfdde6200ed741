"""Near duplicates: of programs that are nearly the same one stays, always the same, on whatever a resume goes on."""

import json
import random

import numpy as np
import pytest
from disguise import disguised
from problem_lines import accepted_problems

from execground_ray.config.schema import FileSource
from execground_ray.corpus.near_duplicates import find_near, signature
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import Finished, SurveyOptions, survey_corpus
from execground_ray.stages.read_problems import read_rows

NEAR = ("duplicate_problem", "near_duplicate")


def rows_of(path, seed=0, similarity=0.7, finished=None):
    splits = list_splits(FileSource(kind="jsonl", limit=None, path=str(path), layout="pyedu"))
    plans = survey_corpus(splits, None, seed, finished=finished, options=SurveyOptions(near_duplicates=similarity))
    return [row for plan in plans for row in read_rows(plan)]


def finished_of(rows):
    ids = {reason: [row["id"] for row in rows if row["reason"] == reason] for reason in NEAR}
    return Finished.of([row["id"] for row in rows], *ids.values())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """12 programs, and two copies of each of the first six, renamed, under other descriptions."""
    records = accepted_problems()[:12]
    copies = [
        record | {"refcode": disguised(record["refcode"]), "problem_description": f"Copy {number}."}
        for number in range(2)
        for record in records[:6]
    ]
    path = tmp_path_factory.mktemp("near") / "corpus.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in (*records, *copies, records[0])))
    return path


def test_of_renamed_copies_one_stays(corpus):
    kept = set()
    for seed in range(5):
        rows = rows_of(corpus, seed)
        assert [row["reason"] for row in rows[6:12]] == [""] * 6
        for cluster in ([rows[index], rows[12 + index], rows[18 + index]] for index in range(6)):
            (stays,) = [row for row in cluster if not row["reason"]]
            for row in cluster:
                if row is not stays:
                    assert row["reason"] == "near_duplicate"
                    assert row["detail"].startswith(f"{row['locator']}: nearly the code of {stays['id']}: similarity ")
            kept.add(stays["id"])
    assert rows[-1]["reason"] == "duplicate_problem"
    assert len(kept) > 6


def test_nothing_is_looked_for_unless_asked(corpus):
    assert {row["reason"] for row in rows_of(corpus, similarity=None)} == {"", "duplicate_problem"}


@pytest.mark.parametrize("done", [1, 9, 15, 22])
def test_what_is_done_changes_no_choice(corpus, done):
    for seed in range(4):
        everything = {row["id"]: row for row in rows_of(corpus, seed)}
        ids = random.Random(seed).sample(sorted(everything), done)
        rows = rows_of(corpus, seed, finished=finished_of([everything[each] for each in ids]))
        assert {row["id"]: row for row in rows} == {each: everything[each] for each in everything.keys() - set(ids)}


def test_of_a_corpus_that_grew_the_one_that_took_part_stays(corpus, tmp_path):
    lines = corpus.read_text().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_text("".join(lines[12:18]))  # the first copies only
    first = rows_of(tmp_path)
    assert {row["reason"] for row in first} == {""}
    (tmp_path / "a.jsonl").write_text("".join(lines))
    rows = rows_of(tmp_path, finished=finished_of(first))
    assert sorted(row["reason"] for row in rows) == [""] * 6 + ["duplicate_problem"] + ["near_duplicate"] * 12


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.9])
def test_pairs_that_are_alike_enough_are_found_and_others_are_not(similarity):
    chance = np.random.default_rng(0)
    first = chance.integers(0, 256, (500, 128), np.uint8)
    second = np.where(chance.random((500, 128)) < np.linspace(0, 1, 500)[:, None], first, first + np.uint8(1))
    kept, alike = find_near(np.concatenate([first, second]), np.arange(1000), similarity)
    exact = (first == second).mean(axis=1)
    found = kept[500:] == np.arange(500)
    assert (kept[:500] == -1).all()
    assert not found[exact < similarity - 0.01].any()
    assert found[exact > similarity + 0.05].all()
    assert np.abs(alike[500:][found] - exact[found]).max() < 0.01


def test_similarity_is_the_share_of_windows_that_both_have():
    lines = [f"    v{n} = {n} * v{n - 1}[{n}] - {n}\n" for n in range(1, 81)]
    whole = signature("def f(v0):\n" + "".join(lines), 0)
    for part in (0.5, 0.7, 0.9):
        shorter = signature("def f(v0):\n" + "".join(lines[: round(80 * part)]), 0)
        assert (whole == shorter).mean() == pytest.approx(part, abs=0.12)
    assert not signature("x = 1", 0).any()


def test_signatures_do_not_change_from_version_to_version():
    assert signature(accepted_problems()[0]["refcode"], 123)[:8].tolist() == [226, 111, 160, 90, 33, 35, 151, 210]
