"""Settings in a browser: accounts, keys, rules, users, tokens, the audit log."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.server import Server, eventually
from tests.web.conftest import Visit
from tests.web.people import ADMIN, MEMBER, READER
from tests.web.watch import Watch


def pressed(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def shown_once(page: Page, heading: str) -> str:
    section = page.get_by_role("heading", name=heading, exact=True).locator("xpath=..")
    return section.locator("pre").first.inner_text().strip()


def send(site: Server, key: str, text: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/plain"}
    return httpx.post(f"{site.first_start['url']}/v1/ingest", content=text, headers=headers)


@pytest.mark.parametrize("javascript", [True, False])
def test_an_account_is_made_changed_suspended_and_deleted(
    site: Server, visit: Visit, watch: Watch, javascript: bool
) -> None:
    watch.expect_status(400)
    name = f"settings-{str(javascript).lower()}"
    page = visit(site, javascript=javascript)
    page.goto("/settings/accounts")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sub-account of").select_option("main")
    pressed(page, "Create the account")
    key = shown_once(page, "Its first ingest key")
    assert send(site, key, "hello").json()["accepted"] == 1

    page.goto(f"/settings/accounts/{name}")
    page.get_by_label("Title").fill("<b>Ours</b>")
    page.get_by_label("Live lines stay").fill("soon")
    pressed(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("retention is 'soon'")
    expect(page.get_by_label("Title")).to_have_value("<b>Ours</b>")
    page.get_by_label("Live lines stay").fill("36h")
    pressed(page, "Save")
    expect(page.get_by_role("heading", level=1)).to_contain_text("<b>Ours</b>")
    expect(page.get_by_label("Live lines stay")).to_have_value("36h")

    pressed(page, "Suspend")
    expect(page.get_by_role("status")).to_have_text("Its lines are refused from now on.")
    assert send(site, key, "no").status_code == 403
    pressed(page, "Take lines in again")
    assert send(site, key, "yes").status_code == 200

    page.get_by_text("Delete the account…").click()
    page.get_by_label(f"Type {name} to delete it").fill("main")
    pressed(page, "Delete for good")
    expect(page.get_by_role("alert")).to_contain_text("is not the account's")
    page.get_by_text("Delete the account…").click()
    page.get_by_label(f"Type {name} to delete it").fill(name)
    pressed(page, "Delete for good")
    expect(page.get_by_role("status")).to_have_text(f"The account {name} is deleted.")


def test_a_member_makes_a_key_that_stands_in_the_snippets_and_revokes_it(site: Server, visit: Visit) -> None:
    page = visit(site, MEMBER)
    page.goto("/settings/accounts/main/keys")
    expect(page.get_by_text("YOUR_INGEST_KEY").first).to_be_visible()
    page.get_by_label("Name").fill("web-1")
    pressed(page, "Create the key")
    key = shown_once(page, "The new ingest key")
    assert send(site, key, "hello").status_code == 200
    texts = page.locator("details.more pre").all_text_contents()
    assert texts
    assert all(key in text for text in texts if "omprog" not in text)
    assert site.first_start["url"] in texts[0]
    page.goto("/settings/accounts/main/keys")
    assert key not in page.content()
    page.get_by_role("row").filter(has_text="web-1").get_by_text("Revoke…").click()
    page.locator("details[open]").get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("status")).to_contain_text("revoked")
    assert send(site, key, "no").status_code == 401


def test_a_rule_is_tried_before_it_is_saved(site: Server, visit: Visit, watch: Watch) -> None:
    watch.expect_status(400)
    hostile = "<script>alert(1)</script> healthz"
    site.send([f'{{"host":"probe-1","message":"{hostile}"}}', '{"host":"probe-2","message":"other"}'])
    site.wait_until_indexed()
    page = visit(site, MEMBER)
    page.goto("/settings/accounts/main/rules")
    page.get_by_role("link", name="New rule").click()
    page.get_by_label("Title").fill("Probes")
    page.get_by_label("Hosts").fill("probe-1\nprobe-9")
    page.get_by_label("And the query").fill("healthz AND (")
    pressed(page, "Preview")
    expect(page.get_by_role("alert")).to_contain_text("column")
    page.get_by_label("And the query").fill("healthz")
    pressed(page, "Preview")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    expect(page.locator(".samples")).to_contain_text("<script>alert(1)</script> healthz")
    assert site.get("/v1/accounts/main/rules")["rules"] == []
    pressed(page, "Save the rule")
    row = page.get_by_role("row").filter(has_text="Probes")
    expect(row).to_contain_text("on")
    site.send([f'{{"host":"probe-1","message":"{hostile}"}}'])

    def counted() -> bool:
        page.reload()
        return "1" in row.get_by_role("cell").nth(2).inner_text()

    assert eventually(counted, "the rule to count")
    row.get_by_role("button", name="Switch off").click()
    expect(row).to_contain_text("off")
    row.get_by_role("link", name="Probes").click()
    expect(page.get_by_label("Hosts")).to_have_value("probe-1\nprobe-9")
    page.get_by_text("Delete…").click()
    pressed(page, "Delete the rule")
    expect(page.get_by_text("There is no rule")).to_be_visible()


def test_a_user_is_invited_changed_disabled_and_deleted(site: Server, visit: Visit) -> None:
    page = visit(site, ADMIN)
    page.goto("/settings/users")
    page.get_by_label("Name").fill("grace@example.org")
    page.get_by_label("main", exact=True).check()
    pressed(page, "Add the user")
    link = page.locator("pre").inner_text().strip()
    assert link.startswith(f"{site.first_start['url']}/invite/")
    assert httpx.get(link).status_code == 200
    page.goto("/settings/users")
    row = page.get_by_role("row").filter(has_text="grace@example.org")
    expect(row).to_contain_text("invited")
    page.get_by_role("link", name="grace@example.org").click()
    page.get_by_label("Read-only").check()
    page.get_by_label("main", exact=True).uncheck()
    pressed(page, "Save")
    expect(page.get_by_role("status")).to_have_text("The user is changed.")
    [user] = [one for one in site.get("/v1/users")["users"] if one["name"] == "grace@example.org"]
    assert (user["role"], user["accounts"]) == ("read-only", [])
    pressed(page, "Disable")
    expect(page.get_by_role("heading", level=1)).to_contain_text("disabled")
    pressed(page, "Enable")
    pressed(page, "New link to set a password")
    assert page.locator("pre").inner_text().strip() != link
    assert httpx.get(link).status_code == 404
    page.goto(f"/settings/users/{user['id']}")
    page.get_by_text("Delete…").click()
    pressed(page, "Delete the user")
    expect(page.get_by_role("status")).to_have_text("The user grace@example.org is deleted.")


def test_the_last_administrator_cannot_be_made_less(site: Server, visit: Visit, watch: Watch) -> None:
    watch.expect_status(409)
    page = visit(site, ADMIN)
    page.goto("/settings/users")
    page.get_by_role("link", name=ADMIN.name, exact=True).click()
    page.get_by_label("Member").check()
    pressed(page, "Save")
    expect(page.get_by_role("alert")).to_contain_text("last administrator")


def test_a_reader_makes_a_token_of_their_own(site: Server, visit: Visit) -> None:
    page = visit(site, READER)
    page.goto("/settings/tokens")
    assert page.get_by_label("Scope").locator("option").count() == 1
    page.get_by_label("Name").fill("laptop")
    pressed(page, "Create the token")
    token = shown_once(page, "The new token")
    me = httpx.get(f"{site.first_start['url']}/v1/me", headers={"Authorization": f"Bearer {token}"}).json()
    assert (me["user"]["name"], me["role"], me["way"]) == (READER.name, "read-only", "token")
    page.goto("/settings/tokens")
    assert token not in page.content()
    page.get_by_role("row").filter(has_text="laptop").get_by_text("Revoke…").click()
    page.locator("details[open]").get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_text("You have no token")).to_be_visible()


def test_readers_and_members_have_no_way_to_what_is_not_theirs(site: Server, visit: Visit) -> None:
    for who in (READER, MEMBER):
        page = visit(site, who)
        page.goto("/settings/accounts")
        expect(page.get_by_role("heading", name="New account")).to_have_count(0)
        expect(page.get_by_role("link", name="acme")).to_have_count(0)
        expect(page.get_by_role("link", name="Users")).to_have_count(0)
        cookies = {one["name"]: one["value"] for one in page.context.cookies()}
        with httpx.Client(base_url=site.first_start["url"], cookies=cookies) as browser:
            assert browser.get("/settings/users").status_code == 403
            assert browser.get("/settings/audit").status_code == 403
            for path in ("acme", "acme/rules", "acme/keys", "nowhere", "nowhere/rules"):
                there = browser.get(f"/settings/accounts/{path}")
                assert there.status_code == (403 if who is READER and path.endswith("keys") else 404)


def test_the_audit_log_tells_who_did_it_and_pages_on(site: Server, visit: Visit) -> None:
    for number in range(101):
        site.post("/v1/accounts/main/keys", {"name": f"audited-{number}"}) if number < 90 else (
            site.http.patch("/v1/accounts/main", json={"title": f"Main {number}"})
        )
    page = visit(site, ADMIN)
    page.goto("/settings/audit")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Main 100")
    expect(page.get_by_role("row").nth(1).get_by_role("cell").nth(1)).to_have_text("first")  # an admin token
    page.get_by_role("link", name="Older").click()
    expect(
        page.get_by_role("row").filter(has_text="audited-0;").or_(page.get_by_text("audited-0").first)
    ).to_be_visible()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
