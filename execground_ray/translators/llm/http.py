"""Translation over HTTP, by any OpenAI-compatible server: ``translator=http``."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from functools import partial
from typing import Any

from ray.data import ActorPoolStrategy, Dataset
from ray.data.llm import HttpRequestProcessorConfig, build_processor

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import HttpTranslator
from execground_ray.translators.llm.chat_transport import ApiKey, chat_url
from execground_ray.translators.llm.http_requests import ChatRequests
from execground_ray.translators.llm.processor import LanguageModel, finish_rows, read_result, replace_stage
from execground_ray.translators.llm.questions import ask_server
from execground_ray.translators.llm.resampling import Resampler
from execground_ray.translators.llm.server_check import check_question, check_server
from execground_ray.translators.translator import MakeReferee

BATCH_ROWS = 16  # come back together
MOST_SPARE = 3  # times as many rows as requests: most are asked for once or twice
ACTOR_CPUS = 0.05
TASK_CPUS = 0.05


class HttpModel(LanguageModel):
    """A model behind a server.

    Args:
        translator: the server, and how it is asked.
        seed: of the run.

    Raises:
        ConfigError: the key is missing, or the server does not answer, or refuses what it will be asked.
    """

    def __init__(self, translator: HttpTranslator, seed: int) -> None:
        """The server is asked once, as for a row."""
        try:
            self._translator = replace(translator, url=chat_url(translator.url))
        except ValueError as error:
            raise ConfigError(f"translator.url = {translator.url!r} is no address: {error}") from error
        self._seed = seed
        self._key = read_key(translator)
        self._form = check_server(self._translator, self._key)

    @property
    def cpus(self) -> float:
        """CPUs that the actor that talks to the server reserves."""
        return ACTOR_CPUS

    def translate(self, rows: Dataset, task: dict[str, Any], make_referee: MakeReferee | None = None) -> Dataset:
        """Add the stages: write the requests, send them from one actor, read the answers."""
        small: dict[str, Any] = {"num_cpus": TASK_CPUS}
        config = HttpRequestProcessorConfig(
            url=self._translator.url,
            batch_size=BATCH_ROWS,
            concurrency=(1, 1),
            http_request_stage=dict(small),
        )
        processor = build_processor(config, dict, read_result, dict(small), dict(small))
        # Rows that are rejected already fill places in the batches, and so do those that wait for others of theirs to
        # be asked again: more batches keep all requests under way.
        spare = 1 + min(self._translator.attempts, MOST_SPARE)
        batches = spare * math.ceil(self._translator.concurrency / BATCH_ROWS)
        replace_stage(
            processor,
            ChatRequests,
            {
                "resampler": Resampler(self._translator, self._seed, make_referee),
                "key": self._key,
                "question": check_question(self._translator, self._form),
                "log": self._log,
            },
            {"compute": ActorPoolStrategy(size=1), "max_concurrency": batches, "num_cpus": ACTOR_CPUS},
        )
        task = task | small
        ask = partial(ask_server, translator=self._translator, form=self._form, seed=self._seed)
        questions = rows.map_batches(ask, **task)
        finish = partial(finish_rows, translator=self._translator.kind, keep_thinking=self._translator.keep_thinking)
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
