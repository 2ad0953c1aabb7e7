"""Restores that go on while somebody looks: into pipelines, through a thaw, over a kill -9 of the server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, make_bucket
from tests.e2e.server import Server, eventually
from tests.e2e.test_restores import Glacier
from tests.web.conftest import Visit
from tests.web.people import READER, make_people
from tests.web.restoring import WHOLE_DAY, Stored, becomes, box, fill_in, press, stored
from tests.web.watch import Watch

__all__ = ["stored"]

both = pytest.mark.parametrize("javascript", [True, False])
REPLAY = {
    "sources": [{"type": "restoration", "name": "back", "title": "Replay"}],
    "destinations": [{"type": "file", "path": "replayed.ndjson"}],
}


def put_pipeline(server: Server, pipeline_id: str, account: str, **more: object) -> None:
    answer = server.http.put(f"/v1/pipelines/{pipeline_id}", json={**REPLAY, "account": account, **more})
    assert answer.status_code == 201, answer.text


def share(page: Page) -> int:
    return int(page.locator('[data-show="share"]').first.inner_text().removesuffix(" %"))


@both
def test_an_archive_of_a_pipeline_is_sent_into_a_pipeline(
    stored: Stored, visit: Visit, tmp_path: Path, javascript: bool
) -> None:
    name = f"p-{stored.account}"
    kept = {
        "type": "archive",
        "name": "kept",
        "provider": "folder",
        "options": {"path": str(tmp_path / "out")},
    }
    put_pipeline(stored.server, name, stored.account, destinations=[kept])
    stored.server.restore(account=stored.account, pipeline={"id": name}, **WHOLE_DAY)
    eventually(
        lambda: (
            stored.server.get(f"/v1/pipelines/{name}")["status"]["destinations"][0]["waiting"]["events"] == 0
        ),
        "the pipeline to hand its events to its archive",
    )
    stored.seal()
    page = visit(stored.server, javascript=javascript)
    page.goto("/archiving/pipeline-restoration")
    page.get_by_role("link", name="New restore").first.click()
    expect(page.get_by_label("Send to pipeline")).to_be_checked()
    box(page, "Name").fill("once more")
    page.get_by_label("Pipeline archive").check()
    page.get_by_label("Archive of a pipeline").select_option(f"{name}-kept")
    for label, text in (("From", WHOLE_DAY["from"]), ("To", WHOLE_DAY["to"])):
        box(page, label).fill(text)
    page.get_by_label("Restoration source").select_option(f"{name}/back")
    press(page, "Plan it")
    expect(page.locator("dl.facts").first).to_contain_text(f"the pipeline {name}, source back")
    press(page, "Start", javascript=javascript)
    becomes(page, "done", javascript=javascript)
    expect(page.locator(".state-line")).to_contain_text(f"120 lines went into the pipeline {name}.")
    page.goto(f"/archiving/pipeline-restoration?account={stored.account}")
    expect(page.get_by_role("row", name="once more")).to_contain_text(re.compile("done.*120", re.DOTALL))
    page.goto(f"/archiving/restore?text=once+more&account={stored.account}")
    expect(page.get_by_role("row", name="once more")).to_have_count(0)


def test_progress_is_followed_paused_and_resumed(stored: Stored, visit: Visit) -> None:
    name = f"slow-{stored.account}"
    put_pipeline(stored.server, name, stored.account)
    page = visit(stored.server)
    page.goto(f"/archiving/pipeline-restoration/new?account={stored.account}&pipeline={name}&rate=10")
    fill_in(page, stored, Name="slowly")
    press(page, "Plan it")
    expect(page.get_by_text("At 10 events a second it takes about 12 s to send them.")).to_be_visible()
    press(page, "Start")
    expect(page.locator(".state-line")).to_contain_text(f"on their way into the pipeline {name}")
    expect(page.locator('[data-show="rate"]')).to_have_text(re.compile(r"\d+ lines/s"))
    before = share(page)
    eventually(lambda: share(page) > before, "the share to grow by itself")
    expect(page.get_by_role("link", name="1 restore running")).to_be_visible()
    press(page, "Pause")
    becomes(page, "paused")
    expect(page.get_by_text("Somebody paused it. What came is kept.")).to_be_visible()
    press(page, "Go on")
    becomes(page, "running")
    other = visit(stored.server)
    other.goto(f"/archiving/pipeline-restoration?account={stored.account}")
    becomes(page, "done")
    expect(other.get_by_role("row", name="slowly").locator("[data-badge]")).to_have_text("done")


@pytest.fixture
def own_server(make_server: Callable[[], Server]) -> Server:
    server = make_server().start()
    make_people(server)
    return server


def test_a_kill_9_in_the_middle_is_told_and_the_page_goes_on_by_itself(
    own_server: Server, visit: Visit, watch: Watch
) -> None:
    watch.expect("net::ERR_")  # while nobody is there
    server = own_server
    lines = [f'{{"time":"2026-05-06T01:00:00Z","msg":"line {number}"}}' for number in range(150)]
    server.send(lines)
    server.seal()
    put_pipeline(server, "replay", "main")
    wanted = {"name": "through the crash", "pipeline": {"id": "replay"}, "rate": 10, **WHOLE_DAY}
    made = server.post("/v1/restores", wanted)
    page, history, lone = visit(server), visit(server), visit(server, READER, javascript=False)
    for one in (page, lone):
        one.goto(f"/archiving/pipeline-restoration/{made['id']}")
    history.goto("/archiving/pipeline-restoration")
    eventually(lambda: share(page) > 50, "the first lines to be sent")
    before = share(page)
    server.kill()
    expect(page.get_by_text("The server does not answer; perhaps it is being restarted.")).to_be_visible()
    expect(history.get_by_text("The server does not answer; perhaps it is being restarted.")).to_be_visible()
    assert share(page) >= before
    server.start_again()
    expect(page.get_by_text("The server is there again, and this page goes on.")).to_be_visible()
    eventually(
        lambda: page.locator('[data-show="share"]').count() == 0 or share(page) > before, "it to go on"
    )
    becomes(page, "done")
    expect(page.locator(".state-line")).to_contain_text("150 lines went into the pipeline replay.")
    written = server.data / "files" / "replayed.ndjson"
    eventually(
        lambda: {json.loads(line)["_line"] for line in written.read_text().splitlines()} == set(lines),
        "the pipeline to deliver every line",
    )
    expect(history.locator("[data-badge]")).to_have_text("done")
    becomes(lone, "done", javascript=False)


@pytest.fixture
def glacier(moto_s3: str) -> Iterator[Glacier]:
    made = Glacier(moto_s3)
    made.finish()
    yield made
    made.finish()


@pytest.fixture
def frozen(stored: Stored, moto_s3: str, glacier: Glacier) -> Callable[[], str]:
    """An archive of the account with one object of two in cold storage; returns its id."""
    bucket, archive = make_bucket(moto_s3), f"{stored.account}-s3"
    stored.server.post(
        "/v1/archives",
        {
            "account": stored.account,
            "id": archive,
            "provider": "s3-compatible",
            "options": {"bucket": bucket, "endpoint": moto_s3, "access_key_id": ACCESS_KEY},
            "secrets": {"secret_access_key": SECRET_KEY},
            "start": True,
        },
    )
    stored.server.http.patch(f"/v1/accounts/{stored.account}", json={"match": "all"})

    def freeze() -> str:
        for hour in (14, 15):
            stored.send(hour, [f"cold {hour}"])
        stored.seal()
        keys = [one["key"] for one in stored.server.get(f"/v1/archives/{archive}/objects")["objects"]]
        glacier.freeze(bucket, keys[0])
        return archive

    return freeze


def test_what_is_frozen_is_told_with_the_plan_and_thawed_with_the_start(
    stored: Stored, visit: Visit, frozen: Callable[[], str]
) -> None:
    archive = frozen()
    page = visit(stored.server)
    page.goto(f"/archiving/restore/new?archive={archive}")
    for label, text in (("From", WHOLE_DAY["from"]), ("To", WHOLE_DAY["to"])):
        box(page, label).fill(text)
    press(page, "Plan it")
    told = page.locator(".notice.warn").filter(has_text="In cold storage: 1 object")
    expect(told).to_contain_text("1 in GLACIER")
    expect(told).to_contain_text("until all can be read")
    page.get_by_label("Thaw what is in cold storage").select_option("bulk")
    press(page, "Start")
    becomes(page, "active")
    expect(page.locator("dl.facts").nth(1)).to_contain_text("bulk")


def test_a_page_that_is_not_seen_holds_no_connection(stored: Stored, visit: Visit) -> None:
    stored.server.post(
        "/v1/restores", {"account": stored.account, "limit_lines": 5, "on_limit": "ask", **WHOLE_DAY}
    )
    page = visit(stored.server)
    page.goto(f"/archiving/restore?account={stored.account}")
    expect(page.get_by_text("This page follows by itself.")).to_be_attached()
    with page.expect_event("requestfailed", lambda one: one.url.endswith("/v1/restores/events")) as ended:
        page.evaluate(
            """() => {
                Object.defineProperty(document, 'hidden', {value: true, configurable: true});
                document.dispatchEvent(new Event('visibilitychange'));
            }"""
        )
    assert ended.value


def test_a_page_that_may_not_follow_for_now_asks_again_in_its_time(
    stored: Stored, visit: Visit, watch: Watch
) -> None:
    watch.expect_status(503)
    wanted = {"account": stored.account, "limit_lines": 5, "on_limit": "ask", **WHOLE_DAY}
    stored.server.post("/v1/restores", wanted)
    page = visit(stored.server)
    asked: list[float] = []

    def answer(route: Route) -> None:
        asked.append(time.monotonic())
        if len(asked) > 2:
            route.continue_()
        else:
            route.fulfill(status=503)

    page.route("**/v1/restores/events", answer)
    page.goto(f"/archiving/restore?account={stored.account}")
    expect(page.get_by_text("The server does not let this page follow for now")).to_be_visible()
    expect(page.get_by_text("this page goes on.")).to_be_visible()
    assert [later - former > 2 for former, later in pairwise(asked)] == [True, True]
