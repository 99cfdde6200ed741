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

CPUS, ENGINES, GPUS_PER_ENGINE = 2, 2, 4


def test_engines_reserve_their_gpus_and_the_job_ends(tmp_path):
    make_tokenizer(tmp_path / "model")
    write_corpus(tmp_path / "problems.jsonl", ["", "RANDOM"] * 20)
    result = subprocess.run(
        [sys.executable, HERE / "place_engines.py", tmp_path, *map(str, (CPUS, ENGINES, GPUS_PER_ENGINE))],
        env=os.environ | {"PYTHONPATH": f"{HERE.parents[2]}:{HERE}", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    [seen] = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert "no GPU of a node came free in 1 s" in seen.pop("busy")
    assert seen == {"groups": [float(GPUS_PER_ENGINE)] * ENGINES, "rows": 40, "train": 20}
