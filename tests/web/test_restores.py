"""Restores and restored accounts as people follow, steer and end them."""

from __future__ import annotations

import gzip
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server, eventually
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.people import ADMIN, MEMBER, READER, STRANGER, Person
from tests.web.restoring import Stored, becomes, box, press, stored
from tests.web.watch import Watch

__all__ = ["stored"]

both = pytest.mark.parametrize("javascript", [True, False])
BUTTONS = ["Pause", "Go on", "Try again", "Undo"]
QUESTIONS = ["Abort…", "Extend…", "Delete…"]


def opened(visit: Visit, stored: Stored, path: str, who: Person = ADMIN, *, javascript: bool = True) -> Page:
    page = visit(stored.server, who, javascript=javascript)
    page.goto(path)
    return page


def at_limit(stored: Stored, **wanted: object) -> dict[str, object]:
    paused = stored.restore(limit_lines=50, on_limit="ask", name="asks", **wanted)
    assert (paused["state"], paused["paused_for"]) == ("PAUSED", "limit")
    return paused


@both
def test_one_that_asks_at_its_limit_is_given_more(
    stored: Stored, visit: Visit, watch: Watch, javascript: bool
) -> None:
    restore = at_limit(stored)
    page = opened(visit, stored, f"/archiving/restore/{restore['id']}", javascript=javascript)
    expect(page.get_by_text("It has reached its limit of 50 lines.")).to_be_visible()
    expect(page.get_by_role("link", name="1 restore paused")).to_be_visible()
    watch.expect_status(409)
    box(page, "Lines at most").fill("30")
    press(page, "Go on")
    expect(page.get_by_role("alert")).to_contain_text("has 50 lines")
    box(page, "Lines at most").fill("80")
    press(page, "Go on", javascript=javascript)
    becomes(page, "paused", javascript=javascript)
    expect(page.get_by_text("It has reached its limit of 80 lines.")).to_be_visible()
    box(page, "Lines at most").fill("")
    press(page, "Go on", javascript=javascript)
    becomes(page, "active", javascript=javascript)
    assert stored.now(restore)["lines"] == 120
    done = page.get_by_role("table", name="Who did what")
    expect(
        done.get_by_role("row", name="had it go on, with no limit of lines").get_by_title("user:")
    ).to_have_text("ada")


@both
def test_one_that_asks_at_its_limit_is_ended_and_kept(stored: Stored, visit: Visit, javascript: bool) -> None:
    restore = at_limit(stored)
    page = opened(visit, stored, f"/archiving/restore/{restore['id']}", javascript=javascript)
    press(page, "End it, and keep what came", javascript=javascript)
    becomes(page, "active, in part", javascript=javascript)
    expect(page.get_by_text("so there is more in the archive")).to_be_visible()
    assert stored.now(restore)["lines"] == 50


@both
@pytest.mark.parametrize(("choice", "word"), [("keep it", "active, in part"), ("throw it away", "aborted")])
def test_an_abort_asks_what_becomes_of_what_has_come(
    stored: Stored, visit: Visit, javascript: bool, choice: str, word: str
) -> None:
    restore = at_limit(stored)
    page = opened(visit, stored, f"/archiving/restore/{restore['id']}", javascript=javascript)
    page.get_by_text("Abort…").click()
    page.get_by_label(choice).check()
    press(page, "Abort the restore", javascript=javascript)
    becomes(page, word, javascript=javascript)
    said = "ended it, and kept what came" if word != "aborted" else "aborted it"
    expect(page.get_by_role("table", name="Who did what")).to_contain_text(said)


