"""Archiving > Archive settings: an archive is set up with whoever keeps it, what goes wrong, its switches."""

from __future__ import annotations

import gzip
import json
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from logkeep.archive.layout import marker_key
from logkeep.archive.marker import Marker, encode
from logkeep.storage.base import JSON
from logkeep.storage.folder import FolderBucket
from tests.contract.azure_servers import ACCOUNT, ACCOUNT_KEY, Azurite
from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, GuardedS3, make_bucket
from tests.e2e.server import Server
from tests.web.accessible import assert_accessible
from tests.web.conftest import Visit
from tests.web.furnished import Furnished
from tests.web.people import ADMIN, MEMBER, READER, STRANGER, make_people
from tests.web.watch import Watch

HOUR = "2026-04-05T07"
WRONG = "wrong-secret-of-forty-characters-or-so-0"
READ_ONLY = [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]


class Account:
    """An account of its own, without an archive."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = f"a-{secrets.token_hex(4)}"
        self.key = server.post("/v1/accounts", {"name": self.name, "archive": "none"})["ingest_key"]

    def send(self, *texts: str) -> None:
        lines = [f'{{"time":"{HOUR}:{n:02d}:00Z","msg":"{text}"}}' for n, text in enumerate(texts)]
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
        answer = self.server.http.post("/v1/ingest", content="\n".join(lines), headers=headers)
        assert answer.status_code == 200, answer.text

    def archive(self) -> dict[str, Any]:
        (one,) = self.server.get("/v1/archives", account=self.name)["archives"]
        found: dict[str, Any] = one
        return found

    def in_folder(self, folder: Path, **body: object) -> str:
        """The page of an archive that is on."""
        options = {"path": str(folder)}
        self.server.post(
            "/v1/archives",
            {"account": self.name, "provider": "folder", "options": options, "start": True, **body},
        )
        return f"/archiving/settings/{self.archive()['id']}"


@pytest.fixture
def account(site: Server) -> Iterator[Account]:
    made = Account(site)
    yield made
    site.http.delete(f"/v1/accounts/{made.name}", params={"discard": "true"})


def set_up(page: Page, account: Account, provider: str, **fields: str) -> None:
    """Open the form for a provider, and fill it in."""
    page.goto(f"/archiving/settings/new?account={account.name}")
    page.get_by_role("link", name=provider, exact=True).click()
    expect(page.get_by_role("heading", level=2, name=provider)).to_be_visible()
    fill(page, **fields)


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        field = page.locator(f'[name="{name}"]')
        field.wait_for(state="attached")
        if not field.is_visible():
            field.locator("xpath=ancestor::details").locator("summary").click()
        field.fill(value)


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def verdicts(page: Page) -> dict[str, str]:
    """What the table of verdicts says of each permission."""
    rows = page.locator("table.verdicts tbody tr")
    expect(rows.first).to_be_visible()
    return {row.locator("th").inner_text(): row.locator("td").first.inner_text() for row in rows.all()}


@pytest.mark.parametrize("javascript", [True, False])
def test_a_folder_is_set_up_and_archives_at_once(
    account: Account, visit: Visit, tmp_path: Path, javascript: bool
) -> None:
    page = visit(account.server, javascript=javascript)
    page.goto("/archiving/settings")
    section = page.get_by_role("region", name=account.name)
    expect(section).to_contain_text("Not archived")
    section.get_by_role("link", name="Set up an archive.").click()
    page.get_by_role("link", name="Folder", exact=True).click()
    fill(page, path=str(tmp_path / "kept"), title="All <b>of it</b>")
    press(page, "Start archiving")
    expect(page.get_by_role("heading", level=1)).to_have_text("All <b>of it</b>")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()
    account.send("one", "two")
    assert account.server.post(f"/v1/archives/{account.archive()['id']}/seal", {"now": True})["sealed"]
    assert [path.suffix for path in (tmp_path / "kept" / "year=2026").rglob("*.gz")] == [".gz"]
    page.goto("/archiving/settings")
    expect(section).to_contain_text("Archiving is on")
    expect(section.get_by_role("row", name="All <b>of it</b>")).to_contain_text("2026-04-05 07:00")


def test_a_bucket_is_tested_before_it_is_saved_and_what_was_typed_stays(
    account: Account, visit: Visit, moto_s3: str
) -> None:
    page = visit(account.server)
    bucket = make_bucket(moto_s3)
    set_up(
        page,
        account,
        "Any S3-compatible server",
        bucket=bucket,
        endpoint=moto_s3,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
    )
    press(page, "Test connection")
    expect(page.get_by_text("The connection works. Nothing was saved.")).to_be_visible()
    assert set(verdicts(page).values()) == {"works"}
    assert_accessible(page)
    expect(page.get_by_label("Secret access key")).to_have_value(SECRET_KEY)
    assert SECRET_KEY not in page.content()
    press(page, "Save, and start later")
    expect(page.get_by_role("heading", name="Archiving is off")).to_be_visible()
    press(page, "Start archiving")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()
    expect(page.get_by_text("saved, encrypted; never shown")).to_be_visible()
    assert SECRET_KEY not in page.content()


def test_without_javascript_secrets_are_typed_again_and_are_in_no_page(
    account: Account, visit: Visit, moto_s3: str
) -> None:
    page = visit(account.server, javascript=False)
    bucket = make_bucket(moto_s3)
    typed = {"bucket": bucket, "endpoint": moto_s3, "access_key_id": ACCESS_KEY}
    set_up(page, account, "Any S3-compatible server", **typed, secret_access_key=SECRET_KEY)
    press(page, "Test connection")
    expect(page.get_by_text("The connection works. Nothing was saved.")).to_be_visible()
    expect(page.get_by_text("Secrets are never written into a page.")).to_be_visible()
    for name, value in typed.items():
        expect(page.locator(f'[name="{name}"]')).to_have_value(value)
    expect(page.get_by_label("Secret access key")).to_have_value("")
    assert SECRET_KEY not in page.content()
    fill(page, secret_access_key=SECRET_KEY)
    press(page, "Start archiving")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_key_without_permission_is_told_what_to_grant(
    account: Account, visit: Visit, watch: Watch, guarded_s3: GuardedS3, javascript: bool
) -> None:
    watch.expect_status(400)
    page = visit(account.server, javascript=javascript)
    bucket, (key_id, secret) = guarded_s3.make_bucket(), guarded_s3.make_user(READ_ONLY)
    set_up(
        page,
        account,
        "AWS S3",
        bucket=bucket,
        prefix="prod",
        access_key_id=key_id,
        secret_access_key=secret,
        endpoint=guarded_s3.endpoint,
    )
    press(page, "Start archiving")
    expect(page.get_by_text("the connection test failed, nothing was saved")).to_be_visible()
    found = verdicts(page)
    assert (found["Write an object"], found["List objects"]) == ("refused", "works")
    expect(page.get_by_text("Allow s3:PutObject").first).to_be_visible()
    policy = json.loads(page.locator(".told .code pre").inner_text())
    assert policy["Statement"][0]["Action"] == ["s3:PutObject", "s3:GetObject"]
    if javascript:
        expect(page.get_by_role("button", name="Copy")).to_be_visible()
        expect(page.get_by_label("Secret access key")).to_have_value(secret)
    assert account.server.get("/v1/archives", account=account.name)["archives"] == []


def test_a_wrong_key_and_a_missing_bucket_say_what_they_are(
    account: Account, visit: Visit, guarded_s3: GuardedS3, moto_s3: str
) -> None:
    page = visit(account.server)
    bucket, (key_id, _) = guarded_s3.make_bucket(), guarded_s3.make_user(READ_ONLY)
    set_up(
        page,
        account,
        "AWS S3",
        bucket=bucket,
        access_key_id=key_id,
        secret_access_key=WRONG,
        endpoint=guarded_s3.endpoint,
    )
    press(page, "Test connection")
    expect(page.get_by_text("The connection cannot be used as it is.")).to_be_visible()
    assert "refused" in verdicts(page).values()
    assert WRONG not in page.content()
    set_up(
        page,
        account,
        "Any S3-compatible server",
        bucket="never-made",
        endpoint=moto_s3,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
    )
    press(page, "Test connection")
    expect(page.get_by_text("The connection cannot be used as it is.")).to_be_visible()
    found = verdicts(page)
    assert (found["Reach it"], found["Write an object"]) == ("refused", "not tried")


def test_an_azure_container_is_set_up_with_its_key(account: Account, visit: Visit, azurite: Azurite) -> None:
    page = visit(account.server)
    page.goto(f"/archiving/settings/new?account={account.name}&provider=azure")
    page.get_by_role("link", name="Account key").click()
    expect(page.get_by_label("Client secret")).to_have_count(0)
    fill(
        page,
        account_name=ACCOUNT,
        container=azurite.make_bucket(),
        account_key="d3Jvbmc=",
        endpoint=azurite.endpoint,
        root_certificate=str(azurite.certificate),
    )
    press(page, "Test connection")
    expect(page.get_by_text("The connection cannot be used as it is.")).to_be_visible()
    fill(page, account_key=ACCOUNT_KEY)
    press(page, "Start archiving")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()


def test_another_kind_of_credentials_shows_at_once_and_keeps_what_was_typed(
    account: Account, visit: Visit
) -> None:
    page = visit(account.server)
    set_up(page, account, "AWS S3", bucket="our-logs", access_key_id="AKIA", secret_access_key=WRONG)
    page.get_by_role("link", name=re.compile("IAM role")).click()
    expect(page.get_by_label("Role ARN")).to_be_visible()
    expect(page.get_by_label("Bucket")).to_have_value("our-logs")
    expect(page.get_by_label("Secret access key")).to_have_value(WRONG)
    external_id = account.server.get("/v1/providers", account=account.name)["external_id"]
    expect(page.get_by_text(external_id)).to_be_visible()
    fill(page, role_arn="arn:aws:iam::123456789012:role/logkeep")
    press(page, "What to grant")
    told = page.locator(".told .code pre")
    expect(told).to_contain_text("sts:AssumeRole")
    expect(told).to_contain_text(external_id)
    page.get_by_role("link", name="Google Cloud Storage").click()
    expect(page.get_by_label("Service account key")).to_be_visible()
    expect(page.get_by_label("Bucket")).to_have_value("our-logs")
    assert WRONG not in page.content()


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"path": "not/absolute"}, "path", "path"),
        ({"path": "/x", "query": "level:("}, "query", "column"),
        ({"path": "/x", "seal_after": "soon"}, "seal_after", "seal_after"),
    ],
)
def test_what_cannot_be_stands_at_its_field(
    account: Account,
    visit: Visit,
    watch: Watch,
    javascript: bool,
    fields: dict[str, str],
    field: str,
    words: str,
) -> None:
    watch.expect_status(400)
    page = visit(account.server, javascript=javascript)
    set_up(page, account, "Folder", **fields)
    press(page, "Save, and start later")
    wrong = page.locator(f'[name="{field}"]')
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(page.locator(f"#{field}-error")).to_contain_text(words)
    expect(page.locator(f"#{field}-error")).to_be_visible()
    assert account.server.get("/v1/archives", account=account.name)["archives"] == []


def test_pausing_may_take_the_credentials_along_and_new_ones_heal_it(
    account: Account, visit: Visit, moto_s3: str
) -> None:
    page = visit(account.server)
    set_up(
        page,
        account,
        "Any S3-compatible server",
        bucket=make_bucket(moto_s3),
        endpoint=moto_s3,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
    )
    press(page, "Start archiving")
    page.get_by_text("Pause…").click()
    press(page, "Pause")
    expect(page.get_by_role("heading", name="Archiving is paused")).to_be_visible()
    press(page, "Go on")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()
    page.get_by_text("Pause…").click()
    page.get_by_label("Remove my credentials").check()
    press(page, "Pause")
    expect(page.get_by_role("status")).to_contain_text("The credentials are removed, and archiving is off.")
    expect(page.get_by_text("saved, encrypted; never shown")).to_have_count(0)
    page.get_by_role("link", name="Update: secrets, keys, another place").click()
    expect(page.get_by_label("Bucket")).not_to_have_value("")
    fill(page, secret_access_key=SECRET_KEY)
    press(page, "Save")
    expect(page.get_by_role("status")).to_have_text("The connection is saved.")
    press(page, "Start archiving")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False])
def test_an_archive_moves_to_another_place_and_keeps_its_secret(
    account: Account, visit: Visit, moto_s3: str, tmp_path: Path, javascript: bool
) -> None:
    home = account.in_folder(tmp_path / "first")
    account.send("before")
    account.server.post(f"/v1/archives/{account.archive()['id']}/seal", {"now": True})
    page = visit(account.server, javascript=javascript)
    page.goto(f"{home}/connection")
    page.get_by_role("link", name="Any S3-compatible server").click()
    bucket = make_bucket(moto_s3)
    expect(page.get_by_label("Endpoint")).to_be_visible()
    fill(
        page,
        bucket=bucket,
        endpoint=moto_s3,
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
    )
    page.get_by_text("Unusual cases").click()
    page.get_by_label("Write what was begun in the old place to the new one").check()
    press(page, "Save")
    expect(page.get_by_text("Former place")).to_be_visible()
    page.goto(f"{home}/connection")
    fill(page, prefix="later")
    press(page, "Save")
    expect(page.get_by_text(f"s3://{bucket}/later").first).to_be_visible()
    places = [one["place"].partition("?")[0] for one in account.archive()["targets"]]
    assert places == [(tmp_path / "first").as_uri(), f"s3://{bucket}", f"s3://{bucket}/later"]


def test_what_can_be_set_is_changed(account: Account, visit: Visit, tmp_path: Path) -> None:
    home = account.in_folder(tmp_path / "kept")
    page = visit(account.server, javascript=False)
    page.goto(home)
    fill(page, title="Errors", query="level:error", seal_after="5m", max_object_bytes="64MiB", rank="7")
    page.get_by_label("Also lines that exclusion rules drop").check()
    page.get_by_label("Compression").select_option("3")
    fill(page, verify_every="1d", drill_every="")
    press(page, "Save")
    expect(page.get_by_role("status")).to_have_text("The settings are saved.")
    changed = account.archive()
    names = ("title", "query", "with_excluded", "seal_after", "max_object_bytes", "compression_level")
    assert [changed[name] for name in names] == ["Errors", "level:error", True, 300, 64 << 20, 3]
    assert [changed[name] for name in ("verify_every", "drill_every", "rank")] == [86_400, 0, 7]
    expect(page.locator('[name="seal_after"]')).to_have_value("5m")
    expect(page.locator('[name="max_object_bytes"]')).to_have_value("64MiB")


def test_stopping_backfilling_and_removing(
    account: Account, visit: Visit, watch: Watch, tmp_path: Path
) -> None:
    watch.expect_status(400)
    home = account.in_folder(tmp_path / "kept")
    page = visit(account.server)
    page.goto(home)
    page.get_by_text("Stop…").click()
    press(page, "Stop archiving")
    expect(page.get_by_role("heading", name="Archiving is off")).to_be_visible()
    account.send("came while it was off")
    account.server.wait_until_indexed()
    fill(page, **{"from": "soon"})
    press(page, "Backfill")
    expect(page.get_by_role("alert")).to_contain_text("'soon' is not a point in time")
    expect(page.get_by_label("From")).to_have_value("soon")
    fill(page, **{"from": "2026-04-05"})
    press(page, "Backfill")
    expect(page.get_by_role("status")).to_contain_text("1 lines were added")
    page.get_by_text("Remove…").click()
    press(page, "Remove the archive")
    expect(page.get_by_role("status")).to_contain_text("is removed. Its objects stay where they are.")
    assert account.server.get("/v1/archives", account=account.name)["archives"] == []
    assert len(list((tmp_path / "kept" / "year=2026").rglob("*.gz"))) == 1


def test_what_waits_and_cannot_be_written_is_given_up_only_on_request(
    account: Account, visit: Visit, watch: Watch, tmp_path: Path
) -> None:
    watch.expect_status(409)
    home = account.in_folder(tmp_path / "kept")
    account.send("waits")
    account.server.post(f"/v1/archives/{account.archive()['id']}/pause", {})
    (tmp_path / "kept").rename(tmp_path / "away")
    (tmp_path / "kept").write_text("a file where the folder was")
    page = visit(account.server)
    page.goto(home)
    page.get_by_text("Remove…").click()
    press(page, "Remove the archive")
    expect(page.get_by_role("alert")).to_contain_text("1 lines wait for the archive")
    page.get_by_text("Remove…").click()
    page.get_by_label("Give up lines that wait and cannot be written").check()
    press(page, "Remove the archive")
    expect(page.get_by_role("status")).to_contain_text("is removed.")


def test_several_archives_share_the_lines_as_the_account_says(
    account: Account, visit: Visit, tmp_path: Path
) -> None:
    for number in (1, 2):
        account.server.post(
            "/v1/archives",
            {
                "account": account.name,
                "provider": "folder",
                "options": {"path": str(tmp_path / str(number))},
            },
        )
    page = visit(account.server)
    page.goto("/archiving/settings")
    section = page.get_by_role("region", name=account.name)
    section.get_by_label("A line that several archives want goes to").select_option("all")
    section.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_be_visible()
    assert account.server.get(f"/v1/accounts/{account.name}")["match"] == "all"


@pytest.mark.parametrize("javascript", [True, False])
def test_another_systems_archive_is_recognised_and_attached(
    account: Account, visit: Visit, tmp_path: Path, javascript: bool
) -> None:
    folder = tmp_path / "old" / "dt=20260405" / "hour=07"
    folder.mkdir(parents=True)
    line = b'{"date":"2026-04-05T07:01:00Z","message":"from <b>elsewhere</b>","service":"web"}\n'
    (folder / "archive_070000.1234.ab.json.gz").write_bytes(gzip.compress(line))
    page = visit(account.server, javascript=javascript)
    page.goto(f"/archiving/settings/new?account={account.name}&foreign=1")
    page.get_by_role("link", name="Folder", exact=True).click()
    fill(page, path=str(tmp_path / "old"), title="What Datadog kept")
    press(page, "Find out the layout")
    expect(page.get_by_text("It looks like Datadog log archive (datadog).")).to_be_visible()
    expect(page.locator(".told .first-lines")).to_contain_text("from <b>elsewhere</b>")
    page.get_by_label("Layout", exact=True).select_option("datadog")
    press(page, "Attach")
    expect(page.get_by_role("heading", name="Only read: another system's archive")).to_be_visible()
    for name in ("Start archiving", "Verify now", "Backfill"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    press(page, "Test connection")
    assert verdicts(page) == {"Reach it": "works", "Read it back": "works", "List objects": "works"}


def test_a_layout_of_ones_own_is_described_and_refused_at_its_field(
    account: Account, visit: Visit, watch: Watch, tmp_path: Path
) -> None:
    watch.expect_status(400)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "app.log").write_text("2026-04-05T07:00:00Z hello\n")
    page = visit(account.server)
    page.goto(f"/archiving/settings/new?account={account.name}&foreign=1&provider=folder")
    fill(page, path=str(tmp_path / "old"))
    page.get_by_label("Layout", exact=True).select_option("custom")
    fill(page, **{"layout-path": "*.log", "layout-margin": "long"})
    page.locator('[name="layout-format"]').select_option("text")
    press(page, "Attach")
    expect(page.locator("#layout-margin-error")).to_contain_text("no length of time")
    fill(page, **{"layout-margin": "2h"})
    press(page, "Attach")
    expect(page.get_by_role("heading", name="Only read: another system's archive")).to_be_visible()
    assert account.archive()["layout_options"] == {"path": "*.log", "format": "text", "margin": "2h"}


@pytest.mark.parametrize("javascript", [True, False])
def test_a_place_of_another_server_is_taken_over_only_when_that_is_said(
    account: Account, visit: Visit, watch: Watch, tmp_path: Path, javascript: bool
) -> None:
    watch.expect_status(409)
    marker = Marker(account=account.name, archive="main", server="one-that-is-gone", created_at=0)
    FolderBucket(tmp_path / "kept").put_new(marker_key(account.name, 0), encode(marker), JSON)
    page = visit(account.server, javascript=javascript)
    set_up(page, account, "Folder", path=str(tmp_path / "kept"))
    press(page, "Start archiving")
    expect(page.get_by_role("alert")).to_contain_text("one-that-is-gone")
    page.get_by_label("Take over a place that another server wrote to").check()
    press(page, "Start archiving")
    expect(page.get_by_role("heading", name="Archiving is on")).to_be_visible()


def test_an_archive_of_the_settings_file_says_where_it_is_changed(
    tmp_path: Path, make_server: Callable[..., Server], visit: Visit
) -> None:
    config = tmp_path / "logkeep.toml"
    config.write_text(f"""
        [archives.kept]
        account = "main"
        provider = "folder"
        path = "{tmp_path / "kept"}"
        """)
    server = make_server(config=str(config))
    make_people(server.start())
    page = visit(server)
    page.goto("/archiving/settings/kept")
    expect(page.get_by_text("This archive is declared in the server's settings file.")).to_be_visible()
    expect(page.get_by_text("Stop…")).to_be_visible()
    for name in ("Save", "Remove the archive"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("^Update"))).to_have_count(0)
    expect(page.get_by_text("10 min after an hour's end")).to_be_visible()


def test_who_may_not_change_an_archive_sees_how_it_does(site: Server, visit: Visit) -> None:
    for who in (MEMBER, READER):
        page = visit(site, who)
        page.goto("/archiving/settings")
        expect(page.get_by_role("link", name="New archive")).to_have_count(0)
        page.get_by_role("table", name="Archives of main").get_by_role(
            "link", name="main", exact=True
        ).click()
        expect(page.get_by_text("An administrator can change these settings.")).to_be_visible()
        for name in ("Stop archiving", "Start archiving", "Save", "Backfill", "Remove the archive"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        expect(page.get_by_role("button", name="Verify now")).to_have_count(int(who is MEMBER))
        expect(page.get_by_role("link", name=re.compile("^Update"))).to_have_count(0)


def test_an_archive_that_fails_says_so_before_all_else(furnished: Furnished, visit: Visit) -> None:
    page = visit(furnished.server)
    page.goto("/archiving/settings/broken")
    expect(page.get_by_role("heading", level=2).first).to_have_text("Archiving is on, and fails")
    page.goto("/archiving/settings")
    expect(page.locator("section", has=page.locator("#account-main"))).to_contain_text(
        "1 archive needs a look"
    )


@pytest.mark.parametrize("path", ["new", "main/connection"])
def test_pages_of_changes_are_for_administrators(site: Server, visit: Visit, watch: Watch, path: str) -> None:
    watch.expect_status(403)
    for who in (MEMBER, READER):
        answer = visit(site, who).goto(f"/archiving/settings/{path}")
        assert answer is not None
        assert answer.status == 403


def test_who_may_not_see_the_account_sees_none_of_its_archives(
    site: Server, visit: Visit, watch: Watch
) -> None:
    watch.expect_status(404)
    page = visit(site, STRANGER)
    page.goto("/archiving/settings")
    expect(page.get_by_role("region", name="acme")).to_be_visible()
    assert "main" not in page.locator("main").inner_text().replace("remain", "")
    answer = page.goto("/archiving/settings/main")
    assert answer is not None
    assert answer.status == 404


def test_a_form_of_another_page_changes_nothing(site: Server, visit: Visit, watch: Watch) -> None:
    watch.expect_status(403)
    page = visit(site, ADMIN)
    page.goto("/archiving/settings/main")
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach(one => { one.value = 'x' })")
    page.get_by_text("Stop…").click()
    press(page, "Stop archiving")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert site.get("/v1/archives/main")["state"] == "on"
