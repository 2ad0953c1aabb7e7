"""Archiving > Browse, as people use it: from a month down to an object, and back up to what can be done."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, aws_client, make_bucket
from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.people import MEMBER, READER, STRANGER, Person
from tests.web.watch import Watch

DAY = "2026-04-05"
KEY = "year=2026/month=04/day=05/{account}.2026-04-05.0700.json.gz"


@dataclass(frozen=True)
class Kept:
    """An archive with lines of one hour, in the account that the member may see."""

    server: Server
    archive: str
    folder: Path
    home: str

    def send(self, *texts: str) -> None:
        lines = [f'{{"time":"{DAY}T07:00:{n:02d}Z","msg":"{text}"}}' for n, text in enumerate(texts)]
        answer = self.server.send(lines, host="web-1")
        assert answer.status_code == 200, answer.text

    def seal(self) -> None:
        answer = self.server.post(f"/v1/archives/{self.archive}/seal", {"now": True})
        assert answer["failed"] == []


@pytest.fixture
def kept(site: Server, tmp_path: Path) -> Iterator[Kept]:
    """An archive for this test, beside the account's others while it lasts."""
    archive = f"kept-{secrets.token_hex(4)}"
    site.http.patch("/v1/accounts/main", json={"match": "all"})
    site.post(
        "/v1/archives",
        {
            "account": "main",
            "id": archive,
            "title": "Kept <b>lines</b>",
            "provider": "folder",
            "options": {"path": str(tmp_path / "kept")},
            "start": True,
        },
    )
    made = Kept(site, archive, tmp_path / "kept", f"/archiving/browse/{archive}")
    made.send("first", "second <script>alert(1)</script>", "third")
    made.seal()
    yield made
    site.http.delete(f"/v1/archives/{archive}", params={"discard": "true"})


@pytest.mark.parametrize("javascript", [True, False])
def test_a_month_opens_to_a_day_to_an_hour_and_shows_its_lines(
    kept: Kept, visit: Visit, javascript: bool
) -> None:
    page = visit(kept.server, javascript=javascript)
    page.goto(kept.home)
    expect(page.get_by_role("heading", level=1)).to_have_text("Kept <b>lines</b>")
    expect(page.get_by_role("table", name="April 2026")).to_be_visible()
    page.get_by_role("link", name="5 April 2026").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday, 2026-04-05")
    expect(page.locator("tr", has_text="07:00")).to_contain_text("archived")
    page.get_by_role("link", name="07:00").click()
    lines = page.locator(".first-lines li")
    expect(lines).to_have_count(3)
    expect(lines.nth(1)).to_contain_text("second <script>alert(1)</script>")
    expect(page.locator("dl")).to_contain_text(["SHA-256"])
    expect(page.get_by_role("link", name="Search this hour")).to_have_attribute(
        "href", f"/logs?archive={kept.archive}&from={DAY}T07%3A00%3A00Z&to={DAY}T08%3A00%3A00Z"
    )
    expect(page.get_by_role("link", name="Restore this hour")).to_have_attribute(
        "href",
        f"/archiving/restore/new?archive={kept.archive}&from={DAY}T07%3A00%3A00Z&to={DAY}T08%3A00%3A00Z",
    )
    page.get_by_role("link", name=DAY, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday, 2026-04-05")


def test_months_are_turned_and_found_by_the_years_strip(kept: Kept, visit: Visit) -> None:
    page = visit(kept.server, READER)
    page.goto(kept.home)
    page.get_by_role("link", name="The month before").click()
    expect(page.get_by_role("table", name="March 2026")).to_be_visible()
    expect(page.get_by_text("March 2026: nothing.")).to_be_visible()
    page.get_by_role("navigation", name="Years and months").get_by_role("link", name="Apr").click()
    expect(page.get_by_text("April 2026: 3 lines archived in 1 object")).to_be_visible()


def test_the_calendar_can_be_used_with_the_keyboard_alone(kept: Kept, visit: Visit) -> None:
    page = visit(kept.server)
    page.goto(kept.home)
    page.get_by_role("link", name="The month after").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="5 April 2026")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday, 2026-04-05")


@pytest.mark.parametrize("javascript", [True, False])
def test_an_archive_is_picked_from_the_list(furnished: Furnished, visit: Visit, javascript: bool) -> None:
    page = visit(furnished.server, javascript=javascript)
    page.goto("/archiving/browse/main")
    page.get_by_label("Archive", exact=True).select_option("errors")
    if not javascript:
        page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{furnished.url}/archiving/browse/errors")
    expect(page.get_by_role("heading", level=1)).to_have_text("Errors on the old disk")


