"""What an output folder says of itself: what is done, what was cut off, and whether it may be gone on with.

How a run goes on after it was stopped or killed is tested in ``pipeline/test_interrupted_run.py``, what is done of a
corpus in ``test_finished_problems.py``.
"""

import json
import platform
from dataclasses import asdict

import pytest
from omegaconf import OmegaConf

from execground_ray import __version__
from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import load, to_yaml
from execground_ray.output.attempts import check_maker, made_by
from execground_ray.output.layout import ATTEMPTS, CARD_SIGN, CONFIG, ENDINGS, SUMMARY, UNFINISHED
from execground_ray.output.resume import differing_keys, prepare_output
from execground_ray.output.shards import is_whole, line_ids
from execground_ray.output.storage import Folder


@pytest.fixture
def folder(tmp_path):
    return Folder.at(str(tmp_path / "out"))


def config(folder, *overrides):
    return load([f"output.dir={folder.path}", *overrides])


def begin(folder, *overrides, finished=False):
    """Leave behind what a run with these settings does."""
    folder.write_text(CONFIG, to_yaml(config(folder, *overrides)))
    folder.write_text("train/a.jsonl", line("00000000000000aa"))
    if finished:
        folder.write_text("summary.json", "{}\n")
        folder.write_text("dataset_info.json", "{}\n")


def contents(folder, path):
    return {found.relative_to(path): found.read_bytes() for found in path.rglob("*") if found.is_file()}


def line(identity):
    return json.dumps({"id": identity, "messages": []}) + "\n"


@pytest.mark.parametrize("cut", range(1, len(line("bb")) + 1))
def test_a_shard_cut_off_anywhere_counts_for_nothing_or_for_whole_lines(cut):
    text = line("aa") + line("bb")
    data = text[:-cut].encode()
    assert (line_ids(data) if is_whole(data) else None) == (["aa"] if cut == len(line("bb")) else None)


@pytest.mark.parametrize(
    "text", ["", "\n", "{}\n", '{"id": "aa"}\n[]\n', '{"id": "aa"}\n\n', '{"id": "aa"}\n{"id": \n']
)
def test_what_is_no_shard_is_told(text):
    assert not is_whole(text.encode())


def test_an_empty_or_missing_folder_is_begun(folder):
    for on_existing in ("resume", "refuse", "overwrite"):
        assert not prepare_output(folder, config(folder, f"output.on_existing={on_existing}"))


@pytest.mark.parametrize("finished", [False, True])
def test_the_same_settings_go_on_and_keep_what_is_there(folder, tmp_path, finished):
    begin(folder, finished=finished)
    before = contents(folder, tmp_path)
    folder.write_text(f"{UNFINISHED}/train/half.jsonl", "half a ")
    assert prepare_output(folder, config(folder)) is finished
    assert contents(folder, tmp_path) == before


@pytest.mark.parametrize("finished", [False, True])
def test_refuse_names_what_is_there_and_touches_nothing(folder, tmp_path, finished):
    begin(folder, finished=finished)
    before = contents(folder, tmp_path)
    with pytest.raises(ConfigError, match=r"output\.dir = .* holds train, .*config\.yaml, and on_existing is refuse"):
        prepare_output(folder, config(folder, "output.on_existing=refuse"))
    assert contents(folder, tmp_path) == before


def test_overwrite_takes_away_the_dataset_and_nothing_else(folder, tmp_path):
    begin(folder, "seed=5", finished=True)
    for kind, ending in ENDINGS.items():
        folder.write_text(f"{kind}/0123abcd-000007.{ending}", "x")
    for name in ("report.html", f"{UNFINISHED}/train/x", f"{ATTEMPTS}/0123abcd.json"):
        folder.write_text(name, "x")
    folder.write_text("README.md", f"---\n{CARD_SIGN}\n---\n")
    mine = ["notes.txt", "train/photos.txt", "records/0123abcd-000007.jsonl"]
    for name in mine:
        folder.write_text(name, "mine")
    assert not prepare_output(folder, config(folder, "output.on_existing=overwrite"))
    assert sorted(str(path) for path in contents(folder, tmp_path / "out")) == sorted([*mine, "train/a.jsonl"])
    assert not folder.exists("rejected")


