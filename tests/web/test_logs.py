"""The page of logs without JavaScript: everything but the live tail."""

from __future__ import annotations

import gzip
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.lines import BASE_MS, Account, iso, new_account, numbered
from tests.web.people import READER
from tests.web.watch import Watch


@pytest.fixture(scope="module")
def many(site: Server) -> Account:
    """250 lines, one every 100 ms."""
    account = new_account(site)
    account.send_records(numbered(250))
    return account


@pytest.fixture
def page(site: Server, visit: Visit) -> Page:
    return visit(site, javascript=False)


def rows(page: Page) -> list[str]:
    """The texts of the lines, from top to bottom."""
    return page.locator("#lines .line .logtext").all_inner_texts()


def asked(page: Page) -> dict[str, str]:
    """The address, as parameters."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def search(page: Page, query: str) -> None:
    page.get_by_label("Query", exact=True).fill(query)
    page.get_by_role("button", name="Search", exact=True).click()


def open_range(page: Page) -> None:
    page.locator(".logs-when > summary").click()


def test_a_query_shows_its_lines_with_what_it_found(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h"))
    search(page, '"line 24 of"')
    assert rows(page) == ["line 24 of 250"]
    assert page.locator("#lines mark").all_inner_texts() == ["line 24 of"]
    assert asked(page) == {"account": many.name, "query": '"line 24 of"', "from": "-1h"}
    row = page.locator("#lines .line")
    expect(row.locator(".host")).to_have_text("web-0")
    expect(row.locator(".app")).to_have_text("shop")
    expect(row.locator("b")).to_have_text("info")
    expect(row.locator("time")).to_have_attribute("datetime", iso(BASE_MS + 2400))


def test_a_query_that_cannot_be_read_is_pointed_at(page: Page, many: Account, watch: Watch) -> None:
    watch.expect_status(400)
    page.goto(many.url(from_="-1h"))
    search(page, "failed AND (level:error")
    problem = page.locator("#query-problem")
    expect(problem).to_contain_text("column 24: the query ends too early")
    lines = problem.locator("pre").inner_text().split("\n")
    assert lines[0] == "failed AND (level:error"
    assert lines[1].index("▲") == 23
    expect(page.get_by_label("Query", exact=True)).to_have_value("failed AND (level:error")
    expect(page.get_by_text("Nothing was searched")).to_be_visible()


def test_the_place_is_shown_in_a_long_query_too(page: Page, many: Account, watch: Watch) -> None:
    watch.expect_status(400)
    page.goto(many.url(query="word%20" * 30 + ")%20end"))
    first, second = page.locator("#query-problem pre").inner_text().split("\n")
    assert first[second.index("▲")] == ")"
    assert len(first) < 90


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"from_": "yesterday"}, "'yesterday' is not a point in time"),
        ({"from_": "-1h", "to": "-2h"}, "not after its start"),
        ({"from_": "-1h", "at": "then"}, "'then' is not a point in time"),
    ],
)
def test_a_range_that_cannot_be_read_is_told(
    page: Page, many: Account, watch: Watch, params: dict[str, str], told: str
) -> None:
    watch.expect_status(400)
    page.goto(many.url(**params))
    expect(page.locator("#query-problem")).to_contain_text(told)


def test_the_range_is_chosen_and_moved(page: Page, many: Account) -> None:
    page.goto(many.url(query="line"))
    open_range(page)
    page.get_by_role("button", name="6 h", exact=True).click()
    assert asked(page) == {"account": many.name, "query": "line", "from": "-6h"}
    open_range(page)
    page.get_by_label("From").fill("2026-11-20T04:00Z")
    page.get_by_label("To", exact=True).fill("2026-11-20T05:00Z")
    page.get_by_role("button", name="Use").click()
    for button, expected in [
        ("Earlier", ("2026-11-20T03:00Z", "2026-11-20T04:00Z")),
        ("Zoom out", ("2026-11-20T02:30Z", "2026-11-20T04:30Z")),
        ("Later", ("2026-11-20T04:30Z", "2026-11-20T06:30Z")),
    ]:
        page.get_by_role("button", name=button).click()
        assert (asked(page)["from"], asked(page)["to"]) == expected
    assert asked(page)["query"] == "line"


def test_a_jump_shows_what_is_around_a_time(page: Page, many: Account) -> None:
    page.goto(many.url(from_=iso(BASE_MS - 60_000), to=iso(BASE_MS + 120_000)))
    open_range(page)
    page.get_by_label("Jump to").fill(iso(BASE_MS + 10_050))
    page.get_by_role("button", name="Jump").click()
    shown = page.locator("#lines > li").all_inner_texts()
    at = next(
        n
        for n, text in enumerate(shown)
        if text.startswith(iso(BASE_MS + 10_050)[:10]) and "line" not in text
    )
    assert "line 101 of" in shown[at - 1]
    assert "line 100 of" in shown[at + 1]
    assert len(rows(page)) == 100
    page.get_by_role("link", name="Newer lines").click()
    assert rows(page)[-1] == "line 151 of 250"


def test_all_lines_are_found_page_by_page_and_back(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h"))
    expected = [f"line {n} of 250" for n in reversed(range(250))]
    pages = [rows(page)]
    while page.get_by_role("link", name="Older lines").count():
        page.get_by_role("link", name="Older lines").click()
        pages.append(rows(page))
    assert [text for one in pages for text in one] == expected
    for before in reversed(pages[:-1]):
        page.get_by_role("link", name="Newer lines").click()
        assert rows(page)[-len(before) :] == before
    assert rows(page) == pages[0]
    assert page.get_by_role("link", name="Newer lines").count() == 0


def test_the_oldest_can_stand_first(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h"))
    page.get_by_role("link", name="Oldest first").click()
    assert rows(page)[:2] == ["line 0 of 250", "line 1 of 250"]
    page.get_by_role("link", name="Newer lines").click()
    assert rows(page)[0] == "line 100 of 250"


def test_a_page_can_be_asked_to_wait_for_its_histogram(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h", counted="1"))
    expect(page.locator(".histogram-legend strong")).to_have_text("250 lines")


def test_the_histogram_is_a_table_too(page: Page, many: Account) -> None:
    page.goto(many.url(from_=iso(BASE_MS), to=iso(BASE_MS + 25_000), counted="1"))
    page.get_by_text("As a table").click()
    table = page.get_by_role("table", name="Lines over time")
    cells = table.locator("tbody tr").nth(2).locator("td")
    lines, errors = int(cells.nth(1).inner_text()), int(cells.nth(2).inner_text())
    assert (lines, errors) == (10, 1)
    cells.nth(0).get_by_role("button").click()
    assert rows(page) == [f"line {n} of 250" for n in reversed(range(20, 30))]


def test_a_level_of_the_legend_narrows_the_query(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h", query="line", counted="1"))
    page.locator(".legend", has_text="error").click()
    assert asked(page)["query"] == "line level:error"
    assert len(rows(page)) == 25


def wait_for_values(page: Page) -> None:
    """As a person does where the page did not wait for them, which it does not when the lines took long."""
    wait = page.locator(".values-wait")
    if wait.count():
        wait.get_by_role("button", name="Wait for them").click()


def test_values_of_a_field_are_counted_and_asked_for(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h"))
    page.get_by_role("button", name="host", exact=True).click()
    wait_for_values(page)
    values = page.locator(".values li")
    expect(values).to_have_text([re.compile("web-0.*84"), re.compile("web-1.*83"), re.compile("web-2.*83")])
    values.nth(1).get_by_role("button", name="Without web-1").click()
    assert asked(page)["query"] == "-host:web-1"
    wait_for_values(page)
    page.locator(".values .value", has_text="web-2").click()
    assert asked(page)["query"] == "-host:web-1 host:web-2"
    assert set(page.locator("#lines .host").all_inner_texts()) == {"web-2"}


def test_any_field_can_be_counted(site: Server, page: Page) -> None:
    account = new_account(site)
    account.send_json({"user": {"id": n % 2}, "n": n} for n in range(10))
    page.goto(account.url())
    page.get_by_label("Another field").fill("user.id")
    page.get_by_role("button", name="Count").click()
    wait_for_values(page)
    expect(page.locator(".values li")).to_have_count(2)
    page.locator(".values .value").first.click()
    assert asked(page)["query"] == "user.id:0"
    page.get_by_label("Another field").fill("a field*")
    page.get_by_role("button", name="Count").click()
    wait_for_values(page)
    expect(page.locator(".values .error")).to_contain_text("a field name takes no wildcards")


def test_lines_are_exported_in_every_format(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-1h", query="level:error", counted="1"))
    page.locator(".export > summary").click()
    expect(page.locator(".export")).to_contain_text("25 lines")
    exported = {}
    for label in page.locator(".export button").all_inner_texts():
        with page.expect_download() as download:
            page.locator(".export").get_by_role("button", name=label, exact=True).click()
        exported[label] = download.value.path().read_bytes()
    assert list(exported) == ["NDJSON", "NDJSON, gzip", "Parquet", "Text"]
    assert exported["NDJSON"].count(b"\n") == 25
    assert gzip.decompress(exported["NDJSON, gzip"]) == exported["NDJSON"]
    assert exported["Parquet"].startswith(b"PAR1")
    assert exported["Text"].splitlines()[0] == b"line 0 of 250"


def test_an_account_without_lines_tells_how_to_send_the_first(site: Server, page: Page) -> None:
    account = new_account(site)
    page.goto(account.url())
    expect(page.get_by_text(f"No lines in {account.name} yet")).to_be_visible()
    expect(page.locator(".code")).to_contain_text(f"{site.first_start['url']}/v1/ingest")


def test_a_range_without_lines_leads_to_the_newest(page: Page, many: Account) -> None:
    page.goto(many.url(from_="-5m"))
    expect(page.get_by_text("No lines in this range")).to_be_visible()
    page.get_by_role("link", name="Show the hour up to it").click()
    assert rows(page)[0] == "line 249 of 250"


def test_a_query_without_lines_can_be_widened(page: Page, many: Account) -> None:
    page.goto(many.url(query="nowhere"))
    expect(page.get_by_text("No line matches in this range")).to_be_visible()
    page.get_by_role("link", name="Show all lines of the range").click()
    assert len(rows(page)) == 100


def test_another_account_is_chosen_with_the_query_kept(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, javascript=False)
    page.goto("/logs?query=order&from=-3d")
    option = page.locator("#source option", has_text="incident 7")
    page.get_by_label("Account or archive").select_option(str(option.get_attribute("value")))
    page.get_by_role("button", name="Search", exact=True).click()
    assert set(asked(page)) == {"account", "query"}
    expect(page.locator(".logs-note")).to_contain_text("Restored by incident 7 from main")
    expect(page.locator(".logs-note")).to_contain_text("expires in")
    assert len(rows(page)) > 0


def test_an_archive_is_searched_in_place_and_tells_what_was_read(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, READER, javascript=False)
    page.goto("/logs?archive=main&query=failed&from=-7d")
    expect(page.locator("#list-state")).to_contain_text("nothing is restored")
    page.get_by_role("link", name="Search the archive").click()
    expect(page.locator("#list-state")).to_contain_text(
        re.compile(r"100 lines, and there may be more\. Read [\d.]+ KiB of")
    )
    assert len(rows(page)) == 100
    assert set(page.locator("#lines mark").all_inner_texts()) <= {"failed", "Failed"}


def test_parts_that_cannot_be_read_are_told(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, javascript=False)
    page.goto("/logs?archive=errors&from=all&read=1")
    expect(page.locator(".notice.warn")).to_contain_text("could not be read and")


def test_what_is_not_there_is_not_found(furnished: Furnished, visit: Visit, watch: Watch) -> None:
    watch.expect_status(404)
    page = visit(furnished.server, javascript=False)
    for url in ("/logs?account=nobodys", "/logs?archive=nobodys", "/logs/line?account=main&ts=5&id=5"):
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 404
