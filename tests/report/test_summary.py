"""The summary is counted from the shards, and says so when they do not hold every problem once."""

import json
import platform

import pytest

from execground_ray.output.layout import UNFINISHED
from execground_ray.output.storage import Folder
from execground_ray.report.summary import REGISTRATION, count_shards, make_summary, table, write_summary

RUN = {"seconds": 2.0, "sandbox": {"kind": "none"}, "config": {"seed": 1}}


@pytest.fixture
def folder(tmp_path):
    return Folder.at(str(tmp_path / "out"))


def shard(folder, name, *rows):
    folder.write_text(name, "".join(json.dumps(row) + "\n" for row in rows))


def example(identity):
    return {"id": identity, "messages": [{"role": "user", "content": '{"id": "no-2"}'}]}


def rejection(identity, stage, reason):
    return {"id": identity, "stage": stage, "reason": reason, "detail": "f:1: why"}


@pytest.fixture
def dataset(folder):
    """Six problems in four shards: two with examples, four without."""
    shard(folder, "train/a.jsonl", example("aa"), example("aa-2"), example("aa-3"))
    shard(folder, "train/b.jsonl", example("bb.2"))
    shard(folder, "rejected/a.jsonl", rejection("cc", "trace", "too_long"), rejection("dd", "read", "wrong_type"))
    shard(folder, "rejected/b.jsonl", rejection("ee", "trace", "timeout"), rejection("ff", "trace", "too_long"))
    return folder


def test_shards_are_counted_by_problem_and_by_row(dataset):
    counts = count_shards(dataset)
    assert (counts.examples, counts.problems_with_examples, counts.problems) == (4, 2, 6)
    assert counts.rejected == {("trace", "too_long"): 2, ("trace", "timeout"): 1, ("read", "wrong_type"): 1}


def test_a_problem_is_rejected_if_none_of_its_rows_is_an_example(folder):
    shard(folder, "train/a.jsonl", example("aa"), example("bb-2"), example("bb-3"))
    late = [rejection(identity, "verify", "ungrounded") for identity in ("aa-2", "bb", "cc", "cc-2")]
    shard(folder, "rejected/a.jsonl", *late)
    counts = count_shards(folder)
    assert (counts.examples, counts.problems_with_examples, counts.problems) == (3, 2, 3)
    assert counts.rejected == {("verify", "ungrounded"): 1}


@pytest.mark.parametrize("name", ["train", "rejected"])
def test_a_problem_that_is_there_twice_is_told(folder, name):
    row = example("aa") if name == "train" else rejection("aa", "trace", "too_long")
    shard(folder, f"{name}/a.jsonl", row)
    shard(folder, f"{name}/b.jsonl", row)
    assert make_summary(count_shards(folder), 1, RUN)["counts_add_up"] is False


def test_an_output_without_shards_counts_nothing(folder):
    summary = make_summary(count_shards(folder), 0, RUN)
    assert (summary["problems_read"], summary["examples"], summary["counts_add_up"]) == (0, 0, True)


def test_the_summary_holds_the_counts_in_the_order_of_the_stream(dataset):
    summary = make_summary(count_shards(dataset), 6, RUN)
    assert summary["counts_add_up"]
    assert summary["problems_with_examples"] + summary["problems_rejected"] == summary["problems_read"] == 6
    stages = {stage: list(reasons.items()) for stage, reasons in summary["rejected"].items()}
    assert list(stages.items()) == [("read", [("wrong_type", 1)]), ("trace", [("too_long", 2), ("timeout", 1)])]


def test_the_summary_says_what_made_the_dataset(dataset):
    summary = make_summary(count_shards(dataset), 6, RUN)
    assert summary["python"].endswith(platform.python_version())
    assert summary["versions"]["ray"] == "2.60.0"
    assert (summary["config"], summary["sandbox"]) == (RUN["config"], RUN["sandbox"])
    assert summary["problems_per_second"] == 3


@pytest.mark.parametrize("read", [5, 7])
def test_a_problem_too_many_or_too_few_is_told(dataset, read):
    summary = make_summary(count_shards(dataset), read, RUN)
    assert summary["counts_add_up"] is False
    assert "THE COUNTS DO NOT ADD UP" in table(summary)


def test_the_table_for_people(dataset):
    shown = table(make_summary(count_shards(dataset), 6, RUN)).split("\n")
    assert [" ".join(line.split()) for line in shown] == [
        "problems read 6",
        "rejected read: wrong_type 1",
        "rejected trace: too_long 2",
        "rejected trace: timeout 1",
        "with examples 2",
        "training rows 4",
        "2.0 s, 3.0 problems/s; every problem is accounted for",
    ]
    assert len({len(line) for line in shown[:-1]}) == 1


def test_writing_it_registers_the_folder_and_leaves_nothing_unfinished(dataset, tmp_path):
    dataset.write_text(f"{UNFINISHED}/train/half.jsonl", "half a ")
    summary = make_summary(count_shards(dataset), 6, RUN) | {"note": "ä"}
    write_summary(dataset, summary)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset_info.json",
        "rejected",
        "summary.json",
        "train",
    ]
    assert json.loads(dataset.read_text("summary.json")) == summary
    # There are no pairs.
    assert json.loads(dataset.read_text("dataset_info.json")) == {"execground": REGISTRATION["execground"]}
    assert (tmp_path / "out" / REGISTRATION["execground"]["file_name"]).is_dir()


def test_without_a_training_row_nothing_is_registered_and_the_commonest_reason_is_told(dataset, tmp_path):
    dataset.delete("train")
    summary = make_summary(count_shards(dataset), 4, RUN)
    write_summary(dataset, summary)
    assert not (tmp_path / "out" / "dataset_info.json").exists()
    assert "NO TRAINING ROW: 2 problems were rejected as trace: too_long" in table(summary)
    assert "NO TRAINING ROW: the source has no problems" in table(summary | {"rejected": {}})
