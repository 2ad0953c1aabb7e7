"""What holds for every page of the site, with everything in it that a site can have."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.web.accessible import assert_accessible, assert_fits
from tests.web.chromium import NARROW
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.pages import EXAMPLES, GIVEN, Example, examples_of, page_routes
from tests.web.watch import Watch

_MOST_BYTES = 100_000
# What draws text elsewhere than where it stands, or is not seen at all.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def test_every_page_has_an_example() -> None:
    assert [route for route in page_routes() if not examples_of(route)] == []


def test_no_example_is_of_a_page_that_is_gone() -> None:
    assert sorted(set(GIVEN) - set(page_routes())) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_a_page_is_small_complete_and_for_everybody(
    furnished: Furnished, visit: Visit, watch: Watch, example: Example
) -> None:
    page = visit(furnished.server, example.who)
    page.on("dialog", _taken_over)
    if example.status != 200:
        watch.expect_status(example.status)
    answer = page.goto(example.url(furnished))
    assert answer is not None
    assert answer.status == example.status, page.title()
    document = answer.body()
    assert len(document) < _MOST_BYTES
    assert _CONTROLS.findall(document.decode()) == []
    expect(page).to_have_title(re.compile(r"^\S.* · logkeep$"))
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    _assert_for_everybody(page)


def _assert_for_everybody(page: Page) -> None:
    """By day on a wide screen, and by night on a phone."""
    assert_accessible(page)
    assert_fits(page)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": NARROW, "height": 844})
    assert_accessible(page)
    assert_fits(page)


def _taken_over(dialog: Dialog) -> None:
    pytest.fail(f"a line took over the page: {dialog.message}")
