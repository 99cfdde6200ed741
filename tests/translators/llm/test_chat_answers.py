"""Whatever a server sends costs at most its own row, and what is usable of it is read right."""

import json

import pyarrow as pa
import pytest
from fake_servers import COMPLETION, ask_rows, said, serve, settings
from test_engines import traced_row

from execground_ray.records import Reason
from execground_ray.translators.llm import server_health
from execground_ray.translators.llm.chat_answers import NoCompletionError, read_completion
from execground_ray.translators.llm.chat_transport import MOST_BODY_BYTES, ApiKey
from execground_ray.translators.llm.processor import ANSWER, ERROR, ROW, finish_rows
from execground_ray.translators.llm.server_check import check_server

DEEP = b"[" * 100_000 + b"]" * 100_000


def with_usage(usage):
    return b'{"choices": [{"message": {"content": "It is 4."}, "finish_reason": "stop"}], "usage": %s}' % usage


NO_COMPLETIONS = {
    "nothing": b"",
    "html": b"<html>busy</html>",
    "cut": b'{"choices": [{"mess',
    "deep": DEEP,
    "deep inside": b'{"choices": [{"message": {"content": "x"}}], "extra": %s}' % DEEP,
    "deep content": b'{"choices": [{"message": {"content": %s}}]}' % DEEP,
    "digits": b'{"choices": [{"message": {"content": "x"}}], "extra": %s}' % (b"9" * 5000),
    "latin-1": '{"choices": [{"message": {"content": "café"}}]}'.encode("latin-1"),
    "bytes": bytes(range(256)),
    "null": b"null",
    "number": b"7",
    "text": b'"choices"',
    "list": b"[]",
    "error": b'{"error": {"message": "no luck"}}',
    "no choices": b'{"choices": []}',
    "choices of a wrong type": b'{"choices": {"0": 1}}',
    "choices as text": b'{"choices": "abc"}',
    "choices null": b'{"choices": null}',
    "choice of a wrong type": b'{"choices": [[1]]}',
    "no message": b'{"choices": [{"finish_reason": "stop"}]}',
    "message of a wrong type": b'{"choices": [{"message": "It is 4."}]}',
    "message null": b'{"choices": [{"message": null}]}',
    "content of a wrong type": b'{"choices": [{"message": {"content": {"text": "It is 4."}}}]}',
    "content a number": b'{"choices": [{"message": {"content": 4}}]}',
    "failed": json.dumps(said("It is", "error")).encode(),
}
WRONG_USAGES = [b"[1]", b'"many"', b"7", b"null", b"{}", b'{"prompt_tokens": 1%s}' % (b"0" * 20)]
WRONG_USAGES += [
    b'{"prompt_tokens": %s}' % value for value in (b"-1", b"1e400", b"NaN", b"true", b'"7"', b"[7]", b"null")
]
# What ends without a usable text: content, finish_reason and other fields of the message; reason and detail.
UNUSABLE = [
    ("It is 4 \ud83d", "stop", {}, "engine_error", "the text holds half a character"),
    ("\udc00\ud83d", "stop", {}, "engine_error", "the text holds half a character"),
    ("It is", "content_filter", {}, "engine_error", "the server's content filter ended the answer"),
    (None, "content_filter", {}, "engine_error", "the server's content filter ended the answer"),
    (None, "stop", {"refusal": "I can't \ud83d help."}, "empty", "the model refuses: I can't \ufffd help."),
    (None, "stop", {}, "empty", "no text in 0 tokens"),
    ("", None, {}, "empty", "no text in 0 tokens"),
    (None, "stop", {"reasoning": "hm"}, "empty", "nothing but thinking in 0 tokens"),
    ("<think>hm</think>", "stop", {}, "empty", "nothing but thinking in 0 tokens"),
    (None, "length", {}, "unfinished", "no end after 0 tokens"),
    (None, "length", {"reasoning_content": "hm"}, "unfinished", "no end after 0 tokens"),
    ("It is", "MAX_TOKENS", {}, "unfinished", "no end after 0 tokens"),
    (None, "tool_calls", {"tool_calls": [{}]}, "unfinished", "finish_reason = tool_calls"),
    ("It is", "abort", {}, "unfinished", "finish_reason = abort"),
    ("It is", {"a": ["\ud83d"]}, {}, "unfinished", "finish_reason = {'a': ['\\ud83d']}"),
    ("It is", 7, {}, "unfinished", "finish_reason = 7"),
]
USABLE = [
    ("It is 4.", "stop", {}, "It is 4.", ""),
    ("It is 4.", None, {}, "It is 4.", ""),
    ("It is 4.", "STOP", {}, "It is 4.", ""),
    ("It is 4 \U0001f600", "eos", {}, "It is 4 \U0001f600", ""),
    ("<think>hm \ud83d</think>\nIt is 4.", "stop", {}, "It is 4.", "hm \ufffd"),
    ("hm\n</think>\n\nIt is 4.", "stop", {}, "It is 4.", "hm"),
    ("It is 4.", "stop", {"reasoning_content": "hm"}, "It is 4.", "hm"),
    ("It is 4.", "stop", {"reasoning": "hm", "reasoning_content": None}, "It is 4.", "hm"),
    ("It is 4.", "stop", {"reasoning": {"steps": ["hm"]}}, "It is 4.", ""),
    ("<think>hm</think>It is 4.", "stop", {"reasoning": None, "reasoning_content": ""}, "It is 4.", "hm"),
    # the server has parted them: marks in the text are the text's own
    ("The program\n</think>\ncuts there.", "stop", {"reasoning": "hm"}, "The program\n</think>\ncuts there.", "hm"),
    ("<think> is cut.", "stop", {"reasoning_content": "a </think> b"}, "<think> is cut.", "a </think> b"),
    # no thinking: a quoted mark is no end of any
    ("It cuts at `</think>`, so it is 4.", "stop", {}, "It cuts at `</think>`, so it is 4.", ""),
    ("'<b></think>'.find('</think>') is 3.", "stop", {}, "'<b></think>'.find('</think>') is 3.", ""),
]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(server_health, "QUIET_SECONDS", 0.05)


