"""The start check: what a server refuses is known before the run, in one line, and requests get the form it takes."""

import time

import pytest
from fake_servers import COMPLETION, ask_rows, refusal, said, serve, settings

from execground_ray.config.errors import ConfigError
from execground_ray.translators.llm import server_check
from execground_ray.translators.llm.chat_transport import ApiKey, chat_url
from execground_ray.translators.llm.http import HttpModel
from execground_ray.translators.llm.questions import RequestForm, chat_request
from execground_ray.translators.llm.server_check import check_server

ALWAYS = {"model", "messages"}
OPENAI = {"temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "n", "stop", "reasoning_effort"}
QWEN = ["temperature=0.6", "top_p=0.95", "top_k=20", "min_p=0", "max_tokens=16384"]
CONTEXT = 8192


def openai(request, number):
    """OpenAI's API, with a model of its GPT-4 kind: what it does not know it refuses."""
    for name in request.keys() - ALWAYS - OPENAI:
        return 400, refusal(f"Unrecognized request argument supplied: {name}", param=None, code=None)
    if request.get("max_tokens", 0) > 16384:
        message = "max_tokens is too large: 20000. This model supports at most 16384 completion tokens."
        return 400, refusal(message, param="max_tokens", code="invalid_value")
    return 200, said("It is 4.", refusal=None, annotations=[])


def openai_reasoning(request, number):
    """OpenAI's API, with a model that reasons."""
    for name in request.keys() - ALWAYS - OPENAI:
        return 400, refusal(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    if "max_tokens" in request:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return 400, refusal(message, param="max_tokens", code="unsupported_parameter")
    for name in ("temperature", "top_p"):
        if request.get(name, 1) != 1:
            message = f"Unsupported value: '{name}' does not support {request[name]} with this model. Only the default"
            return 400, refusal(message, param=name, code="unsupported_value")
    return 200, said("It is 4.")


def vllm(request, number):
    """vLLM's server: takes everything, but checks what it knows, and the room for the answer."""
    if "top_k" in request and request["top_k"] < -1:
        return 400, {"object": "error", "message": f"top_k must be 0 (disable), or at least 1, got {request['top_k']}."}
    limit = request.get("max_completion_tokens") or request.get("max_tokens") or 0
    if limit > CONTEXT - 20:
        message = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {limit}. This model's maximum context length is "
            f"{CONTEXT} tokens and your request has 20 input tokens ({limit} > {CONTEXT} - 20). None"
        )
        return 400, {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
    return 200, said("It is 4.", reasoning_content=None, tool_calls=[])


def vllm_large(request, number):
    """vLLM's server with room enough."""
    request["max_tokens"] -= 16384
    return vllm(request, number)


def sglang(request, number):
    """SGLang's server: top_k is -1 or at least 1; the fields it does not know are let pass."""
    if request.get("top_k", -1) == 0:
        return 400, {"object": "error", "message": "top_k must be -1 (disable), or at least 1, got 0.", "code": 400}
    return 200, said("It is 4.", reasoning_content=None)


def ollama(request, number):
    """Ollama's: ignores what it does not know, and says how it thought in a field of its own."""
    return 200, said("It is 4.", reasoning="hm")


def strict(request, number):
    """A server of the kind of Mistral's: a validator that forbids every field it does not know, also the seed."""
    for name in request.keys() - ALWAYS - {"temperature", "top_p", "max_tokens"}:
        return 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "input": request[name]}]}
    return 200, said("It is 4.")


SERVERS = [openai, openai_reasoning, vllm_large, sglang, ollama, strict]


def overridden(values):
    return [f"translator.sampling_params.{value}" for value in values]


@pytest.mark.parametrize("answer", SERVERS, ids=lambda answer: answer.__name__)
def test_the_defaults_work_with_every_server(answer):
    with serve(answer) as server:
        translator = settings(server)
        form = check_server(translator, ApiKey(""))
        checks = len(server.asked)
        [answers] = ask_rows(translator, ["What is 2 * 2?"], form=form)
    assert answers[0]["text"] == "It is 4."
    sent = server.asked[-1]
    assert len(server.asked) == checks + 1
    assert sent.keys() - ALWAYS == {form.limit} | ({"seed"} if form.seeded else set())
    assert (form == RequestForm()) == (answer not in (openai_reasoning, strict))
    assert form.limit == ("max_completion_tokens" if answer is openai_reasoning else "max_tokens")


