"""Lines over time with JavaScript: stretches chosen by drag and by keyboard, and what comes later."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.lines import BASE_MS, Account, iso, new_account, numbered
from tests.web.watch import Watch


@pytest.fixture(scope="module")
def many(site: Server) -> Account:
    """600 lines, ten a second."""
    account = new_account(site)
    account.send_records(numbered(600))
    return account


@pytest.fixture
def page(site: Server, visit: Visit, many: Account) -> Page:
    """The minute with all lines, in steps of a second."""
    page = visit(site)
    page.goto(many.url(from_=iso(BASE_MS), to=iso(BASE_MS + 60_000), query="line"))
    expect(page.get_by_role("slider")).to_be_visible()
    return page


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def at(page: Page, second: float) -> tuple[float, float]:
    box = page.locator(".histogram-picture").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * second / 60, box["y"] + box["height"] / 2


def test_a_stretch_is_chosen_by_drag(page: Page) -> None:
    page.mouse.move(*at(page, 10.5))
    expect(page.locator("#over-time-told")).to_contain_text("10 lines")
    page.mouse.down()
    page.mouse.move(*at(page, 15))
    page.mouse.move(*at(page, 19.5))
    expect(page.locator("#over-time-told")).to_contain_text("100 lines")
    page.mouse.up()
    expect(page.locator(".histogram-legend strong")).to_have_text("100 lines")
    assert asked(page)["from"] == iso(BASE_MS + 10_000).replace(".000", "")
    assert asked(page)["to"] == iso(BASE_MS + 20_000).replace(".000", "")
    assert asked(page)["query"] == "line"


def test_a_click_chooses_one_step(page: Page) -> None:
    page.mouse.click(*at(page, 30.5))
    expect(page.locator(".histogram-legend strong")).to_have_text("10 lines")
    assert asked(page)["from"] == iso(BASE_MS + 30_000).replace(".000", "")


def test_a_stretch_is_chosen_by_keyboard(page: Page) -> None:
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("10 lines$"))
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("30 lines$"))
    expect(page.locator(".chosen")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".chosen")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+PageUp")
    page.keyboard.press("Enter")
    expect(page.locator(".histogram-legend strong")).to_have_text("70 lines")
    assert asked(page)["to"] == iso(BASE_MS + 7_000).replace(".000", "")


def not_waited_for(route: Route) -> None:
    """The page as it is when its lines and values take long to be counted."""
    answer = route.fetch()
    html = answer.text()
    for part, kind in (
        ('<div class="histogram" .*?(?=</section>)', "histogram"),
        ('<section class="values">.*?</section>', "values"),
    ):
        waits = f'<div class="{kind}-wait muted">Counting…</div>'
        html, times = re.subn(part, waits, html, count=1, flags=re.DOTALL)
        assert times == 1, part
    route.fulfill(response=answer, body=html)


def test_what_was_not_waited_for_comes_by_itself(site: Server, visit: Visit, many: Account) -> None:
    page = visit(site)
    page.route("**/logs?*", not_waited_for)
    page.goto(many.url(from_=iso(BASE_MS), to=iso(BASE_MS + 60_000), top="host", counted="1"))
    expect(page.locator(".histogram-legend strong")).to_have_text("600 lines")
    expect(page.get_by_role("slider")).to_have_count(1)
    expect(page.locator(".values li")).to_have_count(3)
    expect(page.locator(".values")).to_have_count(1)
    expect(page.locator(".values-wait")).to_have_count(0)


def test_values_that_cannot_be_counted_say_why(
    site: Server, visit: Visit, watch: Watch, many: Account
) -> None:
    page = visit(site)
    watch.expect_status(503)
    page.route("**/logs?*", not_waited_for)
    busy = {"detail": "200 answers are being waited for already"}
    page.route("**/logs/values?*", lambda route: route.fulfill(status=503, json=busy))
    page.goto(many.url(from_=iso(BASE_MS), to=iso(BASE_MS + 60_000), top="host", counted="1"))
    expect(page.locator(".values-wait")).to_have_text(
        "They cannot be counted: 200 answers are being waited for already"
    )


def test_top_values_come_by_themselves_and_are_asked_for(page: Page, many: Account) -> None:
    hosts = page.locator(".values[data-field=host] li")
    expect(hosts).to_have_text([re.compile("web-0.*200"), re.compile("web-1.*200"), re.compile("web-2.*200")])
    expect(page.locator(".values[data-field=level] li").first).to_contain_text("540")
    page.get_by_role("button", name="Without web-1").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value("line -host:web-1")
    expect(page.locator(".values[data-field=host] li")).to_have_count(2)
    page.locator(".values[data-field=level] .value", has_text="error").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value("line -host:web-1 level:error")


def test_keys_of_json_lines_are_offered_to_be_counted(site: Server, visit: Visit) -> None:
    account = new_account(site)
    account.send_json({"status": 200 + n % 3, "user": {"id": n}} for n in range(20))
    page = visit(site)
    page.goto(account.url())
    options = page.locator("#keys option")
    expect(options).to_have_count(2)
    assert sorted(str(one.get_attribute("value")) for one in options.all()) == ["status", "user.id"]
