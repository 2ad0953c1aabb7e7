"""The list of lines with JavaScript: without an end, opened line by line, walked through by keyboard."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.server import Server
from tests.web.chromium import NARROW
from tests.web.conftest import Visit
from tests.web.lines import BASE_MS, Account, iso, new_account, numbered
from tests.web.people import READER
from tests.web.watch import Watch

# Rows that are elements at a time, whatever the list holds: a window's worth, and some above and below.
MOST_ELEMENTS = 120


@pytest.fixture(scope="module")
def many(site: Server) -> Account:
    """3,000 lines."""
    account = new_account(site)
    account.send_records(numbered(3000))
    return account


@pytest.fixture(scope="module")
def mixed(site: Server) -> Account:
    """JSON lines with values of all kinds, the newest with a text of 300 KB."""
    account = new_account(site)
    account.send_json(
        {
            "time": iso(BASE_MS + n * 1000),
            "level": "warn" if n % 2 else "info",
            "host": "web 1",
            "n": n,
            "user": {"id": n, "name": 'Ann "A"', "vip": True, "tags": ["x", "y"]},
            "big": 12345678901234567890,
            "none": None,
            **({"text": "long " * 60_000} if n == 9 else {}),
        }
        for n in range(10)
    )
    return account


@pytest.fixture
def page(site: Server, visit: Visit) -> Page:
    return visit(site)


def state(page: Page) -> Locator:
    return page.locator("#list-state")


def rows(page: Page) -> Locator:
    return page.locator("#lines > .line")


def row(page: Page, text: str) -> Locator:
    return page.locator("#lines > .line", has_text=re.compile(f"{re.escape(text)}(?![0-9])"))


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#lines")).to_have_class(re.compile("opens"))
    expect(state(page)).to_have_text(re.compile("^[0-9,]+ lines?"))


def asked(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def to_the_end(page: Page) -> None:
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")


def test_the_list_goes_on_as_one_scrolls_and_few_rows_are_elements(page: Page, many: Account) -> None:
    open_page(page, many.url(from_="-1h"))
    expect(state(page)).to_have_text("500 lines loaded, more as you scroll")
    for loaded in ("1,000", "1,500", "2,000", "2,500", "3,000"):
        to_the_end(page)
        expect(state(page)).to_contain_text(f"{loaded} lines")
        assert rows(page).count() < MOST_ELEMENTS
    expect(state(page)).to_have_text("3,000 lines")
    to_the_end(page)
    expect(row(page, "line 0 of")).to_be_in_viewport()
    expect(row(page, "line 0 of")).to_have_attribute("aria-posinset", "3000")
    page.evaluate("scrollTo(0, 0)")
    expect(row(page, "line 2999 of")).to_be_in_viewport()
    assert rows(page).count() < MOST_ELEMENTS


def test_a_page_in_the_middle_goes_on_in_both_directions_and_nothing_jumps(
    site: Server, page: Page, many: Account
) -> None:
    found = site.get("/v1/search", account=many.name, limit=1500, cursors="true")
    open_page(page, many.url(from_="-1h", after=found["cursors"][-1]))
    expect(state(page)).to_contain_text("1,000 lines loaded")  # 500 behind it, and 500 before it
    expect(row(page, "line 1499 of")).to_be_in_viewport()
    before = row(page, "line 1495 of").bounding_box()
    page.mouse.wheel(0, -300)
    expect(row(page, "line 1505 of")).to_be_in_viewport()
    after = row(page, "line 1495 of").bounding_box()
    assert before is not None
    assert after is not None
    assert 250 < after["y"] - before["y"] < 350
    for loaded in ("1,500", "2,000"):
        page.evaluate("scrollTo(0, 0)")
        expect(state(page)).to_contain_text(f"{loaded} lines loaded")


def test_around_a_time_the_list_begins_there(page: Page, many: Account) -> None:
    open_page(page, many.url(from_="-1h", at=iso(BASE_MS + 100_050)))
    expect(page.locator("#lines .instant")).to_be_in_viewport()
    expect(row(page, "line 1001 of")).to_be_in_viewport()
    expect(row(page, "line 1000 of")).to_be_in_viewport()


def test_keys_move_open_and_close(page: Page, many: Account) -> None:
    open_page(page, many.url(from_="-1h"))
    page.keyboard.press("j")
    expect(row(page, "line 2999 of")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    expect(row(page, "line 2997 of")).to_be_focused()
    page.keyboard.press("o")
    expect(row(page, "line 2997 of").locator(".details")).to_contain_text("web-0")
    expect(row(page, "line 2997 of").locator(".toggle")).to_have_attribute("aria-expanded", "true")
    expect(row(page, "line 2997 of")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".details")).to_have_count(0)
    for _ in range(60):
        page.keyboard.press("j")
    expect(row(page, "line 2937 of")).to_be_focused()
    expect(row(page, "line 2937 of")).to_be_in_viewport()
    page.keyboard.press("/")
    expect(page.get_by_label("Query", exact=True)).to_be_focused()
    page.keyboard.type("jko?")
    expect(page.get_by_label("Query", exact=True)).to_have_value("jko?")


def test_the_keys_are_told(page: Page, many: Account) -> None:
    open_page(page, many.url())
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    for label in ("Go to the search box", "Next line", "Line before", "Open or close the line (Enter, too)"):
        expect(dialog).to_contain_text(label)


def test_an_opened_line_shows_its_fields_and_keys(page: Page, mixed: Account) -> None:
    open_page(page, mixed.url(query="n:8", from_="-1h"))
    rows(page).first.click()
    details = page.locator(".details")
    for name, value in [
        ("Time", iso(BASE_MS + 8000)[:23].replace("T", " ")),
        ("Host", "web 1"),
        ("big", "12345678901234567890"),
        ("id", "8"),
        ("vip", "true"),
        ("none", "null"),
        ("tags", "2 values"),
    ]:
        entry = details.locator("tr", has=page.get_by_role("rowheader", name=name, exact=True))
        expect(entry.locator("td").last).to_have_text(value)
    expect(details.locator("tr.asked th")).to_have_text("n")
    expect(page.locator("#lines .line > .logtext mark")).to_have_text('"n": 8')
    rows(page).first.locator(".toggle").click()
    expect(details).to_have_count(0)


@pytest.mark.parametrize(
    ("key", "sign", "query"),
    [
        ("Host", "pick", 'n:>=5 host:"web 1"'),
        ("name", "drop", 'n:>=5 -user.name:"Ann \\"A\\""'),
        ("big", "pick", "n:>=5 big:12345678901234567890"),
        ("none", "pick", "n:>=5 none:null"),
    ],
)
def test_a_value_is_added_to_the_query_or_left_out(
    page: Page, mixed: Account, key: str, sign: str, query: str
) -> None:
    open_page(page, mixed.url(query="n:>=5", from_="-1h"))
    rows(page).nth(1).click()
    entry = page.locator(".details tr", has=page.get_by_role("rowheader", name=key, exact=True))
    entry.locator(f"button[name={sign}]").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value(query)
    assert asked(page) == {"account": mixed.name, "query": query, "from": "-1h"}


def test_a_long_line_is_cut_until_it_is_opened(site: Server, page: Page, mixed: Account) -> None:
    answer = page.goto(mixed.url(from_="-1h"))
    assert answer is not None
    assert len(answer.body()) < 40_000
    expect(state(page)).to_have_text("10 lines")
    text = rows(page).first.locator("> .logtext")
    assert len(text.inner_text()) < 2100
    expect(text).to_contain_text(re.compile(r"… 298,\d\d\d more"))
    rows(page).first.click()
    shown = page.locator(".details .the-line")
    expect(shown).to_contain_text(re.compile(r"… 280,\d\d\d more"))
    expect(page.locator(".details")).to_contain_text("… 299,500 more")  # of the value of `text`
    page.get_by_role("link", name="Surrounding lines").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as it came").click()
    assert len(download.value.path().read_bytes()) > 300_000


def test_line_json_and_link_are_copied(page: Page, mixed: Account) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, mixed.url(from_="-1h", query="n:(8 OR 9)"))
    rows(page).last.click()

    def copied(label: str) -> str:
        page.get_by_role("button", name=label).click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        text = str(page.evaluate("navigator.clipboard.readText()"))
        expect(page.get_by_role("button", name=label)).to_be_visible()
        return text

    line = json.loads(copied("Copy line"))
    assert (line["n"], line["user"]["id"]) == (8, 8)
    assert json.loads(copied("Copy JSON"))["_line"] == json.dumps(line)
    link = copied("Copy link")
    rows(page).last.locator(".toggle").click()
    rows(page).first.click()
    assert len(copied("Copy line")) > 300_000  # all of it, whatever the list shows
    page.goto(link)
    expect(page.locator(".the-line")).to_have_text(json.dumps(line))


def test_lines_are_wrapped_or_not(page: Page, mixed: Account) -> None:
    open_page(page, mixed.url(from_="-1h"))
    second = rows(page).nth(1)

    def height() -> float:
        box = second.bounding_box()
        assert box is not None
        return box["height"]

    assert height() == 24
    page.keyboard.press("w")
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")
    assert height() > 30
    assert asked(page)["wrap"] == "1"
    page.reload()
    expect(page.locator("#lines")).to_have_class(re.compile("wrap"))
    page.get_by_role("button", name="Wrap").click()
    assert height() == 24


def test_on_a_phone_a_line_has_its_text_below(site: Server, visit: Visit, mixed: Account) -> None:
    page = visit(site, width=NARROW)
    open_page(page, mixed.url(from_="-1h"))
    time, text = (rows(page).nth(1).locator(part).bounding_box() for part in (".when", "> .logtext"))
    assert time is not None
    assert text is not None
    assert text["y"] >= time["y"] + time["height"] - 6
    assert text["width"] > 340
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW
    expect(page.locator("#top-values")).not_to_have_attribute("open", "")
    rows(page).nth(1).click()
    expect(page.locator(".details")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == NARROW


def test_readers_can_do_all_of_it(site: Server, visit: Visit) -> None:
    site.send([json.dumps({"reader": "sees this", "host": "web-1"})])
    site.wait_until_indexed()
    page = visit(site, READER)
    open_page(page, "/logs?query=reader&from=-5m")
    expect(page.locator(".values").first).to_contain_text("web-1")
    rows(page).first.click()
    page.get_by_role("link", name="Surrounding lines").click()
    expect(page.locator(".line.here")).to_contain_text("sees this")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as it came").click()
    assert b"sees this" in download.value.path().read_bytes()
    page.goto("/logs?query=reader&from=-5m")
    expect(page.get_by_role("button", name="Live tail")).to_be_visible()
    expect(page.get_by_text("Export")).to_have_count(0)  # that is for members


def test_lines_that_cannot_be_loaded_are_told(page: Page, watch: Watch, many: Account) -> None:
    watch.expect("net::ERR_FAILED", "Failed to load resource")
    page.route("**/v1/search?*", lambda route: route.abort())
    page.goto(many.url(from_="-1h"))
    expect(state(page)).to_contain_text("Only these lines could be loaded")
    expect(rows(page)).to_have_count(100)
