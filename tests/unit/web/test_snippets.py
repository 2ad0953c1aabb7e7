"""Snippets hold the right URL and key, whatever a client says that the host is."""

from __future__ import annotations

import pytest

from logkeep.web.snippets import PLACEHOLDER, server_url, snippets


@pytest.mark.parametrize(
    ("public_url", "base", "url"),
    [
        ("", "http://logs.example:7280/", "http://logs.example:7280"),
        ("", "http://[::1]:7280/", "http://[::1]:7280"),
        ("https://logs.example/", "http://10.0.0.1/", "https://logs.example"),
        ("https://x.example/logs/", "http://10.0.0.1/", "https://x.example/logs"),
        ("", "http://x';rm -rf ~;'/", "http://localhost"),
        ("", "http://$(id)/", "http://localhost"),
    ],
)
def test_the_url_is_the_one_that_people_use(public_url: str, base: str, url: str) -> None:
    assert server_url(public_url, base) == url


@pytest.mark.parametrize("key", ["", "lki_abc"])
def test_every_snippet_names_server_and_key(key: str) -> None:
    made = snippets("https://logs.example", key)
    assert [one.name for one in made] == [
        "curl", "rsyslog", "fluent-bit", "vector", "otel", "python", "node",
    ]  # fmt: skip
    for one in made:
        text = "".join(file.text for file in one.files)
        assert "logs.example" in text
        assert (key or PLACEHOLDER) in text


def test_fluent_bit_is_told_port_and_tls() -> None:
    def text(url: str) -> str:
        return next(one for one in snippets(url) if one.name == "fluent-bit").files[0].text

    assert "Port              443" in text("https://logs.example")
    assert "Tls               On" in text("https://logs.example")
    assert "Port              7280" in text("http://logs.example:7280")
    assert "Tls               Off" in text("http://logs.example:7280")
