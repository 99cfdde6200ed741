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
from typing import Any, cast
from uuid import UUID

import psutil  # comes with vLLM
import ray

from execground_ray.config.schema import VllmTranslator
from execground_ray.private.ray_vllm import RequestOutputKind, vLLMEngineStageUDF
from execground_ray.records import Reason
from execground_ray.translators.llm.processor import ANSWER, ERROR, ROW
from execground_ray.translators.llm.prompting import read_answer
from execground_ray.translators.llm.quarantine import Quarantine, group_of
from execground_ray.translators.llm.resampling import Ask, Resampler
from execground_ray.translators.translator import Answer

TOO_LONG = "maximum context length"  # what vLLM says of a prompt
MOST_DETAIL = 500  # characters of what an engine says about a failure


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
        resampler: knows the translator's settings, and when to ask again.
        stage: of Ray's own stage.
    """

    def __init__(
        self,
        data_column: str,
        expected_input_keys: list[str],
        log: Any,
        resampler: Resampler,
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
        self._attend(log, resampler)

    def _attend(self, log: Any, resampler: Resampler) -> None:
        """Be ready for rows."""
        translator = cast(VllmTranslator, resampler.translator)
        self._log = log
        self._resampler = resampler
        self._max_tries = translator.max_tries
        self._hang_timeout_s = translator.hang_timeout_s
        self._quarantine = Quarantine()
        self._name = ray.get_runtime_context().get_actor_id() or ""
        self._watch: asyncio.Task[None] | None = None

    async def _generate_with_error_handling(self, row: dict[str, Any], batch_uuid: UUID) -> dict[str, Any]:
        if self._watch is None:
            self._watch = asyncio.create_task(self._kill_if_it_hangs())

        async def ask(wanted: Ask) -> Answer:
            return await self._attempt(row, wanted, batch_uuid)

        attempts = await self._resampler.sample(row["id"], row[ROW], ask)
        for name in ("tokenized_prompt", "sampling_params"):
            row.pop(name)  # need not travel on
        return {self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN], ERROR: "", ANSWER: attempts}

    async def _attempt(self, row: dict[str, Any], wanted: Ask, batch_uuid: UUID) -> Answer:
        row_id, stop_ids = row["id"], set(row["sampling_params"]["stop_token_ids"])
        sampling = row["sampling_params"] | {"seed": wanted.seed}
        if wanted.max_tokens:
            sampling["max_tokens"] = wanted.max_tokens  # vLLM itself ends where the model's length ends
        # Else every token of every row would come as an output of its own, with the whole text so far.
        sampling["output_kind"] = RequestOutputKind.FINAL_ONLY
        deaths = await self._log.deaths.remote(row_id, wanted.number)
        if deaths >= self._max_tries:  # and so it stays: its batch may yet come back because of another row
            detail = f"{deaths} engines died with this row, the last with nothing else to do"
            return Answer("", reason=Reason.ENGINE_ERROR, detail=detail)
        async with self._quarantine.enter(group_of(deaths, self._max_tries, batch_uuid.hex, row_id)):
            await self._log.begin.remote(row_id, wanted.number)
            # It takes out of the row what it has used.
            output = await super()._generate_with_error_handling(row | {"sampling_params": sampling}, batch_uuid)
        generated = output["generated_tokens"]
        tokens = output["num_input_tokens"], len(generated)
        self._log.end.remote(row_id, self._name, *tokens, wanted.number)
        if error := output["__inference_error__"]:
            reason = Reason.PROMPT_TOO_LONG if TOO_LONG in error else Reason.ENGINE_ERROR
            return Answer("", reason=reason, detail=error[:MOST_DETAIL])
        complete = bool(generated) and generated[-1] in stop_ids
        return read_answer(output["generated_text"], complete, tokens, row["opened"])

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
