"""Requests to an OpenAI-compatible server: questions of a batch go in, all at once, and answers or errors come out.

It takes the place of the stage of ``HttpRequestProcessorConfig`` that Ray brings, which sends the requests of a batch
one after the other, does not try again after a 500, and fails the whole job over one row.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from execground_ray.config.schema import HttpTranslator
from execground_ray.private.ray_llm import StatefulStageUDF
from execground_ray.translators.llm.prompting import THINK, THOUGHT

MOST_WAIT_SECONDS = 60.0
# So many rows that fail one after the other are no fault of theirs: the job stops, and goes on when it is run again.
MOST_FAILURES = 32
MOST_BODY = 300  # characters of a server's answer that are shown


class RowError(Exception):
    """A row that the server does not answer."""


class ServerError(Exception):
    """A server that does not work, whatever it is asked."""


class RetryError(Exception):
    """A failure that may pass; ``wait_seconds`` is the server's own word on when, or None."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class ApiKey:
    """A key that shows itself only when asked: never in a log, a message or a configuration."""

    def __init__(self, value: str) -> None:
        """Hold ``value``; empty means that there is no key."""
        self._value = value

    def __repr__(self) -> str:
        return "<key>"

    def headers(self) -> dict[str, str]:
        """Return the header that shows the key to the server."""
        return {"Authorization": f"Bearer {self._value}"} if self._value else {}

    def hide(self, text: str) -> str:
        """Return ``text`` without the key."""
        return text.replace(self._value, "<key>") if self._value else text


class ChatRequests(StatefulStageUDF):
    """The callable of the one actor that talks to the server.

    Args:
        data_column: where the processor keeps its rows.
        expected_input_keys: what each of them must have.
        translator: the server, and how it is asked.
        key: for it.
        log: actor handle of the run's ``EngineLog``.
    """

    def __init__(
        self, data_column: str, expected_input_keys: list[str], translator: HttpTranslator, key: ApiKey, log: Any
    ) -> None:
        """The session opens with the first row."""
        super().__init__(data_column, expected_input_keys)
        self._translator = translator
        self._key = key
        self._log = log
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(translator.concurrency)
        self._next_start = 0.0
        self._failures = 0

    async def udf(self, batch: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override, misc]
        """Ask for the rows of a batch, and give each back as soon as it is answered."""
        if self._session is None:
            self._session = open_session(self._translator, self._key)
        for answer in asyncio.as_completed([self._ask(row, self._session) for row in batch]):
            yield await answer

    async def _ask(self, row: dict[str, Any], session: aiohttp.ClientSession) -> dict[str, Any]:
        place = row[self.IDX_IN_BATCH_COLUMN]
        result = {self.IDX_IN_BATCH_COLUMN: place, "http_response": "", "__inference_error__": ""}
        try:
            async with self._places:
                self._log.begin.remote(row["id"])
                response = await self._request(row["payload"], session)
        except RowError as error:
            return result | {"__inference_error__": self._key.hide(str(error))}
        self._failures = 0
        prompt_tokens, generated_tokens = read_usage(response)
        self._log.end.remote(row["id"], self._translator.url, prompt_tokens, generated_tokens)
        return result | {"http_response": json.dumps(response)}

    async def _request(self, payload: str, session: aiohttp.ClientSession) -> dict[str, Any]:
        """Return the server's answer, after as many tries as it takes.

        Raises:
            RowError: it will not come.
            ServerError: nor did those for many rows before.
        """
        wait_seconds = self._translator.retry_wait_s
        for tries_left in range(self._translator.max_retries, -1, -1):
            await self._wait_for_start()
            try:
                return await post(session, self._translator.url, payload)
            except RetryError as error:
                message = str(error)
                if not tries_left:
                    break
                # Chance spreads what failed together; what the server asks for is never undercut.
                await asyncio.sleep(error.wait_seconds or wait_seconds * random.uniform(0.5, 1.0))  # noqa: S311
                wait_seconds = min(2 * wait_seconds, MOST_WAIT_SECONDS)
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            raise ServerError(self._key.hide(f"{self._failures} rows in a row without an answer, at last: {message}"))
        raise RowError(f"{message}, after {self._translator.max_retries + 1} tries")

    async def _wait_for_start(self) -> None:
        """Keep to ``requests_per_second``, over all rows under way."""
        if self._translator.requests_per_second is None:
            return
        now = time.monotonic()
        start = max(now, self._next_start)
        self._next_start = start + 1 / self._translator.requests_per_second
        await asyncio.sleep(start - now)


def open_session(translator: HttpTranslator, key: ApiKey) -> aiohttp.ClientSession:
    """Open connections to the server, as many as requests may be under way."""
    return aiohttp.ClientSession(
        headers=key.headers() | {"Content-Type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=translator.timeout_s),
        connector=aiohttp.TCPConnector(limit=translator.concurrency),
    )


async def post(session: aiohttp.ClientSession, url: str, payload: str) -> dict[str, Any]:
    """Ask once.

    Raises:
        RetryError: too many requests, an error of the server, a broken connection, an answer that is no answer.
        RowError: the server refuses this request for what is in it.
    """
    try:
        async with session.post(url, data=payload.encode()) as response:
            status, body = response.status, await response.text()
            asked = response.headers.get("Retry-After", "")
    except TimeoutError as error:
        raise RetryError("no answer in time") from error
    except (aiohttp.ClientError, UnicodeDecodeError) as error:
        raise RetryError(f"{type(error).__name__}: {error}") from error
    if status in (400, 413, 422):
        raise RowError(f"HTTP {status}: {body[:MOST_BODY]}")
    if status != 200:
        wait_seconds = min(float(asked), MOST_WAIT_SECONDS) if asked.isdecimal() else None
        raise RetryError(f"HTTP {status}: {body[:MOST_BODY]}", wait_seconds)
    try:
        answer = json.loads(body)
        read_message(answer)
        read_usage(answer)
    except (ValueError, LookupError, TypeError) as error:
        raise RetryError(f"not a chat completion: {body[:MOST_BODY]}") from error
    return answer


def read_message(response: dict[str, Any]) -> tuple[str, bool]:
    """Return what the model wrote, its thinking marked, and whether it came to its own end.

    Servers that part the thinking from the text give it as ``reasoning_content`` or ``reasoning``.
    """
    choice = response["choices"][0]
    message = choice["message"]
    text = message["content"] or ""
    thinking = message.get("reasoning_content") or message.get("reasoning") or ""
    if not isinstance(text, str) or not isinstance(thinking, str):
        raise TypeError("content that is no text")
    return (f"{THINK}{thinking}{THOUGHT}{text}" if thinking else text), choice.get("finish_reason") != "length"


def read_usage(response: dict[str, Any]) -> tuple[int, int]:
    """Return the tokens read and written, 0 from a server that does not count them."""
    usage = response.get("usage") or {}
    return int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
