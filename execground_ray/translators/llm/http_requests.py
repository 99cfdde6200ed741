"""Requests to an OpenAI-compatible server: questions of a batch go in, all at once, and answers come out.

It takes the place of the stage of ``HttpRequestProcessorConfig`` that Ray brings, which sends the requests of a batch
one after the other, does not try again after a 500, and fails the whole job over one row. What becomes of a row that
gets no answer: ``server_health``.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

import aiohttp

from execground_ray.config.schema import HttpTranslator
from execground_ray.private.ray_llm import StatefulStageUDF
from execground_ray.records import Reason
from execground_ray.translators.llm.chat_transport import (
    MOST_WAIT_SECONDS,
    ApiKey,
    PassingError,
    RefusalError,
    open_session,
    post,
)
from execground_ray.translators.llm.processor import ANSWER, ERROR, ROW
from execground_ray.translators.llm.questions import with_other_sampling
from execground_ray.translators.llm.resampling import Ask, Resampler
from execground_ray.translators.llm.server_health import ServerHealth
from execground_ray.translators.translator import Answer

MOST_BUSY = 20  # times that a row comes back, with all its tries, to a server that was only busy


@dataclass(frozen=True)
class _Request:
    """An attempt at a row, and the body of its request."""

    row_id: str
    attempt: int
    payload: str


class ChatRequests(StatefulStageUDF):
    """The callable of the one actor that talks to the server.

    Args:
        data_column: where the processor keeps its rows.
        expected_input_keys: what each of them must have.
        resampler: knows the server, how it is asked, and when again.
        key: for it.
        question: that the server has answered before the run.
        log: actor handle of the run's ``EngineLog``.
    """

    def __init__(
        self,
        data_column: str,
        expected_input_keys: list[str],
        resampler: Resampler,
        key: ApiKey,
        question: str,
        log: Any,
    ) -> None:
        """The session opens with the first row."""
        super().__init__(data_column, expected_input_keys)
        translator = cast(HttpTranslator, resampler.translator)
        self._resampler = resampler
        self._translator = translator
        self._key = key
        self._question = question
        self._log = log
        self._session: aiohttp.ClientSession | None = None
        self._health = ServerHealth(translator.concurrency, translator.max_failures, self._prove)
        self._next_start = 0.0

    async def udf(self, batch: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override, misc]
        """Ask for the rows of a batch side by side."""
        for answer in await asyncio.gather(*map(self._ask, batch)):
            yield answer

    async def _ask(self, row: dict[str, Any]) -> dict[str, Any]:
        async def ask(wanted: Ask) -> Answer:
            payload = row["payload"]
            if wanted.number > 1:
                payload = with_other_sampling(payload, wanted.seed, wanted.max_tokens)
            return await self._answer(_Request(row["id"], wanted.number, payload))

        attempts = await self._resampler.sample(row["id"], row[ROW], ask)
        return {self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN], ERROR: "", ANSWER: attempts}

    async def _answer(self, request: _Request) -> Answer:
        """Return the server's answer to a row, or, once the server is known to work, why there is none.

        Raises:
            ServerError: it does not work.
        """
        tries = self._translator.max_retries + 1
        answer, failure = await self._try(request, tries, first=True)
        for _ in range(MOST_BUSY):
            if isinstance(failure, PassingError) and failure.busy:
                answer, failure = await self._try(request, tries)
        if failure and not (isinstance(failure, RefusalError) and failure.rows_own):
            answer, failure = await self._try(request, 1)
        return answer if failure is None else verdict(failure, self._key, self._translator)

    async def _try(
        self, request: _Request, tries: int, first: bool = False
    ) -> tuple[Answer, PassingError | RefusalError | None]:
        """Ask for a row; if there is no answer, come back with the failure when the server is known to work."""
        try:
            async with self._health.place():
                self._log.begin.remote(request.row_id, request.attempt)
                answer = await self._request(request.payload, tries)
                self._health.answered()
        except (PassingError, RefusalError) as failure:
            await self._health.held(self._key.hide(str(failure)), counts=first)
            return Answer(""), failure
        tokens = answer.prompt_tokens, answer.generated_tokens
        self._log.end.remote(request.row_id, self._translator.url, *tokens, request.attempt)
        return answer, None

    async def _request(self, payload: str, tries: int) -> Answer:
        """Return the server's answer, after as many tries as it takes.

        Raises:
            RefusalError: it refuses.
            PassingError: at the last of the tries.
        """
        if self._session is None:
            self._session = open_session(self._translator, self._key)
        wait_seconds = self._translator.retry_wait_s
        while True:
            await self._wait_for_start()
            try:
                return await post(self._session, self._translator.url, payload)
            except PassingError as error:
                tries -= 1
                if not tries:
                    raise
                # Chance spreads what failed together; what the server asks for is never undercut.
                await asyncio.sleep(error.wait_seconds or wait_seconds * random.uniform(0.5, 1.0))  # noqa: S311
                wait_seconds = min(2 * wait_seconds, MOST_WAIT_SECONDS)

    async def _prove(self) -> Answer:
        return await self._request(self._question, self._translator.max_retries + 1)

    async def _wait_for_start(self) -> None:
        """Keep to ``requests_per_second``, over all rows under way."""
        if self._translator.requests_per_second is None:
            return
        now = time.monotonic()
        start = max(now, self._next_start)
        self._next_start = start + 1 / self._translator.requests_per_second
        await asyncio.sleep(start - now)


def verdict(failure: PassingError | RefusalError, key: ApiKey, translator: HttpTranslator) -> Answer:
    """Return why a row has no answer, of a server that works and takes as many ``max_tokens`` from others."""
    said = key.hide(str(failure))
    if isinstance(failure, PassingError):
        return Answer("", reason=Reason.ENGINE_ERROR, detail=f"{said}, after {translator.max_retries + 2} tries")
    if failure.too_long:
        limit = translator.sampling_params.max_tokens
        detail = f"no room for the prompt beside max_tokens = {limit}: {said}"
        return Answer("", reason=Reason.PROMPT_TOO_LONG, detail=detail)
    if failure.filtered:
        return Answer("", reason=Reason.ENGINE_ERROR, detail=f"the server's content filter refuses the prompt: {said}")
    return Answer("", reason=Reason.ENGINE_ERROR, detail=said)
