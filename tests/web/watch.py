"""What goes wrong in a page without anybody seeing it, told to the test."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

# Of these a page is made; nothing goes out for them.
_WITHIN = frozenset({"data", "blob", "about"})


class Watch:
    """Console errors, errors of scripts, violations of the Content-Security-Policy (which are console
    errors, too) and requests to anywhere else than the site.

    A test names the console errors that belong to what it does, such as an answer of 404.
    """

    def __init__(self) -> None:
        self._expected: list[str] = []
        self._told: list[str] = []

    def over(self, context: BrowserContext, origin: str) -> None:
        """Watch the pages of a context, of the site at `origin`."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", partial(self._request, origin))

    def expect(self, *parts: str) -> None:
        """Console errors that hold one of these texts are part of this test."""
        self._expected += parts

    def expect_status(self, *statuses: int) -> None:
        """Answers with these statuses are part of this test."""
        self.expect(*(f"responded with a status of {status} " for status in statuses))

    def check(self) -> None:
        found = self.found()
        assert not found, "\n".join(found)

    def found(self) -> list[str]:
        """What was told and nobody expects, in the order in which it came."""
        return [one for one in self._told if not any(part in one for part in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._told.append(f"{message.location['url']}: {message.text}")

    def _error(self, error: WebError) -> None:
        self._told.append(f"{error.page.url if error.page else ''}: {error.error}")

    def _request(self, origin: str, request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme not in _WITHIN and f"{target.scheme}://{target.netloc}" != origin:
            self._told.append(f"request to another origin: {request.url}")
