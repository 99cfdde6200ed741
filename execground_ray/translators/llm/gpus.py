"""Whether a model finds its GPUs, and room on them: known before minutes are spent on loading it."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import VllmTranslator

GPU_WAIT_SECONDS = 120.0
MEMORY_SHARE = 0.92  # of a GPU, that vLLM takes unless engine_kwargs.gpu_memory_utilization says otherwise
# Bytes of a number as safetensors names its type; vLLM holds 32 bits as 16, unless engine_kwargs.dtype says otherwise.
BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 2, "I32": 4, "U32": 4, "BF16": 2, "F16": 2, "I16": 2, "U16": 2}
FULL_PRECISION = ("float", "float32")
# The least that is left of 16 bits when vLLM itself makes them smaller while it loads.
SHRINKS = {"fp8": 0.5}
SHRINKS_AT_MOST = 0.25


def check_gpus(translator: VllmTranslator, nodes: list[dict[str, float]]) -> None:
    """Make sure that every engine finds its GPUs, all on one node.

    Args:
        translator: what is wanted.
        nodes: resources of each node, as Ray names them.

    Raises:
        ConfigError: there are too few.
    """
    size = translator.tensor_parallel_size
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if sum(count // size for count in gpus) < translator.replicas:
        raise ConfigError(
            f"translator.replicas = {translator.replicas} with tensor_parallel_size = {size} needs so many times "
            f"{size} GPUs, each time on one node; the nodes of the cluster have {', '.join(map(str, gpus))}. "
            "Set cluster.engines and cluster.gpus_per_engine to what there is"
        )


def check_memory(translator: VllmTranslator, needed: int | None, gpu_bytes: int | None) -> None:
    """Make sure that the weights fit into the GPUs of an engine.

    Args:
        translator: the model, and how it is loaded.
        needed: bytes of its weights, None if that is not known.
        gpu_bytes: memory of the smallest GPU, None if that is not known.

    Raises:
        ConfigError: they do not; says how many GPUs would do.
    """
    if needed is None or gpu_bytes is None:
        return
    settings = translator.cluster_kwargs | translator.engine_kwargs
    share = float(settings.get("gpu_memory_utilization", MEMORY_SHARE))
    room = gpu_bytes * share
    size = translator.tensor_parallel_size
    if needed >= room * size:
        raise ConfigError(
            f"translator.model = {translator.model!r}: its weights alone need {_gib(needed)}; an engine with "
            f"{size} GPU{'s' * (size > 1)} of {_gib(gpu_bytes)} may use {_gib(int(room * size))}. Set "
            f"cluster.gpus_per_engine to more than {ceil(needed / room) - 1}, with fewer cluster.engines; or "
            "translator.quantization (fp8 halves 16 bits); or take a smaller model"
        )


def weight_bytes(translator: VllmTranslator) -> int | None:
    """Return the memory that the model's weights take once they are loaded; None if its files do not say.

    It is read off the heads of the safetensors files, here or on the Hub; what a quantisation while loading would leave
    is never guessed too high.
    """
    from huggingface_hub import get_local_safetensors_metadata, get_safetensors_metadata

    try:
        if Path(translator.model).is_dir():
            counts = get_local_safetensors_metadata(translator.model).parameter_count
        else:
            counts = get_safetensors_metadata(translator.model).parameter_count
    except Exception:  # other formats, no network: the engine finds out, later
        return None
    sizes = BYTES | ({"F32": 4} if translator.engine_kwargs.get("dtype") in FULL_PRECISION else {})
    shrunk = SHRINKS.get(translator.quantization, SHRINKS_AT_MOST) if translator.quantization else 1.0
    bytes_of = {kind: sizes.get(kind, 1) * (shrunk if sizes.get(kind) == 2 else 1) for kind in counts}
    return int(sum(count * bytes_of[kind] for kind, count in counts.items()))


def smallest_gpu(nodes: list[dict[str, Any]], wait_seconds: float = GPU_WAIT_SECONDS) -> int | None:
    """Return the bytes of memory of the smallest GPU, looked at on each node; None where Ray only counts GPUs.

    Args:
        nodes: as ``ray.nodes`` lists them.
        wait_seconds: how long a GPU may be in use by others.

    Raises:
        ConfigError: no GPU of a node came free.
    """
    look = ray.remote(num_cpus=0, num_gpus=1, max_calls=1)(gpu_memory)  # the process ends, and lets go of the GPU
    looks = [
        look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
        for node in nodes
        if node["Resources"].get("GPU", 0) >= 1
    ]
    try:
        found = ray.get(looks, timeout=wait_seconds)
    except GetTimeoutError:
        for reference in looks:
            ray.cancel(reference)
        raise ConfigError(
            f"no GPU of a node came free in {wait_seconds:g} s: others use them; wait for these, or end them"
        ) from None
    return min((memory for memory in found if memory), default=None)


def gpu_memory() -> int | None:
    """Return the bytes of memory of the GPU that this process has been given, None if there is none in truth."""
    import torch

    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
