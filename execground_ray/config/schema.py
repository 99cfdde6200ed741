"""Everything that can be set about a run: what it means, its type and the values it may take.

The values come from ``conf/`` and the command line, as Hydra composes them; defaults live in ``conf/``
alone. Nothing is converted silently: a text where a number belongs is an error, not a number.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

CHARACTERS = "characters"  # the tokenizer that is none: the length of the text
STRICT = ConfigDict(strict=True, extra="forbid", str_min_length=1, allow_inf_nan=False)


def described(words: str) -> Any:
    """Return words for what is allowed, where they say more than the type does, to be put into ``Annotated``."""
    return Field(description=words)


def within(least: float, most: float | None = None) -> Any:
    """Return the inclusive range of a number, to be put into ``Annotated``."""
    return Field(ge=least, le=most)


AtLeastOne = Annotated[int, within(1)]
AtLeastOneOrNone = Annotated[int | None, within(1)]

Layout = Literal["pyedu", "function", "stdin"]  # fields of the records: see ``corpus/adapters.py``


@dataclass(frozen=True, config=STRICT)
class SampleSource:
    """The problems bundled with this project."""

    kind: Literal["sample"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all
    layout: Layout


@dataclass(frozen=True, config=STRICT)
class FileSource:
    """Problems in files, one per line or element of an array of JSON, or per Parquet row."""

    kind: Literal["jsonl", "parquet"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all
    path: Annotated[str, described("a file, folder, glob or URI")]  # file://, s3://, gs://, hf://; relative to the cwd
    layout: Layout


@dataclass(frozen=True, config=STRICT)
class HuggingFaceSource:
    """Problems that ``datasets.load_dataset(path, name, split=split, revision=revision)`` reads."""

    kind: Literal["huggingface"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all
    path: Annotated[str, described("owner/name on the Hub, an hf:// URI or a folder")]
    name: str | None  # which configuration of the dataset; null for its only one
    split: str  # which split
    revision: str | None  # branch, tag or commit of the repository on the Hub; null for its main branch as it is now
    layout: Layout


@dataclass(frozen=True, config=STRICT)
class DatasetSource:
    """What an earlier run, finished or not, has made: each stage is run again only where its settings differ."""

    layout: ClassVar[Layout] = "pyedu"  # records are kept in it
    kind: Literal["dataset"]
    limit: AtLeastOneOrNone  # the first so many problems only; null for all
    path: Annotated[str, described("the output.dir of an earlier run")]  # folder or URI


Source = SampleSource | FileSource | HuggingFaceSource | DatasetSource


@dataclass(frozen=True, config=STRICT)
class NoTranslator:
    """Nobody: the run ends with the traces, for a later one to translate."""

    implementation: ClassVar[str] = "execground_ray.translators.none:NoTranslation"
    kind: Literal["none"]


@dataclass(frozen=True, config=STRICT)
class TemplateTranslator:
    """Reasoning written from the trace by rules, without a model."""

    implementation: ClassVar[str] = "execground_ray.translators.template.translator:Template"
    kind: Literal["template"]


@dataclass(frozen=True, config=STRICT)
class SamplingParameters:
    """How the model draws its tokens; names and meaning are vLLM's."""

    temperature: Annotated[float, within(0, 2)]  # 0 is greedy
    top_p: Annotated[float, within(0, 1)]  # share of the probability mass to draw from
    top_k: Annotated[int, within(0)]  # number of likeliest tokens to draw from; 0 for all
    min_p: Annotated[float, within(0, 1)]  # least probability, relative to the likeliest token
    max_tokens: AtLeastOne  # longest answer, thinking included, in tokens


@dataclass(frozen=True, config=STRICT)
class ServerSampling:
    """How a server draws its tokens; what is null is not sent, and the server's or the model's own default holds."""

    temperature: Annotated[float | None, within(0, 2)]  # 0 is greedy
    top_p: Annotated[float | None, within(0, 1)]  # share of the probability mass to draw from
    top_k: Annotated[int | None, within(0)]  # number of likeliest tokens to draw from; 0 for all; unknown to OpenAI
    min_p: Annotated[float | None, within(0, 1)]  # least probability, relative to the likeliest; unknown to OpenAI
    max_tokens: AtLeastOneOrNone  # longest answer, thinking included, in tokens


