"""Fixtures of the tests of translation by a model."""

from pathlib import Path

import pytest
from tiny_model import make_model, make_tokenizer
from vllm_job import Job


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory) -> Path:
    """A tokenizer and chat template as a model's folder has them, without the model."""
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A tiny model with random weights."""
    folder = tmp_path_factory.mktemp("model")
    make_model(folder)
    return folder


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Servers on loopback are asked directly, whatever this machine's proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def leave_no_job_behind():
    yield
    for job in Job.started:
        job.process.terminate()
        job.process.wait()
