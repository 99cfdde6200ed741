"""Translation by vLLM's engines, on the GPUs of the cluster: ``translator=vllm``."""

from __future__ import annotations

import json
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ray
from ray.data import ActorPoolStrategy, Dataset
from ray.data.llm import build_processor, vLLMEngineProcessorConfig

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import VllmTranslator
from execground_ray.translators.llm.gpus import check_gpus, check_memory, smallest_gpu, weight_bytes
from execground_ray.translators.llm.processor import LanguageModel, finish_rows, read_result, replace_stage
from execground_ray.translators.llm.questions import EnginePrompts
from execground_ray.translators.llm.resampling import Resampler
from execground_ray.translators.llm.tokens import SWITCH, chat_tokenizer, model_length
from execground_ray.translators.translator import MakeReferee

# One actor writes thousands of prompts while 8 GPUs answer one, so there is no need for more.
PROMPT_CPUS = 0.1
TASK_CPUS = 0.05
# An engine keeps a CPU per GPU busy; where there are few, tracing needs them more.
GPU_CPUS = 1.0
GPU_CPU_SHARE = 1 / 8
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM can make room for


class VllmModel(LanguageModel):
    """A model in engines of this run's own.

    Args:
        translator: the model, its engines and how it is asked.
        seed: of the run.

    Raises:
        ConfigError: vLLM is not installed, there is no such model, or it cannot be asked like this.
    """

    def __init__(self, translator: VllmTranslator, seed: int) -> None:
        """Of the model, only the tokenizer and the configuration are loaded."""
        self._translator = translator
        self._seed = seed
        self._total_cpus = 0.0
        self._max_prompt_tokens = check_model(translator)

    @property
    def cpus(self) -> float:
        """CPUs to leave to the model, known once it has started."""
        return model_cpus(self._translator, self._total_cpus)

    def start(self) -> None:
        """Make sure that there are the GPUs, with room for the model, and start to count.

        Raises:
            ConfigError: there are not.
        """
        if self._translator.device == "gpu":
            nodes = [node for node in ray.nodes() if node["Alive"]]
            check_gpus(self._translator, [node["Resources"] for node in nodes])
            check_memory(self._translator, weight_bytes(self._translator), smallest_gpu(nodes))
        self._total_cpus = ray.cluster_resources()["CPU"]
        super().start()

    def translate(self, rows: Dataset, task: dict[str, Any], make_referee: MakeReferee | None = None) -> Dataset:
        """Add the stages: write the prompts in one actor, let the engines answer, read the answers."""
        small: dict[str, Any] = {"num_cpus": TASK_CPUS}
        processor = build_processor(self._processor_config(), dict, read_result, dict(small), dict(small))
        [stage] = processor.stages.values()
        arguments = stage.fn_constructor_kwargs | {
            "log": self._log,
            "resampler": Resampler(self._translator, self._seed, make_referee),
        }
        from execground_ray.translators.llm.engine import Engine  # loads torch

        replace_stage(processor, Engine, arguments, {"num_cpus": 0})
        task = task | small
        questions = rows.map_batches(
            EnginePrompts,
            fn_constructor_args=(self._translator, self._max_prompt_tokens, self._seed),
            **task | {"num_cpus": PROMPT_CPUS, "compute": ActorPoolStrategy(size=1)},
        )
        finish = partial(finish_rows, translator=self._translator.kind, keep_thinking=self._translator.keep_thinking)
        return processor(questions).map_batches(finish, **task)

    def engine_kwargs(self) -> dict[str, Any]:
        """Return the settings of an engine, in vLLM's names."""
        translator = self._translator
        engine_kwargs: dict[str, Any] = {"tensor_parallel_size": translator.tensor_parallel_size, "seed": self._seed}
        if translator.device == "cpu":
            # This engine dies of a prompt that comes in chunks and has a seed: "CPU Generator does not use offset".
            length = self._max_prompt_tokens + translator.sampling_params.max_tokens
            engine_kwargs |= {"enable_chunked_prefill": False, "max_num_batched_tokens": length}
        if translator.max_model_len:
            engine_kwargs["max_model_len"] = translator.max_model_len
        if translator.quantization:
            engine_kwargs["quantization"] = translator.quantization
        if translator.lora_path:
            engine_kwargs |= {"enable_lora": True, "max_lora_rank": lora_rank(translator.lora_path)}
        return engine_kwargs | translator.cluster_kwargs | translator.engine_kwargs

    def _processor_config(self) -> vLLMEngineProcessorConfig:
        translator = self._translator
        bundle = {"CPU": 0, "GPU": 1 if translator.device == "gpu" else 0}
        return vLLMEngineProcessorConfig(
            model_source=translator.model,
            engine_kwargs=self.engine_kwargs(),
            batch_size=translator.batch_rows,
            max_concurrent_batches=translator.batches_in_flight,
            concurrency=(translator.replicas, translator.replicas),
            should_continue_on_error=True,
            placement_group_config={"bundle_per_worker": bundle, "strategy": "STRICT_PACK"},
            chat_template_stage=False,  # the prompts come with chat template, as tokens
            tokenize_stage=False,
            detokenize_stage=False,  # the engine does it on the way
        )


def model_cpus(translator: VllmTranslator, total_cpus: float) -> float:
    """Return the CPUs, of those of the cluster, to leave to the engines and to the actor that writes their prompts.

    The engines reserve none of it: tracing is there first, and may have taken all CPUs of the node with the GPUs.
    """
    gpus = translator.replicas * translator.tensor_parallel_size
    return min(gpus * GPU_CPUS, total_cpus * GPU_CPU_SHARE) + PROMPT_CPUS


def check_model(translator: VllmTranslator) -> int:
    """Return the most tokens that a prompt may have.

    Raises:
        ConfigError: vLLM is not installed, there is no such model, or it cannot be asked like this.
    """
    if find_spec("vllm") is None:
        raise ConfigError("translator=vllm needs vLLM: pip install 'execground-ray[vllm]'")
    if translator.device == "cpu" and translator.tensor_parallel_size > 1:
        raise ConfigError("translator.tensor_parallel_size is 1 where translator.device is cpu")
    tokenizer = chat_tokenizer(translator.model)
    if not translator.enable_thinking and not tokenizer.has_switch:
        raise ConfigError(
            f"translator.enable_thinking = false: the chat template of {translator.model!r} knows no {SWITCH}"
        )
    if translator.lora_path:
        lora_rank(translator.lora_path)
    length = translator.max_model_len or model_length(translator.model)
    longest = {
        "translator.sampling_params.max_tokens": translator.sampling_params.max_tokens,
        "translator.retry_max_tokens": translator.retry_max_tokens or 0,
    }
    for key, tokens in longest.items():
        if tokens >= length:
            raise ConfigError(
                f"{key} = {tokens} leaves no room for a prompt in the {length} tokens of translator.max_model_len; "
                "allowed: less"
            )
    return length - translator.sampling_params.max_tokens


def lora_rank(path: str) -> int:
    """Return the rank that the engine has to make room for, from the adapter's own configuration.

    Raises:
        ConfigError: there is no adapter in the folder, or it is too large.
    """
    try:
        rank = json.loads((Path(path) / "adapter_config.json").read_text("utf-8"))["r"]
        return next(room for room in LORA_RANKS if room >= rank)
    except (OSError, ValueError, LookupError, StopIteration) as error:
        raise ConfigError(f"translator.lora_path = {path!r} is not the folder of an adapter: {error!r}") from error
