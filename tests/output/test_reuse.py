"""What an earlier output has made is taken over up to the first stage whose settings differ, and nothing else is."""

import json
import shutil
import sys
from collections import Counter

import pyarrow.parquet as pq
import pytest
from small_output import problem, run_stages

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load, to_yaml
from execground_ray.config.schema import Config
from execground_ray.corpus.duplicates import Finished
from execground_ray.corpus.survey import Work, survey_corpus
from execground_ray.output.record_split import open_source
from execground_ray.output.reuse import STAGE_OF
from execground_ray.records import COLUMNS, Stage
from execground_ray.stages.read_problems import read_rows
from ray_jobs.check import main as check

PLAIN = "tracing.preload=[]"
STRICT = "verification.min_supported=11"


@pytest.fixture
def check_output(monkeypatch, capsys):
    """Whether ``ray_jobs.check`` proves an output."""

    def proves(output):
        monkeypatch.setattr(sys, "argv", ["check", str(output), "--workers=1"])
        code = check()
        print(capsys.readouterr().out)
        return code == 0

    return proves


def take(output, folder, *overrides):
    """Make another output from one, by other settings."""
    return run_stages(["source=dataset", f"source.path={output}", f"output.dir={folder}", *overrides])


def start(output, folder, *overrides, rows_per_write=5):
    """Make another output from the corpus that one was made from."""
    corpus = output.parent / "corpus.jsonl"
    return run_stages(["source=jsonl", f"source.path={corpus}", f"output.dir={folder}", *overrides], rows_per_write)


def rows_taken(output, *overrides):
    """The rows as they are read from an output."""
    config = load(["source=dataset", f"source.path={output}", "output.dir=elsewhere", PLAIN, *overrides])
    plans = survey_corpus(open_source(config), config.source.limit, config.seed)
    return [row for plan in plans for row in read_rows(plan)]


def lines(output):
    """All rows of the shards, but for their order."""
    return sorted(line for name in ("train", "rejected") for path in (output / name).glob("*") for line in path.open())


def records(output):
    return {row["id"]: row for path in (output / "records").iterdir() for row in pq.read_table(path).to_pylist()}


def reuse_of(output):
    return {
        stage: (counts["reused"], counts["made"])
        for stage, counts in json.loads((output / "summary.json").read_text())["reuse"].items()
    }


def test_every_group_of_settings_belongs_to_a_stage():
    groups = {key.partition(".")[0] for key in STAGE_OF}
    assert groups == Config.__dataclass_fields__.keys() - {"source", "output", "cluster"}


LAST = {
    "export.control_text=keep": "verify",
    STRICT: "verify",
    "verification.mode=score": "verify",
    "verification.timeout_s=6": "translate",
    "translator=http": "trace",
    "translator=none": "trace",
    "tracing.value_chars=100": "prefilter",
    "sampling.examples_per_problem=2": "prefilter",
    "sandbox=none": "prefilter",
    "seed=7": "read",
    "tracing.workers=3": "verify",
    "cluster.num_cpus=1": "verify",
}


@pytest.mark.parametrize(("override", "last"), LAST.items())
def test_a_row_brings_along_the_work_of_the_stages_whose_settings_are_the_same(small_output, override, last):
    rows = rows_taken(small_output, override)
    assert len(rows) == 13
    assert {row["reused"] for row in rows} == {last}
    names = [name for stage in list(Stage)[: list(Stage).index(Stage(last)) + 1] for name in COLUMNS[stage]]
    assert list(rows[0]) == names
    rejected = Counter(row["stage"] for row in rows if row["reason"])
    assert rejected["read"] == 1
    assert rejected["prefilter"] == (last != "read")
    assert rejected["trace"] == (3 if last in ("trace", "translate", "verify") else 0)


