"""One request to an OpenAI-compatible server: its address, the key, the proxy, and what may come instead of an answer.

Two kinds of failure: a ``RefusalError``, which the same request would only meet again, and a ``PassingError``.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from execground_ray.config.schema import HttpTranslator
from execground_ray.translators.llm.chat_answers import NoCompletionError, read_completion, shown
from execground_ray.translators.translator import Answer

COMPLETIONS = "/chat/completions"
MOST_WAIT_SECONDS = 60.0
MOST_BODY_BYTES = 2**24  # of a server's answer; thousands of times what a text takes
CONNECT_SECONDS = 30.0
LATER = (408, 409, 425, 429)  # refusals that pass
OK, MOVED, REFUSED, BROKEN = 200, 300, 400, 500
BUSY = 429, 503
ROWS_OWN = (400, 413, 422)  # for what is in the request; all others are about the server, the key or the model
TOO_LARGE = 413
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|model'?s? (maximum |max )?(context|length)|prompt is too long|input is too long"
    r"|too large for model|input token count|inputs?`? tokens? .{0,40}must (be|have)"
    r"|max_tokens must be at least 1, got -",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"//\S*@")
_FILTER = re.compile(r"content_filter|content_policy|content management policy", re.IGNORECASE)


class RefusalError(Exception):
    """A request that the server refuses.

    Args:
        status: of HTTP.
        body: of the answer.
        place: where the server sends the request instead.
    """

    def __init__(self, status: int, body: bytes, place: str = "") -> None:
        self.status = status
        self.place = place
        self.body = body.decode("utf-8", "replace")
        super().__init__(f"HTTP {status}: {shown(body)}")

    @property
    def rows_own(self) -> bool:
        """Whether it is about what is in the request."""
        return self.status in ROWS_OWN

    @property
    def too_long(self) -> bool:
        """Whether the request is too long, its prompt and the answer that it asks for together."""
        return self.status == TOO_LARGE or (self.rows_own and bool(_TOO_LONG.search(self.body)))

    @property
    def filtered(self) -> bool:
        """Whether the server's content filter refuses it."""
        return bool(_FILTER.search(self.body))


class PassingError(Exception):
    """A failure that may pass.

    Args:
        message: what happened, in one line.
        wait_seconds: the server's own word on when, or None.
        busy: whether the server only has too much to do.
        late: whether the server took the request, and gave no answer in time.
    """

    def __init__(self, message: str, wait_seconds: float | None = None, busy: bool = False, late: bool = False) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.busy = busy
        self.late = late


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


def chat_url(url: str) -> str:
    """Return the address of the chat completions, from it or from that of the interface they belong to.

    ``http://host:8000``, ``http://host:8000/v1`` and ``http://host:8000/v1/`` all are
    ``http://host:8000/v1/chat/completions``. Any other path is taken for the chat completions' own.

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if not path:
        path = f"/v1{COMPLETIONS}" if parts.netloc else parts.path
    elif re.search(r"/(v\d\w*|openai)$", path):
        path += COMPLETIONS
    return urlunsplit(parts._replace(path=path))


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for an address, None for none.

    aiohttp's own ``trust_env`` also reads ``~/.netrc``, and fails where that has an entry for a host with a key.
    """
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or not parts.hostname or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def open_session(translator: HttpTranslator, key: ApiKey) -> aiohttp.ClientSession:
    """Open connections to the server, as many as requests may be under way."""
    return aiohttp.ClientSession(
        headers=key.headers() | {"Content-Type": "application/json"},
        timeout=aiohttp.ClientTimeout(total=translator.timeout_s, sock_connect=CONNECT_SECONDS),
        connector=aiohttp.TCPConnector(limit=translator.concurrency),
    )


async def post(session: aiohttp.ClientSession, url: str, payload: str) -> Answer:
    """Ask once.

    Raises:
        PassingError: too many requests, an error of the server, a broken connection, an answer that is none.
        RefusalError: the server refuses this request, or any.
    """
    try:
        async with session.post(url, data=payload.encode(), proxy=proxy_of(url), allow_redirects=False) as response:
            status, headers, body = response.status, response.headers, await read_body(response)
    except TimeoutError as error:
        late = not isinstance(error, aiohttp.ConnectionTimeoutError)
        raise PassingError("no answer in time" if late else "no connection in time", late=late) from error
    except Exception as error:  # aiohttp's own, and whatever else bytes from outside may set off
        words = _CREDENTIALS.sub("//", str(error))  # a proxy may have some
        raise PassingError(f"{type(error).__name__}: {shown(words)}") from error
    if MOVED <= status < BROKEN and status not in LATER:
        raise RefusalError(status, body, headers.get("Location", ""))
    if status != OK:
        asked = headers.get("Retry-After", "")
        wait_seconds = min(float(asked), MOST_WAIT_SECONDS) if asked.isdecimal() else None
        busy = status == BUSY[0] or (status == BUSY[1] and wait_seconds is not None)
        raise PassingError(f"HTTP {status}: {shown(body)}", wait_seconds, busy)
    try:
        return read_completion(body)
    except NoCompletionError as error:
        raise PassingError(str(error)) from error


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer.

    Raises:
        ValueError: there is no end to it.
    """
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise ValueError(f"an answer of more than {MOST_BODY_BYTES:,} bytes")
    return bytes(body)
