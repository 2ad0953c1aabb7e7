"""A new restore as people make one: the form, the plan, the start, and what can be wrong with each."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY
from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.people import MEMBER, READER, STRANGER
from tests.web.restoring import DAY, Stored, becomes, box, fill_in, press, stored
from tests.web.watch import Watch

__all__ = ["stored"]

HOSTILE = "<img src=x onerror=alert(1)> \x1b[31mred\x1b[0m \u202eevil\u202c \x00 end"
both = pytest.mark.parametrize("javascript", [True, False])


@both
def test_a_stretch_is_planned_changed_started_and_searched(
    stored: Stored, visit: Visit, javascript: bool
) -> None:
    page = visit(stored.server, javascript=javascript)
    page.goto("/archiving/restore")
    page.get_by_role("link", name="New restore").first.click()
    said = {"Name": "night of the 6th", "Why": "INC-7", "Query": "level:error", "Expires after": "3d"}
    fill_in(page, stored, **said)
    press(page, "Plan it")
    expect(page.get_by_role("heading", level=1)).to_have_text("The plan of night of the 6th")
    expect(page.locator("dl.figures")).to_contain_text("Objects3")
    expect(page.locator("dl.facts").first).to_contain_text("an account of its own, for 3 d")
    expect(page.locator("dl.figures")).to_contain_text("Timeunder a second")
    expect(page.locator(".sample li").first).to_contain_text("broken 7-")
    assert stored.server.get("/v1/restores", account=stored.account)["restores"] == []

    press(page, "Change")
    expect(box(page, "Name")).to_have_value("night of the 6th")
    expect(box(page, "Query")).to_have_value("level:error")
    expect(box(page, "Expires after")).to_have_value("3d")
    expect(page.get_by_label("Archive of an account")).to_have_value(stored.account)
    box(page, "Query").fill("level:error -broken")
    press(page, "Plan it")
    expect(page.get_by_text("None of 120 lines that were looked at matches")).to_have_count(2)
    press(page, "Change")
    box(page, "Query").fill("level:error")
    press(page, "Plan it")
    press(page, "Start", javascript=javascript)

    becomes(page, "active", javascript=javascript)
    expect(page.get_by_role("heading", level=1)).to_have_text("night of the 6th")
    expect(page.locator(".page-head")).to_contain_text("INC-7")
    expect(page.locator("dl.facts").first).to_contain_text("12,")
    expect(page.get_by_role("table", name="Who did what")).to_contain_text("ada")
    page.get_by_role("link", name="Search its lines").click()
    expect(page).to_have_url(re.compile(r"/logs\?account=r-night-of-the-6th"))
    expect(page.locator("main")).to_contain_text("broken 7-0")
    page.goto(f"/archiving/restore?account={stored.account}")
    row = page.get_by_role("row", name="night of the 6th")
    expect(row).to_contain_text(re.compile("active.*12.*ada", re.DOTALL))


@both
def test_two_clicks_in_the_calendar_choose_days_and_keep_what_was_written(
    stored: Stored, visit: Visit, javascript: bool
) -> None:
    stored.send(3, ["later"])
    page = visit(stored.server, javascript=javascript)
    page.goto(f"/archiving/restore/new?account={stored.account}")
    expect(page.get_by_role("table", name="May 2026")).to_be_visible()
    box(page, "Name").fill("kept while choosing")
    press(page, "The month before")
    expect(page.get_by_role("table", name="April 2026")).to_be_visible()
    press(page, "The month after")
    page.locator('button[value="2026-05-07"]').click()
    expect(box(page, "From")).to_have_value("2026-05-07T00:00Z")
    page.locator('button[value="2026-05-06"]').click()
    expect(box(page, "From")).to_have_value("2026-05-06T00:00Z")
    expect(box(page, "To")).to_have_value("2026-05-08T00:00Z")
    expect(box(page, "Name")).to_have_value("kept while choosing")
    expect(page.get_by_role("img", name="120 archived lines between 2026-05-06 00:00")).to_be_visible()
    press(page, "Last 24 hours")
    expect(page.get_by_text("The archive has nothing of this range")).to_be_visible()


def test_another_range_is_drawn_without_a_new_page(stored: Stored, visit: Visit) -> None:
    page = visit(stored.server)
    page.goto(f"/archiving/restore/new?account={stored.account}")
    page.evaluate("window.untouched = true")
    box(page, "From").fill(f"{DAY}T08:00Z")
    box(page, "To").fill(f"{DAY}T09:00Z")
    box(page, "Why").focus()
    expect(page.get_by_role("img", name="40 archived lines")).to_be_visible()
    assert page.evaluate("window.untouched") is True


def test_what_the_archive_lacks_is_told_before_the_plan_with_it_and_in_the_report(
    stored: Stored, visit: Visit
) -> None:
    stored.send(8, ["late, so it waits"])
    page = visit(stored.server)
    page.goto(f"/archiving/restore/new?account={stored.account}")
    fill_in(page, stored)
    box(page, "Why").focus()
    told = page.locator(".told")
    expect(told).to_contain_text(f"Nothing of 2 hours: {DAY} 09:00:00 to {DAY} 11:00:00")
    expect(told).to_contain_text("1 line waits to be archived")
    press(page, "Plan it")
    remarks = page.locator("main .notice")
    expect(
        remarks.filter(has_text="The archive has gaps in this range: it has nothing of 2 hours")
    ).to_be_visible()
    expect(remarks.filter(has_text="1 line waits to be archived and cannot be restored yet")).to_be_visible()
    press(page, "Start")
    report = page.get_by_role("region", name="What the archive lacks of the range")
    expect(report).to_contain_text(f"Nothing of 2 hours: {DAY} 09:00:00 to {DAY} 11:00:00")


def test_a_plan_of_nothing_says_so_and_cannot_be_started(stored: Stored, visit: Visit) -> None:
    page = visit(stored.server)
    page.goto(f"/archiving/restore/new?account={stored.account}&from=2020-01-01T00:00Z&to=2020-01-02T00:00Z")
    expect(page.get_by_text("The archive has nothing of this range: it goes from")).to_be_visible()
    press(page, "Plan it")
    expect(page.get_by_text("There is nothing to read")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_have_count(0)


@both
def test_a_mistake_in_the_query_is_shown_at_its_column(
    stored: Stored, visit: Visit, watch: Watch, javascript: bool
) -> None:
    watch.expect_status(400)
    page = visit(stored.server, javascript=javascript)
    page.goto("/archiving/restore/new")
    fill_in(page, stored, Name="kept", Query="level:error AND (status:>=500")
    press(page, "Plan it")
    expect(page.get_by_role("alert")).to_contain_text("column 30")
    expect(box(page, "Query")).to_be_focused()
    expect(box(page, "Query")).to_have_value("level:error AND (status:>=500")
    expect(page.locator("pre.caret")).to_have_text(re.compile(r"level:error AND \(status:>=500\s+▲"))
    expect(box(page, "Name")).to_have_value("kept")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"From": "yesterday"}, "'yesterday' is not a point in time"),
        ({"From": "2026-05-08T00:00Z"}, "not after its start"),
        ({"Expires after": "900d"}, "366 days"),
        ({"Text at most": "much"}, "limit_bytes is 'much'"),
        ({"Lines at most": "many"}, "limit_lines is 'many'"),
        ({"Tell by mail when it ends": "nobody"}, "notify_email cannot be used"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_lost(
    stored: Stored, visit: Visit, watch: Watch, fields: dict[str, str], told: str
) -> None:
    watch.expect_status(400)
    page = visit(stored.server)
    page.goto("/archiving/restore/new")
    page.get_by_text("Limits, damaged objects").click()
    fill_in(page, stored, **{"Name": "kept", **fields})
    press(page, "Plan it")
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(box(page, "Name")).to_have_value("kept")
    label, text = next(iter(fields.items()))
    expect(box(page, label)).to_have_value(text)


def test_a_bucket_that_is_gone_is_told_with_what_to_do(
    stored: Stored, visit: Visit, watch: Watch, moto_s3: str
) -> None:
    watch.expect_status(502)
    stored.server.post(
        "/v1/archives",
        {
            "account": stored.account,
            "id": f"{stored.account}-s3",
            "provider": "s3-compatible",
            "options": {"bucket": "was-deleted", "endpoint": moto_s3, "access_key_id": ACCESS_KEY},
            "secrets": {"secret_access_key": SECRET_KEY},
            "untested": True,
        },
    )
    page = visit(stored.server)
    page.goto(f"/archiving/restore/new?archive={stored.account}-s3")
    fill_in(page, stored, Name="kept")
    page.get_by_label("Archive of an account").select_option(f"{stored.account}/{stored.account}-s3")
    press(page, "Plan it")
    expect(page.get_by_role("alert")).to_contain_text("was-deleted")
    expect(box(page, "Name")).to_have_value("kept")
    # The other archive of the account is not the worse for it.
    page.get_by_label("Archive of an account").select_option(f"{stored.account}/{stored.account}")
    press(page, "Plan it")
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_objects_that_are_gone_are_missed(stored: Stored, visit: Visit) -> None:
    shutil.rmtree(stored.folder)
    page = visit(stored.server)
    page.goto(f"/archiving/restore/new?account={stored.account}")
    fill_in(page, stored, Name="kept")
    press(page, "Plan it")
    expect(
        page.get_by_text("120 lines of this range were archived, but the archive's place has no")
    ).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_have_count(0)


def test_hostile_lines_are_text_in_the_plan(stored: Stored, visit: Visit) -> None:
    stored.send(9, [HOSTILE], host="<b>host</b>", app="\u202eapp")
    stored.seal()
    page = visit(stored.server)
    page.goto("/archiving/restore/new")
    fill_in(page, stored, Name="</title><script>alert(2)</script>", Query='host:"<b>host</b>"')
    press(page, "Plan it")
    line = page.locator(".sample li")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("<img src=x onerror=alert(1)>")
    expect(line).to_contain_text("<b>host</b>")
    assert page.locator("main img, main script").count() == 0
    expect(page).to_have_title(re.compile("Plan of a restore"))
    press(page, "Start")
    becomes(page, "active")
    expect(page.get_by_role("heading", level=1)).to_have_text("</title><script>alert(2)</script>")


def into_files(page: Page, folder: str, *, javascript: bool) -> None:
    page.get_by_label("Write files").check()
    page.get_by_label("Where", exact=True).select_option("folder")
    if not javascript:
        press(page, "Show its fields")
    page.locator('[name="files.option.path"]').fill(folder)


@both
def test_an_administrator_writes_files(stored: Stored, visit: Visit, javascript: bool) -> None:
    out = stored.folder.parent / f"out-{javascript}"
    page = visit(stored.server, javascript=javascript)
    page.goto("/archiving/restore/new")
    fill_in(page, stored, Name="for the auditor")
    into_files(page, str(out), javascript=javascript)
    press(page, "Plan it")
    expect(page.locator("dl.facts").first).to_contain_text("files: ndjson.gz, folder")
    press(page, "Start", javascript=javascript)
    becomes(page, "done", javascript=javascript)
    assert len(list(out.rglob("*.ndjson.gz"))) == 1
    expect(page.locator("dl.facts").first).to_contain_text("1 file below")


def main_archive(site: Server) -> str:
    return str(site.get("/v1/archives", account="main")["archives"][0]["id"])


def test_a_member_restores_in_their_accounts_but_writes_no_files(site: Server, visit: Visit) -> None:
    page = visit(site, MEMBER)
    page.goto("/archiving/restore/new")
    options = page.get_by_label("Archive of an account").locator("option").all_inner_texts()
    assert options
    assert all(text.startswith("main:") for text in options)
    expect(page.get_by_label("Write files")).to_have_count(0)
    page.get_by_text("Limits, damaged objects").click()
    expect(page.get_by_label("Also read a place whose marker")).to_have_count(0)


def test_a_reader_makes_none(site: Server, visit: Visit, watch: Watch) -> None:
    watch.expect_status(403)
    page = visit(site, READER)
    page.goto("/archiving/restore")
    expect(page.get_by_role("heading", level=1)).to_have_text("Restore")
    expect(page.get_by_role("link", name="New restore")).to_have_count(0)
    assert page.goto("/archiving/restore/new").status == 403  # type: ignore[union-attr]


def test_a_link_to_an_archive_of_others_tells_nothing_of_it(site: Server, visit: Visit) -> None:
    page = visit(site, STRANGER)
    page.goto(f"/archiving/restore/new?archive={main_archive(site)}&account=main")
    options = page.get_by_label("Archive of an account").locator("option").all_inner_texts()
    assert all(text.startswith("acme:") for text in options)
