"""The live tail: lines as they come, held back, cleared, and never too many."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.lines import Account, new_account


@pytest.fixture
def account(site: Server) -> Account:
    return new_account(site)


@pytest.fixture
def page(site: Server, visit: Visit) -> Page:
    return visit(site)


def texts(page: Page) -> list[str]:
    return page.locator("#lines > .line > .logtext").all_inner_texts()


def begin(page: Page, account: Account, **params: str) -> None:
    page.goto(account.url(**params))
    page.get_by_role("button", name="Live tail").click()
    expect(page.locator(".tail-bar")).to_contain_text("waiting for lines")


def test_lines_show_as_they_come_the_newest_first(page: Page, account: Account) -> None:
    begin(page, account, query="failed")
    account.send(b"one failed\nanother passed", host="web-1")
    expect(page.locator("#lines mark")).to_have_text("failed")
    account.send(b"two failed")
    expect(page.locator(".tail-bar")).to_contain_text("Live: 2 lines so far")
    assert texts(page) == ["two failed", "one failed"]
    assert "tail=1" in page.url
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator(".details")).to_be_visible()


def test_with_the_oldest_first_they_come_below(page: Page, account: Account) -> None:
    begin(page, account, order="oldest")
    account.send(b"one\ntwo")
    account.send(b"three")
    expect(page.locator("#lines > .line")).to_have_count(3)
    assert texts(page) == ["one", "two", "three"]


def test_while_it_is_paused_lines_wait_and_are_counted(page: Page, account: Account) -> None:
    begin(page, account)
    account.send(b"before")
    expect(page.locator("#lines > .line")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    account.send(b"a\nb\nc")
    expect(page.locator(".tail-bar")).to_contain_text("Paused: 3 lines wait")
    assert texts(page) == ["before"]
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#lines > .line")).to_have_count(4)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#lines > .line")).to_have_count(0)
    account.send(b"after")
    expect(page.locator("#lines > .line")).to_have_text(re.compile("after"))


def test_it_is_stopped_and_begun_again_by_its_address(page: Page, account: Account) -> None:
    begin(page, account)
    account.send(b"one")
    expect(page.locator("#lines > .line")).to_have_count(1)
    page.reload()
    expect(page.locator(".tail-bar")).to_contain_text("waiting for lines")
    account.server.wait_until_indexed()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_url(lambda url: "tail" not in url)
    expect(page.locator("#list-state")).to_have_text("1 line")


def test_lines_that_come_too_fast_are_told(page: Page, account: Account) -> None:
    begin(page, account)
    account.send("\n".join(f"fast {n}" for n in range(20_000)).encode())
    # As many as wait for a reader at a time; the others were let go before they were sent.
    expect(page.locator(".tail-bar")).to_contain_text("Live: 1,000 lines so far · 19,000 lines missed")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator("#lines .told").last).to_contain_text("came too fast to be shown")


def test_what_is_read_stays_where_it_is_while_lines_come(page: Page, account: Account) -> None:
    begin(page, account)
    account.send("\n".join(f"first {n}" for n in range(100)).encode())
    expect(page.locator(".tail-bar")).to_contain_text("100 lines so far")
    page.mouse.move(640, 600)
    page.mouse.wheel(0, 900)
    row = page.locator("#lines > .line", has_text=re.compile("first 50$"))
    expect(row).to_be_in_viewport()
    before = row.bounding_box()
    account.send("\n".join(f"second {n}" for n in range(40)).encode())
    expect(page.locator(".tail-bar")).to_contain_text("140 lines so far")
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 1


def test_a_restored_account_has_none(furnished: Furnished, visit: Visit) -> None:
    restore = furnished.site.get(f"/v1/restores/{furnished.restores['incident 7']}")
    page = visit(furnished.server)
    page.goto(f"/logs?account={restore['account']}&tail=1")
    expect(page.locator("#list-state")).to_have_text(re.compile("lines"))
    expect(page.get_by_role("button", name="Live tail")).to_be_hidden()
