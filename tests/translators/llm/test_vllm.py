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
def undisturbed(tmp_path_factory, model) -> Job:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_corpus(folder / "problems.jsonl", ["RANDOM", "LONG " * 3000, *[""] * 19, "HANG"])
    job = Job(folder, model)
    assert job.wait() == 0, job.text()
    return job


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


def test_answers_are_asked_for_again_with_more_room_and_the_template_writes_where_none_is_good(tmp_path, model):
    """A model of random weights may hit on one true value, but not on nine."""
    write_corpus(tmp_path / "problems.jsonl", ["RANDOM", *[""] * 8])
    overrides = ["translator.attempts=3", "translator.retry_max_tokens=60", "translator.fallback=template"]
    overrides += [
        "translator.sampling_params.max_tokens=3",
        "verification.mode=enforce",
        "verification.min_supported=9",
    ]
    job = Job(tmp_path, model, *overrides)
    assert job.wait() == 0, job.text()
    train, rejected = job.rows()
    assert [row["reason"] for row in rejected] == ["random_import"]
    assert {(row["translator"], row["attempts"], row["answer_ok"]) for row in train} == {("template", 3, True)}
    records = [row for row in pq.read_table(tmp_path / "out" / "records").to_pylist() if row["text"]]
    rows = [json.loads(row["attempts"]) for row in records]
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
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["translation"]
    assert (summary["rows"], summary["answers"]) == (8, 24)
    for name in ("prompt_tokens", "generated_tokens"):
        assert sum(row[name] for row in records) == sum(attempt[name] for attempt in every) == summary[name]


def test_an_adapter_changes_what_the_model_writes(tmp_path, model, undisturbed):
    (tmp_path / "problems.jsonl").write_bytes((undisturbed.folder / "problems.jsonl").read_bytes())
    make_adapter(tmp_path / "adapter")
    job = Job(tmp_path, model, f"translator.lora_path={tmp_path}/adapter")
    assert job.wait() == 0, job.text()
    train, rejected = job.rows()
    assert "engine_error" not in {row["reason"] for row in rejected}
    with_adapter, without = texts(train), texts(undisturbed.rows()[0])
    assert with_adapter.keys() != without.keys() or all(with_adapter[name] != without[name] for name in without)


def test_engines_that_are_killed_or_hang_are_replaced_and_the_dataset_stays_the_same(tmp_path, model, undisturbed):
    import psutil

    (tmp_path / "problems.jsonl").write_bytes((undisturbed.folder / "problems.jsonl").read_bytes())
    job = Job(
        tmp_path,
        model,
        "translator.batches_in_flight=1",
        "translator.hang_timeout_s=10",
        "+translator.engine_kwargs.logits_processors=[slow:Slow,trouble:Trouble]",
    )

    def cores(actor):
        try:
            return [child for child in actor.children(recursive=True) if "EngineCore" in " ".join(child.cmdline())]
        except psutil.Error:
            return []

    [core] = job.wait_for(lambda: [core for actor in job.engines() for core in cores(actor)])
    [first] = job.engines()
    job.wait_for((tmp_path / "began").exists)
    job.wait_for(lambda: "ray_vllm" in metrics(job, first))
    core.kill()
    [second] = job.wait_for(lambda: [actor for actor in job.engines() if actor.pid != first.pid and cores(actor)])
    (tmp_path / "began").unlink()
    job.wait_for((tmp_path / "began").exists)
    everything = second.children(recursive=True)
    second.kill()
    assert not (tmp_path / "hung").exists(), "the row that hangs is the last one: a third engine has to be replaced"
    assert job.wait() == 0, job.text()
    assert (tmp_path / "hung").exists()
    assert not psutil.wait_procs(everything, timeout=20)[1], "an engine outlived its actor"
    train, _ = job.rows()
    assert texts(train) == texts(undisturbed.rows()[0])


def metrics(job: Job, actor) -> str:
    """What Ray's metrics port of the node shows."""
    [port] = Path("/tmp/ray").glob(f"session_*_{job.process.pid}/metrics_export_port_*")
    address = re.search(r"--node_ip_address=(\S+)", " ".join(actor.parent().cmdline()))[1]
    with urllib.request.urlopen(f"http://{address}:{port.read_text()}/metrics") as page:
        return page.read().decode()
