"""Everything that can be set about a run: what it means, its type and the values it may take.

The values come from ``conf/`` and the command line, as Hydra composes them; what comes out is one frozen ``Config``,
or a ``ConfigError`` with one line that names the key. Defaults live in ``conf/`` alone. Importing this module loads
nothing heavy, Hydra included, so that workers can import it for the types.
"""

from __future__ import annotations

import dataclasses
import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from execground_ray.schema import ConfigError, Range, build

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONF_DIR = Path(__file__).resolve().parents[1] / "conf"

CHARACTERS = "characters"  # the tokenizer that is none: the length of the text

CREDENTIALS = re.compile(r"\w+://([^/@]*:[^/@]*@|.*[?&](access_key|secret_key|session_token)=)")

AtLeastOne = Annotated[int, Range(1)]
AtLeastOneOrNone = Annotated[int | None, Range(1)]


@dataclass(frozen=True)
class SampleSource:
    """The problems bundled with this project."""

    kind: Literal["sample"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all


@dataclass(frozen=True)
class FileSource:
    """Problems in files, one per JSON line or Parquet row."""

    kind: Literal["jsonl", "parquet"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all
    path: Annotated[str, "a file, folder, glob or URI"]  # file://, s3://, gs://, hf://; relative to the cwd


@dataclass(frozen=True)
class HuggingFaceSource:
    """Problems that ``datasets.load_dataset(path, name, split=split)`` reads."""

    kind: Literal["huggingface"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all
    path: Annotated[str, "owner/name on the Hub, an hf:// URI or a folder"]
    name: str | None  # which configuration of the dataset; null for its only one
    split: str  # which split


@dataclass(frozen=True)
class TemplateTranslator:
    """Reasoning written from the trace by rules, without a model."""

    kind: Literal["template"]


@dataclass(frozen=True)
class SamplingParameters:
    """How the model draws its tokens; names and meaning are vLLM's."""

    temperature: Annotated[float, Range(0, 2)]  # 0 is greedy
    top_p: Annotated[float, Range(0, 1)]  # share of the probability mass to draw from
    top_k: Annotated[int, Range(0)]  # number of likeliest tokens to draw from; 0 for all
    min_p: Annotated[float, Range(0, 1)]  # least probability, relative to the likeliest token
    max_tokens: AtLeastOne  # longest answer, thinking included, in tokens


Prompts = Literal["reference", "marked_answer"]  # the texts of ``execground_ray/prompts`` that ask for the reasoning


@dataclass(frozen=True)
class VllmTranslator:
    """A language model on the GPUs of the cluster, through vLLM."""

    kind: Literal["vllm"]
    model: str  # name on the Hub or local folder
    device: Literal["gpu", "cpu"]  # ``cpu`` is for trials with vLLM's CPU build: no GPU is reserved
    replicas: AtLeastOne  # engines side by side
    tensor_parallel_size: AtLeastOne  # GPUs of one engine, all on one node
    max_model_len: AtLeastOneOrNone  # prompt and answer together, in tokens; null for what the model supports
    quantization: str | None  # vLLM's name of the method; null for the model as it is
    lora_path: str | None  # folder of an adapter; null for none
    enable_thinking: bool  # switch of the model's chat template
    keep_thinking: bool  # whether what the model thought stands before the text in the training row
    prompt: Prompts
    batch_rows: Annotated[int, Range(1, 1024)]  # rows that go to an engine, come back and are retried together
    batches_in_flight: Annotated[int, Range(1, 1000)]  # of one engine; times batch_rows >= what it can do at once
    max_tries: Annotated[int, Range(1, 100)]  # engines that may die of a row before it is given up
    hang_timeout_s: Annotated[float, Range(1, 86_400)]  # an engine that gives no sign for so long is replaced
    sampling_params: SamplingParameters  # how tokens are drawn
    engine_kwargs: dict[str, Any]  # passed to vLLM's engine as they are


@dataclass(frozen=True)
class HttpTranslator:
    """A language model behind an OpenAI-compatible server."""

    kind: Literal["http"]
    url: str  # address of the chat completions
    model: str  # name that the server knows it by
    api_key_env: str | None  # environment variable with the key, null for none; the key itself is in no configuration
    concurrency: Annotated[int, Range(1, 10_000)]  # requests under way at a time
    requests_per_second: Annotated[float | None, Range(0.001)]  # limit on new requests; null for none
    timeout_s: Annotated[float, Range(0.1, 86_400)]  # one request, in seconds
    max_retries: Annotated[int, Range(0, 100)]  # further tries after 429, 5xx and a broken connection
    retry_wait_s: Annotated[float, Range(0.001, 3600)]  # before the first of them, doubled each time up to a minute
    enable_thinking: bool | None  # switch of the server's chat template; null sends nothing
    keep_thinking: bool  # whether what the model thought stands before the text in the training row
    prompt: Prompts
    sampling_params: SamplingParameters  # how tokens are drawn


@dataclass(frozen=True)
class Sandbox:
    """The cage that programs run in; ``none`` runs them with all the rights of the user."""

    kind: Literal["sandlock", "none"]


@dataclass(frozen=True)
class Tracing:
    """Execution under the tracer."""

    pairs_per_problem: Annotated[int, Range(1, 1000)]  # pairs tried, in seeded order, until one is accepted
    max_lines: Annotated[int, Range(2, 1_000_000)]  # a trace is accepted with fewer lines than this
    timeout_s: Annotated[float, Range(0.1, 3600)]  # CPU time of one run, in seconds, and half of its wall time
    memory_mb: Annotated[int, Range(64, 1_048_576)]  # memory of one run, in MiB
    value_chars: Annotated[int, Range(20, 100_000)]  # characters shown of each value; 100 is snoop's own rule
    output_bytes: Annotated[int, Range(0, 1_000_000_000)]  # what a program may print, stdout and stderr together
    trace_bytes: Annotated[int, Range(1000, 1_000_000_000)]  # the longest trace text
    max_timeouts: Annotated[int, Range(1, 1000)]  # pairs of one problem that may time out before it is given up
    float_tolerance: Annotated[float, Range(0, 1)]  # relative difference at which floats still count as equal
    workers: Annotated[int | None, Range(1, 100_000)]  # tracing actors; null for one per CPU
    worker_runs: AtLeastOne  # runs after which a worker process is replaced by a fresh one
    preload: tuple[str, ...]  # modules that a worker imports before its first run; absent ones are skipped


@dataclass(frozen=True)
class Sampling:
    """How many examples the corpus gives."""

    examples_per_problem: Annotated[int, Range(1, 1000)]  # at most so many per distinct problem, over the whole corpus


@dataclass(frozen=True)
class Verification:
    """Whether a text is true to the execution."""

    mode: Literal["enforce", "score"]  # ``enforce`` rejects what fails, ``score`` keeps and labels it
    min_grounded: Annotated[float, Range(0, 1)]  # least share of cited values that the execution bears out
    timeout_s: Annotated[int, Range(1, 3_600)]  # CPU time to verify one text, seconds
    memory_mb: Annotated[int, Range(64, 1_048_576)]  # to verify one text


@dataclass(frozen=True)
class Export:
    """The form of the training rows."""

    tokenizer: str | None  # what measures a row: ``characters``, or the trained model, a name on the Hub or a folder
    max_tokens: AtLeastOneOrNone  # the longest training row, in units of ``tokenizer``; null for no limit
    rows_per_shard: Annotated[int, Range(1, 10_000_000)]  # problems to gather for one shard: the grain of the write
    license: str | None  # of the source, as the Hub names licences; null where it is not known
    push_to_hub: Annotated[str | None, "owner/name on the Hub, or null"]  # where to upload the finished dataset


@dataclass(frozen=True)
class Output:
    """Where the dataset goes."""

    dir: Annotated[str, "a folder or URI"]  # for everything that is written
    on_existing: Literal["resume", "refuse", "overwrite"]  # what to do with an output that is there already


@dataclass(frozen=True)
class Cluster:
    """The Ray cluster that the job runs on."""

    address: str | None  # of a running cluster; null for the one the job was submitted to, or else one started here
    num_cpus: AtLeastOneOrNone  # CPUs of a cluster started here; null for all of this machine
    dashboard: bool  # whether a cluster started here serves its dashboard
    engines: AtLeastOne  # engines that translate side by side
    gpus_per_engine: AtLeastOne  # GPUs that share one model, all on one node


@dataclass(frozen=True)
class Config:
    """A whole run; the attributes are the groups of ``conf/`` and the seed of everything random."""

    source: SampleSource | FileSource | HuggingFaceSource
    translator: TemplateTranslator | VllmTranslator | HttpTranslator
    sandbox: Sandbox
    tracing: Tracing
    sampling: Sampling
    verification: Verification
    export: Export
    output: Output
    cluster: Cluster
    seed: Annotated[int, Range(0, 2**32 - 1)]


def load(overrides: Sequence[str] = ()) -> Config:
    """Compose the configuration as the command line does, for tests and benchmarks.

    Args:
        overrides: as on the command line, e.g. ``["source.limit=5", "experiment=paper"]``.

    Raises:
        ConfigError: what the command line would refuse.
    """
    return parse(compose(overrides))


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """Let Hydra put ``conf/`` and the overrides together; nothing but the existence of the keys is checked.

    Raises:
        ConfigError: Hydra cannot compose it.
    """
    import hydra

    from execground_ray.hydra_errors import COMPOSITION_ERRORS, explain

    try:
        with hydra.initialize_config_dir(str(CONF_DIR), version_base="1.3"):
            return hydra.compose("config", list(overrides))
    except COMPOSITION_ERRORS as error:
        raise ConfigError(explain(error, CONF_DIR, overrides)) from error


def parse(composed: DictConfig) -> Config:
    """Check a composed configuration and give it its types.

    Raises:
        ConfigError: an unknown or missing key, a wrong type, a value out of range, a combination that makes no sense,
            or an input path that does not exist.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from execground_ray.hydra_errors import explain

    try:
        values = OmegaConf.to_container(composed, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error, CONF_DIR, ())) from error
    config = build(Config, values)
    _check_limits(config)
    _check_paths(config)
    _check_hub(config)
    return config


def to_yaml(config: Config) -> str:
    """The resolved configuration as text, to be saved with the output; ``parse`` reads it back."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(config)))


def _check_limits(config: Config) -> None:
    """Refuse limits that nothing could measure."""
    if config.export.max_tokens is not None and config.export.tokenizer is None:
        raise ConfigError(
            f"export.tokenizer is missing: export.max_tokens needs it; allowed: {CHARACTERS}, or the trained model"
        )
    if config.export.tokenizer not in (None, CHARACTERS) and find_spec("transformers") is None:
        raise ConfigError(
            f"export.tokenizer={config.export.tokenizer} needs transformers: pip install 'execground-ray[tokenizer]'"
        )


def _check_paths(config: Config) -> None:
    """Refuse local paths that cannot be read from or written to; remote ones are left to who opens them."""
    source = config.source
    for key, path in (("output.dir", config.output.dir), ("source.path", getattr(source, "path", ""))):
        if CREDENTIALS.match(path):  # not shown: they would stand in every log
            raise ConfigError(
                f"{key} holds credentials, which would be saved with the output; allowed: those of the "
                "environment, a profile or the machine's role"
            )
    if isinstance(source, FileSource) and not _exists(source.path):
        raise ConfigError(f"source.path = {source.path!r} does not exist; allowed: a file, folder, glob or URI")
    if isinstance(source, HuggingFaceSource) and not (_exists(source.path) or _is_hub_name(source.path)):
        raise ConfigError(
            f"source.path = {source.path!r} does not exist; allowed: owner/name on the Hub, an hf:// URI or a folder"
        )
    if Path(config.output.dir.removeprefix("file://")).is_file():
        raise ConfigError(f"output.dir = {config.output.dir!r} is a file; allowed: a folder or URI")


def _check_hub(config: Config) -> None:
    """Refuse an upload that cannot come off."""
    repository = config.export.push_to_hub
    if repository is None:
        return
    if not _is_hub_name(repository):
        raise ConfigError(
            f"export.push_to_hub = {repository!r} is no repository; allowed: owner/name on the Hub, or null"
        )
    if "://" in config.output.dir.removeprefix("file://"):
        raise ConfigError(
            f"export.push_to_hub uploads a folder of this machine; output.dir = {config.output.dir!r} is none"
        )
    from huggingface_hub import get_token

    if get_token() is None:
        raise ConfigError("export.push_to_hub needs a token: set HF_TOKEN, or log in once with `hf auth login`")


def _exists(path: str) -> bool:
    """Whether a local path or glob is there; a remote URI counts as there."""
    path = path.removeprefix("file://")
    if "://" in path or Path(path).exists():
        return True
    return bool(glob.glob(path, recursive=True))  # noqa: PTH207  (a pattern may be absolute)


def _is_hub_name(path: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[\w.-]+", path) is not None
