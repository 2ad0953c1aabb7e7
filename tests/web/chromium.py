"""Chromium, as the tests, the screenshots and the figures of the web app start it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, StorageState, sync_playwright

WIDE, NARROW = 1280, 390
_HEIGHTS = {WIDE: 800, NARROW: 844}
# Nothing that a browser does of its own accord may go out to anywhere.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Scheme = Literal["light", "dark"]


def program() -> str | None:
    """The path of the machine's Chromium; None when it has none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A running browser, until the block ends.

    While it runs, this thread counts as one that runs an event loop: `asyncio.run` fails in it.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


def new_context(
    browser: Browser,
    url: str,
    *,
    scheme: Scheme = "light",
    width: int = WIDE,
    javascript: bool = True,
    session: StorageState | None = None,
) -> BrowserContext:
    """A browser of somebody's own for the site at `url`: new, or with a session that was begun before."""
    return browser.new_context(
        base_url=url,
        color_scheme=scheme,
        viewport={"width": width, "height": _HEIGHTS.get(width, 800)},
        java_script_enabled=javascript,
        storage_state=session,
        locale="en-GB",
        timezone_id="Pacific/Auckland",  # far from UTC, which every page has to show all the same
        reduced_motion="reduce",
    )
