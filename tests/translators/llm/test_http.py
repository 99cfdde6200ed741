"""Translation over HTTP, through the whole job, against a real server process that misbehaves on demand."""

import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from chat_server import KEY
from corpus_of_marks import read_output, write_corpus

JOB = ("-m", "ray_jobs.build_dataset", "translator=http", "translator.api_key_env=TEST_KEY", "cluster.num_cpus=2")
MARKS = ["", "LIMITED", "BROKEN", "MALFORMED", "SLOW", "DROPPED", "SPLIT"]
REJECTED = {
    "ALWAYS500": "engine_error",
    "ALWAYSHTML": "engine_error",
    "TOOLONG": "prompt_too_long",
    "CUT": "unfinished",
    "SILENT": "empty",
}


class Server:
    """A server process and what it was asked."""

    def __init__(self, folder: Path):
        self.log = folder / "log"
        port_file = folder / "port"
        script = Path(__file__).with_name("chat_server.py")
        self.process = subprocess.Popen([sys.executable, script, port_file, self.log])
        while not port_file.exists():
            assert self.process.poll() is None
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{port_file.read_text()}/v1/chat/completions"

    def requests(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def clear(self) -> None:
        self.log.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture(autouse=True)
def key(monkeypatch, server):
    monkeypatch.setenv("TEST_KEY", KEY)
    server.clear()


def job(run_command, server, tmp_path, marks, *overrides):
    write_corpus(tmp_path / "problems.jsonl", marks)
    return run_command(
        *JOB,
        "source=jsonl",
        f"source.path={tmp_path}/problems.jsonl",
        f"output.dir={tmp_path}/out",
        f"translator.url={server.url}",
        "translator.retry_wait_s=0.05",
        "verification.mode=score",
        "tracing.workers=1",
        *overrides,
    )


def everything_written(folder: Path, result) -> str:
    texts = [path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()]
    return "".join([*texts, result.stdout, result.stderr])


def test_every_row_comes_out_once_whatever_the_server_does(run_command, server, tmp_path):
    marks = [*MARKS, *REJECTED, "RANDOM"]
    result = job(run_command, server, tmp_path, marks, "translator.timeout_s=2", "translator.keep_thinking=true")
    assert result.returncode == 0, result.stderr
    train, rejected = read_output(tmp_path / "out")
    assert len({row["id"] for row in train + rejected}) == len(train + rejected) == len(marks)

    problems = [json.loads(line)["problem_description"] for line in (tmp_path / "problems.jsonl").open()]
    good = [row["messages"] for row in train]
    assert sorted(
        problem for problem in problems if any(problem in messages[0]["content"] for messages in good)
    ) == sorted(problem for problem in problems if not any(mark in problem for mark in [*REJECTED, "RANDOM"]))
    assert {messages[1]["content"].partition("</think>")[2] for messages in good} == {
        "\n\nThe output is 4, so the answer is 4.",
        "\n\nThe answer is 4.",
    }
    assert {messages[1]["content"].partition("</think>")[0] for messages in good} == {
        "<think>\nhm\n",
        "<think>\nhm, apart\n",
    }
    found = {row["detail"].rpartition("jsonl:")[2].partition(":")[0]: row for row in rejected}
    for number, mark in enumerate(marks, 1):
        if mark in REJECTED:
            row = found[str(number)]
            assert (row["stage"], row["reason"]) == ("translate", REJECTED[mark]), row
    asked = [request["request"] for request in server.requests()]
    tries = Counter(message for request in asked if (message := request["messages"][0]["content"]) != "Hello")
    # Three that came at once, five once more, two in all attempts, and two as often as allowed and then again.
    assert sorted(tries.values()) == [1] * 3 + [2] * 5 + [3] * 2 + [7] * 2
    assert asked[0]["messages"][0]["content"] == "Hello"  # the check before the run
    assert asked[0]["max_tokens"] == 16384

    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["translation"]["rows"] == 9  # cut and silent ones are answers too
    assert summary["translation"]["answers"] == 7 + 2 * 3
    assert summary["translation"]["prompt_tokens"] == 1300
    assert summary["translation"]["generated_tokens"] == 91
    assert "91 written" in result.stdout
    records = pq.read_table(tmp_path / "out" / "records")
    for name in ("prompt_tokens", "generated_tokens"):
        assert sum(records[name].to_pylist()) == summary["translation"][name]
    assert KEY not in everything_written(tmp_path / "out", result)


def test_a_server_that_cannot_work_is_known_before_the_run(run_command, server, tmp_path):
    result = job(run_command, server, tmp_path, [""], "translator.api_key_env=HOME")
    assert result.returncode == 2, result.stderr
    assert "HTTP 401: " in result.stderr
    assert result.stderr.startswith("error: translator.")
    assert result.stderr.count("\n") == 1


def test_a_server_that_fails_for_all_ends_the_job_not_the_corpus(run_command, server, tmp_path):
    """The rows stay undone: when the server is well again, the same command does them, as it is configured."""
    overrides = ["translator.concurrency=3", "translator.enable_thinking=false", "translator.sampling_params.top_k=0"]
    overrides.append("translator.max_retries=0")
    result = job(run_command, server, tmp_path, ["ALWAYS500"] * 24, *overrides)
    assert result.returncode == 1
    error, go_on = result.stderr.splitlines()[-2:]
    assert re.match(r"error: translator.url: \d+ rows in a row without an answer, .*no luck with <key>", error)
    assert "run the same command again" in go_on
    assert "Traceback" not in result.stderr
    assert read_output(tmp_path / "out") == ([], [])
    assert KEY not in everything_written(tmp_path / "out", result)

    server.clear()
    (server.log.parent / "well").touch()
    result = job(run_command, server, tmp_path, ["ALWAYS500"] * 24, *overrides)
    (server.log.parent / "well").unlink()
    assert result.returncode == 0, result.stderr
    train, rejected = read_output(tmp_path / "out")
    assert (len(train), rejected) == (24, [])
    check_requests(server.requests()[1:])


def check_requests(requests: list[dict]) -> None:
    """Requests are those of the configuration."""
    assert max(request["under_way"] for request in requests) == 3
    seeds = {request["request"].pop("seed") for request in requests}
    assert len(seeds) == len(requests) == 24
    for request in requests:
        assert request["path"] == "/v1/chat/completions"
        [message] = request["request"].pop("messages")
        assert message["role"] == "user"
        assert request["request"] == {
            "model": "Qwen/Qwen3-32B",
            "top_k": -1,
            "max_tokens": 16384,
            "chat_template_kwargs": {"enable_thinking": False},
        }
