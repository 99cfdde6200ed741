"""Translation over HTTP, by any OpenAI-compatible server: ``translator=http``."""

from __future__ import annotations

import asyncio
import json
import math
import os
from dataclasses import replace
from functools import partial
from typing import Any

from ray.data import ActorPoolStrategy, Dataset
from ray.data.llm import HttpRequestProcessorConfig, build_processor

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import HttpTranslator
from execground_ray.translators.llm.http_requests import (
    ApiKey,
    ChatRequests,
    RetryError,
    RowError,
    open_session,
    post,
    read_message,
    read_usage,
)
from execground_ray.translators.llm.processor import ROW, LanguageModel, answered, finish_rows, replace_stage
from execground_ray.translators.llm.prompting import read_answer
from execground_ray.translators.llm.questions import ask_server, chat_request

BATCH_ROWS = 16  # come back together
ACTOR_CPUS = 0.05
TASK_CPUS = 0.05
CHECK_SECONDS = 30.0


class HttpModel(LanguageModel):
    """A model behind a server.

    Args:
        translator: the server, and how it is asked.
        seed: of the run.

    Raises:
        ConfigError: the key is missing, or the server does not answer.
    """

    def __init__(self, translator: HttpTranslator, seed: int) -> None:
        """The server is asked for one token."""
        self._translator = translator
        self._seed = seed
        self._key = read_key(translator)
        check_server(translator, self._key)

    @property
    def cpus(self) -> float:
        """CPUs that the actor that talks to the server reserves."""
        return ACTOR_CPUS

    def translate(self, rows: Dataset, task: dict[str, Any]) -> Dataset:
        """Add the stages: write the requests, send them from one actor, read the answers."""
        small: dict[str, Any] = {"num_cpus": TASK_CPUS}
        config = HttpRequestProcessorConfig(
            url=self._translator.url,
            batch_size=BATCH_ROWS,
            concurrency=(1, 1),
            http_request_stage=dict(small),
        )
        processor = build_processor(config, dict, _read_response, dict(small), dict(small))
        # Rows that are rejected already fill places in the batches: twice the batches keep all requests under way.
        batches = 2 * math.ceil(self._translator.concurrency / BATCH_ROWS)
        replace_stage(
            processor,
            ChatRequests,
            {"translator": self._translator, "key": self._key, "log": self._log},
            {"compute": ActorPoolStrategy(size=1), "max_concurrency": batches, "num_cpus": ACTOR_CPUS},
        )
        task = task | small
        questions = rows.map_batches(partial(ask_server, translator=self._translator, seed=self._seed), **task)
        finish = partial(finish_rows, keep_thinking=self._translator.keep_thinking)
        return processor(questions).map_batches(finish, **task)


def read_key(translator: HttpTranslator) -> ApiKey:
    """Return the server's key from the environment.

    Raises:
        ConfigError: if the variable that should hold it is not set.
    """
    if translator.api_key_env is None:
        return ApiKey("")
    value = os.environ.get(translator.api_key_env, "")
    if not value:
        raise ConfigError(f"translator.api_key_env = {translator.api_key_env!r}: there is no such environment variable")
    return ApiKey(value)


def check_server(translator: HttpTranslator, key: ApiKey) -> None:
    """Ask the server for one token, so that a wrong address, name or key is known before the run.

    Raises:
        ConfigError: with what the server says.
    """
    brief = replace(translator, sampling_params=replace(translator.sampling_params, max_tokens=1))
    payload = json.dumps(chat_request(brief, "Hello", 0))

    async def ask() -> None:
        patient = replace(translator, timeout_s=min(translator.timeout_s, CHECK_SECONDS))
        async with open_session(patient, key) as session:
            await post(session, translator.url, payload)

    try:
        asyncio.run(ask())
    except (RetryError, RowError, ValueError) as error:
        raise ConfigError(
            f"translator.url = {translator.url!r} with model {translator.model!r}: {key.hide(str(error))}"
        ) from None


def _read_response(row: dict[str, Any]) -> dict[str, Any]:
    response = json.loads(row["http_response"])
    generated, complete = read_message(response)
    return answered(row[ROW], read_answer(generated, complete, read_usage(response)))
