"""Browsers that visit a site: signed in, watched, and closed at the end."""

from __future__ import annotations

from types import TracebackType

from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.e2e.server import Server
from tests.web.chromium import WIDE, Scheme, new_context
from tests.web.people import ADMIN, Person, sign_in
from tests.web.watch import Watch

# Of those who have signed in to a site already.
Sessions = dict[tuple[str, Person], StorageState]


class Visits:
    """Opens pages of sites. A person signs in to a site once, and is then known by the cookie."""

    def __init__(self, browser: Browser, sessions: Sessions) -> None:
        self._browser = browser
        self._sessions = sessions
        self._open: list[BrowserContext] = []

    def __enter__(self) -> Visits:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for context in self._open:
            context.close()

    def open(
        self,
        server: Server,
        who: Person | None = ADMIN,
        *,
        watch: Watch,
        scheme: Scheme = "light",
        width: int = WIDE,
        javascript: bool = True,
    ) -> Page:
        """A page of a browser of its own, with this person signed in; None: nobody."""
        url = server.first_start["url"]
        session = None if who is None else self._session(url, who)
        context = new_context(
            self._browser, url, scheme=scheme, width=width, javascript=javascript, session=session
        )
        self._open.append(context)
        watch.over(context, url)
        return context.new_page()

    def _session(self, url: str, who: Person) -> StorageState:
        if (url, who) not in self._sessions:
            context = new_context(self._browser, url)
            sign_in(context.new_page(), who)
            self._sessions[url, who] = context.storage_state()
            context.close()
        return self._sessions[url, who]
