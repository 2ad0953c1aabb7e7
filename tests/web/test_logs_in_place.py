"""Archives searched where they lie, with JavaScript: lines as they are found, and how far it is in words."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.people import ADMIN, READER, make_people
from tests.web.watch import Watch


def test_lines_come_with_what_was_read(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, READER)
    page.goto("/logs?archive=main&query=failed&from=-7d")
    state = page.locator("#list-state")
    expect(state).to_have_text(
        re.compile(
            r"^\d+ lines, all there are\. Read [\d.]+ KiB of [\d.]+ KiB in \d+ objects;"
            r" \d+ blocks? ruled out unread\.$"
        )
    )
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    expect(page.locator("#lines mark").first).to_have_text(re.compile("failed", re.IGNORECASE))
    page.keyboard.press("j")
    page.keyboard.press("o")
    details = page.locator(".details")
    expect(details).to_contain_text("year=2026/")
    assert details.get_by_role("link").count() == 0
    details.locator("button[name=drop]").first.click()
    expect(page.get_by_label("Query", exact=True)).to_have_value(re.compile("failed -level:"))
    expect(state).to_contain_text("Read")


def test_where_nothing_matches_that_is_told(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.goto("/logs?archive=main&query=nowhere&from=all")
    expect(page.get_by_text("No line of this range matches")).to_be_visible()
    expect(page.locator("#list-state")).to_contain_text("0 lines, all there are")


def test_damage_is_told(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.goto("/logs?archive=errors&from=all")
    expect(page.locator(".notice.warn")).to_contain_text("could not be read and")


def test_a_bucket_that_refuses_is_told(furnished: Furnished, visit: Visit, watch: Watch) -> None:
    watch.expect_status(400, 409, 502, 503)
    page = visit(furnished.server)
    page.goto("/logs?archive=broken&from=-7d")
    expect(page.locator("#list-state")).to_contain_text("does not let us")


def test_a_query_that_cannot_be_read_is_told(furnished: Furnished, visit: Visit, watch: Watch) -> None:
    watch.expect_status(400)
    page = visit(furnished.server)
    page.goto("/logs?archive=main&query=failed+(")
    expect(page.locator("#list-state")).to_contain_text("the query ends too early")


def test_a_search_that_hangs_is_stopped(tmp_path: Path, visit: Visit) -> None:
    server = Server(tmp_path / "data").start()
    make_people(server)
    assert server.process is not None
    pid = server.process.pid

    def hang(route: Route) -> None:
        os.kill(pid, signal.SIGSTOP)
        route.continue_()

    try:
        page = visit(server, ADMIN)
        page.route("**/v1/archives/*/search?*", hang)
        page.goto("/logs?archive=main&query=failed")
        expect(page.locator("#list-state")).to_contain_text("Searching: looking which objects there are…")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#list-state")).to_contain_text("Stopped: 0 lines so far")
        page.close()  # before the server goes: what the browser still fetches is no part of this
    finally:
        os.kill(pid, signal.SIGCONT)
        server.kill()
