"""The query box with JavaScript: what is wrong while it is written, and what was asked before."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.lines import Account, new_account
from tests.web.people import MEMBER
from tests.web.watch import Watch


@pytest.fixture(scope="module")
def few(site: Server) -> Account:
    account = new_account(site)
    account.send_texts(["one failed", "two passed"])
    return account


@pytest.fixture
def page(site: Server, visit: Visit) -> Page:
    return visit(site)


def test_an_error_is_told_while_the_query_is_written_and_goes_with_it(
    page: Page, few: Account, watch: Watch
) -> None:
    watch.expect_status(400)
    page.goto(few.url())
    box, problem = page.get_by_label("Query", exact=True), page.locator("#query-problem")
    box.fill("failed AND 日本 (x")
    expect(problem).to_contain_text("column 17: the query ends too early")
    expect(box).to_have_attribute("aria-invalid", "true")
    lines = problem.locator("pre").inner_text().split("\n")
    assert lines == ["failed AND 日本 (x", " " * 16 + "▲"]
    box.fill("failed AND 日本 (x)")
    expect(problem).to_be_empty()
    expect(box).not_to_have_attribute("aria-invalid", "true")


def test_queries_are_remembered_in_this_browser_and_forgotten(page: Page, few: Account) -> None:
    for query in ("failed", "passed", "failed"):
        page.goto(few.url())
        page.get_by_label("Query", exact=True).fill(query)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(f"query={query}"))
    page.locator(".logs-help > summary").click()
    recent = page.locator("#recent li")
    expect(recent).to_have_text(["failed", "passed"])
    recent.nth(1).get_by_role("button").click()
    page.wait_for_url(re.compile("query=passed"))
    page.locator(".logs-help > summary").click()
    page.get_by_role("button", name="Forget them").click()
    expect(page.locator("#recent")).to_be_hidden()


def test_what_one_asked_is_not_told_to_another_on_the_same_machine(
    site: Server, visit: Visit, few: Account
) -> None:
    page = visit(site)
    page.goto(few.url(query="secret"))
    kept = page.evaluate("Object.entries(localStorage)")
    other = visit(site, MEMBER)
    other.goto("/logs")
    other.evaluate("(kept) => kept.forEach(([name, value]) => localStorage.setItem(name, value))", kept)
    other.reload()
    other.locator(".logs-help > summary").click()
    expect(other.locator("#recent")).to_be_hidden()


def test_an_example_is_a_query(page: Page, few: Account) -> None:
    page.goto(few.url(query="other"))
    page.locator(".logs-help > summary").click()
    page.get_by_role("button", name="fail* OR timeout").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value("fail* OR timeout")
    expect(page.locator("#lines mark")).to_have_text("failed")


def test_another_account_is_shown_as_soon_as_it_is_chosen(page: Page, few: Account) -> None:
    page.goto("/logs?account=main&query=failed")
    page.get_by_label("Account or archive").select_option(f"account:{few.name}")
    page.wait_for_url(re.compile(few.name))
    assert parse_qs(urlsplit(page.url).query) == {"account": [few.name], "query": ["failed"]}
    expect(page.locator("#lines .line .logtext")).to_have_text("one failed")
