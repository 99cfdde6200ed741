"""An engine that is real but for its constructor; in a module of its own, for Ray's workers to import."""

import types

from execground_ray.private.ray_llm import StatefulStageUDF
from execground_ray.translators.llm.engine import Engine


class StubbedWrapper:
    """In the place of vLLM: ends each answer with the first stop token."""

    async def generate_async(self, row):
        request = types.SimpleNamespace(request_id=0, idx_in_batch=row["__idx_in_batch"], params="")
        tokens = [row["sampling_params"]["stop_token_ids"][0]]
        return request, {"generated_tokens": tokens, "generated_text": "It is 4.", "num_input_tokens": 1}, 0.0


class StubbedEngine(Engine):
    """An engine that loads no model."""

    def __init__(self, data_column, expected_input_keys, log, resampler, **stage):
        StatefulStageUDF.__init__(self, data_column, expected_input_keys)
        self.llm = StubbedWrapper()
        self.llm.shutdown = lambda: None
        self.engine_kwargs = {"disable_log_stats": True}
        self._attend(log, resampler)
        self._hang_timeout_s = 1e6
