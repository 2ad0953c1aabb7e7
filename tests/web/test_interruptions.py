"""What comes between: the session ends while a page follows a restore."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.people import ADMIN, make_people, sign_in
from tests.web.watch import Watch

LINES = [f'{{"time":"2026-04-05T07:{n // 60:02d}:{n % 60:02d}Z","msg":"line {n}"}}' for n in range(400)]
SPAN = {"from": "2026-04-05T07:00:00Z", "to": "2026-04-05T08:00:00Z"}
PIPELINE = {"sources": [{"type": "restoration"}], "destinations": [{"type": "file", "path": "out.ndjson"}]}


@pytest.fixture
def fresh(make_server: Callable[[], Server]) -> Server:
    server = make_server().start()
    make_people(server)
    server.send(LINES)
    server.seal()
    assert server.http.put("/v1/pipelines/slow", json=PIPELINE).status_code == 201
    return server


def follow_a_restore(page: Page, server: Server, rate: int) -> str:
    """Open the page of one that sends so many lines a second, and see that it follows it; its id."""
    wanted = {"name": "slowly", "pipeline": {"id": "slow"}, "rate": rate, **SPAN}
    restore = str(server.post("/v1/restores", wanted)["id"])
    page.goto(f"/archiving/pipeline-restoration/{restore}")
    expect(page.get_by_text("This page follows by itself.")).to_be_visible()
    expect(sent(page)).not_to_have_text("0")
    return restore


def sent(page: Page) -> Locator:
    return page.locator("dl.figures [data-show='sent']")


def test_a_page_that_follows_a_restore_asks_to_sign_in_when_the_session_ends(
    fresh: Server, visit: Visit, watch: Watch
) -> None:
    watch.expect_status(401)
    page = visit(fresh, None)
    sign_in(page, ADMIN)
    restore = follow_a_restore(page, fresh, rate=2)
    user = next(one["id"] for one in fresh.get("/v1/users")["users"] if one["name"] == ADMIN.name)
    for session in fresh.get("/v1/sessions", user=user)["sessions"]:
        assert fresh.http.delete(f"/v1/sessions/{session['id']}", params={"user": user}).status_code == 200
    expect(page).to_have_url(re.compile("/sign-in"), timeout=30_000)
    sign_in(page, ADMIN)
    expect(page).to_have_url(re.compile(f"/archiving/pipeline-restoration/{restore}$"))
    expect(page.get_by_text("This page follows by itself.")).to_be_visible()
