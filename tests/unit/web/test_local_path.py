from __future__ import annotations

import pytest

from logkeep.web.local_path import local_path


@pytest.mark.parametrize(
    "path",
    ["/", "/logs", "/logs?query=level%3Aerror&from=-1h#line-7", "/restores/r-1?next=//evil.example", "/a//b"],
)
def test_a_path_of_this_server_is_taken(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "logs",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\\/evil.example",
        "https://evil.example/",
        "https:evil.example",
        "http:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/logs\r\nSet-Cookie: a=b",
        "/\x00",
        "/\u2215evil.example",
        "//[::1",
        "/" + "x" * 2000,
        "/sign-in?next=/sign-in",
        "/sign-out",
        "/setup/token",
        "/invite/token",
        "/oidc/start",
        "/v1/accounts",
    ],
)
def test_anything_else_leads_to_the_first_page(text: str) -> None:
    assert local_path(text) == "/"
