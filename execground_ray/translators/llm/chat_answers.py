"""What a server sends back, read: bytes that may hold anything go in, an ``Answer`` comes out.

Whatever is wrong with them costs this row alone: nothing of a wrong type, size or encoding gets past this module.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from execground_ray.records import Reason
from execground_ray.translators.llm.prompting import judge_answer, read_answer
from execground_ray.translators.translator import Answer

MOST_SHOWN = 300  # characters of what a server says
MOST_TOKENS = 10**9  # who counts more has miscounted
# Why an answer ended, in the words of the servers there are.
ENDED = (None, "", "stop", "eos", "eos_token", "end_turn", "stop_sequence")
CUT = ("length", "max_tokens", "model_length")
FILTERED = "content_filter"
FAILED = "error"
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # JSON can name them, no encoding can write them


class NoCompletionError(Exception):
    """An answer that is no chat completion."""


def read_completion(body: bytes) -> Answer:
    """Return what the model wrote, parted from its thinking, with what makes it unusable.

    A text that the server's content filter has ended is an ``engine_error``: not the model failed, and more tokens,
    which may help an ``unfinished`` one, would not.

    Raises:
        NoCompletionError: it is no chat completion.
    """
    try:
        response = json.loads(body)
        choice = response["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        finish = finish.lower() if isinstance(finish, str) else finish
        content, thinking, apart = _message_parts(message)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NoCompletionError(f"not a chat completion: {shown(body)}") from error
    if finish == FAILED:
        raise NoCompletionError(f"an answer that ended in an error: {shown(body)}")
    tokens = read_usage(response)
    if finish == FILTERED:
        return Answer("", "", Reason.ENGINE_ERROR, "the server's content filter ended the answer", *tokens)
    if finish not in (*ENDED, *CUT):
        return Answer("", "", Reason.UNFINISHED, f"finish_reason = {shown(finish)}", *tokens)
    if not content.strip() and isinstance(message.get("refusal"), str):
        return Answer("", "", Reason.EMPTY, f"the model refuses: {shown(message['refusal'])}", *tokens)
    if apart:
        answer = judge_answer(thinking, content, finish not in CUT, tokens)
    else:  # a chat template may have begun the thinking: nothing in the answer says so
        answer = read_answer(content, finish not in CUT, tokens, opened=None)
    if _HALF_CHARACTER.search(answer.text):
        return Answer("", "", Reason.ENGINE_ERROR, "the text holds half a character, a lone surrogate", *tokens)
    return replace(answer, thinking=_HALF_CHARACTER.sub("\ufffd", answer.thinking))


def read_usage(response: dict[str, Any]) -> tuple[int, int]:
    """Return the tokens read and written, 0 from a server that does not count them, or not in numbers."""
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return 0, 0
    prompt_tokens, generated_tokens = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    return prompt_tokens, generated_tokens


def shown(said: object) -> str:
    """Return the beginning of what a server says, in one line that every encoding can write."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said if isinstance(said, str) else repr(said)
    return _HALF_CHARACTER.sub("\ufffd", " ".join(text[: 4 * MOST_SHOWN].split())[:MOST_SHOWN])


def _message_parts(message: dict[str, Any]) -> tuple[str, str, bool]:
    """Return the content, the thinking, and whether the server has parted them itself.

    Those that do give the thinking as ``reasoning_content`` or ``reasoning``; one that does not may name them as null.
    """
    content = message.get("content") or ""
    if not isinstance(content, str):
        raise TypeError("content that is no text")
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    thinking = reasoning if isinstance(reasoning, str) else ""
    return content, thinking, bool(reasoning)


def _count(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_TOKENS:
        return 0
    return number
