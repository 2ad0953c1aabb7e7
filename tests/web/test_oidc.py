"""Signing in at an identity provider that others wrote, in a browser that goes there and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contract.s3_servers import free_port, program, serving
from tests.e2e.server import Server
from tests.web.chromium import new_context

PROFILE = "/settings/profile"


@dataclass(frozen=True)
class Sites:
    """Our site and the provider's."""

    ours: Server
    provider: str

    def knows(self, subject: str, email: str, *, verified: bool = True) -> None:
        claims = {"email": email, "email_verified": verified}
        httpx.put(f"{self.provider}/users/{subject}", json=claims).raise_for_status()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    port = free_port()
    command = [program("oidc-provider-mock"), "-p", str(port), "--require-nonce", "true"]
    with serving(command, port, tmp_path_factory.mktemp("oidc") / "log") as provider:
        ours = Server(
            tmp_path_factory.mktemp("site") / "data",
            oidc_issuer=provider,
            oidc_client_id="logkeep",
            oidc_client_secret="a secret of the client",
            oidc_name="Example",
            oidc_auto_role="read-only",
            oidc_auto_accounts="main",
            oidc_auto_domains="example.com",
        ).start()
        yield Sites(ours, provider)
        ours.kill()


@pytest.fixture
def page(browser: Browser, sites: Sites) -> Iterator[Page]:
    context = new_context(browser, sites.ours.first_start["url"])
    yield context.new_page()
    context.close()


def sign_in_there(page: Page, subject: str) -> None:
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def test_a_user_signs_in_there_and_comes_back_to_the_page_that_was_asked_for(
    sites: Sites, page: Page
) -> None:
    sites.ours.post("/v1/users", {"name": "ada@example.org", "role": "member", "accounts": ["main"]})
    sites.knows("ada", "ada@example.org")
    page.goto(f"{PROFILE}?from=-1h")
    sign_in_there(page, "ada")
    expect(page).to_have_url(re.compile(r"/settings/profile\?from=-1h$"))
    expect(page.locator("dl.facts dd")).to_have_text(["ada@example.org", "member", "main"])
    expect(page.locator(".stack")).to_contain_text("You sign in at an identity provider")
    assert "logkeep_oidc" not in {one["name"] for one in page.context.cookies()}

    sites.knows("ada", "ada.king@example.org")  # who is known by then, whatever the address
    page.get_by_label("You and this page").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    sign_in_there(page, "ada")
    page.goto(PROFILE)
    expect(page.locator("dl.facts dd").first).to_have_text("ada@example.org")


def test_whom_the_settings_let_in_becomes_a_user(sites: Sites, page: Page) -> None:
    sites.knows("grace", "grace@example.com")
    page.goto(PROFILE)
    sign_in_there(page, "grace")
    expect(page.locator("dl.facts dd")).to_have_text(["grace@example.com", "read-only", "main"])


@pytest.mark.parametrize(
    ("subject", "email", "verified", "told"),
    [
        ("eve", "eve@evil.example", True, "There is no user 'eve@evil.example'."),
        ("mallory", "mallory@example.com", False, "has not verified that 'mallory@example.com' is yours."),
        ("ken", "", True, "does not tell your e-mail address."),
    ],
)
def test_others_stay_outside_and_are_told_why(
    sites: Sites, page: Page, subject: str, email: str, verified: bool, told: str
) -> None:
    sites.knows(subject, email, verified=verified)
    page.goto(PROFILE)
    sign_in_there(page, subject)
    expect(page.get_by_role("alert")).to_contain_text(told)
    page.goto(PROFILE)
    expect(page.get_by_role("heading")).to_have_text("Sign in")


def test_a_disabled_user_stays_outside(sites: Sites, page: Page) -> None:
    made = sites.ours.post("/v1/users", {"name": "off@example.org", "role": "member"})
    sites.ours.http.patch(f"/v1/users/{made['id']}", json={"disabled": True}).raise_for_status()
    sites.knows("off", "off@example.org")
    page.goto(PROFILE)
    sign_in_there(page, "off")
    expect(page.get_by_role("alert")).to_contain_text("This user is disabled.")


def test_a_person_who_cancels_there_is_told_and_can_go_on(sites: Sites, page: Page) -> None:
    sites.knows("grace", "grace@example.com")
    page.goto(PROFILE)
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("alert")).to_contain_text("did not let you in, or you cancelled there.")
    sign_in_there(page, "grace")
    expect(page).to_have_url(re.compile(f"{PROFILE}$"))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=x",
        "code=x&state=",
        "error=&code=x",
        "error=&code=x&state=",
        "code=x&state=guessed",
        "error=server_error",
    ],
)
def test_a_link_with_somebody_elses_code_signs_nobody_in(sites: Sites, page: Page, query: str) -> None:
    answer = page.goto(f"/oidc/callback?{query}")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("alert")).to_contain_text("This sign-in was not begun in this browser")
    assert "logkeep_session" not in {one["name"] for one in page.context.cookies()}


def test_a_code_that_was_given_to_another_browser_signs_nobody_in(sites: Sites, page: Page) -> None:
    """The attacker signs in there, keeps the last step, and sends it to the reader as a link."""
    sites.knows("grace", "grace@example.com")
    there = httpx.get(f"{sites.ours.first_start['url']}/oidc/start").headers["location"]
    kept = httpx.post(there, data={"sub": "grace"}).headers["location"]
    page.goto("/oidc/start")  # the reader has begun one, too
    page.goto(kept)
    expect(page.get_by_role("alert")).to_contain_text("This sign-in was not begun in this browser")
    assert "logkeep_session" not in {one["name"] for one in page.context.cookies()}


def test_the_way_in_by_password_stays_when_the_provider_is_down(browser: Browser, tmp_path: Path) -> None:
    ours = Server(
        tmp_path / "data",
        oidc_issuer=f"http://127.0.0.1:{free_port()}",
        oidc_client_id="logkeep",
        oidc_name="Example",
    ).start()
    ours.post("/v1/users", {"name": "ada", "role": "admin", "password": "nine owls at dusk"})
    context = new_context(browser, ours.first_start["url"])
    page = context.new_page()
    page.goto(PROFILE)
    page.get_by_role("link", name="Sign in with Example").click()
    expect(page.get_by_role("alert")).to_contain_text("The identity provider cannot be reached")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("nine owls at dusk")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(re.compile(f"{PROFILE}$"))
    context.close()
    ours.stop()