def test_overwrite_leaves_a_readme_that_is_no_card(folder):
    begin(folder)
    folder.write_text("README.md", "# My project\n")
    prepare_output(folder, config(folder, "output.on_existing=overwrite"))
    assert folder.read_text("README.md") == "# My project\n"


@pytest.mark.parametrize("foreign", ["", "a: 1\n", "- 1\n", "a: [\n", "${x}\n", "seed: 1\noutput: {dir: x}\n"])
@pytest.mark.parametrize("on_existing", ["resume", "overwrite"])
def test_a_folder_with_a_configuration_of_somebody_else_is_refused_untouched(folder, tmp_path, foreign, on_existing):
    folder.write_text(CONFIG, foreign)
    folder.write_text("train/photos.txt", "mine")
    folder.write_text("README.md", "mine")
    before = contents(folder, tmp_path)
    with pytest.raises(ConfigError, match=r"no config\.yaml of this job.*allowed: another output\.dir"):
        prepare_output(folder, config(folder, f"output.on_existing={on_existing}"))
    assert contents(folder, tmp_path) == before


@pytest.mark.parametrize("finished", [False, True])
def test_other_settings_are_refused_by_name(folder, tmp_path, finished):
    begin(folder, finished=finished)
    before = contents(folder, tmp_path)
    other = config(folder, "seed=7", "tracing.max_lines=200", "source=jsonl", f"source.path={tmp_path}")
    with pytest.raises(
        ConfigError, match=r"begun with other values of seed, source\.kind, source\.path, tracing\.max_lines; allowed"
    ):
        prepare_output(folder, other)
    assert contents(folder, tmp_path) == before


FREE = {
    "template": """
        tracing.workers=3 tracing.worker_runs=5 cluster.num_cpus=2 export.rows_per_shard=7 export.license=mit
    """,
    "http": """
        translator.url=http://h:1/v1/chat/completions translator.api_key_env=KEY translator.concurrency=3
        translator.requests_per_second=2 translator.timeout_s=5 translator.max_retries=1 translator.retry_wait_s=2
    """,
    "vllm": """
        translator.device=cpu translator.batch_rows=3 translator.batches_in_flight=2 translator.max_tries=1
        translator.hang_timeout_s=9 cluster.engines=3 cluster.gpus_per_engine=2
    """,
}


@pytest.mark.parametrize("translator", FREE)
def test_settings_that_change_no_row_may_differ(folder, translator):
    begin(folder, f"translator={translator}")
    before = asdict(config(folder, f"translator={translator}"))
    for setting in FREE[translator].split():
        now = config(folder, f"translator={translator}", setting)
        assert asdict(now) != before
        assert not prepare_output(folder, now)


PINNED = ["model=x", "enable_thinking=true", "keep_thinking=true", "prompt=reference"]
PINNED += ["sampling_params.top_k=3", "sampling_params.max_tokens=9"]


@pytest.mark.parametrize("setting", PINNED)
def test_settings_of_a_translator_that_change_rows_may_not(folder, setting):
    begin(folder, "translator=http")
    with pytest.raises(ConfigError, match=rf"other values of translator\.{setting.partition('=')[0]}; allowed"):
        prepare_output(folder, config(folder, "translator=http", f"translator.{setting}"))


@pytest.mark.parametrize(
    ("before", "now", "allowed"),
    [("3", "5", True), ("3", "null", True), ("3", "3", True), ("5", "3", False), ("null", "3", False)],
)
def test_the_limit_of_the_source_may_be_raised_only(folder, before, now, allowed):
    begin(folder, f"source.limit={before}")
    if allowed:
        prepare_output(folder, config(folder, f"source.limit={now}"))
        return
    with pytest.raises(ConfigError, match=r"other values of source\.limit; allowed"):
        prepare_output(folder, config(folder, f"source.limit={now}"))


