"""The first day with the product, as somebody spends it who reads no manual: from the set-up link to a line
that was restored. Every step leads to the next by what the pages show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, aws_client, make_bucket
from tests.e2e.server import Server
from tests.web.conftest import Visit
from tests.web.restoring import becomes

DAY, HOUR = "2026-04-05", "2026-04-05T07"
PASSWORD = "four ducks on a frozen lake"
LINES = [
    json.dumps(
        {
            "time": f"{HOUR}:{n // 60:02d}:{n % 60:02d}Z",
            "host": f"web-{n % 3}",
            "app": "shop",
            "level": "error" if n % 10 == 0 else "info",
            "status": 502 if n % 10 == 0 else 200,
            "msg": f"order {n} " + ("refused: upstream gone" if n % 10 == 0 else "placed"),
        }
    )
    for n in range(300)
]


@pytest.fixture
def fresh(make_server: Callable[[], Server]) -> Server:
    """A server that was never used."""
    return make_server().start()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_from_the_set_up_link_to_a_restored_line(
    fresh: Server, visit: Visit, moto_s3: str, javascript: bool
) -> None:
    page = visit(fresh, None, javascript=javascript)
    become_the_administrator(page, fresh)
    bucket = make_bucket(moto_s3)
    archive_into(page, moto_s3, bucket, javascript)
    key = make_a_key(page)
    send(fresh, key)
    find_the_refused_orders(page, fresh)
    write_the_hour(page)
    stored = [one["Key"] for one in aws_client("s3", moto_s3).list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(name.startswith("prod/year=2026/month=04/day=05/main.") for name in stored)
    restore_the_errors(page)
    becomes(page, "active", javascript=javascript)
    search_the_restored_account(page)
    delete_it_and_bring_it_back(page)
    see_who_did_it(page)


def become_the_administrator(page: Page, fresh: Server) -> None:
    page.goto(fresh.first_start["setup_link"])
    page.get_by_label("Name").fill("mira")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    press(page, "Set up and sign in")
    expect(page.get_by_role("heading", level=1)).to_have_text("Logs")


def archive_into(page: Page, endpoint: str, bucket: str, javascript: bool) -> None:
    """The account's archive goes into a bucket from now on, not into the server's folder."""
    follow(page, "Archiving")
    follow(page, "Archive settings")
    page.get_by_role("region", name="main").get_by_role("link", name="main", exact=True).click()
    follow(page, "Update: secrets, keys, another place")
    page.get_by_role("link", name="Any S3-compatible server").click()
    page.get_by_label("Bucket").fill(bucket)
    page.get_by_label("Endpoint").fill(endpoint)
    page.get_by_label("Prefix").fill("prod")
    page.get_by_label("Access key id").fill(ACCESS_KEY)
    page.get_by_label("Secret access key").fill(SECRET_KEY)
    press(page, "Test connection")
    expect(page.get_by_text("The connection works. Nothing was saved.")).to_be_visible()
    if not javascript:
        page.get_by_label("Secret access key").fill(SECRET_KEY)
    press(page, "Save")
    expect(page.get_by_text(f"s3://{bucket}/prod").first).to_be_visible()


def make_a_key(page: Page) -> str:
    follow(page, "Settings")
    follow(page, "Accounts")
    follow(page, "main")
    follow(page, "Ingest keys")
    page.get_by_label("Name").fill("shop")
    press(page, "Create the key")
    return page.get_by_role("status").locator("pre").inner_text()


def send(fresh: Server, key: str) -> None:
    """What the snippets of that page do."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    url = f"{fresh.first_start['url']}/v1/ingest"
    assert httpx.post(url, content="\n".join(LINES), headers=headers).status_code == 200
    fresh.wait_until_indexed()


def find_the_refused_orders(page: Page, fresh: Server) -> None:
    """They are of April, so the last hour has none of them; the page says where there are lines."""
    follow(page, "Logs")
    page.get_by_label("Query", exact=True).fill("status:>=500 app:shop")
    press(page, "Search")
    page.locator("summary", has_text="Range of time").click()
    page.get_by_label("From", exact=True).fill(f"{HOUR}:00Z")
    page.get_by_label("To", exact=True).fill(f"{DAY}T08:00Z")
    press(page, "Use")
    lines = page.locator("#lines .line")
    expect(lines).to_have_count(30)
    expect(lines.first).to_contain_text("order 290 refused: upstream gone")


def write_the_hour(page: Page) -> None:
    """Nobody waits for the ten minutes after an hour's end."""
    follow(page, "Archiving")
    press(page, "Write what waits now")
    expect(page.get_by_role("status")).to_have_text("300 lines were written into the archive.")
    page.get_by_role("navigation", name="Years and months").get_by_role("link", name="Apr").click()
    page.get_by_role("link", name="5 April 2026").click()
    follow(page, "07:00")
    expect(page.get_by_text("300 lines archived in 1 object")).to_be_visible()


def restore_the_errors(page: Page) -> None:
    follow(page, "Restore this hour")
    page.get_by_label("Name", exact=True).fill("refused orders")
    page.get_by_label("Why").fill("INC-7")
    page.get_by_label("Query", exact=True).fill("level:error")
    press(page, "Plan it")
    expect(page.get_by_role("heading", level=1)).to_have_text("The plan of refused orders")
    expect(page.get_by_role("list", name="Lines")).to_contain_text("refused: upstream gone")
    press(page, "Start")
    expect(page.get_by_role("heading", level=1)).to_have_text("refused orders")


def search_the_restored_account(page: Page) -> None:
    follow(page, "Search its lines")
    expect(page.locator("#lines .line")).to_have_count(30)
    page.locator("#lines .line a.when").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Line of")


def delete_it_and_bring_it_back(page: Page) -> None:
    follow(page, "Archiving")
    follow(page, "Restored accounts")
    row = page.get_by_role("row").filter(has_text="refused orders")
    row.get_by_text("Delete…").click()
    row.get_by_role("button", name="Delete the restored account").click()
    row.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("link", name="Search")).to_be_visible()


def see_who_did_it(page: Page) -> None:
    follow(page, "Settings")
    follow(page, "Audit log")
    said = page.get_by_role("table").inner_text()
    for action in ("restore.create", "restore.delete", "restore.undelete", "archive.update", "key.create"):
        assert action in said
    assert re.search(r"mira", said)
