"""Everything that can be set about a run: what it means, its type and the values it may take.

The values come from ``conf/`` and the command line, as Hydra composes them; what comes out is one frozen ``Config``,
or a ``ConfigError`` with one line that names the key. Defaults live in ``conf/`` alone. Importing this module loads
nothing heavy, Hydra included, so that workers can import it for the types.
"""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from execground_ray.schema import ConfigError, Range, build

if TYPE_CHECKING:
    from omegaconf import DictConfig

CONF_DIR = Path(__file__).resolve().parents[1] / "conf"
TRANSLATORS = ("template",)
TOKENIZERS = ("characters",)

AtLeastOne = Annotated[int, Range(1)]
AtLeastOneOrNone = Annotated[int | None, Range(1)]


@dataclass(frozen=True)
class SampleSource:
    """The problems bundled with this project.

    Attributes:
        kind: tells the sources apart.
        limit: the first so many problems only; null for all.
    """

    kind: Literal["sample"]
    limit: AtLeastOneOrNone


@dataclass(frozen=True)
class FileSource:
    """Problems in files, one per JSON line or Parquet row.

    Attributes:
        kind: the format of the files.
        limit: the first so many problems only; null for all.
        path: a file, folder, glob or URI (file://, s3://, gs://, hf://); relative paths start where the command did.
    """

    kind: Literal["jsonl", "parquet"]
    limit: AtLeastOneOrNone
    path: str


@dataclass(frozen=True)
class HuggingFaceSource:
    """Problems that ``datasets.load_dataset(path, name, split=split)`` reads.

    Attributes:
        kind: tells the sources apart.
        limit: the first so many problems only; null for all.
        path: a dataset of the Hub (owner/name), an hf:// URI or a local folder.
        name: which configuration of the dataset; null for its only one.
        split: which split.
    """

    kind: Literal["huggingface"]
    limit: AtLeastOneOrNone
    path: str
    name: str | None
    split: str


@dataclass(frozen=True)
class TemplateTranslator:
    """Reasoning written from the trace by rules, without a model."""

    kind: Literal["template"]


@dataclass(frozen=True)
class SamplingParameters:
    """How the model draws its tokens; names and meaning are vLLM's.

    Attributes:
        temperature: 0 is greedy.
        top_p: share of the probability mass to draw from.
        top_k: number of likeliest tokens to draw from; 0 for all.
        min_p: least probability, relative to the likeliest token.
        max_tokens: longest answer, thinking included, in tokens.
    """

    temperature: Annotated[float, Range(0, 2)]
    top_p: Annotated[float, Range(0, 1)]
    top_k: Annotated[int, Range(0)]
    min_p: Annotated[float, Range(0, 1)]
    max_tokens: AtLeastOne


@dataclass(frozen=True)
class VllmTranslator:
    """A language model on the GPUs of the cluster, through vLLM.

    Attributes:
        kind: tells the translators apart.
        model: name on the Hub or local folder.
        replicas: engines side by side.
        tensor_parallel_size: GPUs of one engine.
        max_model_len: prompt and answer together, in tokens; null for what the model supports.
        enable_thinking: switch of the model's chat template.
        prompt: which text of ``execground_ray/prompts`` asks for the reasoning.
        sampling_params: how tokens are drawn.
        engine_kwargs: passed to vLLM's engine as they are.
    """

    kind: Literal["vllm"]
    model: str
    replicas: AtLeastOne
    tensor_parallel_size: AtLeastOne
    max_model_len: AtLeastOneOrNone
    enable_thinking: bool
    prompt: str
    sampling_params: SamplingParameters
    engine_kwargs: dict[str, Any]


