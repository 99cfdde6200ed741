"""vLLM's engine in its actor: questions of a batch go in, all at once, and answers or errors come out.

Ray's stage replaces an engine that died, and gives its batches to the new one. What is added here: a row at which
engines die is found and given up, an engine that hangs is killed, tokens are counted, and only what is needed of an
answer is passed on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil  # comes with vLLM
import ray

from execground_ray.private.ray_vllm import RequestOutputKind, vLLMEngineStageUDF
from execground_ray.translators.llm.quarantine import Quarantine, group_of


class EngineStartError(Exception):
    """An engine that cannot start."""


def root_cause(log: Path = Path("/proc/self/fd/1")) -> str:
    """Return the first error in the log that this actor shares with the processes of its engine, empty if none.

    vLLM's own exception only says that the cause is to be seen above.
    """
    try:
        text = log.read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r"^\(.*ERROR.*\] +(\w+(?:Error|Exception): .+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


class Engine(vLLMEngineStageUDF):
    """The callable of the engines' actors.

    Args:
        data_column: where the processor keeps its rows.
        expected_input_keys: what each of them must have.
        log: actor handle of the run's ``EngineLog``.
        max_tries: engines that may die of a row before it is given up.
        hang_timeout_s: how long the engine may give no sign.
        stage: of Ray's own stage.
    """

    def __init__(
        self,
        data_column: str,
        expected_input_keys: list[str],
        log: Any,
        max_tries: int,
        hang_timeout_s: float,
        **stage: Any,
    ) -> None:
        """Load the model; that takes minutes for a large one.

        Raises:
            EngineStartError: the model cannot be loaded; says why and what may help.
        """
        try:
            super().__init__(data_column, expected_input_keys, **stage)
        except Exception as error:
            raise EngineStartError(
                f"the engine cannot start: {root_cause() or error}. If it is the memory: more GPUs for one engine "
                "(cluster.gpus_per_engine), a smaller translator.max_model_len, or translator.quantization"
            ) from error
        self._log = log
        self._max_tries = max_tries
        self._hang_timeout_s = hang_timeout_s
        self._quarantine = Quarantine()
        self._name = ray.get_runtime_context().get_actor_id() or ""
        self._watch: asyncio.Task[None] | None = None

    async def _generate_with_error_handling(self, row: dict[str, Any], batch_uuid: UUID) -> dict[str, Any]:
        if self._watch is None:
            self._watch = asyncio.create_task(self._kill_if_it_hangs())
        row_id, place = row["id"], row[self.IDX_IN_BATCH_COLUMN]
        stop_ids = set(row["sampling_params"]["stop_token_ids"])
        # Else every token of every row would come as an output of its own, with the whole text so far.
        row["sampling_params"]["output_kind"] = RequestOutputKind.FINAL_ONLY
        deaths = await self._log.deaths.remote(row_id)
        if deaths >= self._max_tries:  # and so it stays: its batch may yet come back because of another row
            return self._result(place, f"{deaths} engines died with this row, the last with nothing else to do")
        async with self._quarantine.enter(group_of(deaths, self._max_tries, batch_uuid.hex, row_id)):
            await self._log.begin.remote(row_id)
            output = await super()._generate_with_error_handling(row, batch_uuid)
        tokens = output["generated_tokens"]
        self._log.end.remote(row_id, self._name, output["num_input_tokens"], len(tokens))
        return self._result(place, output["__inference_error__"]) | {
            "generated_text": output["generated_text"],
            "complete": bool(len(tokens)) and tokens[-1] in stop_ids,
            "prompt_tokens": output["num_input_tokens"],
            "generated_tokens": len(tokens),
        }

    def _result(self, place: int, error: str) -> dict[str, Any]:
        return {
            self.IDX_IN_BATCH_COLUMN: place,
            "__inference_error__": error,
            "generated_text": "",
            "complete": False,
            "prompt_tokens": 0,
            "generated_tokens": 0,
        }

    async def _kill_if_it_hangs(self) -> None:
        """Ask the engine for a sign of life between its steps; without one, end it and this actor, for Ray to replace.

        The engine's processes have to be killed by hand: they would outlive the actor and keep the memory of the GPU.
        """
        while True:
            await asyncio.sleep(self._hang_timeout_s / 4)
            try:
                await asyncio.wait_for(self.llm.engine.is_sleeping(), self._hang_timeout_s)
            except TimeoutError:
                logging.getLogger(__name__).error("no sign of the engine for %s s: replaced", self._hang_timeout_s)
                for process in psutil.Process().children(recursive=True):
                    process.kill()
                os._exit(1)
            except Exception:  # the engine is dead: the rows inside find that out, and end the actor
                return
