"""What is the server's state is no row's verdict: such rows stay undone; what is a row's own fault costs that row."""

import time

import pytest
from fake_servers import COMPLETION, ask_rows, refusal, serve, settings

from execground_ray.translators.llm import server_health
from execground_ray.translators.llm.server_health import ServerError

TOO_LONG = refusal(
    "This model's maximum context length is 17000 tokens. However, you requested 17084 tokens (700 in the messages, "
    "16384 in the completion).",
    code="context_length_exceeded",
)
BROKEN = [
    pytest.param(lambda: (503, b"no upstream"), id="503"),
    pytest.param(lambda: (500, {"error": "CUDA out of memory"}), id="500"),
    pytest.param(lambda: (429, refusal("quota"), {"Retry-After": "0"}), id="429"),
    pytest.param(lambda: None, id="connection"),
    pytest.param(lambda: (200, b"<html>busy</html>"), id="html"),
    pytest.param(lambda: (204, b""), id="204"),
    pytest.param(lambda: (401, refusal("key has expired")), id="401"),
    pytest.param(lambda: (403, refusal("region")), id="403"),
    pytest.param(lambda: (404, refusal("The model does not exist")), id="404"),
    pytest.param(lambda: (302, b"", {"Location": "/login"}), id="302"),
    pytest.param(lambda: (400, TOO_LONG), id="400"),
    pytest.param(lambda: (413, b"too large"), id="413"),
    pytest.param(lambda: (422, refusal("no such field")), id="422"),
]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(server_health, "QUIET_SECONDS", 0.1)


def reasons(answers):
    return [answer["reason"] for answer in answers]


@pytest.mark.parametrize("trouble", BROKEN)
@pytest.mark.parametrize("rows", [24, 4], ids=["many", "few"])
def test_a_server_that_fails_for_every_row_gives_no_verdict(trouble, rows):
    def answer(request, number):
        return (200, COMPLETION) if request["messages"][0]["content"] == "Hello" else trouble()

    with serve(answer) as server:
        [batch] = ask_rows(settings(server), [f"row {number}" for number in range(rows)])
    assert isinstance(batch, ServerError)
    assert "rows in a row without an answer" in str(batch)
    assert "\n" not in str(batch)


@pytest.mark.parametrize("trouble", BROKEN)
def test_an_outage_gives_no_verdict_even_to_a_single_row(trouble):
    def answer(request, number):
        return (200, COMPLETION) if number <= 3 else trouble()

    with serve(answer) as server:
        answered, failed = ask_rows(settings(server), ["a", "b", "c"], ["d"], pause=0.3)
    assert reasons(answered) == [None] * 3
    assert isinstance(failed, ServerError)
    assert "and then the server itself" in str(failed)


def test_timeouts_are_an_outage_too():
    def answer(request, number):
        time.sleep(0.5)
        return 200, COMPLETION

    with serve(answer) as server:
        [batch] = ask_rows(settings(server, "translator.timeout_s=0.1", "translator.max_retries=0"), ["a"] * 5)
    assert isinstance(batch, ServerError)
    assert "no answer in time" in str(batch)


@pytest.mark.parametrize(
    ("trouble", "reason", "detail"),
    [
        ((400, TOO_LONG), "prompt_too_long", "no room for the prompt beside max_tokens = 16384: HTTP 400: "),
        ((413, b"Request Entity Too Large"), "prompt_too_long", "no room for the prompt"),
        ((400, refusal("invalid message")), "engine_error", "HTTP 400: "),
        ((400, refusal("filtered", code="content_filter")), "engine_error", "the server's content filter refuses"),
        ((500, {"error": "assertion"}), "engine_error", "HTTP 500: "),
        (None, "engine_error", "ServerDisconnectedError"),
        ((200, b"<html>busy</html>"), "engine_error", "not a chat completion: <html>busy"),
    ],
)
def test_what_only_one_row_meets_is_its_own_fault(trouble, reason, detail):
    def answer(request, number):
        return trouble if "BAD" in request["messages"][0]["content"] else (200, COMPLETION)

    with serve(answer) as server:
        [answers] = ask_rows(settings(server, "translator.concurrency=2"), ["a", "BAD", "b", "c"])
    assert reasons(answers) == [None, reason, None, None]
    assert answers[1]["detail"].startswith(detail)


