"""What has little room: nothing lies over another thing, and no column breaks words into letters."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.chromium import NARROW
from tests.web.conftest import Visit
from tests.web.furnished import Furnished

_LEAST_PX = 100  # a word of a name fits in


def box(one: Locator) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    found = one.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def lie_apart(one: Locator, other: Locator) -> bool:
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = box(one), box(other)
    return right <= left_2 or right_2 <= left or bottom <= top_2 or bottom_2 <= top


@pytest.mark.parametrize("width", [1280, NARROW])
@pytest.mark.parametrize("path", ["/settings/accounts/main/keys", "/logs?account=closed"])
def test_what_can_be_copied_can_be_read(furnished: Furnished, visit: Visit, path: str, width: int) -> None:
    page = visit(furnished.server, width=width)
    page.goto(path)
    code = page.locator(".code:visible").first
    expect(code.get_by_role("button", name="Copy")).to_be_visible()
    assert lie_apart(code.get_by_role("button", name="Copy"), code.locator("pre"))


@pytest.mark.parametrize(
    "path", ["/archiving/settings", "/restored-accounts", "/archiving/restore", "/settings/audit"]
)
def test_a_phone_shows_all_pages_of_a_section(furnished: Furnished, visit: Visit, path: str) -> None:
    page = visit(furnished.server, width=NARROW)
    page.goto(path)
    for tab in page.get_by_role("navigation", name="Pages of this section").get_by_role("link").all():
        expect(tab).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    "path",
    [
        "/settings/accounts",
        "/settings/users",
        "/settings/audit",
        "/settings/accounts/main/rules",
        "/settings/accounts/main/keys",
        "/pipelines",
        "/archiving/settings",
    ],
)
def test_names_in_tables_are_not_broken_into_letters(furnished: Furnished, visit: Visit, path: str) -> None:
    page = visit(furnished.server, width=NARROW)
    page.goto(path)
    cells = page.locator("table.data td.break, table.data .reason")
    expect(cells.first).to_be_attached()
    assert [one.inner_text() for one in cells.all() if _width(one) < _LEAST_PX] == []


def test_days_of_a_range_tell_lines_without_running_into_sizes(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.goto("/archiving/restore/new")
    days = page.locator("table.calendar td.known .number")
    expect(days.first).to_be_visible()
    for day in days.all():
        assert day.inner_text().split()[0].isdigit(), day.inner_text()


def test_fields_of_a_row_stand_side_by_side(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.goto("/archiving/settings/main")
    assert _tops(page, "seal_after", "late_sweep", "compression_level", "verify_every", "drill_every")
    (_, top, _, bottom), (_, top_2, _, bottom_2) = (
        box(page.locator('.field-row [name="from"]')),
        box(page.get_by_role("button", name="Backfill")),
    )
    assert top < (top_2 + bottom_2) / 2 < bottom


def _tops(page: Page, *names: str) -> bool:
    return len({box(page.locator(f'[name="{name}"]'))[1] for name in names}) == 1


def _width(one: Locator) -> float:
    left, _, right, _ = box(one)
    return right - left