def test_other_thresholds_ask_for_no_run_and_no_text_and_give_the_rows_of_a_run_from_the_start(
    small_output, tmp_path, check_output, monkeypatch
):
    for refused in ("stages.verify_examples.RowVerifier.verify", "tracing.trace_runner.TraceRunner.trace_problem"):
        monkeypatch.setattr(f"execground_ray.{refused}", pytest.fail)
    monkeypatch.setattr("execground_ray.translators.template.translator.write_reasoning", pytest.fail)
    again = take(small_output, tmp_path / "again", STRICT)
    monkeypatch.undo()
    assert lines(again) == lines(start(small_output, tmp_path / "start", STRICT)) != lines(small_output)
    stages = {"prefilter": (12, 0), "trace": (11, 0), "translate": (8, 0), "verify": (8, 0)}
    assert {stage: counts for stage, counts in reuse_of(again).items() if stage != "export"} == stages
    assert check_output(again)


def test_a_text_is_verified_again_with_what_it_cites(small_output, tmp_path):
    again = take(small_output, tmp_path / "again", "verification.timeout_s=6")
    assert reuse_of(again)["verify"] == (0, 8)
    assert lines(again) == lines(small_output)
    assert all(row["attributed"] for row in records(again).values() if not row["reason"])
    mine, theirs = records(again), records(small_output)
    for identity, row in mine.items():
        assert row | {"reused": ""} == theirs[identity]


def test_two_steps_give_the_rows_of_one(small_output, tmp_path, check_output):
    traced = start(small_output, tmp_path / "traced", "translator=none")
    summary = json.loads((traced / "summary.json").read_text())
    assert (summary["traced"], summary["examples"], summary["problems_rejected"]) == (8, 0, 5)
    assert summary["counts_add_up"]
    assert not (traced / "train").exists()
    assert not (traced / "dataset_info.json").exists()
    assert "traced, to be translated" in (traced / "report.html").read_text()
    assert "load_dataset" not in (traced / "README.md").read_text()
    assert check_output(traced)
    translated = take(traced, tmp_path / "translated")
    assert lines(translated) == lines(small_output)
    assert reuse_of(translated)["trace"] == (11, 0)
    assert reuse_of(translated)["translate"] == (0, 8)
    assert check_output(translated)


def test_rows_that_were_only_traced_stay_so_and_a_text_can_be_left_out(small_output, tmp_path):
    once = take(small_output, tmp_path / "once", "translator=none")
    twice = take(once, tmp_path / "twice", "translator=none")
    assert Counter(row["reason"] for row in records(twice).values())["traced"] == 8
    assert {identity: row["trace"] for identity, row in records(twice).items()} == {
        identity: row["trace"] for identity, row in records(small_output).items()
    }


def test_other_traces_are_those_of_a_run_from_the_start(small_output, tmp_path):
    changes = ["tracing.value_chars=30", "sampling.examples_per_problem=2"]
    several = start(small_output, tmp_path / "start", *changes)
    assert lines(take(small_output, tmp_path / "again", *changes)) == lines(several) != lines(small_output)
    one = take(several, tmp_path / "one", "tracing.value_chars=30")
    assert lines(one) == lines(take(small_output, tmp_path / "back", "tracing.value_chars=30"))


@pytest.mark.parametrize("rows_per_write", [40, 4], ids=["together", "scattered"])
def test_several_examples_of_a_problem_are_taken_over_where_they_are_all_together(
    small_output, tmp_path, rows_per_write
):
    three = "sampling.examples_per_problem=3"
    several = start(small_output, tmp_path / "several", three, rows_per_write=rows_per_write)
    again = take(several, tmp_path / "again", three, STRICT)
    assert lines(again) == lines(start(small_output, tmp_path / "start", three, STRICT))
    assert (reuse_of(again)["trace"][1] > 0) == (rows_per_write == 4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_copies_keep_their_ids_and_another_seed_chooses_anew_between_duplicates(tmp_path, seed):
    other = problem(1, "def main_solution(n):\n    return n + 1 + 0\n", [1, 2, 3])
    corpus = [problem(1), other, problem(2), problem(1), other, problem(2), problem(2)]
    (tmp_path / "corpus.jsonl").write_text("".join(f"{line}\n" for line in corpus))
    first = start(tmp_path / "first", tmp_path / "first", rows_per_write=1)
    assert len(records(first)) == 7
    again = take(first, tmp_path / "again", f"seed={seed}")
    assert lines(again) == lines(start(first, tmp_path / "start", f"seed={seed}"))
    assert {row["reused"] for row in rows_taken(again, f"seed={seed}")} == {"verify"}


def with_first_record(output, copy, **changes):
    """A copy of an output with one record changed, and the id of that."""
    shutil.copytree(output, copy)
    path = min((copy / "records").iterdir())
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0] |= changes
    pq.write_table(type(table).from_pylist(rows, table.schema), path)
    return rows[0]["id"]


