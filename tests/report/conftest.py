"""What the tests of the report share."""

import json
from pathlib import Path

import pytest
from browser import EXECUTABLE, Browser

from execground_ray.output.storage import Folder


@pytest.fixture(scope="session")
def folder(small_output: Path) -> Folder:
    """The small dataset; not to be changed."""
    return Folder.at(str(small_output))


@pytest.fixture(scope="session")
def summary(small_output: Path) -> dict:
    """Its ``summary.json``."""
    return json.loads((small_output / "summary.json").read_text())


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    """A headless Chromium; closed before the tests of another file look for processes that were left."""
    if EXECUTABLE is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