@dataclass(frozen=True)
class HttpTranslator:
    """A language model behind an OpenAI-compatible server.

    Attributes:
        kind: tells the translators apart.
        url: address of the chat completions.
        model: name that the server knows it by.
        api_key_env: environment variable with the key, null for none; the key itself is in no configuration.
        requests_per_second: limit over all workers; null for none.
        max_retries: further tries after 429 and 5xx.
        prompt: which text of ``execground_ray/prompts`` asks for the reasoning.
        sampling_params: how tokens are drawn.
    """

    kind: Literal["http"]
    url: str
    model: str
    api_key_env: str | None
    requests_per_second: Annotated[float | None, Range(0.001)]
    max_retries: Annotated[int, Range(0, 100)]
    prompt: str
    sampling_params: SamplingParameters


@dataclass(frozen=True)
class Sandbox:
    """The cage that programs run in; ``none`` runs them with all the rights of the user.

    Attributes:
        kind: ``sandlock`` or ``none``.
    """

    kind: Literal["sandlock", "none"]


@dataclass(frozen=True)
class Tracing:
    """Execution under the tracer.

    Attributes:
        pairs_per_problem: input/output pairs tried, in seeded order, until one is accepted.
        max_lines: a trace is accepted with fewer lines than this.
        timeout_s: wall time of one run, in seconds.
        memory_mb: memory of one run, in MiB.
        value_chars: characters shown of each value; 100 is snoop's own rule.
        output_bytes: what a program may print, stdout and stderr together.
        trace_bytes: the longest trace text.
        max_timeouts: pairs of one problem that may time out before it is given up.
        float_tolerance: relative difference between an executed and a recorded float that still counts as equal.
        workers: tracing actors; null for one per CPU.
        worker_runs: runs after which a worker process is replaced by a fresh one.
        preload: modules that a worker imports once, before the first run; those not installed are skipped.
    """

    pairs_per_problem: Annotated[int, Range(1, 1000)]
    max_lines: Annotated[int, Range(2, 1_000_000)]
    timeout_s: Annotated[float, Range(0.1, 3600)]
    memory_mb: Annotated[int, Range(64, 1_048_576)]
    value_chars: Annotated[int, Range(20, 100_000)]
    output_bytes: Annotated[int, Range(0, 1_000_000_000)]
    trace_bytes: Annotated[int, Range(1000, 1_000_000_000)]
    max_timeouts: Annotated[int, Range(1, 1000)]
    float_tolerance: Annotated[float, Range(0, 1)]
    workers: Annotated[int | None, Range(1, 100_000)]
    worker_runs: AtLeastOne
    preload: tuple[str, ...]


@dataclass(frozen=True)
class Sampling:
    """How many examples the corpus gives.

    Attributes:
        examples_per_problem: at most so many per distinct problem, over the whole corpus.
    """

    examples_per_problem: Annotated[int, Range(1, 1000)]


@dataclass(frozen=True)
class Verification:
    """Whether a text is true to the execution.

    Attributes:
        mode: ``enforce`` rejects what fails, ``score`` keeps and labels it.
        min_grounded: least share of cited values that the execution bears out.
    """

    mode: Literal["enforce", "score"]
    min_grounded: Annotated[float, Range(0, 1)]


@dataclass(frozen=True)
class Export:
    """The form of the training rows.

    Attributes:
        tokenizer: what counts the length of a row: ``characters``, or the name of the trained model; null for none.
        max_tokens: the longest training row, in units of ``tokenizer``; null for no limit.
        rows_per_shard: problems in one shard at most: the grain of the write.
    """

    tokenizer: str | None
    max_tokens: AtLeastOneOrNone
    rows_per_shard: Annotated[int, Range(1, 10_000_000)]


@dataclass(frozen=True)
class Output:
    """Where the dataset goes.

    Attributes:
        dir: folder or URI for everything that is written.
        on_existing: what to do with an output that is there already.
    """

    dir: str
    on_existing: Literal["resume", "refuse", "overwrite"]


@dataclass(frozen=True)
class Cluster:
    """The Ray cluster that the job runs on.

    Attributes:
        address: of a running cluster; null for the one the job was submitted to, or else one started here.
        num_cpus: CPUs of a cluster started here; null for all of this machine.
        dashboard: whether a cluster started here serves its dashboard.
    """

    address: str | None
    num_cpus: AtLeastOneOrNone
    dashboard: bool


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
