"""Whole jobs on an earlier output: traced first and translated later, killed on the way, judged again with no model."""

import json
import signal

import pytest
from job import rows_of
from unlucky_model import USAGE, problem, serve

pytestmark = pytest.mark.slow
CPUS = ["cluster.num_cpus=2", "tracing.workers=1"]
LUCK = ["", "WRONG", "CUT EMPTY", "FALSE FALSE FALSE", "CUT CUT CUT", ""]
TIMES = 3  # so often that they are more than go to the server together (BATCH_ROWS)
ROWS, GOOD = TIMES * len(LUCK), TIMES * 4


def lines(output):
    return sorted(json.dumps(row) for name in ("train", "rejected") for row in rows_of(output, name))


def summary(output):
    return json.loads((output / "summary.json").read_text())


@pytest.fixture(scope="module")
def outputs(start_job, tmp_path_factory):
    """The folders of a run in one step, of one that traces, of one that translates that, and of one judged anew.

    The one that translates is killed on the way, and goes on.
    """
    folder = tmp_path_factory.mktemp("reused")
    records = [json.dumps(problem(number, mark)) for number, mark in enumerate(TIMES * LUCK, 1)]
    (folder / "problems.jsonl").write_text("\n".join([*records, records[0], "{"]))
    corpus = ["source=jsonl", f"source.path={folder}/problems.jsonl"]

    def start(name, *overrides):
        return start_job(f"output.dir={folder}/{name}", *CPUS, *overrides)

    def run(name, *overrides):
        ended = start(name, *overrides).wait()
        assert ended.code == 0, ended.stderr

    with serve() as model:
        server = ["translator=http", f"translator.url={model.url}"]
        run("one", *corpus, *server)
        questions = {(request["case"], request["seed"]) for request in model.asked}
        model.asked.clear()
        run("traced", *corpus, "translator=none")
        assert model.asked == []
        two = ["source=dataset", f"source.path={folder}/traced", *server, "export.rows_per_shard=1"]
        model.withheld = 1
        killed = start("two", *two)
        killed.wait_until(lambda: lines(folder / "two"))
        killed.signal_group(signal.SIGKILL)
        model.withheld = None
        model.given.set()
        assert killed.wait(60).code == -signal.SIGKILL
        assert killed.left_behind(patience_seconds=90) == []
        assert not (folder / "two" / "summary.json").exists()
        run("two", *two)
        assert {(request["case"], request["seed"]) for request in model.asked} == questions
    run("again", "source=dataset", f"source.path={folder}/one", *server, "translator.fallback=template")
    return folder


def test_two_steps_give_the_rows_of_one_even_if_the_second_is_killed(outputs):
    assert lines(outputs / "two") == lines(outputs / "one")
    traced = summary(outputs / "traced")
    assert (traced["traced"], traced["problems_with_examples"], traced["counts_add_up"]) == (ROWS, 0, True)
    two = summary(outputs / "two")
    assert (two["counts_add_up"], two["problems_read"], two["legs"]) == (True, ROWS + 2, 2)
    assert two["reuse"]["trace"] == {"reused": ROWS, "made": 0}
    assert two["reuse"]["translate"] == {"reused": 0, "made": ROWS}
    one = summary(outputs / "one")["translation"]
    assert one["prompt_tokens"] == USAGE["prompt_tokens"] * one["answers"] > 0


def test_a_model_that_is_gone_is_not_missed(outputs):
    told = summary(outputs / "again")
    assert told["reuse"]["translate"] == {"reused": ROWS, "made": 0}
    assert told["reuse"]["verify"] == {"reused": 0, "made": ROWS}
    assert "translation" not in told
    assert len(rows_of(outputs / "one", "train")) == GOOD
    assert told["examples_by_translator"] == {"http": GOOD, "template": ROWS - GOOD}
