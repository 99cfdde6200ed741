"""What ends a job with vLLM before it has begun: too few GPUs, too little memory."""

import pytest
from corpus_of_marks import write_corpus
from vllm_job import Job

pytestmark = pytest.mark.vllm


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
