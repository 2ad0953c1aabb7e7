"""A browser, and sites for it to visit.

Playwright drives the browser from this thread, so `asyncio.run` does not work in these tests. The browser
ends with them, for others may run in this process before more of these do; servers stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contract.azure_servers import Azurite
from tests.e2e.server import Server
from tests.web.chromium import WIDE, Scheme, chromium, program
from tests.web.furnished import Furnished, furnished_server
from tests.web.furnishing.site import Buckets
from tests.web.people import ADMIN, Person, make_people
from tests.web.visits import Sessions, Visits
from tests.web.watch import Watch

# Two cores that others use as well are no reason to fail.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = program()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    with chromium(path) as running:
        yield running


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with nothing in it but people and their accounts, for tests that make what they need and leave
    each other's accounts alone."""
    running = Server(tmp_path_factory.mktemp("site") / "data").start()
    make_people(running)
    yield running
    running.kill()


@pytest.fixture(scope="session")
def furnished(
    tmp_path_factory: pytest.TempPathFactory, moto_s3: str, azurite: Azurite
) -> Iterator[Furnished]:
    """A server with everything in it, for tests that only look."""
    with furnished_server(tmp_path_factory.mktemp("furnished"), Buckets(moto_s3, azurite)) as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test when a page of its has a console error, a script's error, a violation of the
    Content-Security-Policy or a request to elsewhere; `watch.expect` names what belongs to the test."""
    watching = Watch()
    yield watching
    watching.check()


class Visit(Protocol):
    def __call__(
        self,
        server: Server,
        who: Person | None = ADMIN,
        *,
        scheme: Scheme = "light",
        width: int = WIDE,
        javascript: bool = True,
    ) -> Page: ...


@pytest.fixture(scope="session")
def sessions() -> Sessions:
    return {}


@pytest.fixture
def visit(browser: Browser, watch: Watch, sessions: Sessions) -> Iterator[Visit]:
    """Opens a page in a browser of its own, with this person signed in (None: nobody). Paths are of the
    server: `visit(site, READER, width=NARROW).goto("/logs")`."""
    with Visits(browser, sessions) as visits:
        yield partial(visits.open, watch=watch)
