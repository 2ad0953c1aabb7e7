"""A member of one account sees nothing of another: not its lines, names or counts, on no page."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.pages import EXAMPLES
from tests.web.people import STRANGER

# What only `main` and `team-a` have: in names of things, in their lines, and in who they belong to.
_OURS = re.compile(
    r"incident 7|Web shop|Team A|team-a|old-datadog|payments|Its key was rotated|auditor|shop\.depot"
    r"|shop-kept|Replay of|laptop that was lost|Kernel's dropped|rita|petra"
)


def test_on_no_page_is_anything_of_another_account(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, STRANGER)
    asked = [one.url(furnished) for one in EXAMPLES if one.who is not None]
    told = {url: found for url in asked if (found := _told(page, url))}
    assert told == {}


def _told(page: Page, url: str) -> list[str]:
    """What the page tells of others. Of what is in the URL it may speak."""
    answer = page.request.get(url, max_redirects=0)
    assert answer.status < 500, url
    known = set(_OURS.findall(url))
    return sorted(set(_OURS.findall(answer.text())) - known)
