"""Translation over HTTP by vLLM's own server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from corpus_of_marks import read_output, write_corpus
from vllm_job import ENVIRONMENT, MAX_MODEL_LEN

pytestmark = pytest.mark.vllm


def test_http_against_vllms_own_server(tmp_path, model):
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
            "translator.sampling_params.max_tokens=200",
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
    assert len(train) >= 5  # of 10: nearly all of the random texts end within so many tokens
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
