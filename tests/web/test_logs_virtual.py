"""The list itself, with 50,000 rows of many heights: what is an element, and that nothing jumps."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit

ROWS = 50_000
MOST_ELEMENTS = 150

# Rows are made in the page: their texts say which they are, and each seventh is of several lines.
BEGIN = """async (count) => {
  const scripts = document.querySelector("script[type=module]").src.replace("base.js", "logs/list.js");
  const { List } = await import(scripts);
  document.querySelector("main").innerHTML = '<ol id="rows" class="lines" tabindex="-1"></ol>';
  const build = (row) => {
    const element = document.createElement("li");
    element.className = "line";
    const text = document.createElement("span");
    text.textContent = `row ${row.number}` + "\\nmore".repeat(row.more);
    text.style.whiteSpace = "pre-wrap";
    element.append(text);
    return element;
  };
  window.make = (first, count) => Array.from({ length: count }, (_, n) => ({
    number: first + n, more: (first + n) % 7 === 0 ? (first + n) % 5 : 0, height: 0, open: false,
  }));
  window.asked = [];
  window.list = new List(document.querySelector("#rows"), {
    build, rows: window.make(0, count), near: (side) => window.asked.push(side),
  });
}"""


@pytest.fixture
def page(site: Server, visit: Visit) -> Page:
    page = visit(site)
    # The list alone: nothing else of the page is to look for what is no longer there.
    page.route("**/js/logs.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto("/logs")
    page.evaluate(BEGIN, ROWS)
    return page


def shown(page: Page) -> list[int]:
    """The numbers of the rows in the window, from top to bottom."""
    texts: list[str] = page.evaluate(
        """[...document.querySelectorAll("#rows > .line")].filter((element) => {
          const { top, bottom } = element.getBoundingClientRect();
          return bottom > 0 && top < innerHeight;
        }).map((element) => element.textContent.split("\\n")[0])"""
    )
    return [int(text.removeprefix("row ")) for text in texts]


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('#rows *').length"))


def scroll_to(page: Page, share: float) -> None:
    page.evaluate("(share) => scrollTo(0, document.documentElement.scrollHeight * share)", share)
    settle(page)


def settle(page: Page) -> None:
    """Two frames: what was asked for by a scroll is made in the next one."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def top_of(page: Page, number: int) -> float:
    return float(
        page.evaluate(
            """(number) => [...document.querySelectorAll("#rows > .line")]
              .find((element) => element.textContent.split("\\n")[0] === `row ${number}`)
              .getBoundingClientRect().top""",
            number,
        )
    )


def test_few_rows_are_elements_wherever_one_looks(page: Page) -> None:
    for share in (0, 0.1, 0.5, 0.9, 0.3, 0.999, 1, 0):
        scroll_to(page, share)
        numbers = shown(page)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert len(numbers) > 10
        assert abs(numbers[0] - share * ROWS) < 0.05 * ROWS + 60
        assert elements(page) < 2 * MOST_ELEMENTS


def test_the_first_and_the_last_row_can_be_reached(page: Page) -> None:
    for _ in range(3):  # heights that were guessed are known after that
        scroll_to(page, 1)
    assert shown(page)[-1] == ROWS - 1
    scroll_to(page, 0)
    assert shown(page)[0] == 0


def test_step_by_step_no_row_is_missed_and_none_jumps(page: Page) -> None:
    scroll_to(page, 0.5)
    for _ in range(30):
        before = shown(page)
        row = before[len(before) // 2]
        there = top_of(page, row)
        page.mouse.move(600, 400)
        page.evaluate("scrollBy(0, -150)")
        settle(page)
        assert abs(top_of(page, row) - there - 150) < 1
        assert shown(page)[0] <= before[0]


def test_rows_that_come_before_or_grow_above_move_nothing_in_the_window(page: Page) -> None:
    scroll_to(page, 0.5)
    row = shown(page)[5]
    there = top_of(page, row)
    page.evaluate("list.prepend(make(1_000_000, 5000))")
    settle(page)
    assert abs(top_of(page, row) - there) < 1
    page.evaluate("list.trim(50_000, 'start')")
    settle(page)
    assert abs(top_of(page, row) - there) < 1
    page.evaluate("() => list.rows.slice(0, 20_000).forEach((row) => { row.height = 48; })")
    page.evaluate("list.append(make(2_000_000, 10))")
    settle(page)
    assert abs(top_of(page, row) - there) < 1
    assert page.evaluate("list.rows.length") == ROWS + 10


def test_ends_are_asked_to_go_on(page: Page) -> None:
    assert set(page.evaluate("asked")) == {"start"}
    page.evaluate("asked.length = 0")
    scroll_to(page, 0.5)
    assert page.evaluate("asked") == []
    scroll_to(page, 1)
    assert set(page.evaluate("asked")) == {"end"}


def test_a_selected_row_is_brought_into_the_window(page: Page) -> None:
    for number in (40_000, 12, 49_999, 0):
        page.evaluate("(number) => list.select(number)", number)
        settle(page)
        assert number in shown(page)
        expect(page.locator("#rows > .line:focus")).to_contain_text(f"row {number}")


def test_a_row_that_is_focused_and_scrolled_away_leaves_the_focus_in_the_list(page: Page) -> None:
    page.evaluate("list.select(3)")
    scroll_to(page, 0.7)
    expect(page.locator("#rows")).to_be_focused()
    assert page.evaluate("list.current") == 3


def test_a_thousand_rows_are_there_after_one_task(page: Page) -> None:
    made: dict[str, Any] = page.evaluate(
        """() => {
          list.clear();
          const began = performance.now();
          list.append(make(0, 1000));
          return { took: performance.now() - began, rows: list.rows.length,
                   elements: document.querySelectorAll("#rows > .line").length };
        }"""
    )
    assert made["rows"] == 1000
    assert 10 < made["elements"] < MOST_ELEMENTS
