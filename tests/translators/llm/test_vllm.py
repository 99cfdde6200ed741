"""Translation by vLLM itself, through the whole job; and engines that die on the way."""

import json
import re
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from corpus_of_marks import write_corpus
from tiny_model import make_adapter
from vllm_job import MAX_MODEL_LEN, Job

pytestmark = pytest.mark.vllm


def texts(train: list[dict]) -> dict[str, str]:
    return {row["id"]: row["messages"][1]["content"] for row in train}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory, model) -> tuple[Job, Job]:
    """One that nothing disturbs, and beside it one of some of its rows, with an adapter and up to three attempts."""
    folder, other = (tmp_path_factory.mktemp(name) for name in ("undisturbed", "sampled"))
    write_corpus(folder / "problems.jsonl", ["RANDOM", "LONG " * 3000, *[""] * 19, "HANG POISON"])
    lines = (folder / "problems.jsonl").read_text().splitlines(keepends=True)
    (other / "problems.jsonl").write_text("".join([lines[0], *lines[2:10]]))
    make_adapter(other / "adapter")
    overrides = [f"translator.lora_path={other}/adapter", "translator.attempts=3", "translator.retry_max_tokens=60"]
    overrides += ["translator.sampling_params.max_tokens=3", "translator.fallback=template"]
    overrides += ["verification.mode=enforce", "verification.min_supported=9"]
    both = Job(folder, model), Job(other, model, *overrides)
    for job in both:
        assert job.wait() == 0, job.text()
    return both


@pytest.fixture(scope="module")
def undisturbed(jobs) -> Job:
    return jobs[0]


@pytest.fixture(scope="module")
def sampled(jobs) -> Job:
    return jobs[1]


def test_the_whole_job(undisturbed):
    train, rejected = undisturbed.rows()
    reasons = {row["reason"] for row in rejected}
    assert reasons <= {"random_import", "prompt_too_long", "unfinished", "empty"}
    assert len(train) >= 5
    assert all(len(text) > 0 and "<|" not in text for text in texts(train).values())
    [too_long] = [row for row in rejected if row["reason"] == "prompt_too_long"]
    tokens, limit = map(int, re.findall(r": (\d+) tokens, more than (\d+)", too_long["detail"])[0])
    assert limit == MAX_MODEL_LEN - 24
    assert tokens > 3000
    summary = json.loads((undisturbed.folder / "out" / "summary.json").read_text())["translation"]
    assert summary["rows"] == 20
    [engine] = summary["engines"]
    assert engine == {name: summary[name] for name in engine}
    assert summary["seconds"] > 0
    assert 20 * 300 < summary["prompt_tokens"] < 20 * MAX_MODEL_LEN
    assert 20 <= summary["generated_tokens"] <= 20 * 24
    records = pq.read_table(undisturbed.folder / "out" / "records")
    for name in ("prompt_tokens", "generated_tokens"):
        assert sum(records[name].to_pylist()) == summary[name]


def attempts_of(job: Job) -> dict[str, list[dict]]:
    """What the model answered to each row that came to it."""
    records = pq.read_table(job.folder / "out" / "records").to_pylist()
    return {row["id"]: attempts for row in records if (attempts := json.loads(row["attempts"]))}


def test_answers_are_asked_for_again_with_more_room_and_the_template_writes_where_none_is_good(sampled):
    """A model of random weights may hit on one true value, but not on nine."""
    train, rejected = sampled.rows()
    assert [row["reason"] for row in rejected] == ["random_import"]
    assert {(row["translator"], row["attempts"], row["answer_ok"]) for row in train} == {("template", 3, True)}
    rows = attempts_of(sampled).values()
    assert len(rows) == len(train) == 8
    for attempts in rows:
        assert len({(attempt["text"], attempt["generated_tokens"]) for attempt in attempts}) > 1
        room = 3
        for attempt in attempts:
            assert attempt["generated_tokens"] <= room
            if attempt["findings"] is None:  # no text that could be judged
                assert attempt["reason"] in ("unfinished", "empty")
                assert (attempt["generated_tokens"] == room) == (attempt["reason"] == "unfinished")
                room = 60 if attempt["reason"] == "unfinished" else room
    every = [attempt for attempts in rows for attempt in attempts]
    assert any(attempt["findings"] for attempt in every)
    assert any(attempt["generated_tokens"] > 3 for attempt in every)
    records = pq.read_table(sampled.folder / "out" / "records").to_pylist()
    summary = json.loads((sampled.folder / "out" / "summary.json").read_text())["translation"]
    assert (summary["rows"], summary["answers"]) == (8, 24)
    for name in ("prompt_tokens", "generated_tokens"):
        assert sum(row[name] for row in records) == sum(attempt[name] for attempt in every) == summary[name]


def test_an_adapter_changes_what_the_model_writes(sampled, undisturbed):
    """To the same prompts with the same seeds: without it, each first answer would be what the other begins with."""
    with_adapter, without = attempts_of(sampled), attempts_of(undisturbed)
    assert with_adapter.keys() < without.keys()
    begun = [name for name, [first, *_] in with_adapter.items() if without[name][0]["text"].startswith(first["text"])]
    assert len(begun) < len(with_adapter) / 2


def test_engines_that_die_or_hang_are_replaced_and_the_dataset_stays_the_same_but_for_a_poison_row(
    tmp_path, model, undisturbed
):
    """The first is killed; the second hangs at the last batch, the third dies of a row of it, and the fourth ends.

    The other row of that batch was in flight when the second hung: beside the poison it would be given up, too.
    """
    import psutil

    (tmp_path / "problems.jsonl").write_bytes((undisturbed.folder / "problems.jsonl").read_bytes())
    job = Job(
        tmp_path,
        model,
        "translator.batches_in_flight=1",
        "translator.hang_timeout_s=10",
        "translator.max_tries=2",
        "+translator.engine_kwargs.logits_processors=[slow:Slow,trouble:Trouble]",
        environment={"RAY_metrics_report_interval_ms": "1000"},
    )
    job.wait_for((tmp_path / "began").exists)
    [first] = job.engines()
    raylet, everything = first.parent(), first.children(recursive=True)
    assert any("EngineCore" in " ".join(process.cmdline()) for process in everything)
    first.kill()
    assert not (tmp_path / "hung").exists(), "the row that hangs is the last one"
    assert not psutil.wait_procs(everything, timeout=20)[1], "an engine outlived its actor"
    job.wait_for(lambda: "ray_vllm" in metrics(job, raylet))
    assert job.wait() == 0, job.text()
    assert (tmp_path / "hung").exists()
    train, rejected = job.rows()
    [poison] = [row for row in rejected if row["reason"] == "engine_error"]
    assert "2 engines died with this row" in poison["detail"]
    assert ":22: " in poison["detail"]
    expected = texts(undisturbed.rows()[0])
    expected.pop(poison["id"], None)
    assert texts(train) == expected


def metrics(job: Job, raylet) -> str:
    """What Ray's metrics port of the node shows."""
    ports = Path("/tmp/ray").glob(f"session_*_{job.process.pid}/metrics_export_port_*")
    port = max(ports, key=lambda path: path.stat().st_mtime)  # there may be one of an earlier process of that number
    address = re.search(r"--node_ip_address=(\S+)", " ".join(raylet.cmdline()))[1]
    with urllib.request.urlopen(f"http://{address}:{port.read_text()}/metrics") as page:
        return page.read().decode()