def test_late_lines_wait_until_somebody_has_them_written(kept: Kept, visit: Visit) -> None:
    kept.send("late")
    page = visit(kept.server, MEMBER)
    page.goto(f"{kept.home}/{DAY}/07")
    expect(page.get_by_text("1 line waiting")).to_be_visible()
    page.get_by_role("button", name="Write what waits now").click()
    expect(page.get_by_role("status")).to_have_text("1 lines were written into the archive.")
    expect(page).to_have_url(f"{kept.server.first_start['url']}{kept.home}/{DAY}/07")
    rows = page.get_by_role("table", name="Objects of the hour").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("late or further")
    rows.nth(1).get_by_role("link").first.click()
    expect(page.get_by_text("one of 2 objects of the hour")).to_be_visible()
    page.get_by_role("link", name="main.2026-04-05.0700.json.gz").click()
    expect(page.locator(".first-lines li")).to_have_count(3)


def test_a_verify_tells_what_went_missing(kept: Kept, visit: Visit) -> None:
    page = visit(kept.server, MEMBER)
    page.goto(kept.home)
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_role("status")).to_contain_text("Verified. 1 object, 3 lines: all as it should be.")
    expect(page.get_by_role("link", name="5 April 2026")).to_contain_text("verified")
    (kept.folder / KEY.format(account="main")).unlink()
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_role("status")).to_contain_text("The verify found something wrong.")
    expect(page.get_by_role("link", name="5 April 2026")).to_contain_text("something is missing")
    expect(page.get_by_text("there is a manifest for this object, but no object")).to_be_visible()
    page.get_by_role("link", name="2026-04-05 07:00").click()
    expect(page.get_by_text("It is not in the bucket.")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)


@pytest.mark.parametrize("page_of", ["/archiving/browse/{}", "/archiving/settings/{}"])
def test_a_verify_that_takes_long_says_what_it_does_and_since_when(
    kept: Kept, visit: Visit, page_of: str
) -> None:
    page = visit(kept.server, MEMBER)
    page.goto(page_of.format(kept.home.rpartition("/")[2]))
    # The answer never comes: Playwright looks at no page that waits for one.
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
    button = page.get_by_role("button", name="Verify now")
    button.click()
    told = page.get_by_role("status").filter(has_text="Every object is read, which may take minutes.")
    expect(told).to_contain_text(re.compile(r"[1-9] s so far"))
    expect(button).to_be_disabled()


def test_an_object_is_downloaded_as_it_is(kept: Kept, visit: Visit) -> None:
    page = visit(kept.server, MEMBER)
    page.goto(f"{kept.home}/{DAY}/07")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    file = started.value
    assert file.suggested_filename == "main.2026-04-05.0700.json.gz"
    stored = Path(file.path()).read_bytes()
    assert stored == (kept.folder / KEY.format(account="main")).read_bytes()
    texts = [json.loads(json.loads(line)["_line"])["msg"] for line in gzip.decompress(stored).splitlines()]
    assert texts == ["first", "second <script>alert(1)</script>", "third"]


