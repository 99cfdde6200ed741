"""Translation by vLLM itself, on its CPU build with a tiny model, through the whole job; and what kills such jobs."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq
import pytest
from corpus_of_marks import read_output, write_corpus
from tiny_model import make_adapter, make_model

pytestmark = pytest.mark.vllm

HERE = Path(__file__).parent
ENVIRONMENT = {
    "PYTHONPATH": f"{HERE.parents[1]}:{HERE}",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_metrics_report_interval_ms": "1000",
}
MAX_MODEL_LEN = 2048
JOB = (
    "translator=vllm translator.device=cpu translator.enable_thinking=false translator.sampling_params.max_tokens=24 "
    f"translator.max_model_len={MAX_MODEL_LEN} translator.batch_rows=4 translator.batches_in_flight=4 "
    "+translator.engine_kwargs.enforce_eager=true +translator.engine_kwargs.max_num_seqs=16 "
    "source=jsonl cluster.num_cpus=2 tracing.workers=1 verification.mode=score"
).split()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    return folder


class Job:
    """The job in a process of its own, with its output going to a file."""

    started: ClassVar[list["Job"]] = []

    def __init__(self, folder: Path, model: Path, *overrides: str, environment: dict[str, str] | None = None):
        self.folder = folder
        self.log = folder / "log"
        paths = [f"translator.model={model}", f"source.path={folder}/problems.jsonl", f"output.dir={folder}/out"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ray_jobs.build_dataset", *JOB, *paths, *overrides],
            cwd=folder,
            env=os.environ | ENVIRONMENT | {"TROUBLE_FOLDER": str(folder)} | (environment or {}),
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )
        Job.started.append(self)

    def wait(self, timeout_s: float = 400) -> int:
        return self.process.wait(timeout_s)

    def text(self) -> str:
        return self.log.read_text()

    def engines(self) -> list:
        """The actors that hold an engine, as processes."""
        import psutil

        found = []
        for process in psutil.process_iter(["cmdline"]):
            command = " ".join(process.info["cmdline"] or ())
            if "MapBatches(Engine)" in command and self._is_ours(process):
                found.append(process)
        return found

    def _is_ours(self, process) -> bool:
        import psutil

        try:
            return any(f"_{self.process.pid}/" in " ".join(parent.cmdline()) for parent in process.parents())
        except psutil.Error:
            return False

    def wait_for(self, condition, timeout_s: float = 400):
        deadline = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.2)
        return found

    def rows(self) -> tuple[list[dict], list[dict]]:
        train, rejected = read_output(self.folder / "out")
        ids = [row["id"] for row in train + rejected]
        assert len(set(ids)) == len(ids) == len((self.folder / "problems.jsonl").read_text().splitlines())
        return train, rejected


@pytest.fixture(autouse=True)
def leave_no_job_behind():
    yield
    for job in Job.started:
        job.process.terminate()
        job.process.wait()


def texts(train: list[dict]) -> dict[str, str]:
    return {row["id"]: row["messages"][1]["content"] for row in train}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, model) -> Job:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_corpus(folder / "problems.jsonl", ["RANDOM", "LONG " * 3000, *[""] * 20])
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


def test_an_adapter_changes_what_the_model_writes(tmp_path, model, undisturbed):
    (tmp_path / "problems.jsonl").write_bytes((undisturbed.folder / "problems.jsonl").read_bytes())
    make_adapter(tmp_path / "adapter")
    job = Job(tmp_path, model, f"translator.lora_path={tmp_path}/adapter")
    assert job.wait() == 0, job.text()
    train, rejected = job.rows()
    assert "engine_error" not in {row["reason"] for row in rejected}
    with_adapter, without = texts(train), texts(undisturbed.rows()[0])
    assert with_adapter.keys() != without.keys() or all(with_adapter[name] != without[name] for name in without)


def test_killed_engines_are_replaced_and_the_dataset_stays_the_same(tmp_path, model, undisturbed):
    import psutil

    (tmp_path / "problems.jsonl").write_bytes((undisturbed.folder / "problems.jsonl").read_bytes())
    job = Job(
        tmp_path, model, "translator.batches_in_flight=1", "+translator.engine_kwargs.logits_processors=[slow:Slow]"
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
    assert job.wait() == 0, job.text()
    assert not psutil.wait_procs(everything, timeout=20)[1], "an engine outlived its actor"
    train, _ = job.rows()
    assert texts(train) == texts(undisturbed.rows()[0])


def metrics(job: Job, actor) -> str:
    """What Ray's metrics port of the node shows."""
    [port] = Path("/tmp/ray").glob(f"session_*_{job.process.pid}/metrics_export_port_*")
    address = re.search(r"--node_ip_address=(\S+)", " ".join(actor.parent().cmdline()))[1]
    with urllib.request.urlopen(f"http://{address}:{port.read_text()}/metrics") as page:
        return page.read().decode()