@pytest.mark.parametrize("answer", [vllm_large, sglang, ollama], ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("top_k", [20, 0])
def test_the_values_of_the_reference_reach_servers_that_know_them(answer, top_k):
    with serve(answer) as server:
        values = [*QWEN, f"top_k={top_k}"]
        check_server(settings(server, *overridden(values), "translator.enable_thinking=true"), ApiKey(""))
    sent = {name: value for name, value in server.asked[0].items() if name not in {*ALWAYS, "seed", "max_tokens"}}
    assert sent == {
        "temperature": 0.6,
        "top_p": 0.95,
        "top_k": top_k or -1,
        "min_p": 0.0,
        "chat_template_kwargs": {"enable_thinking": True},
    }


def test_null_is_not_sent():
    nothing = settings("http://host/v1", *overridden(["max_tokens=null"]))
    assert chat_request(nothing, RequestForm(), "x", 1).keys() == {*ALWAYS, "seed"}


@pytest.mark.parametrize(
    ("answer", "override", "key"),
    [
        (openai, "translator.sampling_params.top_k=20", "translator.sampling_params.top_k"),
        (openai, "translator.sampling_params.min_p=0.1", "translator.sampling_params.min_p"),
        (openai, "translator.enable_thinking=false", "translator.enable_thinking"),
        (openai_reasoning, "translator.sampling_params.temperature=0.6", "translator.sampling_params.temperature"),
        (openai_reasoning, "translator.sampling_params.top_p=0.95", "translator.sampling_params.top_p"),
        (strict, "translator.sampling_params.top_k=20", "translator.sampling_params.top_k"),
    ],
)
def test_what_is_set_and_refused_is_named(answer, override, key):
    with serve(answer) as server, pytest.raises(ConfigError) as refused:
        check_server(settings(server, override), ApiKey(""))
    assert str(refused.value).startswith(f"{key}: the server refuses it; null: not sent; translator.url = ")
    assert "\n" not in str(refused.value)


LIMITS = {
    "vllm": vllm,
    "old vllm": lambda request, number: (
        (400, refusal("This model's maximum context length is 8192 tokens. However, you requested 16400 tokens."))
        if request["max_tokens"] > CONTEXT
        else (200, COMPLETION)
    ),
    "no words": lambda request, number: (416, b"") if request.get("max_tokens", 0) > CONTEXT else (200, COMPLETION),
    "least": lambda request, number: (400, refusal("The input is longer than the model's context length (5 tokens).")),
}


@pytest.mark.parametrize("kind", LIMITS)
def test_a_context_smaller_than_max_tokens_is_refused_before_the_run(kind):
    with serve(LIMITS[kind]) as server, pytest.raises(ConfigError) as refused:
        check_server(settings(server), ApiKey(""))
    assert str(refused.value).startswith(
        "translator.sampling_params.max_tokens = 16384 is more than the server takes; allowed: less; translator.url = "
    )
    assert "\n" not in str(refused.value)
    assert server.asked[0]["max_tokens"] == 16384


def test_the_limit_of_a_model_is_named_too():
    with (
        serve(openai) as server,
        pytest.raises(ConfigError, match=r"^translator.sampling_params.max_tokens = 20000 is"),
    ):
        check_server(settings(server, "translator.sampling_params.max_tokens=20000"), ApiKey(""))


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://host:8000/v1", "http://host:8000/v1/chat/completions"),
        ("http://host:8000/v1/", "http://host:8000/v1/chat/completions"),
        ("http://host:8000", "http://host:8000/v1/chat/completions"),
        ("http://host:8000/", "http://host:8000/v1/chat/completions"),
        ("https://host/api/v3", "https://host/api/v3/chat/completions"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai/chat/completions"),
        ("https://host/v1?api-version=1", "https://host/v1/chat/completions?api-version=1"),
        ("http://host/v1/chat/completions", "http://host/v1/chat/completions"),
        ("http://host/v1/chat/completions/", "http://host/v1/chat/completions"),
        ("https://host/own/route", "https://host/own/route"),
        ("nonsense", "nonsense"),
    ],
)
def test_an_address_is_completed(url, whole):
    assert chat_url(url) == whole


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_every_way_to_write_the_address_is_asked_at_the_same_place(ending):
    with serve(lambda request, number: (200, COMPLETION)) as server:
        HttpModel(settings(server.url.removesuffix("/v1/chat/completions") + ending), seed=1)
    assert server.paths == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((301, b"", {"Location": "https://other/v1/chat/completions"}), "'https://other/v1/chat/completions': write"),
        ((307, b"", {"Location": "/api/v1/chat/completions"}), "/api/v1/chat/completions': write that"),
        ((302, b"", {"Location": "/login"}), "HTTP 302"),
        ((304, b""), "HTTP 304"),
        ((404, {"detail": "Not Found"}), "allowed: an address that ends in /chat/completions"),
        ((404, refusal("The model `x` does not exist.")), "as translator.model a name that the server knows"),
        ((405, {"detail": "Method Not Allowed"}), "such as http://host:8000/v1/chat/completions"),
        ((401, refusal("wrong key")), "translator.api_key_env names the variable"),
        ((403, b""), "translator.api_key_env names the variable"),
        ((503, b"loading\nthe model"), "HTTP 503: loading the model"),
        ((200, b"<html>\n<p>busy</html>"), "not a chat completion: <html> <p>busy</html>"),
        ((200, b""), "not a chat completion"),
        (None, "ServerDisconnectedError"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(given, words):
    with serve(lambda request, number: given) as server, pytest.raises(ConfigError) as refused:
        check_server(settings(server), ApiKey(""))
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"translator.url = '{server.url}'")
    assert "\n" not in str(refused.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "url",
    ["nonsense", "ftp://host/v1", "http://[::1/v1", "http://host:99999/v1", "http:///v1", "http://127.0.0.1:9/v1"],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ConfigError, match=r"^translator.url = ") as refused:
        HttpModel(settings(url), seed=1)
    assert "\n" not in str(refused.value)


