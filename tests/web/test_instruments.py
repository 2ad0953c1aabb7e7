"""What the tests of the web app rely on: that they see what goes wrong in a page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from tests.web.accessible import assert_accessible, assert_fits
from tests.web.chromium import NARROW, new_context
from tests.web.watch import Watch

_POLICY = "default-src 'none'; script-src 'self'; img-src http:"
_PAGES = {
    "/fine": "<title>fine</title><h1>fine</h1>",
    "/inline": "<script>document.title = 'ran'</script>",
    "/elsewhere": "<img src='http://localhost:1/pixel.png' alt=''>",
    "/broken": "<script src='/broken.js'></script>",
    "/broken.js": "noSuchThing.atAll()",
    "/favicon.ico": "",
    "/poor": "<title>poor</title><main><h1>poor</h1><input></main>",
    "/wide": f"<title>wide</title><main><h1>wide</h1><pre>{'x' * 3000}</pre></main>",
}


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = _PAGES.get(self.path)
        script = self.path.endswith(".js")
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()
        head = "" if script else "<!doctype html><html lang=en>"
        self.wfile.write((head + (body or "<title>not here</title>")).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    """The URL of a server with pages that are not as they should be."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/fine", ""),
        ("/inline", "violates the following Content Security Policy"),
        ("/elsewhere", "request to another origin: http://localhost:1/pixel.png"),
        ("/broken", "noSuchThing is not defined"),
        ("/nowhere", "responded with a status of 404 "),
    ],
)
def test_what_goes_wrong_in_a_page_is_seen(browser: Browser, pages: str, path: str, told: str) -> None:
    watch, context = Watch(), new_context(browser, pages)
    watch.over(context, pages)
    page = context.new_page()
    page.goto(path)
    context.close()
    first = next(iter(watch.found()), "")
    assert (told in first, bool(first)) == (True, bool(told))


def test_what_belongs_to_a_test_is_not_told(browser: Browser, pages: str) -> None:
    watch, context = Watch(), new_context(browser, pages, width=NARROW, scheme="dark")
    watch.over(context, pages)
    watch.expect_status(404)
    page = context.new_page()
    page.goto("/nowhere")
    assert page.title() == "not here"
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches && innerWidth") == NARROW
    context.close()
    watch.check()


def test_what_few_can_use_is_seen(browser: Browser, pages: str) -> None:
    context = new_context(browser, pages)
    page = context.new_page()
    page.goto("/poor")
    with pytest.raises(AssertionError, match="Form elements must have labels"):
        assert_accessible(page)
    page.goto("/wide")
    assert_accessible(page)
    with pytest.raises(AssertionError, match=r"of 1280 px.*pre"):
        assert_fits(page)
    context.close()
