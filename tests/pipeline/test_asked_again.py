"""A job whose model is unlucky at half of the rows is killed and goes on: all rows are accepted, each once."""

import json
import signal

import pyarrow.parquet as pq
import pytest
from job import rows_of
from unlucky_model import USAGE, luck_of, problem, serve

LUCK = ["", "WRONG", "", "CUT EMPTY", "", "EMPTY", "", "FALSE WRONG"] * 6  # an answer comes back with 15 others
ATTEMPTS = {number: 1 + len(luck.split()) for number, luck in enumerate(LUCK, 1)}


@pytest.fixture(scope="module")
def finished(start_job, tmp_path_factory):
    """The output, the ids of the rows that were done when the driver was killed, the second start and all requests.

    What the killed job left running has ended by then: its workers may finish the write that they are at.
    """
    folder = tmp_path_factory.mktemp("again")
    output = folder / "out"
    lines = [json.dumps(problem(number, luck)) for number, luck in enumerate(LUCK, 1)]
    (folder / "problems.jsonl").write_text("\n".join(lines))
    overrides = [
        "source=jsonl",
        f"source.path={folder}/problems.jsonl",
        f"output.dir={output}",
        "translator=http",
        "translator.concurrency=2",
        "export.preference=true",
        "export.rows_per_shard=2",
        "cluster.num_cpus=2",
        "tracing.workers=1",
    ]
    with serve(seconds=0.3) as server:
        overrides.append(f"translator.url={server.url}")
        killed = start_job(*overrides)
        killed.wait_until(lambda: rows_of(output, "train"), 300)
        killed.signal_group(signal.SIGKILL)
        assert killed.wait(60).code == -signal.SIGKILL
        assert killed.left_behind(patience_seconds=90) == []
        done = {row["id"] for row in rows_of(output, "train")}
        ended = start_job(*overrides).wait(300)
    assert ended.code == 0, ended.stderr
    return output, done, ended, server


def test_every_row_is_accepted_once(finished):
    output, done, ended, _ = finished
    train = rows_of(output, "train")
    assert 0 < len(done) < len(train)
    assert f"{len(done)} of {len(train)} problems are done already" in ended.stderr
    assert not (output / ".unfinished").exists()
    assert rows_of(output, "rejected") == []
    assert len({row["id"] for row in train}) == len(train) == len(LUCK)
    for row in train:
        prompt = row["messages"][0]["content"]
        assert row["attempts"] == 1 + len(luck_of(prompt))
        assert (row["answer_ok"], row["grounded"], row["translator"]) == (True, 1.0, "http")


def test_records_keep_every_attempt_and_the_tokens_add_up(finished):
    output, done, _, server = finished
    made = again = 0
    for row in pq.read_table(output / "records").to_pylist():
        attempts = json.loads(row["attempts"])
        assert [attempt["reason"] for attempt in attempts[-1:]] == [""]
        assert attempts[-1]["text"] == row["text"]
        assert row["generated_tokens"] == USAGE["completion_tokens"] * len(attempts)
        made += len(attempts)
        again += len(attempts) * (row["id"] not in done)
    assert made == sum(ATTEMPTS.values())
    summary = json.loads((output / "summary.json").read_text())
    assert (summary["legs"], summary["counts_add_up"]) == (2, True)
    told = summary["translation"]
    assert again <= told["answers"] <= len(server.asked)  # the start that was killed told of itself till shortly before
    assert told["prompt_tokens"] == USAGE["prompt_tokens"] * told["answers"]
    # Whatever was asked twice because of the kill got the same seeds, so that the rows are the same.
    assert sorted(map(len, server.seeds.values())) == sorted(ATTEMPTS.values())


def test_pairs_are_written_once_too(finished):
    output, *_ = finished
    pairs = rows_of(output, "preference")
    refused = sum("WRONG" in luck or "FALSE" in luck for luck in LUCK)
    assert len({row["id"] for row in pairs}) == len(pairs) == refused
    assert json.loads((output / "summary.json").read_text())["preference_pairs"] == refused
    chosen = {row["id"]: row["messages"][1]["content"] for row in rows_of(output, "train")}
    assert all(row["chosen"] == chosen[row["id"]] != row["rejected"] for row in pairs)
