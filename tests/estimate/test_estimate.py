"""The estimate of a small corpus: what the run of it gave, what a model would cost, and nothing is written."""

import json

import pytest

from execground_ray.config.loading import load
from execground_ray.estimate import estimate as module
from execground_ray.estimate.estimate import choose_splits, estimate
from execground_ray.estimate.sample import cpu_seconds
from execground_ray.estimate.table import table
from execground_ray.output.record_split import open_source

PLAIN = "tracing.preload=[]"


@pytest.fixture
def settings(small_output):
    return ["source=jsonl", f"source.path={small_output.parent}/corpus.jsonl", PLAIN]


def counts_of(found):
    return {ending: count for ending, (count, _) in found.endings.items()}


def test_of_a_small_corpus_all_is_run_and_found_as_the_run_found_it(settings, small_output):
    summary = json.loads((small_output / "summary.json").read_text())
    found = estimate(load(settings), caged=True)
    rejected = {(stage, reason): n for stage, reasons in summary["rejected"].items() for reason, n in reasons.items()}
    assert counts_of(found) == rejected | {("", ""): summary["problems_with_examples"]}
    assert (found.problems, found.seen, found.sample) == (13, 13, 13)
    for count, (middle, low, high) in found.endings.values():
        assert middle == pytest.approx(count)
        assert low < count < high
    written = sum(
        path.stat().st_size for name in ("train", "rejected", "records") for path in (small_output / name).iterdir()
    )
    middle, low, high = found.totals["stored_bytes"]
    assert low < middle < high
    assert 0.4 < middle / written < 1  # three small files of records have three heads
    assert 0 < found.totals["cpu_seconds"][0] < 5


def test_a_model_is_not_asked_and_its_tokens_are_counted_or_assumed(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = ["translator=http", "translator.url=http://127.0.0.1:9/v1", "translator.model=not a name"]
    config = load([*settings, *model, "translator.enable_thinking=false", "source.limit=6"])
    found = estimate(config, caged=True)
    assert counts_of(found) == {("translate", "traced"): 6}
    assert 300 < found.totals["prompt_tokens"][0] / 6 < 900
    assert found.generated_tokens[0] == 6 * 310
    said = table(found, config)
    for words in ("to be asked of the model", "3.5 characters each", "without thinking", "2,353 tokens a second"):
        assert words in said
    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_output_has_costs_nothing(small_output):
    config = load(
        ["source=dataset", f"source.path={small_output}", "output.dir=elsewhere", PLAIN, "export.license=mit"]
    )
    found = estimate(config, caged=True)
    assert counts_of(found)["", ""] == 8
    assert found.totals["cpu_seconds"][0] < 1


def test_of_a_large_source_a_part_is_read_and_the_sample_is_drawn_by_the_seed(settings, monkeypatch):
    monkeypatch.setattr("execground_ray.corpus.splits.SPLIT_BYTES", 400)
    monkeypatch.setattr(module, "SURVEY_BYTES", 1500)
    config = load([*settings, "tracing.timeout_s=0.1"])
    splits = open_source(config)
    some = choose_splits(splits, config)
    assert 1 < len(some) < len(splits)
    assert some == choose_splits(splits, config) != choose_splits(splits, load([*settings, "seed=5"]))
    assert choose_splits(splits, load([*settings, "source.limit=9"])) == splits[: len(some)]
    found = estimate(config, caged=True, wanted=2)
    assert found.sample == 2
    assert 2 < found.seen < found.problems < 40
    assert "copies of problems outside these are not known" in table(found, config)


def test_the_command_prints_a_table_and_refuses_a_mistake(run_command, settings, tmp_path):
    ended = run_command("-m", "ray_jobs.estimate", *settings, "source.limit=3")
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert shown[1] == "problems 3 3"
    assert shown[2].startswith("with examples 3 3 1 to 3")
    assert shown[-1].startswith("from 3 problems in ")
    refused = run_command("-m", "ray_jobs.estimate", "tracing.timeot_s=3")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: tracing.timeot_s is not a key; did you mean tracing.timeout_s?")
    assert list(tmp_path.iterdir()) == []
    assert "ray_jobs.estimate" in run_command("-m", "ray_jobs.build_dataset", "--help").stdout


def test_cpu_time_counts_what_children_have_used(run_command):
    before = cpu_seconds()
    run_command("-c", "while __import__('time').process_time() < 0.3: pass")
    assert 0.25 < cpu_seconds() - before < 3
