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

PLANS = [(2, 2, 4)]  # CPUs, engines, GPUs of an engine


def test_engines_reserve_their_gpus_and_the_job_ends(tmp_path):
    make_tokenizer(tmp_path / "model")
    write_corpus(tmp_path / "problems.jsonl", ["", "RANDOM"] * 20)
    result = subprocess.run(
        [sys.executable, HERE / "place_engines.py", tmp_path, *(",".join(map(str, plan)) for plan in PLANS)],
        env=os.environ | {"PYTHONPATH": f"{HERE.parents[2]}:{HERE}", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    for line in lines:
        assert "no GPU of a node came free in 1 s" in line.pop("busy")
    assert lines == [{"groups": [float(size)] * engines, "rows": 40, "train": 20} for _, engines, size in PLANS]