@both
def test_a_damaged_object_fails_it_and_it_is_made_again_past_the_damage(
    stored: Stored, visit: Visit, watch: Watch, javascript: bool
) -> None:
    spoiled = stored.objects()[1]
    spoiled.write_bytes(spoiled.read_bytes()[:200] + b"garbage" * 50)
    failed = stored.restore(name="over the damage", reason="INC-9")
    page = opened(visit, stored, f"/archiving/restore/{failed['id']}", javascript=javascript)
    becomes(page, "failed", javascript=javascript)
    expect(page.locator(".notice.bad")).to_contain_text(spoiled.name)
    press(page, "Try again")
    eventually(lambda: stored.now(failed)["state"] == "FAILED", "it to fail again")
    becomes(page, "failed", javascript=javascript)
    expect(page.get_by_role("table", name="Who did what")).to_contain_text("had it tried again")

    page.get_by_role("link", name="Restore again…").click()
    expect(box(page, "Name")).to_have_value("over the damage")
    expect(box(page, "Why")).to_have_value("INC-9")
    page.get_by_text("Limits, damaged objects").click()
    page.get_by_label("Pass over what cannot be read").check()
    press(page, "Plan it")
    press(page, "Start", javascript=javascript)
    becomes(page, "active", javascript=javascript)
    problems = page.get_by_role("table", name="Objects and lines that did not fit")
    expect(problems).to_contain_text(spoiled.name)
    expect(page.get_by_text("1 object could not be read")).to_be_visible()


def test_lines_that_fit_no_schema_are_reported_and_stay_text(stored: Stored, visit: Visit) -> None:
    other = stored.folder.parent / "other" / "year=2026" / "month=05" / "day=06"
    other.mkdir(parents=True)
    lines = [
        '{"_ts":1778050800000,"_line":"fits"}',
        '{"_line":"<script>alert(1)</script> \u202eno time"}',
        '{"_ts":1778050801000,"_host":"only-a-host"}',
        "<b>no JSON</b>",
    ]
    (other / f"{stored.account}.2026-05-06.0700.json.gz").write_bytes(
        gzip.compress("\n".join(lines).encode())
    )
    stored.server.post(
        "/v1/archives",
        {
            "account": stored.account,
            "id": f"{stored.account}-other",
            "provider": "folder",
            "options": {"path": str(stored.folder.parent / "other")},
        },
    )
    restore = stored.restore(archive=f"{stored.account}-other", skip_damaged=True)
    page = opened(visit, stored, f"/archiving/restore/{restore['id']}")
    becomes(page, "active")
    told = page.get_by_role("table", name="Objects and lines that did not fit")
    expect(told).to_contain_text("<script>alert(1)</script>")
    expect(told).to_contain_text("⟨U+202E⟩")
    expect(told).to_contain_text("<b>no JSON</b>")
    expect(page.get_by_text("without text came")).to_be_visible()
    assert page.locator("main script, main td b").count() == 0


@both
def test_a_restored_account_is_extended_deleted_and_brought_back(
    stored: Stored, visit: Visit, watch: Watch, javascript: bool
) -> None:
    restore = stored.restore(name="stays a while", expiry_s="1d")
    page = opened(visit, stored, f"/restored-accounts?account={stored.account}", javascript=javascript)
    row = page.get_by_role("row", name="stays a while")
    expect(row).to_contain_text("in 23 h 59 min")
    row.get_by_text("Extend…").click()
    row.get_by_label("Keep it, from now on, for").fill("soon")
    watch.expect_status(400)
    row.get_by_role("button", name="Keep it for longer").click()
    expect(page.get_by_role("alert")).to_contain_text("expiry_s is 'soon'")
    page.goto(f"/restored-accounts?account={stored.account}")
    row.get_by_text("Extend…").click()
    row.get_by_label("Keep it, from now on, for").fill("30d")
    row.get_by_role("button", name="Keep it for longer").click()
    expect(page.get_by_role("status").first).to_have_text("The restored account is kept for longer.")
    expect(row).to_contain_text("in 29 d 23 h")

    row.get_by_text("Delete…").click()
    row.get_by_role("button", name="Delete the restored account").click()
    expect(page.get_by_role("status").first).to_contain_text("For an hour it can be brought back.")
    expect(row).to_contain_text("deleted")
    expect(row.get_by_role("link", name="Search")).to_have_count(0)
    assert stored.server.http.get("/v1/search", params={"account": restore["account"]}).status_code == 404
    row.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("active")
    assert len(stored.server.lines(account=restore["account"])) == 120


def test_a_deleted_one_is_brought_back_from_its_own_page(stored: Stored, visit: Visit) -> None:
    restore = stored.restore(name="gone")
    stored.server.http.delete(f"/v1/restores/{restore['id']}")
    page = opened(visit, stored, f"/archiving/restore/{restore['id']}")
    expect(page.get_by_text("Its account was deleted. For an hour it can be brought back.")).to_be_visible()
    press(page, "Undo")
    becomes(page, "active")


