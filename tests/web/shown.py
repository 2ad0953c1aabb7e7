"""The pictures that the README shows: pages in the middle of being used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Page, expect

from tests.web.chromium import NARROW, Scheme
from tests.web.furnished import Furnished
from tests.web.people import ADMIN, Person

Use = Callable[[Page], None]


def _look(page: Page) -> None:
    """Nothing but what the page shows by itself."""


@dataclass(frozen=True)
class Picture:
    name: str
    url: Callable[[Furnished], str]
    scheme: Scheme = "light"
    width: int = 1120
    height: int = 700
    who: Person | None = ADMIN
    use: Use = field(default=_look)

    @property
    def file(self) -> str:
        return f"{self.name}-{self.scheme}{'-narrow' if self.width == NARROW else ''}.png"


def _open_a_line(page: Page) -> None:
    expect(page.locator("#list-state")).to_contain_text("line")  # which the page's module says
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator(".details")).to_be_visible()


def _fill_in(page: Page) -> None:
    page.get_by_label("Bucket").fill("our-logs")
    page.get_by_label("Prefix").fill("prod")
    page.get_by_label("Endpoint").fill("https://storage.example.org")
    page.get_by_label("Access key id").fill("AKIAIOSFODNN7EXAMPLE")
    page.get_by_label("Secret access key").fill("no secret of anybody's")
    page.get_by_label("Secret access key").blur()


def _plan(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("incident 8")
    page.get_by_label("Query", exact=True).fill("level:error app:checkout")
    page.get_by_role("button", name="Plan it", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The plan of incident 8")


_FOUND = "/logs?query=refused+OR+%22failed+password%22&from=-24h&top=app"

SHOWN: Sequence[Picture] = (
    Picture("logs", lambda _: _FOUND, use=_open_a_line),
    Picture("logs", lambda _: _FOUND, "dark", NARROW, 844),
    Picture("browse", lambda _: "/archiving/browse/main", height=1000),
    Picture(
        "archive-new",
        lambda _: "/archiving/settings/new?provider=s3-compatible&account=team-a",
        "dark",
        height=960,
        use=_fill_in,
    ),
    Picture("restore-plan", lambda _: "/archiving/restore/new?archive=main", height=760, use=_plan),
    Picture(
        "restore-running",
        lambda f: f"/archiving/pipeline-restoration/{f.restores['slowly into the shop']}",
        "dark",
    ),
    Picture("pipeline", lambda _: "/pipelines/shop", height=760),
)
