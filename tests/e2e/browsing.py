"""A browser as far as HTTP sees one: it keeps cookies, follows nothing by itself, and fills forms in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

import httpx

from tests.e2e.server import Server

PASSWORD = "nine owls at dusk"


class Browsing:
    def __init__(self, server: Server, **headers: str) -> None:
        self.url = server.first_start["url"]
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        # No connection is left open, so nobody has to close it.
        closing = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=self.url, timeout=60, headers=sent, limits=closing)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def fill(self, path: str, to: str = "", **fields: str) -> httpx.Response:
        """Open the page at `path`, and send its form (to `to`, if that is elsewhere) with these fields."""
        return self.send(to or path, csrf_token=token_in(self.get(path)), **fields)

    def send(self, path: str, headers: Mapping[str, str] | None = None, /, **fields: str) -> httpx.Response:
        return self.http.post(path, data=fields, headers=headers)

    def sign_in(self, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        return self.fill("/sign-in", name=name, password=password, **fields)

    def signed_in(self) -> bool:
        """Whether a page that needs it opens."""
        return self.get("/settings/profile").status_code == 200


def token_in(page: httpx.Response) -> str:
    """The token that the page's forms carry."""
    found = re.search(r'name="csrf_token" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


def told(page: httpx.Response) -> str:
    """What the page says went wrong, or well."""
    notices = re.findall(r'<div class="notice[^>]*>(.*?)</div>', page.text, re.DOTALL)
    errors = re.findall(r'<p class="error"[^>]*>(.*?)</p>', page.text, re.DOTALL)
    found = [*notices, *errors]
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", " ".join(found)).split()))


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """The cookies that an answer sets: name, and all behind it."""
    pairs = (one.partition("=") for one in answer.headers.get_list("set-cookie"))
    return {name: rest for name, _, rest in pairs}