Attempts = Annotated[int, within(1, 16)]  # times that a model is asked for one row until the answer can be kept
Fallback = Literal["none", "template"]  # who writes the text where a model has no usable one
Prompts = Literal["attributed", "reference"]  # files of ``translators/llm/prompts``: they ask for the reasoning


@dataclass(frozen=True, config=STRICT)
class VllmTranslator:
    """A language model on the GPUs of the cluster, through vLLM."""

    implementation: ClassVar[str] = "execground_ray.translators.llm.vllm:VllmModel"
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
    attempts: Attempts
    retry_max_tokens: AtLeastOneOrNone  # the longest answer once one was cut off; null for the same
    fallback: Fallback
    batch_rows: Annotated[int, within(1, 1024)]  # rows that go to an engine, come back and are retried together
    batches_in_flight: Annotated[int, within(1, 1000)]  # of one engine; times batch_rows >= what it can do at once
    max_tries: Annotated[int, within(1, 100)]  # engines that may die of a row before it is given up
    hang_timeout_s: Annotated[float, within(1, 86_400)]  # an engine that gives no sign for so long is replaced
    sampling_params: SamplingParameters  # how tokens are drawn
    cluster_kwargs: dict[str, Any]  # what suits the GPUs of the cluster, in vLLM's names
    engine_kwargs: dict[str, Any]  # passed to vLLM's engine as they are, and before those


@dataclass(frozen=True, config=STRICT)
class HttpTranslator:
    """A language model behind an OpenAI-compatible server."""

    implementation: ClassVar[str] = "execground_ray.translators.llm.http:HttpModel"
    kind: Literal["http"]
    url: str  # address of the chat completions, or of the interface above them, such as ``http://host:8000/v1``
    model: str  # name that the server knows it by
    api_key_env: str | None  # environment variable with the key, null for none; the key itself is in no configuration
    concurrency: Annotated[int, within(1, 10_000)]  # requests under way at a time
    requests_per_second: Annotated[float | None, within(0.001)]  # limit on new requests; null for none
    timeout_s: Annotated[float, within(0.1, 86_400)]  # one request, in seconds
    max_retries: Annotated[int, within(0, 100)]  # further tries after 429, 5xx and a broken connection
    retry_wait_s: Annotated[float, within(0.001, 3600)]  # before the first of them, doubled each time up to a minute
    max_failures: Annotated[int, within(1, 100_000)]  # rows that fail one after the other until the job stops
    enable_thinking: bool | None  # switch of the server's chat template; null sends nothing
    keep_thinking: bool  # whether what the model thought stands before the text in the training row
    prompt: Prompts
    attempts: Attempts
    retry_max_tokens: AtLeastOneOrNone  # the longest answer once one was cut off; null for the same
    fallback: Fallback
    sampling_params: ServerSampling  # how tokens are drawn


Translator = TemplateTranslator | VllmTranslator | HttpTranslator | NoTranslator


@dataclass(frozen=True, config=STRICT)
class Sandbox:
    """The cage that programs run in; ``none`` runs them with all the rights of the user."""

    kind: Literal["sandlock", "none"]


@dataclass(frozen=True, config=STRICT)
class Tracing:
    """Execution under the tracer."""

    pairs_per_problem: Annotated[int, within(1, 1000)]  # pairs tried, in seeded order, until one is accepted
    max_lines: Annotated[int, within(2, 1_000_000)]  # a trace is accepted with fewer lines than this
    timeout_s: Annotated[float, within(0.1, 3600)]  # CPU time of one run, in seconds, and half of its wall time
    memory_mb: Annotated[int, within(64, 1_048_576)]  # memory of one run, in MiB
    value_chars: Annotated[int, within(20, 100_000)]  # characters shown of each value; 100 is snoop's own rule
    trace_bytes: Annotated[int, within(1000, 1_000_000_000)]  # the longest trace text
    smaller_inputs: bool  # whether to derive smaller inputs where the traces of all recorded ones are too long
    exceptions: Literal["reject", "handled"]  # ``handled`` accepts a run that handles those it raises, and returns
    max_timeouts: Annotated[int, within(1, 1000)]  # pairs of one problem that may time out before it is given up
    float_tolerance: Annotated[float, within(0, 1)]  # relative difference at which floats still count as equal
    workers: Annotated[int | None, within(1, 100_000)]  # tracing actors; null for one per CPU
    worker_runs: AtLeastOne  # runs after which a worker process is replaced by a fresh one
    preload: tuple[str, ...]  # modules that a worker imports before its first run; absent ones are skipped
    packages: tuple[str, ...]  # further ones, in workers of their own, for programs that name one; likewise


