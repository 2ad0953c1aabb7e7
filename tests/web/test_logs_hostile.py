"""Lines that want to be more than text are text, however they are shown."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Page, expect

from logkeep.web.text import visible
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.lines import new_account

# What no page may hold as it is.
RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def taken_over(dialog: Dialog) -> None:
    pytest.fail(f"a line took over the page: {dialog.message}")


def expected(furnished: Furnished) -> list[str]:
    """What the list shows of the lines, the newest first."""
    found = furnished.site.get("/v1/search", query="app:hostile", limit=100)["records"]
    return [visible(record["_line"]) for record in found]


def shown(page: Page) -> list[str]:
    """The texts of all lines, without what is said of those that are cut."""
    texts = page.locator("#lines > .line > .logtext").all_text_contents()
    return [re.sub(r"… [\d,]+ more$", "", text).replace("↵\n", "↵") for text in texts]


def open_first(page: Page) -> None:
    expect(page.locator("#list-state")).to_have_text(re.compile("line"))
    page.locator("#lines > .line").first.click()
    expect(page.locator("#lines .details")).to_be_visible()


def begins(texts: list[str], expected: list[str]) -> bool:
    return len(texts) == len(expected) and all(
        one.startswith(text) and text[:300] == one[:300] for text, one in zip(texts, expected, strict=True)
    )


@pytest.mark.parametrize("javascript", [False, True])
def test_lines_are_shown_as_they_are_and_run_nothing(
    furnished: Furnished, visit: Visit, javascript: bool
) -> None:
    page = visit(furnished.server, javascript=javascript)
    page.on("dialog", taken_over)
    page.goto("/logs?query=app:hostile&from=all")
    if javascript:
        expect(page.locator("#list-state")).to_have_text("21 lines")
        page.locator("#lines > .line").nth(20).click()
        expect(page.locator("#lines .details")).to_be_visible()
    texts = shown(page)
    assert begins(texts, expected(furnished))
    assert [RAW.findall(text) for text in texts if RAW.search(text)] == []
    assert page.title() == "app:hostile \u2013 Logs · logkeep"
    assert page.locator("#lines :is(script, img, svg, style, b b, u)").count() == 0
    assert set(page.locator("#lines .host").all_text_contents()) == {"<b>host</b>"}


def test_opened_lines_show_every_value_as_it_is(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.on("dialog", taken_over)
    page.goto("/logs?query=app:hostile+surrogate&from=all")
    row = page.locator("#lines > .line")
    open_first(page)
    value = page.locator(".details tr", has=page.get_by_role("rowheader", name="msg")).locator("td").last
    expect(value).to_have_text("surrogate ⟨U+D800⟩ alone and ⟨U+DC00⟩ the other")
    page.goto("/logs?query=app:hostile+__proto__&from=all")
    open_first(page)
    for name, text in [("<b>key</b>", "1"), ("key of words", "2"), ("a.b", "4"), ("x", "1")]:
        entry = page.locator(".details tr", has=page.get_by_role("rowheader", name=name, exact=True))
        expect(entry.locator("td").last).to_have_text(text)
    entry = page.locator(".details tr", has=page.get_by_role("rowheader", name="<b>key</b>", exact=True))
    entry.locator("button[name=pick]").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value(
        "app:hostile __proto__ \\<b\\>key\\<\\/b\\>:1"
    )
    expect(row).to_have_count(1)


def test_the_page_of_a_line_spells_it_out(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, javascript=False)
    page.on("dialog", taken_over)
    for word in ("markup", "closing", "ansi", "bidi", "invisible", "control", "surrogate", "nested"):
        page.goto(f"/logs?query=app:hostile+{word}&from=all")
        page.locator("#lines .when").first.click()
        (record,) = furnished.site.get("/v1/search", query=f"app:hostile {word}")["records"][:1]
        expect(page.locator(".the-line")).to_have_text(visible(record["_line"]))
        assert RAW.findall(page.content()) == []
    page.goto("/logs?query=app:hostile+surrogate&from=all")
    page.locator("#lines .when").first.click()
    expect(page.locator(".entries").last).to_contain_text("⟨U+D800⟩ alone")


def test_a_query_is_text_too(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.on("dialog", taken_over)
    query = '"</title><script>alert(1)</script>" OR "\u202e"'
    page.goto("/logs")
    page.get_by_label("Query", exact=True).fill(query)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Query", exact=True)).to_have_value(query)
    assert "⟨U+202E⟩" in page.title()
    page.locator(".logs-help > summary").click()
    expect(page.locator("#recent li").first).to_have_text('"</title><script>alert(1)</script>" OR "⟨U+202E⟩"')


def test_very_long_lines_make_no_large_page(furnished: Furnished, visit: Visit) -> None:
    """120 lines of 400 KB, half of them of characters that are spelled out."""
    account = new_account(furnished.server)
    for n in range(12):
        plain, odd = b"long " * 80_000, "\u202e<".encode() * 100_000
        account.send(b"\n".join([plain, odd] * 5), host="web-1", app=f"n{n}")
    furnished.server.wait_until_indexed()
    page = visit(furnished.server)
    answer = page.goto(account.url())
    assert answer is not None
    assert len(answer.body()) < 100_000
    expect(page.locator("#list-state")).to_have_text("120 lines")
    assert page.evaluate("document.documentElement.outerHTML.length") < 1_500_000
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator(".details .the-line")).to_be_visible()
    assert page.evaluate("document.documentElement.outerHTML.length") < 2_500_000
    answer = page.goto(str(page.get_by_role("link", name="Surrounding lines").get_attribute("href")))
    assert answer is not None
    assert len(answer.body()) < 100_000


def test_a_long_query_makes_no_large_page(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, javascript=False)
    query = "(" + " OR ".join(f'"<failed {n:03d}>"' for n in range(200)) + " OR order)"
    answer = page.goto("/logs?from=-7d&counted=1&query=" + query.replace("<", "%3C").replace(">", "%3E"))
    assert answer is not None
    assert (answer.status, len(answer.body()) < 100_000) == (200, True)
    page.get_by_text("As a table").click()
    page.locator(".histogram-table button").first.click()
    page.get_by_role("button", name="Oldest first").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value(query)
    assert "order=oldest" in page.url
    assert page.locator("#lines .line").count() > 0