def test_a_poison_row_is_given_up_and_a_hanging_engine_replaced(tmp_path, model):
    write_corpus(tmp_path / "problems.jsonl", ["", "POISON", "", "", "", "HANG"])
    job = Job(
        tmp_path,
        model,
        "translator.max_tries=3",
        "translator.hang_timeout_s=10",
        "+translator.engine_kwargs.logits_processors=[trouble:Trouble]",
    )
    assert job.wait() == 0, job.text()
    assert (tmp_path / "hung").exists()
    _, rejected = job.rows()
    [poison] = [row for row in rejected if row["reason"] == "engine_error"]
    assert "3 engines died with this row" in poison["detail"]
    assert ":2: " in poison["detail"]


def test_missing_gpus_are_said_within_a_minute(tmp_path, model):
    write_corpus(tmp_path / "problems.jsonl", [""])
    job = Job(tmp_path, model, "translator.device=gpu")
    assert job.wait(60) == 2, job.text()
    assert "the nodes of the cluster have 0. Set cluster.engines" in job.text()


def test_too_little_memory_is_an_error_that_says_so(tmp_path, model):
    write_corpus(tmp_path / "problems.jsonl", [""])
    job = Job(tmp_path, model, environment={"VLLM_CPU_KVCACHE_SPACE": "1000000"})  # GiB
    assert job.wait() == 1
    assert "the engine cannot start: ValueError: Available memory" in job.text()
    assert "more GPUs for one engine (cluster.gpus_per_engine)" in job.text()


def test_http_against_vllms_own_server(tmp_path, model):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_corpus(tmp_path / "problems.jsonl", ["", "LONG " * 3000, "RANDOM", *[""] * 9])
    command = f"--model {model} --served-model-name tiny --host 127.0.0.1 --port {port} --max-model-len {MAX_MODEL_LEN}"
    command += (
        f" --enforce-eager --max-num-seqs 16 --no-enable-chunked-prefill --max-num-batched-tokens {MAX_MODEL_LEN}"
    )
    with (tmp_path / "server").open("w") as log:
        server = subprocess.Popen(
            # What `vllm serve` runs; that command itself asks for a package `vllm`, and the CPU build has another name.
            [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *command.split(), "--api-key", "secret"],
            env=os.environ | ENVIRONMENT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for_port(server, port)
        overrides = [
            "translator=http",
            f"translator.url=http://127.0.0.1:{port}/v1/chat/completions",
            "translator.model=tiny",
            "translator.api_key_env=TEST_KEY",
            "translator.enable_thinking=false",
            "translator.sampling_params.max_tokens=24",
            "source=jsonl",
            f"source.path={tmp_path}/problems.jsonl",
            f"output.dir={tmp_path}/out",
            *"cluster.num_cpus=2 tracing.workers=1 verification.mode=score".split(),
        ]
        result = subprocess.run(
            [sys.executable, "-m", "ray_jobs.build_dataset", *overrides],
            cwd=tmp_path,
            env=os.environ | ENVIRONMENT | {"TEST_KEY": "secret"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        server.terminate()
        server.wait(60)
    assert result.returncode == 0, result.stderr
    train, rejected = read_output(tmp_path / "out")
    assert len({row["id"] for row in train + rejected}) == len(train + rejected) == 12
    assert len(train) >= 5
    assert {"random_import", "prompt_too_long"} <= {row["reason"] for row in rejected}
    assert {row["reason"] for row in rejected} <= {"random_import", "prompt_too_long", "unfinished", "empty"}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())["translation"]
    assert summary["rows"] == 10
    assert summary["prompt_tokens"] > 3000


def wait_for_port(server: subprocess.Popen, port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                return
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
