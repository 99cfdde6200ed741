"""Whole jobs on an earlier output: traced first and translated later, judged again without a model, and interrupted."""

import json
import signal

import pytest
from job import rows_of
from unlucky_model import problem, serve

pytestmark = pytest.mark.slow
CPUS = ["cluster.num_cpus=2", "tracing.workers=1"]
LUCK = ["", "WRONG", "CUT EMPTY", "FALSE FALSE FALSE", "CUT CUT CUT", ""]


def lines(output):
    return sorted(json.dumps(row) for name in ("train", "rejected") for row in rows_of(output, name))


def summary(output):
    return json.loads((output / "summary.json").read_text())


@pytest.fixture(scope="module")
def outputs(start_job, tmp_path_factory):
    """The folders of a run in one step, of one that traces, of one that translates that, and of two judged anew."""
    folder = tmp_path_factory.mktemp("reused")
    records = [json.dumps(problem(number, mark)) for number, mark in enumerate(2 * LUCK, 1)]
    (folder / "problems.jsonl").write_text("\n".join([*records, records[0], "{"]))
    corpus = ["source=jsonl", f"source.path={folder}/problems.jsonl"]

    def run(name, *overrides):
        ended = start_job(f"output.dir={folder}/{name}", *CPUS, *overrides).wait()
        assert ended.code == 0, ended.stderr

    with serve() as model:
        server = ["translator=http", f"translator.url={model.url}"]
        run("one", *corpus, *server)
        questions = sorted((request["case"], request["seed"]) for request in model.asked)
        model.asked.clear()
        run("traced", *corpus, "translator=none")
        assert model.asked == []
        run("two", "source=dataset", f"source.path={folder}/traced", *server)
        assert sorted((request["case"], request["seed"]) for request in model.asked) == questions
    run("strict", "source=dataset", f"source.path={folder}/one", *server, "verification.min_supported=999")
    run("again", "source=dataset", f"source.path={folder}/one", *server, "translator.fallback=template")
    return folder


def test_two_steps_give_the_rows_of_one(outputs):
    assert lines(outputs / "two") == lines(outputs / "one")
    traced = summary(outputs / "traced")
    assert (traced["traced"], traced["problems_with_examples"], traced["counts_add_up"]) == (12, 0, True)
    two, one = summary(outputs / "two"), summary(outputs / "one")
    assert two["reuse"]["trace"] == {"reused": 12, "made": 0}
    assert two["reuse"]["translate"] == {"reused": 0, "made": 12}
    assert two["translation"]["prompt_tokens"] == one["translation"]["prompt_tokens"]


def test_a_model_that_is_gone_is_not_missed(outputs):
    for name, verified in (("strict", {"reused": 10, "made": 0}), ("again", {"reused": 0, "made": 12})):
        told = summary(outputs / name)
        assert told["reuse"]["translate"] == {"reused": 12, "made": 0}
        assert told["reuse"]["verify"] == verified
        assert "translation" not in told
    assert len(rows_of(outputs / "one", "train")) == 8
    assert rows_of(outputs / "strict", "train") == []
    assert summary(outputs / "again")["examples_by_translator"] == {"http": 8, "template": 4}


def test_a_killed_job_on_an_earlier_output_goes_on(outputs, start_job):
    output = outputs / "killed"
    overrides = ["source=dataset", f"source.path={outputs}/one", f"output.dir={output}", *CPUS]
    overrides += ["tracing.value_chars=99", "translator=template", "export.rows_per_shard=1"]
    job = start_job(*overrides)
    job.wait_until(lambda: rows_of(output, "train") or rows_of(output, "rejected"))
    job.signal_group(signal.SIGKILL)
    job.wait(60)
    assert not (output / "summary.json").exists()
    assert start_job(*overrides).wait().code == 0
    told = summary(output)
    assert (told["counts_add_up"], told["problems_read"], told["legs"]) == (True, 14, 2)
    assert len({row["id"] for name in ("train", "rejected") for row in rows_of(output, name)}) == 14
