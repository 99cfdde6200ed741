"""The stage of ``ray.llm`` that runs vLLM's engine, and what is used of vLLM itself.

Its methods are overridden: a name that Ray calls no more would leave the job's own unused, so it is looked for here.
"""

from __future__ import annotations

from ray.llm._internal.batch.stages.vllm_engine_stage import vLLMEngineStageUDF
from vllm.sampling_params import RequestOutputKind

from execground_ray.private.checking import require, require_reader

__all__ = ["RequestOutputKind", "vLLMEngineStageUDF"]

OVERRIDDEN = "_generate_with_error_handling"
require("ray", vLLMEngineStageUDF, OVERRIDDEN, "IDX_IN_BATCH_COLUMN")
require_reader("ray", vLLMEngineStageUDF, OVERRIDDEN)
require("vllm", RequestOutputKind, "FINAL_ONLY")
