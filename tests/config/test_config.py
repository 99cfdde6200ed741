"""The configuration: every file of ``conf/`` is right, and every mistake is refused in one clear line."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from execground_ray.config.errors import ConfigError
from execground_ray.config.loading import CONF_DIR, as_of_now, check, compose, load, parse, to_yaml
from execground_ray.config.schema import Config, SamplingParameters
from execground_ray.output.resume import differing_keys

COMMAND = ("-m", "ray_jobs.build_dataset")
FILES = sorted(path.relative_to(CONF_DIR).with_suffix("").as_posix() for path in CONF_DIR.rglob("*.yaml"))
CHOICES = [file for file in FILES if "/" in file and not file.startswith("hydra/")]

# Every option there is. Adding one is a decision: it has to be documented in conf/ and stay for ever.
OPTIONS = """
cluster.address cluster.dashboard cluster.engine_kwargs cluster.engine_kwargs.gpu_memory_utilization
cluster.engine_kwargs.max_num_batched_tokens cluster.engine_kwargs.max_num_seqs cluster.engines
cluster.gpus_per_engine cluster.num_cpus
export.control_text export.license export.max_tokens export.preference export.push_to_hub export.rows_per_shard
export.tokenizer
output.dir output.on_existing
prefilter.decontaminate prefilter.near_duplicates
sampling.examples_per_problem
sandbox.kind
seed
source.kind source.layout source.limit source.name source.path source.revision source.split
tracing.exceptions tracing.float_tolerance tracing.max_lines tracing.max_timeouts tracing.memory_mb tracing.packages
tracing.pairs_per_problem tracing.preload tracing.smaller_inputs tracing.timeout_s tracing.trace_bytes
tracing.value_chars
tracing.worker_runs tracing.workers
translator.api_key_env translator.attempts translator.batch_rows translator.batches_in_flight translator.cluster_kwargs
translator.cluster_kwargs.gpu_memory_utilization translator.cluster_kwargs.max_num_batched_tokens
translator.cluster_kwargs.max_num_seqs translator.concurrency
translator.device translator.enable_thinking translator.engine_kwargs translator.fallback translator.hang_timeout_s
translator.keep_thinking translator.kind translator.lora_path translator.max_failures translator.max_model_len
translator.max_retries translator.max_tries translator.model translator.prompt translator.quantization
translator.replicas translator.requests_per_second translator.retry_max_tokens translator.retry_wait_s
translator.sampling_params.max_tokens translator.sampling_params.min_p translator.sampling_params.temperature
translator.sampling_params.top_k translator.sampling_params.top_p translator.tensor_parallel_size translator.timeout_s
translator.url
verification.memory_mb verification.min_coverage verification.min_grounded verification.min_supported
verification.mode verification.timeout_s
""".split()


def composed(choice: str) -> dict:
    """The whole configuration with one choice made, e.g. ``source/jsonl``, as plain values."""
    values = OmegaConf.to_container(compose([choice.replace("/", "=")]), resolve=True)
    if values["source"].get("path") == "???":
        values["source"]["path"] = str(CONF_DIR)
    return values


def keys(values: dict, parent: str = "") -> set[str]:
    found = set()
    for name, value in values.items():
        key = f"{parent}{name}"
        found |= keys(value, f"{key}.") if isinstance(value, dict) and value else {key}
    return found


def test_no_file_of_conf_is_left_out():
    assert {file.partition("/")[0] for file in FILES} - {"config", "hydra", "experiment"} == {
        name for name in Config.__dataclass_fields__ if name not in ("output", "seed")
    }


@pytest.mark.parametrize("choice", CHOICES)
def test_every_file_composes_and_fits_its_schema(choice):
    config = check(composed(choice))
    group, name = choice.split("/")
    assert getattr(getattr(config, group, None), "kind", name) == name


def test_the_set_of_options_is_frozen():
    assert sorted(set().union(*(keys(composed(choice)) for choice in CHOICES))) == OPTIONS


def test_paper_is_the_reference_implementation():
    config = load(["experiment=paper"])
    tracing = config.tracing
    assert (tracing.pairs_per_problem, tracing.max_lines, tracing.timeout_s) == (10, 300, 5.0)
    assert (tracing.value_chars, tracing.max_timeouts, tracing.exceptions) == (100, 10, "reject")
    assert not tracing.smaller_inputs
    assert config.sampling.examples_per_problem == 1
    assert (config.verification.mode, config.verification.min_grounded) == ("score", 0.0)
    assert (config.export.tokenizer, config.export.max_tokens) == ("characters", 8192)
    assert config.export.control_text == "keep"
    translator = config.translator
    assert (translator.model, translator.replicas, translator.tensor_parallel_size) == ("Qwen/Qwen3-32B", 1, 8)
    assert translator.enable_thinking
    assert translator.sampling_params == SamplingParameters(0.6, 0.95, 20, 0.0, 16384)


def test_nlex_does_not_think_and_has_an_engine_on_each_gpu():
    translator = load(["experiment=nlex"]).translator
    assert (translator.model, translator.enable_thinking) == ("Qwen/Qwen3-32B-FP8", False)
    assert (translator.replicas, translator.tensor_parallel_size) == (8, 1)
    assert translator.cluster_kwargs["max_num_seqs"] == 512


def test_what_suits_the_gpus_yields_to_what_is_asked_for():
    asked = ["translator=vllm", "cluster=gpu8", "+translator.engine_kwargs.max_num_seqs=64"]
    translator = load(asked).translator
    assert translator.cluster_kwargs | translator.engine_kwargs == {
        "max_num_seqs": 64,
        "max_num_batched_tokens": 16384,
        "gpu_memory_utilization": 0.95,
    }


def test_overrides_win_over_the_experiment():
    assert load(["experiment=paper", "tracing.value_chars=200"]).tracing.value_chars == 200


def test_the_saved_configuration_reads_back_the_same():
    config = load(["experiment=smoke", "seed=7"])
    assert parse(OmegaConf.create(to_yaml(config))) == config


def test_numbers_are_of_their_type():
    tracing = load(["tracing.timeout_s=3"]).tracing
    assert (type(tracing.timeout_s), type(tracing.max_lines)) == (float, int)
    assert tracing.float_tolerance == 0.001


ALLOWED = """
tracing.value_chars=20 tracing.value_chars=100000 tracing.workers=null seed=0 seed=4294967295 source.limit=1
verification.min_grounded=0 verification.min_grounded=1 sandbox=none
prefilter.near_duplicates=1 prefilter.near_duplicates=0.5 prefilter.decontaminate=[s3://bucket/humaneval.jsonl]
""".split()

REFUSED = """
tracing.value_chars=19 tracing.value_chars=100001 tracing.workers=0 seed=-1 seed=4294967296 source.limit=0
verification.min_grounded=-0.1 verification.min_grounded=1.1 verification.min_grounded=nan tracing.timeout_s=inf
tracing.timeout_s=null tracing.max_lines=true tracing.max_lines='300' tracing.max_lines=3.0 tracing.preload=x
cluster.dashboard=1 cluster.address=7 export.tokenizer='' prefilter.near_duplicates=0.49 prefilter.near_duplicates=1.1
prefilter.decontaminate=humaneval.jsonl prefilter.decontaminate=[''] prefilter.decontaminate=[s3://id:key@bucket/a]
""".split()


@pytest.mark.parametrize("override", ALLOWED)
def test_the_ends_of_a_range_are_allowed(override):
    load([override])


@pytest.mark.parametrize("override", REFUSED)
def test_what_is_outside_is_refused(override):
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        load([override])


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("jsonl", "{here}/a.jsonl"),
        ("jsonl", "{here}"),
        ("jsonl", "{here}/*.jsonl"),
        ("jsonl", "file://{here}/a.jsonl"),
        ("parquet", "s3://bucket/a.parquet"),
        ("huggingface", "owner/name"),
        ("huggingface", "{here}"),
    ],
)
def test_paths_that_are_allowed(tmp_path, kind, path):
    (tmp_path / "a.jsonl").touch()
    path = path.format(here=tmp_path)
    assert load([f"source={kind}", f"source.path='{path}'"]).source.path == path


def test_a_path_may_begin_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.jsonl").touch()
    for path in ("~/a.jsonl", "~/*.jsonl"):
        assert load(["source=jsonl", f"source.path='{path}'"]).source.path == path


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("jsonl", "{here}/b.jsonl"),
        ("jsonl", "{here}/*.gz"),
        ("jsonl", "file://{here}/b.jsonl"),
        ("parquet", "owner/x"),
        ("huggingface", "./owner/name"),
        ("huggingface", "{here}/none"),
    ],
)
def test_paths_that_do_not_exist(tmp_path, kind, path):
    with pytest.raises(ConfigError, match=r"source\.path = .* does not exist"):
        load([f"source={kind}", f"source.path='{path.format(here=tmp_path)}'"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("tracing.timeot_s=3", "tracing.timeot_s is not a key; did you mean tracing.timeout_s? allowed: tracing.pairs"),
        ("+tracing.foo=3", "tracing.foo is not a key; allowed: tracing.pairs_per_problem, tracing.max_lines, "),
        ("trace.max_lines=3", "trace is not a key; did you mean tracing? allowed: "),
        ("translator=vlm", "translator=vlm is not a choice; did you mean vllm? allowed: "),
        ("translator=vllm translator.device=tpu", "translator.device = 'tpu' is not allowed; allowed: gpu, cpu"),
        ("tracing=3", "tracing=3 is not a choice; allowed: default"),
        ("tracing.max_lines=many", "tracing.max_lines = 'many' is not allowed; allowed: an integer from 2 to 1000000"),
        ("tracing.timeout_s=0", "tracing.timeout_s = 0 is not allowed; allowed: a number from 0.1 to 3600"),
        ("verification.mode=strict", "verification.mode = 'strict' is not allowed; allowed: enforce, score"),
        ("source.path=a.jsonl", "source.path is not a key; allowed: source.kind, source.limit"),
        ("output=out/x", "output = 'out/x' is not allowed; allowed: output.dir, output.on_existing"),
        ("limit=3", "limit is not a key; did you mean source.limit?"),
        ("max_tokens=3", "max_tokens is not a key; did you mean export.max_tokens?"),
        ("source=jsonl", "source.path is missing; allowed: a file, folder, glob or URI"),
        ("source=jsonl source.path=a.jsonl", "source.path = 'a.jsonl' does not exist; allowed: a file, folder, glob"),
        (
            "prefilter.decontaminate=[a.jsonl]",
            "prefilter.decontaminate: 'a.jsonl' does not exist; allowed: files, globs or URIs",
        ),
        ("export.max_tokens=8", "export.tokenizer is missing: export.max_tokens needs it; allowed: characters, or the"),
        (
            "source.limit=[1",
            "'source.limit=[1' cannot be read: no viable alternative at input '[1'; allowed: key=value",
        ),
        ("seed=${sed}", "seed: Interpolation key 'sed' not found"),
    ],
)
def test_wrong_command_lines(run_command, tmp_path, arguments, message):
    result = run_command(*COMMAND, *arguments.split())
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


MEANT = {
    "source=/some/file.jsonl": "source=jsonl source.path=/some/file.jsonl",
    "source=file.JSONL": "source=jsonl source.path=file.JSONL",
    "source=./folder/": "source=jsonl source.path=./folder/",
    "source=s3://bucket/x.json.gz": "source=jsonl source.path=s3://bucket/x.json.gz",
    "source=~/x.jsonl": "source=jsonl source.path=\"'~/x.jsonl'\"",
    "source='/my files/*.jsonl'": "source=jsonl source.path=\"'/my files/*.jsonl'\"",
    "source=/my files/x.jsonl": "source=jsonl source.path=\"'/my files/x.jsonl'\"",
    "source=data/x.parquet": "source=parquet source.path=data/x.parquet",
    "source=owner/name": "source=huggingface source.path=owner/name",
    "translator=http://host:8000/v1": "translator=http translator.url=http://host:8000/v1",
    "translator=Qwen/Qwen3-32B": "translator=vllm translator.model=Qwen/Qwen3-32B",
}


@pytest.mark.parametrize(("override", "meant"), MEANT.items())
def test_a_path_or_name_in_the_place_of_a_choice_is_told_where_it_goes(override, meant):
    with pytest.raises(ConfigError) as refused:
        load([override])
    group = override.partition("=")[0]
    choices = ", ".join(sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml")))
    assert str(refused.value) == f"{override} is not a choice; did you mean {meant}? allowed: {choices}"


def test_a_mistake_is_refused_before_ray_is_loaded(run_command):
    program = "import sys; from ray_jobs.build_dataset import main; print(main(), 'ray' in sys.modules)"
    assert run_command("-c", program, "seed=-1").stdout == "2 False\n"


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("max_lines:", "max_line:", "error: tracing.max_line is not a key; did you mean tracing.max_lines? allowed: "),
        ("max_lines: 300", "", "error: tracing.max_lines is missing; allowed: an integer from 2 to 1000000"),
        ("max_lines:", "max_lines: a:", "error: mapping values are not allowed here; in "),
    ],
)
def test_mistakes_inside_a_file(run_command, tmp_path, right, wrong, message):
    conf = Path(shutil.copytree(CONF_DIR, tmp_path / "conf"))
    file = conf / "tracing" / "default.yaml"
    file.write_text(file.read_text().replace(right, wrong, 1))
    result = run_command(*COMMAND, "--config-path", str(conf))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_cfg_job_prints_the_composed_configuration(run_command):
    result = run_command(*COMMAND, "--cfg", "job", "experiment=paper", "seed=5")
    assert result.returncode == 0
    assert parse(OmegaConf.create(result.stdout)) == load(["experiment=paper", "seed=5"])


def test_help_names_the_groups_and_the_exit_codes(run_command):
    result = run_command(*COMMAND, "--help")
    assert result.returncode == 0
    for group in {choice.partition("/")[0] for choice in CHOICES}:
        names = sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml"))
        assert f"{group}: {', '.join(names)}" in result.stdout
    assert "Exit codes: 0 done" in result.stdout


def test_every_job_of_a_multirun_has_a_folder_of_its_own(run_command, tmp_path):
    for number in "01":
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "runs" / number).touch()  # a file in the way of each folder: the refusal names it
    result = run_command(*COMMAND, "--multirun", "seed=1,2", "output.dir=runs")
    assert result.stdout.splitlines() == [
        "job 0 -> runs/0: seed=1 output.dir=runs",
        "job 1 -> runs/1: seed=2 output.dir=runs",
    ]
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"error: output.dir = 'runs/{number}' is a file; allowed: a folder or URI" for number in "01"
    ]


@pytest.mark.parametrize(
    "override",
    [
        "output.dir=s3://AKIAKEY:hidden@bucket/out",
        "output.dir='s3://bucket/out?region=x&secret_key=hidden'",
        "source=jsonl source.path=s3://AKIAKEY:hidden@bucket/in",
        "source=jsonl source.path='gs://bucket/in?access_token=hidden'",
        "translator=http translator.url=http://user:hidden@host/v1/chat/completions",
        "translator=http translator.url='https://host/v1/chat/completions?api-version=1&api_key=hidden'",
    ],
)
def test_credentials_in_a_path_are_refused_and_not_repeated(override):
    with pytest.raises(ConfigError, match="holds credentials") as refused:
        load(override.split())
    assert "hidden" not in str(refused.value)


def test_a_revision_is_no_credential():
    assert load(["source=jsonl", "source.path=hf://datasets/owner/name@main/x.jsonl"]).source.path.endswith("x.jsonl")


@pytest.mark.parametrize("choice", ["template", "http"])
def test_the_configuration_of_an_output_before_max_failures_is_read(choice):
    saved = composed(f"translator/{choice}")
    now = check(composed(f"translator/{choice}"))
    saved["translator"].pop("max_failures", None)
    assert check(as_of_now(saved)).translator == (
        replace(now.translator, max_failures=32) if choice == "http" else now.translator
    )
    assert differing_keys(as_of_now(saved), asdict(now)) == []


def test_the_configuration_of_an_output_before_the_prefilter_could_be_set_is_read():
    saved = composed("source/sample")
    now = check(saved)
    del saved["prefilter"]
    assert check(as_of_now(saved)) == now
    assert differing_keys(as_of_now(saved), asdict(now)) == []


@pytest.mark.parametrize("path", ["out/pyedu", ".", "../out"])
def test_a_submitted_job_writes_nothing_into_rays_cache(tmp_path, monkeypatch, path):
    cache = tmp_path / "session_1" / "runtime_resources" / "working_dir_files" / "_ray_pkg_1"
    cache.mkdir(parents=True)
    monkeypatch.chdir(cache)
    with pytest.raises(ConfigError, match=r"output\.dir = .* is relative.*; allowed: an absolute path"):
        load([f"output.dir={path}"])
    for allowed in (str(tmp_path / "out"), "s3://bucket/out", "'~/out'"):
        load([f"output.dir={allowed}"])
