"""Forms: bounded, and proven to come from a page of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive

from logkeep.errors import BadBody, Forbidden, LogkeepError, TooLarge
from logkeep.settings import Settings
from logkeep.web.form import MAX_BYTES, MAX_FIELDS, Form, read_form

TOKEN = "t0k3n"
FORM = "application/x-www-form-urlencoded"


def sent(body: bytes, headers: Mapping[str, str] = {}) -> Form:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(read_form(request_of(headers, receive), TOKEN))


def request_of(headers: Mapping[str, str], receive: Receive) -> Request:
    given = {"content-type": FORM, "host": "logs.example.org", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "app": SimpleNamespace(state=SimpleNamespace(services=SimpleNamespace(settings=Settings()))),
    }
    return Request(scope, receive)


def test_fields_are_read_in_order_and_without_the_token() -> None:
    form = sent(b"csrf_token=t0k3n&name=+Ada+&tag=a&tag=b&on=1&off=")
    assert (form.text("name"), form.raw("name"), form.text("missing", "x")) == ("Ada", " Ada ", "x")
    assert (form.all("tag"), form.text("tag"), form.checked("on"), form.checked("off")) == (
        ["a", "b"],
        "b",
        True,
        False,
    )
    assert [name for name, _ in form] == ["name", "tag", "tag", "on", "off"]
    assert "on" in form
    assert "nothing" not in form


def test_a_browser_that_goes_away_in_the_middle_is_no_defect() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(BadBody):
        asyncio.run(read_form(request_of({}, receive), TOKEN))


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"name=Ada", {}, Forbidden),
        (b"name=Ada&csrf_token=", {}, Forbidden),
        (b"csrf_token=another", {}, Forbidden),
        (b"csrf_token=%F0%9F%98%80", {}, Forbidden),
        (b"csrf_token=t0k3n", {"origin": "https://evil.example"}, Forbidden),
        (b"csrf_token=t0k3n", {"origin": "null"}, Forbidden),
        (b"csrf_token=t0k3n", {"sec-fetch-site": "cross-site"}, Forbidden),
        (b"csrf_token=t0k3n", {"sec-fetch-site": "same-site"}, Forbidden),
        (b"csrf_token=t0k3n", {"content-type": "text/plain"}, BadBody),
        (b"csrf_token=t0k3n&" + b"a=&" * MAX_FIELDS, {}, BadBody),
        (b"\xff", {}, BadBody),
        (b"csrf_token=t0k3n&name=%ED%A0%80", {}, BadBody),  # half of a surrogate pair
        (b"a" * (MAX_BYTES + 1), {}, TooLarge),
    ],
)
def test_what_no_page_of_ours_sends_is_refused(
    body: bytes, headers: Mapping[str, str], error: type[LogkeepError]
) -> None:
    with pytest.raises(error):
        sent(body, headers)


def test_a_form_of_this_host_is_taken() -> None:
    headers = {"origin": "https://logs.example.org", "sec-fetch-site": "same-origin"}
    assert sent(b"csrf_token=t0k3n&a=1", headers).text("a") == "1"
