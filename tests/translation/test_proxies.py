"""HTTP_PROXY, HTTPS_PROXY and NO_PROXY, with a proxy on loopback."""

import pytest
from fake_servers import COMPLETION, ask_rows, said, serve, settings

from execground_ray.config.errors import ConfigError
from execground_ray.translators.llm.chat_transport import ApiKey, chat_url, proxy_of
from execground_ray.translators.llm.server_check import check_server


@pytest.fixture
def proxy(monkeypatch, no_proxy):
    """A proxy on loopback that answers itself, and the environment that names it."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serve(lambda request, number: (200, said("from the proxy"))) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1/chat/completions"))
        yield server


def test_a_proxy_is_asked_for_a_host_that_only_it_knows(proxy):
    translator = settings("http://model.invalid:8000/v1")
    check_server(translator.__class__(**vars(translator) | {"url": chat_url(translator.url)}), ApiKey("secret"))
    [answers] = ask_rows(translator, ["a"])
    assert answers[0]["text"] == "from the proxy"
    assert proxy.paths == ["http://model.invalid:8000/v1/chat/completions"] * 2
    assert proxy.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "example.org,127.0.0.1"])
def test_no_proxy_is_heeded(proxy, monkeypatch, exempt):
    monkeypatch.setenv("NO_PROXY", exempt)
    with serve(lambda request, number: (200, COMPLETION)) as server:
        check_server(settings(server), ApiKey(""))
    assert (len(server.asked), len(proxy.asked)) == (1, 0)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example.org/v1", "http://secure:3128"),
        ("http://api.example.org/v1", "http://plain:8080"),
        ("http://inside.example.com/v1", None),
        ("http://10.0.0.5:8000/v1", None),
        ("http://10.0.0.5:8001/v1", "http://plain:8080"),
    ],
)
def test_which_proxy(proxy, monkeypatch, url, expected):
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:3128")
    monkeypatch.setenv("HTTP_PROXY", "plain:8080")
    monkeypatch.setenv("NO_PROXY", ".example.com,10.0.0.5:8000")
    assert proxy_of(url) == expected


def test_a_key_and_an_entry_of_netrc_go_together(proxy, monkeypatch, tmp_path):
    """aiohttp's own ``trust_env`` raises here, in the middle of a run."""
    (tmp_path / "netrc").write_text("machine model.invalid login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    check_server(settings("http://model.invalid/v1/chat/completions"), ApiKey("secret"))
    assert proxy.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("address", ["http://user:hidden@127.0.0.1:9", "socks5://user:hidden@127.0.0.1:9"])
def test_a_proxy_that_does_not_work_is_named_without_its_password(proxy, monkeypatch, address):
    monkeypatch.setenv("HTTP_PROXY", address)
    with pytest.raises(ConfigError, match=r"by way of the proxy 127\.0\.0\.1:9$") as refused:
        check_server(settings("http://model.invalid/v1/chat/completions"), ApiKey(""))
    assert "hidden" not in str(refused.value)