@pytest.mark.parametrize("control_text", ["reject", "keep"])
def test_an_output_of_a_version_without_a_filter_is_gone_on_with(folder, control_text):
    begin(folder)
    saved = OmegaConf.create(folder.read_text(CONFIG))
    del saved.export.control_text, saved.export.preference
    folder.write_text(CONFIG, OmegaConf.to_yaml(saved))
    assert not prepare_output(folder, config(folder, f"export.control_text={control_text}"))


def test_an_output_of_a_version_that_asked_once_is_finished(folder):
    http = ("translator=http", "translator.model=m")
    begin(folder, *http)
    saved = OmegaConf.create(folder.read_text(CONFIG))
    del saved.translator.attempts, saved.translator.retry_max_tokens, saved.translator.fallback
    folder.write_text(CONFIG, OmegaConf.to_yaml(saved))
    folder.write_text(SUMMARY, "{}")
    assert prepare_output(folder, config(folder, *http))
    with pytest.raises(ConfigError, match=r"other values of translator\.model; allowed"):
        prepare_output(folder, config(folder, "translator=http", "translator.model=other"))


def test_a_folder_that_no_run_has_begun_is_not_touched(folder, tmp_path):
    folder.write_text("train/mine.jsonl", '{"text": "of another project"}\n')
    before = contents(folder, tmp_path)
    with pytest.raises(ConfigError, match="train"):
        prepare_output(folder, config(folder))
    assert contents(folder, tmp_path) == before


def test_a_run_that_died_before_its_first_file_is_gone_on_with(folder):
    folder.write_text(f"{UNFINISHED}/{CONFIG}", "seed: 1")
    assert not prepare_output(folder, config(folder))
    assert not folder.exists(UNFINISHED)


EVERY_GROUP = [
    "seed=1",
    "sandbox=none",
    "source.limit=3",
    "tracing.timeout_s=1",
    "tracing.preload=[math]",
    "sampling.examples_per_problem=2",
    "verification.mode=score",
    "export.tokenizer=characters",
    "export.control_text=keep",
    "export.preference=true translator=http",
    "translator.attempts=2 translator=http",
    "translator.retry_max_tokens=20000 translator=http",
    "translator.fallback=template translator=http",
]


@pytest.mark.parametrize("override", EVERY_GROUP)
def test_every_setting_that_can_change_a_row_counts(override):
    override, *choice = override.split()
    before, now = (
        OmegaConf.to_container(OmegaConf.create(to_yaml(load(given)))) for given in (choice, [override, *choice])
    )
    assert differing_keys(before, asdict(load(choice))) == []
    key = "sandbox.kind" if override.startswith("sandbox") else override.split("=")[0]
    assert differing_keys(before, now) == [key]


def finished_by(version, python):
    return {"versions": {"execground-ray": version}, "python": f"CPython {python}"}


def test_rows_of_another_version_or_python_are_not_mixed_with_ours(folder):
    now = platform.python_version()
    check_maker(folder, {})
    check_maker(folder, finished_by(__version__, now))
    for earlier in (finished_by("0.0.9", now), finished_by(__version__, "3.99.1")):
        with pytest.raises(ConfigError, match=r"was begun by execground-ray .* on Python .*, and this is .*; allowed"):
            check_maker(folder, earlier)


@pytest.mark.parametrize("other", [{"execground-ray": "0.0.9"}, {"python": "3.99"}])
def test_nor_are_those_of_an_attempt_that_was_not_finished(folder, other):
    folder.write_text(f"{ATTEMPTS}/a.json", json.dumps({"began": 1.0, "made_by": made_by()}))
    check_maker(folder, {})
    folder.write_text(f"{ATTEMPTS}/b.json", json.dumps({"began": 2.0, "made_by": made_by() | other}))
    with pytest.raises(ConfigError, match="was begun by"):
        check_maker(folder, {})