def test_a_text_that_could_not_be_judged_is_judged_again(small_output, tmp_path):
    reject = {"stage": "verify", "reason": "ungrounded", "detail": "cannot be verified: x"}
    changed = with_first_record(small_output, tmp_path / "copy", **COLUMNS[Stage.VERIFY] | reject)
    found = {row["id"]: row["reused"] for row in rows_taken(tmp_path / "copy", "verification.mode=score")}
    assert found.pop(changed) == "translate"
    assert set(found.values()) == {"verify"}


@pytest.mark.parametrize(
    ("override", "reason"),
    [("verification.mode=score", ""), ("verification.timeout_s=6", ""), ("export.license=mit", "unfinished")],
)
def test_what_verification_found_unfinished_is_no_reject_of_the_translation(small_output, tmp_path, override, reason):
    finding = {"kind": "cut_off", "start": 0, "end": 1, "message": "cut", "outcome": "contradicted", "lines": []}
    reject = {"stage": "translate", "reason": "unfinished", "detail": "cut", "findings": json.dumps([finding])}
    changed = with_first_record(small_output, tmp_path / "copy", **reject)
    rows = {row["id"]: row["reason"] for row in rows_taken(tmp_path / "copy", override)}
    assert rows[changed] == reason


def without_columns(output, *names):
    for path in (output / "records").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(list(names)), path)


def test_what_earlier_versions_did_not_record_is_made_again(small_output, tmp_path):
    copy = shutil.copytree(small_output, tmp_path / "copy")
    without_columns(copy, "pairs", "attempts", "translator", "reused", "untold")
    for override, last in ((STRICT, "translate"), ("tracing.value_chars=50", "read")):
        assert {row["reused"] for row in rows_taken(copy, override)} == {last}


@pytest.mark.parametrize(
    ("name", "value", "last"), [("execground-ray", "0.1.0", "translate"), ("python", "3.0", "prefilter")]
)
def test_another_version_judges_again_and_another_python_traces_again(small_output, tmp_path, name, value, last):
    copy = shutil.copytree(small_output, tmp_path / "copy")
    summary = json.loads((copy / "summary.json").read_text())
    if name == "python":
        summary["python"] = f"CPython {value}.1"
    else:
        summary["versions"][name] = value
    (copy / "summary.json").write_text(json.dumps(summary))
    assert {row["reused"] for row in rows_taken(copy)} == {last}


def as_of_a_model(output, copy, record, *settings):
    """A copy of an output as a model would have left it, with one record changed, and the id of that."""
    changed = with_first_record(output, copy, **record)
    config = load(
        ["source=dataset", f"source.path={output}", f"output.dir={copy}", PLAIN, "translator=http", *settings]
    )
    (copy / "config.yaml").write_text(to_yaml(config))
    return changed


def told(text="Text [1].", reason="", findings=(), thinking="Hm."):
    """An attempt as the records tell of it."""
    found = None if findings is None else list(findings)
    return {"text": text, "thinking": thinking, "reason": reason, "detail": "why", "findings": found}