def test_who_may_only_read_sees_no_buttons(kept: Kept, visit: Visit) -> None:
    page = visit(kept.server, READER)
    for path in (kept.home, f"{kept.home}/{DAY}/07"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for name in ("Verify now", "Write what waits now"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.get_by_role("link", name="Download")).to_have_count(0)
    expect(page.locator(".first-lines li")).to_have_count(3)


@pytest.mark.parametrize("path", ["", "/2026-04-05", "/2026-04-05/07", f"/object?key={KEY}"])
def test_who_may_not_see_the_account_is_told_of_nothing(
    kept: Kept, visit: Visit, watch: Watch, path: str
) -> None:
    watch.expect_status(404)
    told = [_told(visit, kept.server, who, home + path.format(account="main")) for who, home in (
        (STRANGER, kept.home),
        (STRANGER, "/archiving/browse/never-was"),
    )]  # fmt: skip
    assert told[0].replace(kept.archive, "never-was") == told[1]


def _told(visit: Visit, server: Server, who: Person, path: str) -> str:
    page = visit(server, who)
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 404
    return page.locator("main").inner_text()


@pytest.mark.parametrize(
    "path",
    ["/2026-04-31", "/2026-04-05/24", "/2026-04-05/7", "?month=2026-13", "/object", "/object?key=../x"],
)
def test_what_is_no_page_says_so(kept: Kept, visit: Visit, watch: Watch, path: str) -> None:
    watch.expect_status(404)
    watch.expect_status(400)
    page = visit(kept.server)
    answer = page.goto(kept.home + path)
    assert answer is not None
    assert answer.status in (400, 404)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_another_systems_objects_are_found_by_their_keys(furnished: Furnished, visit: Visit) -> None:
    page: Page = visit(furnished.server)
    page.goto("/archiving/browse/old-datadog")
    expect(page.get_by_text("another system's archive, which is only read")).to_be_visible()
    expect(page.get_by_role("button", name="Verify now")).to_have_count(0)
    day = furnished.site.at(48)
    page.goto(f"/archiving/browse/old-datadog/{day[:10]}/{day[11:13]}")
    expect(page.locator(".first-lines li").first).to_contain_text("rendered page 0")
    expect(page.get_by_text("no manifest")).to_have_count(0)


@pytest.mark.parametrize("archive", ["checkout", "payments"])
def test_objects_in_other_peoples_buckets_are_looked_into_and_downloaded(
    furnished: Furnished, visit: Visit, archive: str
) -> None:
    one = furnished.site.get(f"/v1/archives/{archive}/objects")["objects"][0]
    page = visit(furnished.server, MEMBER)
    page.goto(f"/archiving/browse/{archive}/{one['hour'][:10]}/{one['hour'][11:13]}")
    expect(page.locator(".object")).to_contain_text("readable")
    expect(page.locator(".first-lines li")).to_have_count(min(20, one["lines"]))
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    stored = Path(started.value.path()).read_bytes()
    assert hashlib.sha256(stored).hexdigest() == one["sha256"]


def test_an_object_in_cold_storage_is_told_and_not_thawed(site: Server, visit: Visit, moto_s3: str) -> None:
    name = f"cold-{secrets.token_hex(4)}"
    key = site.post("/v1/accounts", {"name": name, "archive": "none"})["ingest_key"]
    bucket = make_bucket(moto_s3)
    site.post(
        "/v1/archives",
        {
            "account": name,
            "id": name,
            "provider": "s3",
            "options": {
                "bucket": bucket,
                "endpoint": moto_s3,
                "access_key_id": ACCESS_KEY,
            },
            "secrets": {"secret_access_key": SECRET_KEY},
            "start": True,
        },
    )
    answer = site.http.post(
        "/v1/ingest",
        content=f'{{"time":"{DAY}T07:00:00Z","msg":"frozen"}}',
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 200
    assert site.post(f"/v1/archives/{name}/seal", {"now": True})["failed"] == []
    s3, stored = aws_client("s3", moto_s3), {"Bucket": bucket, "Key": KEY.format(account=name)}
    s3.copy_object(**stored, CopySource=stored, StorageClass="GLACIER")  # as a rule of the bucket does
    page = visit(site)
    page.goto(f"/archiving/browse/{name}/{DAY}/07")
    expect(page.get_by_text("It is in cold storage (GLACIER).")).to_be_visible()
    expect(page.locator("dl").last).to_contain_text("SHA-256")
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    expect(page.locator(".first-lines")).to_have_count(0)
    assert "Restore" not in s3.head_object(**stored)
    site.http.delete(f"/v1/accounts/{name}", params={"discard": "true"})


@pytest.mark.parametrize("javascript", [True, False])
def test_an_hour_is_searched_and_restored_from_where_it_is_seen(
    kept: Kept, visit: Visit, javascript: bool
) -> None:
    page = visit(kept.server, MEMBER, javascript=javascript)
    page.goto(f"{kept.home}/{DAY}/07")
    page.get_by_role("link", name="Search this hour").click()
    if not javascript:
        page.get_by_role("link", name="Search the archive").click()
    expect(page.get_by_text("second <script>alert(1)</script>").first).to_be_visible()
    page.goto(f"{kept.home}/{DAY}/07")
    page.get_by_role("link", name="Restore this hour").click()
    expect(page.locator('[name="from"]')).to_have_value(re.compile(rf"^{DAY}[T ]07:00"))
    expect(page.locator('[name="to"]')).to_have_value(re.compile(rf"^{DAY}[T ]08:00"))
