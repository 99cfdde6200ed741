"""The plan of the job on 8 GPUs that exist only in Ray's books: engines get theirs, and nothing waits for ever."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from corpus_of_marks import write_corpus
from tiny_model import make_tokenizer

pytestmark = pytest.mark.vllm  # Ray's stage for it loads its libraries

HERE = Path(__file__).parent


@pytest.mark.parametrize(("cpus", "engines", "size"), [(2, 4, 2), (16, 1, 8)])
def test_engines_reserve_their_gpus_and_the_job_ends(tmp_path, cpus, engines, size):
    make_tokenizer(tmp_path / "model")
    write_corpus(tmp_path / "problems.jsonl", ["", "RANDOM"] * 20)
    result = subprocess.run(
        [sys.executable, HERE / "place_engines.py", tmp_path, str(cpus), str(engines), str(size)],
        env=os.environ | {"PYTHONPATH": f"{HERE.parents[2]}:{HERE}", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    [line] = [line for line in result.stdout.splitlines() if line.startswith("{")]
    found = json.loads(line)
    assert (found["rows"], found["train"]) == (40, 20)
    # An engine of one GPU is an actor with that GPU; only those that share a model need a group.
    assert found["groups"] == ([] if size == 1 else [float(size)] * engines)
