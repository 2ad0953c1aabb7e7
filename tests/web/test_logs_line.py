"""The page of one line: its fields, and what stands around it. Without JavaScript, but for copying."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.lines import BASE_MS, Account, iso, new_account


@pytest.fixture(scope="module")
def tied(site: Server) -> Account:
    """60 lines, all of one millisecond, of two hosts."""
    account = new_account(site)
    account.send_records(
        {"line": f"tied {n}", "host": f"web-{n % 2}", "app": "shop", "meta": {"n": n}} for n in range(60)
    )
    return account


@pytest.fixture
def page(site: Server, visit: Visit) -> Page:
    return visit(site, javascript=False)


def open_line(page: Page, account: Account, query: str) -> None:
    """From the list, by the time of the one line that is found."""
    page.goto(account.url(query=query, from_="-1h"))
    page.locator("#lines .when").click()


def around(page: Page) -> list[str]:
    return page.locator("#around .line .logtext").all_inner_texts()


def test_a_line_stands_among_those_of_its_millisecond(page: Page, tied: Account) -> None:
    open_line(page, tied, "meta.n:30")
    assert around(page) == [f"tied {n}" for n in range(10, 51)]
    expect(page.locator("#around .line.here .logtext")).to_have_text("tied 30")
    page.locator("#around .line .when").nth(0).click()
    expect(page.locator("#around .line.here .logtext")).to_have_text("tied 10")
    assert around(page) == [f"tied {n}" for n in range(31)]


def test_neighbours_may_be_those_of_the_same_host_alone(page: Page, tied: Account) -> None:
    open_line(page, tied, "meta.n:30")
    page.get_by_label(re.compile("same host")).check()
    page.get_by_label("Lines on either side").select_option("50")
    page.get_by_role("button", name="Show", exact=True).click()
    assert around(page) == [f"tied {n}" for n in range(0, 60, 2)]
    expect(page.get_by_label(re.compile("same host"))).to_be_checked()
    expect(page.get_by_label(re.compile("same file"))).to_be_disabled()


def test_values_lead_to_a_search_around_the_line(page: Page, tied: Account) -> None:
    open_line(page, tied, "meta.n:30")
    entry = page.locator("tr", has=page.get_by_role("rowheader", name="n", exact=True))
    entry.get_by_role("button", name="Only lines with this n").click()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert asked == {
        "account": tied.name,
        "query": "meta.n:30",
        "from": iso(BASE_MS - 15 * 60_000).replace(":00.000", ""),
        "to": iso(BASE_MS + 15 * 60_000).replace(":00.000", ""),
    }
    assert page.locator("#lines .logtext").all_inner_texts() == ["tied 30"]


def test_a_line_of_a_restored_account_tells_its_object(furnished: Furnished, visit: Visit) -> None:
    restore = furnished.site.get(f"/v1/restores/{furnished.restores['incident 7']}")
    page = visit(furnished.server, javascript=False)
    page.goto(f"/logs?account={restore['account']}&query=level:error")
    page.locator("#lines .when").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(restore["account"])
    expect(page.locator("tr", has_text="Object").locator("code")).to_have_text(
        re.compile("^year=2026/.*json.gz$")
    )
    assert len(around(page)) > 10


def test_a_line_without_an_id_has_a_page_too(furnished: Furnished, visit: Visit) -> None:
    restore = furnished.site.get(f"/v1/restores/{furnished.restores['from Datadog']}")
    found = furnished.site.get("/v1/search", account=restore["account"], limit=5)["records"]
    page = visit(furnished.server, javascript=False)
    page.goto(f"/logs?account={restore['account']}")
    page.locator("#lines .when").nth(2).click()
    assert ("cursor" in page.url) is ("_lid" not in found[2])
    expect(page.locator("#around .line.here .logtext")).to_have_text(found[2]["_line"][:200])


def test_the_line_is_kept_as_it_came(site: Server, page: Page) -> None:
    account = new_account(site)
    account.send(b"caf\xe9 \x00 latin-1", host="web-1")
    site.wait_until_indexed()
    open_line(page, account, "latin-1")
    expect(page.locator(".the-line")).to_have_text("caf� ⟨NUL⟩ latin-1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as it came").click()
    assert download.value.path().read_bytes() == b"caf\xe9 \x00 latin-1"
    assert re.fullmatch(r"line-\d+\.txt", download.value.suggested_filename)


def test_the_line_is_copied(site: Server, visit: Visit, tied: Account) -> None:
    page = visit(site)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    (record,) = site.get("/v1/search", account=tied.name, query="meta.n:7")["records"]
    page.goto(f"/logs/line?account={tied.name}&ts={record['_ts']}&id={record['_lid']}")
    for label, text in [("Copy line", "tied 7"), ("Copy link", page.url), ("Copy JSON", None)]:
        page.get_by_role("button", name=label).click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == text if text else json.loads(copied) == record
        expect(page.get_by_role("button", name=label)).to_be_visible()
