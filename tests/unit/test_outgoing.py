from __future__ import annotations

import httpx
import pytest

from logkeep.outgoing import authorities, proxy_of

HERE = httpx.URL("https://logs.example.org/in")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("https_proxy", "http://proxy:3128", "http://proxy:3128"),
        ("https_proxy", "proxy:3128", "http://proxy:3128"),
        ("all_proxy", "http://proxy", "http://proxy"),
        ("http_proxy", "http://proxy", None),
        ("https_proxy", "socks5://proxy", None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str | None
) -> None:
    monkeypatch.setenv(variable, value)
    assert proxy_of(HERE) == (None if expected is None else httpx.URL(expected))


def test_a_host_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy")
    monkeypatch.setenv("no_proxy", "example.org")
    assert proxy_of(HERE) is None


@pytest.mark.parametrize("value", ["http://user:secret@", "http://secret:x", "http://xn--/"])
def test_what_is_no_proxy_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    with pytest.raises(ValueError, match=r"^the environment names no proxy that can be used$"):
        proxy_of(HERE)


def test_authorities_are_read_once() -> None:
    assert authorities() is authorities()
