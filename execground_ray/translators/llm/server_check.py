"""The start check: the server is asked once as it will be for the rows, so what it refuses is known before the run.

Out comes the form that its requests need, or one line that says what to write instead.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urljoin

from execground_ray.config.errors import ConfigError
from execground_ray.config.schema import HttpTranslator
from execground_ray.translators.llm.chat_answers import shown
from execground_ray.translators.llm.chat_transport import (
    COMPLETIONS,
    ApiKey,
    PassingError,
    RefusalError,
    open_session,
    post,
    proxy_of,
)
from execground_ray.translators.llm.questions import RequestForm, chat_request

CHECK_SECONDS = 30.0
FORBIDDEN, NOT_THERE, MOVED = (401, 403), (404, 405, 410), range(300, 400)
BAD_REQUEST = (400, 422)
# The settings behind the names of a request.
OPTIONAL = {name: f"translator.sampling_params.{name}" for name in ("temperature", "top_p", "top_k", "min_p")} | {
    "chat_template_kwargs": "translator.enable_thinking"
}


def check_question(translator: HttpTranslator, form: RequestForm) -> str:
    """Return the body of the request that any server with this model must be able to answer."""
    return json.dumps(chat_request(translator, form, "Hello", 0))


def check_server(translator: HttpTranslator, key: ApiKey) -> RequestForm:
    """Ask the server as for a row, and return the form in which it takes requests.

    Raises:
        ConfigError: it does not answer, or refuses; says what to change.
    """
    check = _Check(translator, key)
    try:
        form = asyncio.run(check.find_form())
    except (PassingError, RefusalError) as error:
        proxy = proxy_of(translator.url)
        via = f" by way of the proxy {proxy.rpartition('@')[2]}" if proxy else ""
        raise ConfigError(key.hide(f"{check.fault(error)}{via}")) from None
    for name in sorted(_unlike(form)):
        print(f"the server takes no {name}: {_unlike(form)[name]}", file=sys.stderr)
    return form


class _Check:
    """The requests of one check.

    Args:
        translator: the server, and how it is asked.
        key: for it.
    """

    def __init__(self, translator: HttpTranslator, key: ApiKey) -> None:
        self._translator = replace(translator, timeout_s=min(translator.timeout_s, CHECK_SECONDS))
        self._key = key
        self._limit_is_at_fault = False
        self._retry_limit_is_at_fault = False

    async def find_form(self) -> RequestForm:
        """Return the form in which the server takes requests, those that are asked again too."""
        form = await self._find_first_form()
        if self._translator.retry_max_tokens is not None:
            try:
                await self._ask(self._with_limit(self._translator.retry_max_tokens), form)
            except RefusalError:
                self._retry_limit_is_at_fault = True
                raise
            except PassingError as error:
                if not error.late:
                    raise
        return form

    async def _find_first_form(self) -> RequestForm:
        form = RequestForm()
        while True:
            try:
                await self._ask(self._translator, form)
                return form
            except PassingError as error:
                if not error.late or self._translator.sampling_params.max_tokens is None:
                    raise
                # It has not refused, and may write on for long: one token shows whether it works. Some refuse to write
                # so little, which shows it too.
                with suppress(RefusalError):
                    await self._ask(self._with_limit(1), form)
                return form
            except RefusalError as refusal:
                adapted = adapt(form, refusal, self._translator)
                if adapted == form:
                    self._limit_is_at_fault = await self._is_limit_at_fault(form, refusal)
                    raise
                form = adapted

    def fault(self, error: PassingError | RefusalError) -> str:
        """Return one line that says what to change."""
        url = f"translator.url = {self._translator.url!r}"
        said = f"{url} with model {self._translator.model!r}: {error}"
        if isinstance(error, PassingError):
            return said
        if self._retry_limit_is_at_fault:
            limit = self._translator.retry_max_tokens
            return (
                f"translator.retry_max_tokens = {limit} is more than the server takes; allowed: less, or null; {said}"
            )
        if self._limit_is_at_fault:
            limit = self._translator.sampling_params.max_tokens
            return (
                f"translator.sampling_params.max_tokens = {limit} is more than the server takes; allowed: less; {said}"
            )
        if error.status in MOVED:
            place = shown(urljoin(self._translator.url, error.place))
            return f"{url} is not where the server answers (HTTP {error.status}); it sends on to {place!r}: write that"
        if error.status in NOT_THERE:
            return (
                f"{said}; allowed: an address that ends in {COMPLETIONS}, such as http://host:8000/v1{COMPLETIONS}, "
                "and as translator.model a name that the server knows"
            )
        if error.status in FORBIDDEN:
            return f"{said}; translator.api_key_env names the variable that holds the key"
        if error.status in BAD_REQUEST and (named := self._named(error)):
            return f"{' and '.join(named)}: the server refuses it; null: not sent; {said}"
        return said

    def _named(self, refusal: RefusalError) -> list[str]:
        """Return the settings that are sent and that a refusal names."""
        request = json.loads(check_question(self._translator, RequestForm()))
        return [key for name, key in OPTIONAL.items() if name in request and _names(refusal, name)]

    async def _is_limit_at_fault(self, form: RequestForm, refusal: RefusalError) -> bool:
        """Whether the server would take a request for a shorter answer."""
        if self._translator.sampling_params.max_tokens is None or refusal.status in (*FORBIDDEN, *NOT_THERE, *MOVED):
            return False
        try:
            await self._ask(self._with_limit(1), form)
        except (PassingError, RefusalError):
            return refusal.too_long
        return True

    def _with_limit(self, max_tokens: int) -> HttpTranslator:
        sampling = replace(self._translator.sampling_params, max_tokens=max_tokens)
        return replace(self._translator, sampling_params=sampling)

    async def _ask(self, translator: HttpTranslator, form: RequestForm) -> None:
        async with open_session(translator, self._key) as session:
            await post(session, translator.url, check_question(translator, form))


def adapt(form: RequestForm, refusal: RefusalError, translator: HttpTranslator) -> RequestForm:
    """Return another form that the server may take, as it names what it does not; the same if there is none.

    What the user has not set is ours to write otherwise or to leave out; what they have set is not.
    """
    if refusal.status not in BAD_REQUEST:
        return form
    wanted = RequestForm(limit="max_completion_tokens").limit
    if translator.sampling_params.max_tokens is not None and form.limit != wanted and _names(refusal, wanted):
        return replace(form, limit=wanted)
    if form.seeded and _names(refusal, "seed"):
        return replace(form, seeded=False)
    return form


def _names(refusal: RefusalError, name: str) -> bool:
    return re.search(rf"(?<!\w){name}(?!\w)", refusal.body) is not None


def _unlike(form: RequestForm) -> dict[str, str]:
    """Return what a form leaves out of the usual one, and what becomes of it."""
    unlike = {} if form.limit == RequestForm.limit else {RequestForm.limit: f"{form.limit} is sent"}
    return unlike if form.seeded else unlike | {"seed": "none is sent, so its texts differ from run to run"}
