"""Fixtures of the tests of translation by a model."""

from pathlib import Path

import pytest
from tiny_model import make_tokenizer


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory) -> Path:
    """A tokenizer and chat template as a model's folder has them, without the model."""
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder)
    return folder
