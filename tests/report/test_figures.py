"""Figures are of all rows, and the rows that are shown are a fair few of every kind."""

import base64
import gzip
import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from execground_ray.report.charts import Histogram, draw_counts, draw_histogram, draw_throughput
from execground_ray.report.examples import CUT, MOST_CHARS, pack, pick_rows, read_examples
from execground_ray.report.figures import Figures, read_figures
from execground_ray.report.page import draw_charts


@pytest.fixture(scope="module")
def figures(folder):
    return read_figures(folder)


def many(**counts):
    """Figures of so many rows of each reason, ``accepted`` and ``flawed`` for accepted ones."""
    reasons = [name for name, count in counts.items() for _ in range(count)]
    columns = {
        "write": ["w"] * len(reasons),
        "place": list(range(len(reasons))),
        "reason": ["" if reason in ("accepted", "flawed") else reason for reason in reasons],
        "flawed": [reason == "flawed" for reason in reasons],
    }
    return Figures(pa.table(columns), Counter(), Counter()), reasons


def test_every_row_is_measured(figures, small_output):
    rows = figures.rows.to_pylist()
    assert Counter(row["reason"] == "" for row in rows) == {True: 8, False: 5}
    for path in (small_output / "train").iterdir():
        for row in map(json.loads, path.read_text().splitlines()):
            (measured,) = (each for each in rows if each["id"] == row["id"])
            assert measured["trace_lines"] == row["trace_lines"]
            assert measured["words"] == len(row["messages"][1]["content"].split())
            assert measured["values"] > 0
            assert not measured["flawed"]
    names = ("answers_right", "values_grounded", "steps_told", "attributed", "judged_by_run", "without_findings")
    assert figures.verification == dict.fromkeys(names, 1.0)


def test_a_sample_takes_turns_among_reasons_and_keeps_its_size():
    figures, reasons = many(accepted=1000, flawed=4, too_long=500, exception=40, memory=2)
    picked = Counter(reasons[place] for place in pick_rows(figures, 1, per_kind=60)["place"].to_pylist())
    assert picked == {"accepted": 56, "flawed": 4, "too_long": 29, "exception": 29, "memory": 2}


def test_a_sample_depends_on_the_seed_alone():
    figures, _ = many(accepted=300, too_long=300)
    first, again, other = (pick_rows(figures, seed, 50)["place"].to_pylist() for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first)) == 100


def test_fewer_rows_than_asked_for_are_all_shown(figures, folder):
    examples = read_examples(folder, pick_rows(figures, 1))
    assert sorted(example["id"] for example in examples) == sorted(figures.rows["id"].to_pylist())


def test_examples_are_packed_without_loss_and_long_texts_are_cut(figures, folder):
    examples = read_examples(folder, pick_rows(figures, 1))
    assert json.loads(gzip.decompress(base64.b64decode(pack(examples)))) == examples
    assert all(len(example["trace"]) <= MOST_CHARS + len(CUT) for example in examples)
    (endless,) = (example for example in examples if example["reason"] == "too_long")
    assert "while True" in endless["code"]


def test_one_row_of_each_distribution_is_drawn(figures):
    titles = [chart["title"] for chart in draw_charts(figures, [[0.0, 0], [1.0, 5], [2.0, 13]])]
    assert titles == [
        "Length of the traces",
        "Length of the texts",
        "Values cited in a text",
        "Time of a traced run",
        "Problems finished over time",
    ]


@pytest.mark.parametrize("values", [[5], [0, 0], [1, 2, 3], [3, 100_000], list(range(500))])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_the_bars_of_a_histogram_count_every_value(values, logarithmic):
    values = np.array(values) + logarithmic
    svg = draw_histogram(Histogram(values, "lines", "examples", logarithmic))
    says = [part.split('"')[0] for part in svg.split('aria-label="')[1:]]
    bars = [words for words in says if words.endswith(" examples")]
    assert sum(int(words.rsplit(": ")[1].split()[0].replace(",", "")) for words in bars) == len(values)


def test_colours_are_those_of_the_page():
    svg = draw_counts({"wrong_answer": 3}, "texts")
    assert "var(--warn)" in svg
    assert "wrong answer: 3 texts" in svg


def test_what_has_no_figures_is_not_drawn():
    assert draw_histogram(Histogram(np.array([]), "lines", "examples")) == ""
    assert draw_counts({}, "texts") == ""
    assert draw_throughput([(0.0, 0), (1.0, 3)]) == ""