@pytest.mark.parametrize("status", [400, 500])
def test_the_last_row_is_judged_by_the_question_of_the_start(status):
    def answer(request, number):
        return (status, refusal("no")) if "BAD" in request["messages"][0]["content"] else (200, COMPLETION)

    with serve(answer) as server:
        good, bad = ask_rows(settings(server), ["a"], ["BAD", "BAD"], pause=0.2)
    assert reasons(good) == [None]
    assert reasons(bad) == ["engine_error"] * 2
    assert server.messages().count("Hello") == (1 if status == 400 else 2)


@pytest.mark.parametrize("status", [503, 401, 404])
def test_rows_that_failed_in_a_short_outage_are_asked_again(status):
    def answer(request, number):
        return (status, b"starting") if 3 <= number <= 12 else (200, COMPLETION)

    with serve(answer) as server:
        [answers] = ask_rows(settings(server, "translator.concurrency=2"), [f"row {number}" for number in range(12)])
    assert reasons(answers) == [None] * 12


def test_a_server_that_comes_back_for_a_moment_blames_nobody():
    """Rows held in one outage are asked again in the next: they fail twice, and nobody knows yet whose fault it is."""

    def answer(request, number):
        return (200, COMPLETION) if number in (1, 8) else (503, b"down")

    with serve(answer) as server:
        overrides = ["translator.concurrency=1", "translator.max_retries=0"]
        [batch] = ask_rows(settings(server, *overrides), [f"row {number}" for number in range(12)])
    assert isinstance(batch, ServerError)


def test_quick_refusals_do_not_overtake_slow_answers():
    """As many as max_failures are refused while the first answers are still being written: no outage."""

    def answer(request, number):
        if "BAD" in request["messages"][0]["content"]:
            return 400, TOO_LONG
        time.sleep(0.5)
        return 200, COMPLETION

    with serve(answer) as server:
        overrides = ["translator.concurrency=4", "translator.max_failures=4"]
        [answers] = ask_rows(settings(server, *overrides), ["a", "b", *["BAD"] * 8, "c"])
    assert reasons(answers) == [None] * 2 + ["prompt_too_long"] * 8 + [None]


@pytest.mark.parametrize(("failures", "stops"), [(6, True), (100, False)])
def test_how_many_is_a_setting(failures, stops):
    def answer(request, number):
        return (400, TOO_LONG) if "BAD" in request["messages"][0]["content"] else (200, COMPLETION)

    with serve(answer) as server:
        overrides = [f"translator.max_failures={failures}", "translator.concurrency=1"]
        [batch] = ask_rows(settings(server, *overrides), ["a", *["BAD"] * 10])
    assert isinstance(batch, ServerError) == stops
    if not stops:
        assert reasons(batch) == [None] + ["prompt_too_long"] * 10


def test_a_busy_server_is_no_rows_fault_as_long_as_it_answers_others():
    """One request in four gets through: with four tries each, some rows would fail."""

    def answer(request, number):
        return (200, COMPLETION) if number % 4 == 0 else (429, refusal("slow down"))

    with serve(answer) as server:
        [answers] = ask_rows(
            settings(server, "translator.concurrency=3", "translator.max_retries=3"),
            [f"row {number}" for number in range(12)],
        )
    assert reasons(answers) == [None] * 12


def test_rows_that_fail_again_together_are_no_outage():
    """Half of the rows fail, one at a time; let go by the answers between them, they all fail again at the end."""

    def answer(request, number):
        return (500, refusal("no")) if "BAD" in request["messages"][0]["content"] else (200, COMPLETION)

    with serve(answer) as server:
        overrides = ["translator.max_retries=0", "translator.concurrency=1"]
        [answers] = ask_rows(settings(server, *overrides), ["good", "BAD"] * 20)
    assert reasons(answers) == [None, "engine_error"] * 20