def test_a_server_that_is_not_there_and_a_key_that_is_not_there_are_told():
    with pytest.raises(ConfigError, match="Cannot connect"):
        HttpModel(settings("http://127.0.0.1:9/v1"), seed=1)
    with pytest.raises(ConfigError, match=r"^translator.api_key_env = .*: there is no such environment variable"):
        HttpModel(settings("http://127.0.0.1:9/v1", "translator.api_key_env=NO_SUCH_VARIABLE"), seed=1)


def test_a_model_that_thinks_on_and_on_at_the_check_is_there(monkeypatch):
    monkeypatch.setattr(server_check, "CHECK_SECONDS", 0.5)

    def answer(request, number):
        time.sleep(0 if request["max_tokens"] == 1 else 2)
        return 200, said(None, "length")

    with serve(answer) as server:
        assert check_server(settings(server), ApiKey("")) == RequestForm()
    assert [request["max_tokens"] for request in server.asked] == [16384, 1]


def test_a_server_that_says_nothing_at_all_is_not(monkeypatch):
    monkeypatch.setattr(server_check, "CHECK_SECONDS", 0.3)

    def answer(request, number):
        time.sleep(1)
        return 200, COMPLETION

    with serve(answer) as server, pytest.raises(ConfigError, match="no answer in time"):
        check_server(settings(server), ApiKey(""))


def test_the_key_is_in_no_message():
    with (
        serve(lambda request, number: (401, refusal("wrong key secret"))) as server,
        pytest.raises(ConfigError) as error,
    ):
        check_server(settings(server), ApiKey("secret"))
    assert "wrong key <key>" in str(error.value)