def test_the_history_is_filtered_and_turned_page_by_page(stored: Stored, visit: Visit) -> None:
    for number in range(52):
        stored.server.post(
            "/v1/restores",
            {
                "account": stored.account,
                "name": f"number {number}",
                "reason": "odd" if number % 2 else "even",
                "query": "nothing",
                "from": "2020-01-01T00:00Z",
                "to": "2020-01-02T00:00Z",
            },
        )
    page = opened(visit, stored, f"/archiving/restore?account={stored.account}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("number 0")
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(50)
    page.get_by_label("Name or reason").fill("NUMBER 5")
    press(page, "Filter")
    expect(rows).to_have_count(3)  # 5, 50 and 51
    page.get_by_label("State").select_option("FAILED")
    press(page, "Filter")
    expect(page.get_by_text("No restore is like that")).to_be_visible()
    expect(page).to_have_url(re.compile("text=NUMBER.5&state=FAILED"))
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_label("Name or reason")).to_have_value("")


def test_a_reader_follows_and_steers_nothing(site: Server, visit: Visit, watch: Watch) -> None:
    watch.expect_status(403)
    made = site.restore(account="main", name="to look at", **{"from": "-2h", "to": "now"})
    page = visit(site, READER)
    page.goto(f"/archiving/restore/{made['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("to look at")
    expect(page.get_by_role("link", name="Search its lines")).to_be_visible()
    for name in BUTTONS:
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    for text in (*QUESTIONS, "Restore again…"):
        expect(page.get_by_text(text)).to_have_count(0)
    page.goto("/restored-accounts")
    expect(page.get_by_role("row", name="to look at")).to_be_visible()
    for text in QUESTIONS:
        expect(page.get_by_text(text)).to_have_count(0)
    # A form that he builds himself is refused as well.
    page.evaluate(
        """(path) => {
            const form = document.createElement('form');
            form.method = 'post'; form.action = path;
            const token = document.createElement('input');
            token.name = 'csrf_token'; token.value = document.querySelector('meta[name=csrf-token]').content;
            form.append(token); document.body.append(form); form.submit();
        }""",
        f"/archiving/restore/{made['id']}/delete",
    )
    expect(page.get_by_text("needs the role member")).to_be_visible()
    assert site.get(f"/v1/restores/{made['id']}")["state"] == "ACTIVE"


def test_a_member_steers_what_is_of_their_accounts_and_a_stranger_finds_nothing(
    site: Server, visit: Visit, watch: Watch
) -> None:
    watch.expect_status(404)
    made = site.restore(account="main", name="of main alone", **{"from": "-2h", "to": "now"})
    page = visit(site, MEMBER)
    page.goto(f"/archiving/restore/{made['id']}")
    page.get_by_text("Delete…").click()
    press(page, "Delete the restored account")
    becomes(page, "deleted")
    other = visit(site, STRANGER)
    gone = other.goto(f"/archiving/restore/{made['id']}")
    assert gone is not None
    assert gone.status == 404
    nowhere = other.goto("/archiving/restore/0123456789ab")
    assert nowhere is not None
    assert nowhere.status == 404
    other.goto("/archiving/restore?text=of+main")
    expect(other.get_by_text("of main alone")).to_have_count(0)


def test_the_report_names_what_was_missing_and_leads_there(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server, READER)
    page.goto(f"/archiving/restore/{furnished.restores['what can be read']}")
    missing = page.get_by_role("region", name="What the archive lacks of the range").get_by_role("listitem")
    missing = missing.filter(has_text="there is a manifest for this object, but no object")
    expect(missing).to_contain_text("Missing")
    missing.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("to")
    expect(page.get_by_text("It is not in the bucket.")).to_be_visible()


def test_the_report_says_that_no_gap_is_known(stored: Stored, visit: Visit) -> None:
    restore = stored.restore(
        name="complete", **{"from": "2026-04-05T08:00:00Z", "to": "2026-04-05T09:00:00Z"}
    )
    page = opened(visit, stored, f"/archiving/restore/{restore['id']}")
    expect(page.get_by_role("region", name="Report")).to_contain_text("none are known")
