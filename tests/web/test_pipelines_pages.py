"""Pipelines in the browser, with JavaScript and without it: made, tried, changed, rolled back, deleted."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server, eventually
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.people import ADMIN, MEMBER, READER, STRANGER, make_people
from tests.web.watch import Watch

TEXT = """\
id: {id}
title: Tried by hand
sources:
  - type: http
    name: in
processors:
  - type: parse-json
  - type: filter
    query: NOT meta.level:debug
destinations:
  - type: file
    name: out
    path: {id}.ndjson
"""
HOSTILE = "<script>document.title = 'ran'</script> \x1b[31mred\x1b[0m \u202eevil"


@pytest.fixture(scope="module")
def peopled(site: Server) -> Server:
    if not site.get("/v1/users")["users"]:
        make_people(site)
    return site


def write(page: Page, text: str, press: str) -> None:
    page.get_by_label("Pipeline", exact=True).fill(text)
    page.get_by_role("button", name=press, exact=True).click()


def put(site: Server, pipeline_id: str, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "sources": [{"type": "http", "name": "in"}],
        "destinations": [{"type": "file", "name": "out", "path": f"{pipeline_id}.ndjson"}],
        **more,
    }
    token = {"Authorization": f"Bearer {site.first_start['admin_token']}"}
    answer = httpx.put(f"{site.first_start['url']}/v1/pipelines/{pipeline_id}", json=body, headers=token)
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


def send(site: Server, pipeline_id: str, key: str, lines: str = "a\n") -> int:
    """The status of the answer."""
    url = f"{site.first_start['url']}/v1/pipelines/{pipeline_id}/ingest"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/plain"}
    return httpx.post(url, content=lines, headers=headers).status_code


@pytest.mark.parametrize("javascript", [True, False])
def test_a_pipeline_is_written_checked_saved_and_its_key_works(
    peopled: Server, visit: Visit, watch: Watch, javascript: bool
) -> None:
    pipeline_id = f"by-hand-{str(javascript).lower()}"
    page = visit(peopled, ADMIN, javascript=javascript)
    watch.expect_status(400)
    page.goto("/pipelines")
    page.get_by_role("link", name=re.compile("New pipeline|Make the first one")).first.click()
    wrong = TEXT.format(id=pipeline_id).replace("parse-json", "parse-jsn")
    write(page, wrong, "Save")
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Line 7")
    expect(problem).to_contain_text("Did you mean parse-json?")
    write(page, TEXT.format(id=pipeline_id), "Check")
    expect(page.get_by_role("status")).to_contain_text("Nothing was saved yet")
    page.get_by_role("button", name="Save", exact=True).click()
    key = page.locator(".code pre").first.inner_text().strip()
    assert send(peopled, pipeline_id, key) == 200
    page.get_by_role("link", name="To the pipeline").click()
    status = f"/v1/pipelines/{pipeline_id}"
    eventually(lambda: peopled.get(status)["status"]["destinations"][0]["delivered"] == 1, "delivery")
    page.reload()
    expect(page.locator("svg.wide")).to_contain_text("1 delivered")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tried by hand")


def test_a_line_of_a_problem_leads_to_its_place(peopled: Server, visit: Visit, watch: Watch) -> None:
    page = visit(peopled, ADMIN)
    watch.expect_status(400)
    page.goto("/pipelines/new")
    write(page, TEXT.format(id="placed").replace("parse-json", "parse-jsn"), "Check")
    page.get_by_role("button", name="Line 7").click()
    selected = page.evaluate(
        "[...document.querySelectorAll('#text')].map(t => t.value.slice(t.selectionStart, t.selectionEnd))"
    )
    assert selected == ["  - type: parse-jsn"]


@pytest.mark.parametrize("javascript", [True, False])
def test_pasted_lines_are_followed_and_hostile_ones_stay_text(
    peopled: Server, visit: Visit, javascript: bool
) -> None:
    put(
        peopled,
        "tried",
        processors=[{"type": "parse-json"}, {"type": "filter", "query": "NOT meta.level:debug"}],
    )
    page = visit(peopled, ADMIN, javascript=javascript)
    page.goto("/pipelines/tried/test")
    page.get_by_label("Lines to try").fill('{"level":"debug"}\n' + HOSTILE)
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_role("article", name="Line 1")).to_contain_text("dropped here")
    second = page.get_by_role("article", name="Line 2")
    expect(second).to_contain_text("<script>document.title = 'ran'</script>")
    expect(second).to_contain_text("⟨U+202E⟩")
    expect(second).to_contain_text("out")
    assert "\x1b" not in page.locator("#tried").inner_html()
    assert "ran" not in page.title()


def test_unsaved_text_is_tried_and_nothing_is_kept(peopled: Server, visit: Visit) -> None:
    put(peopled, "unsaved")
    page = visit(peopled, ADMIN)
    page.goto("/pipelines/unsaved/edit")
    text = page.get_by_label("Pipeline", exact=True).input_value()
    page.get_by_label("Lines to try").fill("one line")
    added = "processors:\n  - type: set\n    field: host\n    value: tried\ndestinations:"
    write(page, text.replace("destinations:", added), "Test this text")
    expect(page.get_by_role("article", name="Line 1")).to_contain_text("host tried")
    assert "processors" not in peopled.get("/v1/pipelines/unsaved")["spec"]


def test_saving_over_somebody_elses_version_is_asked_first(peopled: Server, visit: Visit) -> None:
    put(peopled, "shared")
    page = visit(peopled, ADMIN)
    page.goto("/pipelines/shared/edit")
    put(peopled, "shared", title="Theirs")
    text = page.get_by_label("Pipeline", exact=True).input_value() + "title: Mine\n"
    write(page, text, "Save")
    expect(page.get_by_role("alert")).to_contain_text("by first. Nothing was saved")
    assert peopled.get("/v1/pipelines/shared")["title"] == "Theirs"
    page.get_by_label("Write over that version").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mine")
    for who in (ADMIN, READER):  # who may not ask for users is told who did it, too
        seen = visit(peopled, who)
        seen.goto("/pipelines/shared")
        expect(seen.get_by_title("user:")).to_have_text("ada")
        seen.get_by_role("link", name="version 3").click()
        expect(seen.get_by_role("row", name="Version 3")).to_contain_text("ada")
        expect(seen.get_by_role("row", name="Version 2")).to_contain_text("first")


def test_a_saved_secret_stays_where_it_is_null(peopled: Server, visit: Visit) -> None:
    hook = {
        "type": "http",
        "name": "hook",
        "url": "http://127.0.0.1:9/",
        "secrets": {"token": "s3cret-t0ken"},
    }
    put(peopled, "secretive", destinations=[hook])
    page = visit(peopled, ADMIN)
    page.goto("/pipelines/secretive/edit")
    text = page.get_by_label("Pipeline", exact=True).input_value()
    assert "token: null" in text
    assert "s3cret" not in page.content()
    write(page, f"{text}title: Still secret\n", "Save")
    expect(page.get_by_role("status").first).to_contain_text("Saved as version 2")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_pipeline_is_put_together_in_a_form(
    peopled: Server, visit: Visit, watch: Watch, javascript: bool
) -> None:
    pipeline_id = f"form-{str(javascript).lower()}"
    watch.expect_status(400)
    page = visit(peopled, ADMIN, javascript=javascript)
    page.goto("/pipelines/new/form")
    page.get_by_label("Id").fill(pipeline_id)
    page.get_by_label("Title", exact=True).fill("Put together")
    for kind, type_ in (("processor", "set"), ("processor", "filter"), ("destination", "http")):
        page.get_by_label(f"Type of the {kind} to add").select_option(type_)
        page.get_by_role("button", name=f"Add {kind}").click()
    hook = page.get_by_role("group", name="Destination 1: http")
    page.get_by_role("group", name="Processor 2: filter").get_by_label("query").fill("level:error")
    page.get_by_role("button", name="Move processor 2 up").click()
    changing = page.get_by_role("group", name="Processor 2: set")
    changing.get_by_label("field").fill("meta.count")
    changing.get_by_text("more settings").click()
    changing.get_by_label("value").fill("5")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(hook).to_contain_text("needs url, which is missing")
    hook.get_by_label("url").fill("http://127.0.0.1:9/")
    hook.get_by_text("more settings").click()
    hook.get_by_label("token (secret)").fill("s3cret-t0ken")
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("As YAML", exact=True).click()
    expect(page.locator(".code pre")).to_contain_text("token: null")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Key of the pipeline {pipeline_id}")
    spec = peopled.get(f"/v1/pipelines/{pipeline_id}")["spec"]
    assert spec["processors"] == [
        {"type": "filter", "query": "level:error"},
        {"type": "set", "field": "meta.count", "value": 5},
    ]
    assert spec["destinations"][0]["secrets"] == {"token": None}


def test_saving_an_untouched_form_changes_nothing(furnished: Furnished, visit: Visit) -> None:
    for pipeline_id in ("shop", "replay", "copies", "acme-clean"):
        before = furnished.server.get(f"/v1/pipelines/{pipeline_id}")["version"]
        page = visit(furnished.server, ADMIN)
        page.goto(f"/pipelines/{pipeline_id}/form")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("Nothing was changed by this")
        assert furnished.server.get(f"/v1/pipelines/{pipeline_id}")["version"] == before


@pytest.mark.parametrize("javascript", [True, False])
def test_a_version_comes_back(peopled: Server, visit: Visit, javascript: bool) -> None:
    pipeline_id = f"versions-{str(javascript).lower()}"
    put(peopled, pipeline_id, title="First")
    put(peopled, pipeline_id, title="Second")
    page = visit(peopled, ADMIN, javascript=javascript)
    page.goto(f"/pipelines/{pipeline_id}")
    page.get_by_role("link", name="version 2").click()
    expect(page.get_by_role("row").nth(1).get_by_role("cell").last).to_have_text("first")  # an admin token
    page.get_by_role("link", name="Version 1").click()
    expect(page.locator("pre")).to_contain_text("title: First")
    page.get_by_text("Roll back to this…").click()
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("First")
    assert peopled.get(f"/v1/pipelines/{pipeline_id}")["version"] == 3


@pytest.mark.parametrize("javascript", [True, False])
def test_a_new_key_is_shown_once_and_the_former_opens_nothing(
    peopled: Server, visit: Visit, javascript: bool
) -> None:
    pipeline_id = f"keys-{str(javascript).lower()}"
    former = put(peopled, pipeline_id)["keys"]["in"]
    page = visit(peopled, ADMIN, javascript=javascript)
    page.goto(f"/pipelines/{pipeline_id}")
    page.get_by_text("New key…").click()
    page.get_by_role("button", name="Make a new key").click()
    key = page.locator(".code pre").first.inner_text().strip()
    assert [send(peopled, pipeline_id, one) for one in (former, key)] == [401, 200]
    page.goto(f"/pipelines/{pipeline_id}")
    assert key not in page.content()


@pytest.mark.parametrize("javascript", [True, False])
def test_deleting_asks_what_becomes_of_events_that_wait(
    peopled: Server, visit: Visit, watch: Watch, javascript: bool
) -> None:
    pipeline_id = f"doomed-{str(javascript).lower()}"
    key = put(
        peopled, pipeline_id, destinations=[{"type": "http", "name": "away", "url": "http://127.0.0.1:9/"}]
    )["keys"]["in"]
    assert send(peopled, pipeline_id, key) == 200
    watch.expect_status(409)
    page = visit(peopled, ADMIN, javascript=javascript)
    page.goto(f"/pipelines/{pipeline_id}")
    page.get_by_text("Delete the pipeline…").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
    page.get_by_role("button", name="Give these events up and delete").click()
    expect(page.get_by_role("status")).to_contain_text("is deleted")
    assert pipeline_id not in [one["id"] for one in peopled.get("/v1/pipelines")["pipelines"]]


def test_the_flow_has_every_part_in_words_too(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, ADMIN)
    page.goto("/pipelines/shop")
    picture = page.get_by_role("img", name="Flow of the pipeline Web shop, cleaned")
    expect(picture).to_have_count(1)  # the other one is for phones
    expect(picture).to_contain_text("parse-timestamp-2")
    expect(picture.locator("desc")).to_contain_text("away (http): 0 delivered")
    expect(picture.locator(".part.bad")).to_contain_text("failing")
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("svg.tall")).to_be_visible()
    expect(page.locator("svg.wide")).to_be_hidden()


def test_dead_letters_are_read_and_delivered_once_more(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, ADMIN)
    page.goto("/pipelines/acme-clean")
    page.get_by_role("link", name="2 dead letters").click()
    expect(page.locator("table.letters tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Deliver once more").click()
    expect(page.get_by_role("status").first).to_contain_text("2 events will be delivered once more")


def test_a_member_delivers_dead_letters_once_more_and_an_administrator_discards_them(
    peopled: Server, visit: Visit
) -> None:
    redact = {"type": "redact", "regex": [".+"], "replacement": ""}
    account = {"type": "account", "name": "logs", "account": "main"}
    key = put(peopled, "refused", processors=[redact], destinations=[account])["keys"]["in"]
    send(peopled, "refused", key, "\n".join(f"line {number}" for number in range(30)))
    letters = "/v1/pipelines/refused"
    path = "/pipelines/refused/destinations/logs/dead-letters"

    def kept() -> bool:
        return bool(peopled.get(letters)["status"]["destinations"][0]["dead_letters"] == 30)

    eventually(kept, "dead letters")
    page = visit(peopled, MEMBER)
    page.goto(path)
    expect(page.locator("main")).to_contain_text("The oldest 25 of 30")
    expect(page.get_by_text("Discard…")).to_have_count(0)
    page.get_by_role("button", name="Deliver once more").click()
    expect(page.get_by_role("status").first).to_contain_text("30 events will be delivered once more")
    eventually(kept, "them to be refused again")
    page = visit(peopled, ADMIN)
    page.goto(path)
    page.get_by_text("Discard…").click()
    page.get_by_role("button", name="Discard 30 dead letters").click()
    expect(page.get_by_role("status").first).to_contain_text("30 dead letters deleted")
    page.goto(path)
    expect(page.locator("main")).to_contain_text("There are no dead letters")


@pytest.mark.parametrize("who", [MEMBER, READER])
def test_who_may_not_change_a_pipeline_sees_it_without_the_buttons(
    furnished: Furnished, visit: Visit, watch: Watch, who: Any
) -> None:
    page = visit(furnished.server, who)
    page.goto("/pipelines/shop")
    expect(page.get_by_role("heading", name="Web shop, cleaned")).to_be_visible()
    for name in ("Edit as YAML", "Edit as a form", "Test with lines"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    expect(page.get_by_text("Delete the pipeline…")).to_have_count(0)
    expect(page.get_by_text("New key…")).to_have_count(0)
    watch.expect_status(403)
    for path in ("/pipelines/new", "/pipelines/shop/edit", "/pipelines/shop/form", "/pipelines/shop/test"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 403


def test_a_pipeline_of_another_account_is_not_there(furnished: Furnished, visit: Visit, watch: Watch) -> None:
    watch.expect_status(404)
    page = visit(furnished.server, STRANGER)
    page.goto("/pipelines")
    expect(page.locator("main")).not_to_contain_text("Web shop")
    for path in ("/pipelines/shop", "/pipelines/shop/versions", "/pipelines/shop/versions/1"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("main")).not_to_contain_text("Web shop")


def test_counters_go_on_by_themselves_and_a_question_stays_open(
    peopled: Server, visit: Visit, watch: Watch
) -> None:
    key = put(peopled, "followed")["keys"]["in"]
    page = visit(peopled, ADMIN)
    page.goto("/pipelines/followed")
    expect(page.get_by_text("This page follows by itself.")).to_be_visible()
    page.get_by_text("New key…").click()
    assert send(peopled, "followed", key, "one\ntwo") == 200
    destinations = page.get_by_role("group", name="Table of destinations")
    expect(destinations.get_by_role("row").nth(1).get_by_role("cell").nth(3)).to_have_text("2")
    expect(page.get_by_role("button", name="Make a new key")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Make a new key")).to_be_hidden()
    sources = page.get_by_role("group", name="Table of sources")
    page.locator("body").click()
    expect(sources.get_by_role("row").nth(1).get_by_role("cell").nth(2)).to_have_text("2")
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("This page follows by itself.")).to_be_visible()
