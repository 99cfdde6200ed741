"""The end of a run: what has to be so before a dataset counts as finished. Only the stream is not the real one."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from exported_rows import block
from problem_lines import problem_line

from execground_ray import pipeline
from execground_ray.config.loading import load
from execground_ray.output.layout import CONFIG, SUMMARY
from execground_ray.output.storage import Folder, OutputError
from execground_ray.stages.write_shards import ShardSink

pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture
def finish(tmp_path, monkeypatch):
    """Finish a run whose stream is the function that is given."""
    source = tmp_path / "problems.jsonl"
    source.write_text("".join(f"{problem_line(number)}\n" for number in range(2)))
    config = load(["source=jsonl", f"source.path={source}", f"output.dir={tmp_path / 'out'}"])
    folder = Folder.at(config.output.dir)

    @contextmanager
    def connected(_):
        yield [2.0]

    monkeypatch.setattr(pipeline, "connect", connected)
    monkeypatch.setattr(pipeline, "show", lambda _: None)  # takes a process of its own

    def finish(stream):
        monkeypatch.setattr(
            pipeline, "stream", lambda *given: stream(folder, [plan.rows for plan in given[1]], given[-1].name)
        )
        return folder, lambda: pipeline.finish(folder, config, {"kind": "sandlock"})

    return finish


def write(folder, run, *ids):
    ShardSink(folder, 1000, run).write([block(*({"id": name} for name in ids))], SimpleNamespace(task_idx=0))


def ids_in(folder):
    return sorted(row["id"] for path in folder.files("train") for row in folder.read_rows(path))


FIRST, SECOND = f"{1:016x}", f"{2:016x}"


def test_what_a_killed_job_wrote_meanwhile_is_not_in_the_dataset(finish):
    def stream(folder, rows, run):
        assert rows == [2]
        write(folder, run, FIRST, SECOND)
        write(folder, "aaaaaaaa", SECOND)  # by a worker of a job that was killed just before this one began

    folder, run = finish(stream)
    summary = run()
    assert ids_in(folder) == [FIRST, SECOND]
    assert summary["counts_add_up"]
    assert summary["examples"] == 2


def test_a_folder_that_was_deleted_after_the_last_write_is_no_finished_dataset(finish):
    def stream(folder, rows, run):
        del rows
        write(folder, run, FIRST, SECOND)
        folder.delete(CONFIG)

    folder, run = finish(stream)
    with pytest.raises(OutputError, match=r"its config\.yaml was deleted while the job ran"):
        run()
    assert not folder.exists(SUMMARY)


def test_a_folder_that_is_all_there_is_finished(finish):
    folder, run = finish(lambda folder, rows, run: write(folder, run, FIRST, SECOND))
    run()
    assert json.loads(folder.read_text(SUMMARY))["examples"] == 2
