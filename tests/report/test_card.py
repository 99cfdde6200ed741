"""The dataset card says what the summary says, and what it tells people to type works."""

import re

import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard

from execground_ray.report.card import make_card
from execground_ray.report.figures import read_figures
from execground_ray.report.summary import REGISTRATION


@pytest.fixture(scope="module")
def card(small_output):
    return (small_output / "README.md").read_text()


def with_export(summary, **changes):
    config = summary["config"]
    return summary | {"config": config | {"export": config["export"] | changes}}


def test_the_front_matter_is_what_the_hub_wants(card):
    data = DatasetCard(card).data
    assert (data.license, data.language, data.size_categories) == ("unknown", "en", "n<1K")
    assert data.task_categories == ["text-generation"]
    assert {"code", "reasoning"} <= set(data.tags)
    (config,) = data.configs
    assert config["data_files"] == [{"split": "train", "path": "train/*.jsonl"}]


def test_it_counts_what_the_summary_counts(card, summary):
    assert f"| problems read | {summary['problems_read']} |" in card
    assert f"| **training rows** | **{summary['examples']}** |" in card
    for stage, reasons in summary["rejected"].items():
        for reason, count in reasons.items():
            assert f"| rejected, {stage}: `{reason}` | {count} |" in card
    assert "| state the value that was returned | 100.00% |" in card


def test_the_folder_loads_as_the_card_says(card, small_output, tmp_path):
    (call,) = re.findall(r'load_dataset\("(.*)", split="train"\)', card)
    assert call == str(small_output)
    dataset = load_dataset(call, split="train", cache_dir=str(tmp_path))
    assert len(dataset) == 8
    assert "messages" in dataset.column_names


def test_llama_factory_finds_the_dataset_that_the_card_names(card, small_output):
    settings = yaml.safe_load(re.search(r"```yaml\n(.*?)```", card, re.DOTALL)[1])
    assert settings["dataset_dir"] == str(small_output)
    assert settings["dataset"] in REGISTRATION
    assert (small_output / REGISTRATION[settings["dataset"]]["file_name"]).is_dir()


def test_pairs_and_texts_of_the_fallback_are_told_where_there_are_some(card, summary, folder):
    assert "preference" not in card and "text by" not in card
    more = {"preference_pairs": 3, "examples_by_translator": {"template": 2, "vllm": 6}}
    with_pairs = make_card(summary | more, read_figures(folder))
    configs = {config["config_name"]: config["data_files"] for config in DatasetCard(with_pairs).data.configs}
    assert configs["preference"] == [{"split": "train", "path": "preference/*.jsonl"}]
    for words in ("| preference pairs | 3 |\n", "| text by `vllm` | 6 |\n", '", "preference", split="train")\n```\n'):
        assert words in with_pairs
    assert with_pairs.endswith("```\n\nThe pairs are `dataset: execground_preference`, for `stage: dpo` or `rm`.\n")


def test_licence_and_repository_come_from_the_configuration(summary, folder):
    changed = with_export(summary, license="apache-2.0", push_to_hub="owner/name")
    card = make_card(changed, read_figures(folder))
    assert DatasetCard(card).data.license == "apache-2.0"
    assert 'load_dataset("owner/name", split="train")' in card
    assert "hf download owner/name --repo-type dataset --local-dir out" in card
    assert "dataset_dir: out\n" in card


@pytest.mark.parametrize(("examples", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M")])
def test_the_size_is_named_as_the_hub_names_it(summary, folder, examples, size):
    card = make_card(summary | {"examples": examples}, read_figures(folder))
    assert DatasetCard(card).data.size_categories == size


def test_counts_that_do_not_add_up_are_told(summary, folder):
    assert "do not add up" not in make_card(summary, read_figures(folder))
    assert "do not add up" in make_card(summary | {"counts_add_up": False}, read_figures(folder))
