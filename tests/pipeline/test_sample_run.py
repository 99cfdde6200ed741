"""The bundled sample through the whole stream: every problem ends as it is meant to, and the output is as promised."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from datasets import load_dataset
from job import rows_of
from omegaconf import OmegaConf

import execground_ray
from execground_ray.config.loading import load, parse
from execground_ray.corpus.splits import list_splits
from execground_ray.corpus.survey import survey_corpus
from execground_ray.records import Reason
from execground_ray.stages.read_problems import read_rows

SAMPLE = Path(execground_ray.__file__).parent / "corpus" / "sample.jsonl"
RAYS = re.compile(r"Set ray log level from environment variable")  # said before it can be told to be quiet
ACCEPTED = "accepted"
OURS = re.compile(r"[\d,]+ of 127 problems · [\d,]+ examples · [\d,]+ rejected")


@pytest.fixture(scope="module")
def output(sample_run):
    return sample_run[0]


@pytest.fixture(scope="module")
def train(output):
    return rows_of(output, "train")


@pytest.fixture(scope="module")
def rejected(output):
    return rows_of(output, "rejected")


@pytest.fixture(scope="module")
def summary(output):
    return json.loads((output / "summary.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def expected():
    """For each line of the sample its number, its question and the outcome it is meant to have."""
    found = {}
    for number, line in enumerate(SAMPLE.read_bytes().splitlines(), 1):
        try:
            record = json.loads(line)
        except ValueError:
            found[number] = (None, Reason.MALFORMED_JSON.value)
        else:
            found[number] = (record["problem_description"], record["meta"]["expect"])
    return found


@pytest.fixture(scope="module")
def outcomes(train, rejected):
    """For each line of the sample what became of it."""
    lines = {row["id"]: int(row["locator"].rpartition(":")[2]) for row in all_rows()}
    became = {lines[row["id"]]: ACCEPTED for row in train}
    return became | {lines[row["id"]]: row["reason"] for row in rejected}


def all_rows():
    plans = survey_corpus(list_splits(load().source), None, load().seed)
    return [row for plan in plans for row in read_rows(plan)]


def test_the_run_ends_well_and_leaves_no_process_behind(sample_run):
    _, ended, left = sample_run
    assert ended.code == 0, ended.stderr
    assert left == []


def test_every_problem_ends_as_it_is_meant_to(outcomes, expected):
    copies = {question for question, outcome in expected.values() if outcome == Reason.DUPLICATE_PROBLEM}
    single = {number: outcome for number, (question, outcome) in expected.items() if question not in copies}
    assert {number: outcomes.get(number) for number in single} == single
    assert outcomes.keys() == expected.keys()


def test_of_two_copies_one_is_kept(outcomes, expected):
    copies = [question for question, outcome in expected.values() if outcome == Reason.DUPLICATE_PROBLEM]
    assert copies
    for copy in copies:
        ends = sorted(outcomes[number] for number, (question, _) in expected.items() if question == copy)
        assert ends == [ACCEPTED, Reason.DUPLICATE_PROBLEM]


def test_the_summary_counts_what_the_shards_hold(summary, train, rejected, expected):
    assert summary["counts_add_up"]
    assert summary["problems_read"] == len(expected) == len(train) + len(rejected)
    assert summary["examples"] == summary["problems_with_examples"] == len(train)
    assert summary["problems_rejected"] == len(rejected)
    counted = {(stage, reason): n for stage, reasons in summary["rejected"].items() for reason, n in reasons.items()}
    assert counted == Counter((row["stage"], row["reason"]) for row in rejected)


def test_ids_are_unique(train, rejected):
    ids = Counter(row["id"] for row in train + rejected)
    assert [identity for identity, count in ids.items() if count > 1] == []


def test_rejected_rows_say_where_and_why(rejected):
    for row in rejected:
        assert row.keys() == {"id", "stage", "reason", "detail"}
        assert row["stage"] == Reason(row["reason"]).stage
        assert re.match(r"sample\.jsonl:\d+: .", row["detail"])


def test_an_example_is_a_question_and_its_answer(train):
    for row in train:
        asked, answered = row["messages"]
        assert (asked["role"], answered["role"]) == ("user", "assistant")
        assert "def main_solution" in asked["content"]
        assert answered["content"].strip()
        json.loads(row["input"]), json.loads(row["output"])


def test_the_folder_holds_the_dataset_and_nothing_else(output):
    names = {"config.yaml", "dataset_info.json", "records", "rejected", "summary.json", "train"}
    assert names <= {path.name for path in output.iterdir()} <= names | {"records", "report.html", "README.md"}
    shards = [*(output / "train").iterdir(), *(output / "rejected").iterdir()]
    assert len(list((output / "train").iterdir())) > 3
    for shard in shards:
        assert shard.suffix == ".jsonl"
        assert shard.stat().st_size > 0


def test_the_shards_load_as_one_dataset_as_llama_factory_loads_them(output, train, tmp_path):
    info = json.loads((output / "dataset_info.json").read_text())["execground"]
    assert info["formatting"] == "sharegpt"
    folder = output / info["file_name"]
    files = [str(path) for path in folder.iterdir()]
    dataset = load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    tags = info["tags"]
    assert sorted(dataset["id"]) == sorted(row["id"] for row in train)
    for row in dataset:
        assert None not in row.values()
        roles = [message[tags["role_tag"]] for message in row[info["columns"]["messages"]]]
        assert roles == [tags["user_tag"], tags["assistant_tag"]]
        assert all(message[tags["content_tag"]] for message in row["messages"])


def test_the_shards_have_one_form(output):
    forms = set()
    for shard in (output / "train").iterdir():
        for row in map(json.loads, shard.read_text("utf-8").splitlines()):
            forms.add(tuple((name, type(value).__name__) for name, value in row.items()))
    assert len(forms) == 1


def test_the_configuration_is_saved_and_can_be_read_back(output, summary):
    config = parse(OmegaConf.load(output / "config.yaml"))
    given = [f"output.dir={output}", "cluster.num_cpus=2", "export.rows_per_shard=10"]
    assert config == load(given)
    assert summary["config"]["seed"] == config.seed


def test_the_counts_are_printed_as_a_table(sample_run, summary):
    lines = [" ".join(line.split()) for line in sample_run[1].stdout.splitlines()]
    assert lines[0] == "problems read 127"
    for stage, reasons in summary["rejected"].items():
        for reason, count in reasons.items():
            assert f"rejected {stage}: {reason} {count}" in lines
    assert f"with examples {summary['problems_with_examples']}" in lines
    assert lines[-2].endswith("every problem is accounted for")
    assert lines[-1].startswith("written to /")


def test_only_progress_is_told_on_the_way(sample_run):
    told = sample_run[1].stderr.splitlines()
    assert [line for line in told if not OURS.match(line) and not RAYS.search(line)] == []