@dataclass(frozen=True, config=STRICT)
class Prefilter:
    """Problems that take no part because of what others hold."""

    decontaminate: tuple[str, ...]  # files of texts and code that no problem may hold, JSON: paths, globs or URIs
    near_duplicates: Annotated[float | None, within(0.5, 1)]  # similarity of code from which on one stays; null: all do


@dataclass(frozen=True, config=STRICT)
class Sampling:
    """How many examples the corpus gives."""

    examples_per_problem: Annotated[int, within(1, 1000)]  # at most so many per distinct problem, over the whole corpus


@dataclass(frozen=True, config=STRICT)
class Verification:
    """Whether a text is true to the execution."""

    mode: Literal["enforce", "score"]  # ``enforce`` rejects what fails, ``score`` keeps and labels it
    min_grounded: Annotated[float, within(0, 1)]  # least share of cited values and claims that the run bears out
    min_coverage: Annotated[float, within(0, 1)]  # least share of the trace's statements that an attributed text tells
    min_supported: Annotated[int, within(0, 1000)]  # least number of cited values and claims that the run bears out
    timeout_s: Annotated[int, within(1, 3_600)]  # CPU time to verify one text, seconds
    memory_mb: Annotated[int, within(64, 1_048_576)]  # to verify one text


@dataclass(frozen=True, config=STRICT)
class Export:
    """The form of the training rows."""

    tokenizer: str | None  # what measures a row: ``characters``, or the trained model, a name on the Hub or a folder
    max_tokens: AtLeastOneOrNone  # the longest training row, in units of ``tokenizer``; null for no limit
    control_text: Literal["reject", "keep"]  # what to do with rows that hold control text of chat templates
    preference: bool  # whether refused texts are written beside accepted ones, as pairs
    rows_per_shard: Annotated[int, within(1, 10_000_000)]  # problems to gather for one shard: the grain of the write
    license: str | None  # of the source, as the Hub names licences; null where it is not known
    push_to_hub: Annotated[
        str | None, described("owner/name on the Hub, or null")
    ]  # where to upload the finished dataset


@dataclass(frozen=True, config=STRICT)
class Output:
    """Where the dataset goes."""

    dir: Annotated[str, described("a folder or URI")]  # for everything that is written
    on_existing: Literal["resume", "refuse", "overwrite"]  # what to do with an output that is there already


@dataclass(frozen=True, config=STRICT)
class Cluster:
    """The Ray cluster that the job runs on."""

    address: str | None  # of a running cluster; null for the one the job was submitted to, or else one started here
    num_cpus: AtLeastOneOrNone  # CPUs of a cluster started here; null for all of this machine
    dashboard: bool  # whether a cluster started here serves its dashboard
    engines: AtLeastOne  # engines that translate side by side
    gpus_per_engine: AtLeastOne  # GPUs that share one model, all on one node
    engine_kwargs: dict[str, Any]  # what suits these GPUs, in vLLM's names


@dataclass(frozen=True, config=STRICT)
class Config:
    """A whole run; the attributes are the groups of ``conf/`` and the seed of everything random."""

    source: Annotated[Source, Field(discriminator="kind")]
    prefilter: Prefilter
    translator: Annotated[Translator, Field(discriminator="kind")]
    sandbox: Sandbox
    tracing: Tracing
    sampling: Sampling
    verification: Verification
    export: Export
    output: Output
    cluster: Cluster
    seed: Annotated[int, within(0, 2**32 - 1)]