FALLBACK = "translator.fallback=template"
STEPPED_IN = [
    # The attempt, what the run had, what it has now: what is to be verified.
    (told(reason="ungrounded"), [FALLBACK], [], ("Text [1].", "http", "")),
    (told(reason="ungrounded"), [FALLBACK], [FALLBACK, STRICT], ("Text [1].", "http", "")),
    (told("", "empty", None), [FALLBACK], [], ("", "", "empty")),
    (told(reason="ungrounded"), [FALLBACK], [FALLBACK], ("template's", "template", "")),
]


@pytest.mark.parametrize(("attempt", "before", "now", "expected"), STEPPED_IN)
def test_what_the_template_stepped_in_for_is_seen_again(small_output, tmp_path, attempt, before, now, expected):
    record = {"text": "template's", "translator": "template", "attempts": json.dumps([attempt])}
    copy = tmp_path / "copy"
    changed = as_of_a_model(small_output, copy, record, *before)
    rows = {row["id"]: row for row in rows_taken(copy, "translator=http", *now)}
    assert tuple(rows[changed][name] for name in ("text", "translator", "reason")) == expected
    assert rows[changed]["reused"] == ("verify" if before == now else "translate")


@pytest.mark.parametrize(
    ("kept", "keeps", "last", "thinking"),
    [(True, True, "verify", "Hm."), (True, False, "verify", ""), (False, True, "trace", None)],
)
def test_what_a_model_thought_can_be_left_out_but_not_made_up(small_output, tmp_path, kept, keeps, last, thinking):
    attempt = told(thinking="Hm." if kept else "")
    record = {"text": attempt["text"], "translator": "http", "attempts": json.dumps([attempt])}
    copy = tmp_path / "copy"
    changed = as_of_a_model(small_output, copy, record, f"translator.keep_thinking={str(kept).lower()}")
    taken = rows_taken(copy, "translator=http", f"translator.keep_thinking={str(keeps).lower()}")
    rows = {row["id"]: row for row in taken}
    assert rows[changed]["reused"] == last
    assert rows[changed].get("thinking") == thinking
    assert thinking is None or json.loads(rows[changed]["attempts"])[0]["thinking"] == thinking


def test_of_an_interrupted_run_the_rows_count_that_are_in_its_shards(small_output, tmp_path):
    copy = shutil.copytree(small_output, tmp_path / "copy")
    (copy / "summary.json").unlink()
    lost = min((copy / "train").iterdir())
    ids = {json.loads(line)["id"] for line in lost.open()}
    lost.unlink()
    assert {row["id"] for row in rows_taken(copy)} == records(small_output).keys() - ids


def test_a_problem_that_is_there_twice_is_refused(small_output, tmp_path):
    copy = shutil.copytree(small_output, tmp_path / "copy")
    for name in ("train", "records"):
        path = min((copy / name).iterdir())
        shutil.copy(path, path.with_name(f"ffffffff-000000{path.suffix}"))
    with pytest.raises(ConfigError, match=r"source\.path has the problem [0-9a-f]{16} twice"):
        rows_taken(copy)


def test_what_is_done_is_not_read_again(small_output):
    every = rows_taken(small_output, STRICT)
    config = load(["source=dataset", f"source.path={small_output}", "output.dir=elsewhere", PLAIN, STRICT])
    finished = Finished.of([row["id"] for row in every[:5]])
    plans = survey_corpus(open_source(config), None, config.seed, finished=finished)
    assert Work.of(plans, finished) == Work(13, 5, 0)
    assert [row for plan in plans for row in read_rows(plan)] == every[5:]


def test_the_limit_counts_problems(small_output):
    assert len(rows_taken(small_output, "source.limit=6")) == 6


@pytest.mark.parametrize(("path", "message"), [("{out}", "is output.dir too"), ("{tmp}", "holds no config.yaml")])
def test_what_is_no_earlier_output_is_refused(small_output, tmp_path, path, message):
    path = path.format(out=small_output, tmp=tmp_path)
    with pytest.raises(ConfigError, match=message):
        open_source(load(["source=dataset", f"source.path={path}", f"output.dir={small_output}"]))