@pytest.mark.parametrize("name", NO_COMPLETIONS)
def test_what_is_no_completion_is_called_so(name):
    with pytest.raises(
        NoCompletionError, match=r"\A(not a chat completion|an answer that ended in an error): "
    ) as found:
        read_completion(NO_COMPLETIONS[name])
    assert len(str(found.value)) < 400
    assert len(str(found.value).splitlines()) == 1


@pytest.mark.parametrize("usage", WRONG_USAGES)
def test_tokens_that_are_not_counted_in_numbers_are_not_counted(usage):
    answer = read_completion(with_usage(usage))
    assert (answer.text, answer.prompt_tokens, answer.generated_tokens) == ("It is 4.", 0, 0)


@pytest.mark.parametrize(("content", "finish", "fields", "reason", "detail"), UNUSABLE)
def test_why_an_answer_is_unusable(content, finish, fields, reason, detail):
    answer = read_completion(json.dumps(said(content, finish, **fields)).encode())
    assert answer.reason == Reason(reason)
    assert answer.detail.startswith(detail)


@pytest.mark.parametrize(("content", "finish", "fields", "text", "thinking"), USABLE)
def test_text_and_thinking_are_parted_once(content, finish, fields, text, thinking):
    answer = read_completion(json.dumps(said(content, finish, **fields)).encode())
    assert (answer.reason, answer.text, answer.thinking) == (None, text, thinking)


@pytest.mark.parametrize("missing", ["content", "finish_reason", "usage"])
def test_what_a_server_may_leave_out(missing):
    completion = json.loads(json.dumps(COMPLETION))
    for part in (completion, completion["choices"][0], completion["choices"][0]["message"]):
        part.pop(missing, None)
    assert read_completion(json.dumps(completion).encode()).reason == ("empty" if missing == "content" else None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_of_json_are_read(encoding):
    assert read_completion(json.dumps(COMPLETION).encode(encoding)).text == "It is 4."


def test_through_requests_and_stages_each_costs_its_own_row():
    """All of it from one server, side by side with good answers; what comes out can be written."""
    bodies = [*NO_COMPLETIONS.values(), *map(with_usage, WRONG_USAGES)]
    bodies += [
        json.dumps(said(content, finish, **fields)).encode() for content, finish, fields, *_ in UNUSABLE + USABLE
    ]
    bodies.append(b" " * (MOST_BODY_BYTES + 1))

    def answer(request, number):
        mark = request["messages"][0]["content"]
        return (200, bodies[int(mark)]) if mark.isdecimal() else (200, COMPLETION)

    questions = [text for number in range(len(bodies)) for text in (str(number), "good")]
    with serve(answer) as server:
        overrides = ["translator.max_retries=0", "translator.concurrency=4"]
        [answers] = ask_rows(settings(server, *overrides), questions)
    assert all(answer["text"] == "It is 4." for answer in answers[1::2])
    row = json.dumps(traced_row())
    table = finish_rows(
        pa.Table.from_pylist(
            [{ROW: row, ERROR: "", ANSWER: json.dumps([{"answer": answer, "verdict": {}}])} for answer in answers]
        ),
        "http",
        keep_thinking=True,
    )
    for written in table.to_pylist():
        json.dumps(written, ensure_ascii=False).encode("utf-8")
    bad = len(NO_COMPLETIONS) + len(UNUSABLE) + 1
    assert sum(row["reason"] != "" for row in table.to_pylist()) == bad


@pytest.mark.parametrize(
    "body", [with_usage(b"[1]"), json.dumps(said(None, "length")).encode(), b'{"choices": [{"message": {}}]}']
)
def test_the_start_check_takes_what_a_thinking_model_answers(body):
    with serve(lambda request, number: (200, body)) as server:
        check_server(settings(server), ApiKey(""))
    assert server.asked[0]["max_tokens"] == 16384


def test_headers_that_make_no_sense_cost_their_row():
    troubles = [
        {"Content-Length": "-5"},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "text/html; charset=nonsense"},
        {"X-Long": "x" * 20_000},
        {"Retry-After": "never"},
    ]

    def answer(request, number):
        mark = request["messages"][0]["content"]
        if not mark.isdecimal():
            return 200, COMPLETION
        status = 503 if "Retry-After" in troubles[int(mark)] else 200
        return status, json.dumps(COMPLETION).encode(), troubles[int(mark)]

    questions = [text for number in range(len(troubles)) for text in (str(number), "good")]
    with serve(answer) as server:
        [answers] = ask_rows(settings(server, "translator.max_retries=0", "translator.concurrency=2"), questions)
    assert [answer["reason"] for answer in answers[1::2]] == [None] * len(troubles)
    assert [answer["reason"] for answer in answers[::2]] == ["engine_error"] * 2 + [None] + ["engine_error"] * 2
