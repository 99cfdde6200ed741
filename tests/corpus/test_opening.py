"""A corpus that cannot be opened is told in one line, whoever refuses it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load
from execground_ray.corpus import opening
from execground_ray.corpus.opening import open_corpus


@pytest.fixture
def folder():
    """A folder that everybody may look into, and rights that are no more than anybody's."""
    found = Path(tempfile.mkdtemp())
    found.chmod(0o755)
    (found / "a.jsonl").write_text("{}\n")
    (found / "below").mkdir()
    (found / "below" / "b.jsonl").write_text("{}\n")
    yield found
    if os.getuid() == 0:
        os.seteuid(0)
    found.chmod(0o755)
    (found / "below").chmod(0o755)
    shutil.rmtree(found)


@pytest.mark.parametrize("hidden", ["a.jsonl", "below", "below/b.jsonl"])
@pytest.mark.parametrize("named", ["", "hidden", "*/*.jsonl"])
def test_a_source_without_read_permission(folder, hidden, named):
    path = folder / (hidden if named == "hidden" else named)
    if named == "*/*.jsonl" and hidden != "below/b.jsonl":
        pytest.skip("a pattern passes it by")
    (folder / hidden).chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
    with pytest.raises(ConfigError, match=r"^source: .*[Pp]ermission denied") as caught:
        open_corpus(load(["source=jsonl", f"source.path={path}"]).source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [ConnectionError("offline\nand more"), PermissionError("no"), ValueError("what"), OSError()],
)
def test_whatever_refuses_says_it_in_a_line(monkeypatch, error):
    def refuse(_):
        raise error

    monkeypatch.setattr(opening, "list_splits", refuse)
    with pytest.raises(ConfigError) as caught:
        open_corpus(load().source)
    assert str(caught.value) == f"source: {str(error).partition(chr(10))[0] or 'OSError'}"
