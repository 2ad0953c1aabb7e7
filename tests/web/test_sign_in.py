"""Signing in and out, as people do it in a browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.server import Server, eventually
from tests.web.accessible import assert_accessible, assert_fits
from tests.web.chromium import NARROW, new_context
from tests.web.conftest import Visit
from tests.web.people import MEMBER, READER, Person, sign_in, try_to_sign_in
from tests.web.watch import Watch

PROFILE = "/settings/profile"
OTHER = "ten owls at dawn"


def person(server: Server, name: str, *, invited: bool = False) -> tuple[Person, str]:
    """A member of the test's own, and the link to set a password."""
    who = Person(name=name, role="member", accounts=("main",))
    wanted = {"name": name, "role": "member", "accounts": ["main"]}
    made = server.post("/v1/users", wanted if invited else {**wanted, "password": who.password})
    return who, str(made.get("link", ""))


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_the_set_up_link_makes_the_first_administrator(
    make_server: Callable[[], Server], visit: Visit, watch: Watch, javascript: bool
) -> None:
    watch.expect_status(400, 404)
    server = make_server().start()
    page = visit(server, None, javascript=javascript, width=NARROW)
    page.goto(server.first_start["setup_link"])
    expect(page.get_by_role("heading")).to_have_text("Set up logkeep")
    if javascript:
        assert_accessible(page)
    assert_fits(page)

    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("Password again").fill("short")
    page.get_by_role("button", name="Set up and sign in").click()
    if javascript:
        assert_accessible(page)
    expect(page.get_by_label("Password", exact=True)).to_have_accessible_description(
        re.compile("has fewer than 12 characters")
    )
    expect(page.get_by_label("Name")).to_have_value("ada")
    page.get_by_label("Password", exact=True).fill(OTHER)
    page.get_by_label("Password again").fill(OTHER)
    page.get_by_role("button", name="Set up and sign in").click()

    expect(page.locator(".notice")).to_have_text("You are the administrator of this server.")
    page.goto(PROFILE)
    expect(page.locator("dl.facts dd")).to_have_text(["ada", "admin", "all"])
    page.goto(server.first_start["setup_link"])
    expect(page.get_by_role("heading")).to_have_text("This set-up link opens nothing")
    if javascript:
        assert_accessible(page)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_a_page_that_needs_it_asks_to_sign_in_and_opens_after(
    site: Server, visit: Visit, watch: Watch, javascript: bool
) -> None:
    watch.expect_status(401)
    page = visit(site, None, javascript=javascript)
    page.goto(f"{PROFILE}?from=-1h")
    try_to_sign_in(page, READER, password="not the password")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    expect(page.get_by_label("Name")).to_have_value(READER.name)
    expect(page.get_by_label("Password")).to_have_value("")
    if javascript:
        assert_accessible(page)
    sign_in(page, READER)
    expect(page).to_have_url(re.compile(r"/settings/profile\?from=-1h$"))
    expect(page.locator("dl.facts dd")).to_have_text([READER.name, "read-only", "main"])


def test_after_many_wrong_passwords_a_person_has_to_wait(site: Server, visit: Visit, watch: Watch) -> None:
    watch.expect_status(401, 429)
    who, _ = person(site, "impatient")
    page = visit(site, None)
    page.goto(f"/sign-in?next={PROFILE}")
    for _ in range(5):
        try_to_sign_in(page, who, password="not the password")
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
    try_to_sign_in(page, who)
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts to sign in.")
    expect(page.get_by_role("alert")).to_contain_text("Try again in")
    assert_accessible(page)

    def comes_in() -> bool:
        try_to_sign_in(page, who)
        page.wait_for_load_state()
        return "/sign-in" not in page.url

    eventually(comes_in, "the wait to be over")
    expect(page.locator("dl.facts dd").first).to_have_text(who.name)


def test_signing_out_leaves_nothing_to_go_back_to(site: Server, visit: Visit) -> None:
    who, _ = person(site, "leaver")
    page = visit(site, None)
    page.goto(PROFILE)
    sign_in(page, who)
    page.get_by_label("You and this page").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    assert page.context.cookies(site.first_start["url"] + "/") == [
        one for one in page.context.cookies() if one["name"] == "logkeep_form"
    ]
    page.go_back()
    expect(page.get_by_role("heading")).to_have_text("Sign in")


def test_a_form_that_was_open_when_the_session_ended_is_not_sent_and_comes_back(
    site: Server, visit: Visit
) -> None:
    who, _ = person(site, "sleeper")
    page = visit(site, None)
    page.goto(PROFILE)
    sign_in(page, who)
    end_sessions(site, who)
    page.get_by_label("Old password").fill(who.password)
    page.get_by_label("New password", exact=True).fill(OTHER)
    page.get_by_label("New password again").fill(OTHER)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("status")).to_contain_text("Your session was over, so the form was not sent.")
    assert_accessible(page)
    sign_in(page, who)  # with the old password: nothing was done
    expect(page).to_have_url(re.compile(f"{PROFILE}$"))
    expect(page.get_by_role("status")).to_contain_text("The form was not sent")


def test_a_link_that_is_followed_after_the_session_ended_opens_after_signing_in(
    site: Server, visit: Visit
) -> None:
    who, _ = person(site, "returner")
    page = visit(site, None)
    page.goto(PROFILE)
    sign_in(page, who)
    end_sessions(site, who)
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Your session is over. Sign in to go on where you were.")
    sign_in(page, who)
    expect(page).to_have_url(re.compile(f"{PROFILE}$"))


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_an_invitation_sets_a_password(site: Server, visit: Visit, watch: Watch, javascript: bool) -> None:
    watch.expect_status(400, 404)
    who, link = person(site, f"invited-{javascript}", invited=True)
    page = visit(site, None, javascript=javascript)
    page.goto(link)
    expect(page.locator(".panel")).to_contain_text(f"You are {who.name}.")
    page.get_by_label("Password", exact=True).fill(who.password)
    page.get_by_label("Password again").fill(OTHER)
    page.get_by_role("button", name="Set the password and sign in").click()
    expect(page.get_by_label("Password again")).to_have_accessible_description(re.compile("differ"))
    page.get_by_label("Password", exact=True).fill(who.password)
    page.get_by_label("Password again").fill(who.password)
    page.get_by_role("button", name="Set the password and sign in").click()
    expect(page.locator(".notice")).to_have_text("Your password is set, and you are signed in.")
    page.goto(link)
    expect(page.get_by_role("heading")).to_have_text("This invitation opens nothing")


def test_a_person_changes_the_password_and_is_signed_out_elsewhere(
    site: Server, visit: Visit, watch: Watch
) -> None:
    watch.expect_status(400)
    who, _ = person(site, "changer")
    here, elsewhere = visit(site, None), visit(site, None, width=NARROW)
    for page in (here, elsewhere):
        page.goto(PROFILE)
        sign_in(page, who)
    change_password(here, "not the password", OTHER)
    expect(here.get_by_label("Old password")).to_have_accessible_description(re.compile("is wrong"))
    assert_accessible(here)
    change_password(here, who.password, OTHER)
    expect(here.get_by_role("status")).to_contain_text("Your password is changed")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading")).to_have_text("Sign in")
    sign_in(elsewhere, who, password=OTHER)


def test_a_person_sees_where_they_are_signed_in_and_ends_it(site: Server, visit: Visit) -> None:
    who, _ = person(site, "traveller")
    here, elsewhere = visit(site, None, javascript=False), visit(site, None)
    for page in (elsewhere, here):
        page.goto(PROFILE)
        sign_in(page, who)
    rows = here.get_by_role("region", name="Sessions").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("this one")
    rows.nth(2).get_by_role("button", name="Sign out").click()
    expect(here.get_by_role("status")).to_have_text("That browser is signed out.")
    expect(rows).to_have_count(2)
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading")).to_have_text("Sign in")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])
def test_colours_are_chosen_and_kept(site: Server, visit: Visit, javascript: bool) -> None:
    page = visit(site, MEMBER, javascript=javascript)
    page.goto(PROFILE)
    choice = page.locator("form[aria-labelledby=colours]")
    for label, scheme in (("Dark", "dark"), ("Light", "light"), ("System", "")):
        choice.get_by_role("button", name=label).click()
        expect(choice.get_by_role("button", name=label)).to_have_attribute("aria-pressed", "true")
        assert page.locator("html").get_attribute("data-theme") == (scheme or None)
        expect(page).to_have_url(re.compile(f"{PROFILE}$"))


FORGED = """<!doctype html><title>win a prize</title>
<form method="post" action="{action}">{fields}<button>Win</button></form>"""


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/settings/profile/end-others", {}),
        ("/sign-out", {}),
        ("/sign-in", {"name": "mallory", "password": "seven brown sheep under the bridge"}),
    ],
)
def test_a_form_on_a_page_of_another_site_does_nothing(
    site: Server, browser: Browser, visit: Visit, path: str, fields: dict[str, str]
) -> None:
    """The browser is real, and so are the cookies that it keeps to itself."""
    name = "victim" + path.replace("/", "-")
    who, _ = person(site, name)
    if fields:
        person(site, fields["name"])
    context = new_context(browser, site.first_start["url"])
    page, elsewhere = context.new_page(), visit(site, None)
    for one in (page, elsewhere):
        one.goto(PROFILE)
        sign_in(one, who)
    hidden = "".join(f'<input type="hidden" name="{key}" value="{value}">' for key, value in fields.items())
    with another_site(FORGED.format(action=site.first_start["url"] + path, fields=hidden)) as url:
        page.goto(url)
        with page.expect_navigation(), page.expect_request(lambda sent: sent.method == "POST"):
            page.get_by_role("button", name="Win").click()
    for one in (page, elsewhere):
        one.goto(PROFILE)
        expect(one.locator("dl.facts dd").first).to_have_text(who.name)
    context.close()


@contextmanager
def another_site(content: str) -> Iterator[str]:
    """The URL of a page at another site: `localhost` is one to a browser that knows ours as 127.0.0.1."""

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def change_password(page: Page, old: str, new: str) -> None:
    page.get_by_label("Old password").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new)
    page.get_by_role("button", name="Change the password").click()


def end_sessions(server: Server, who: Person) -> None:
    """As if their time was over."""
    (user,) = (one["id"] for one in server.get("/v1/users")["users"] if one["name"] == who.name)
    for session in server.get("/v1/sessions", user=user)["sessions"]:
        path = f"/v1/sessions/{session['id']}"
        assert server.http.delete(path, params={"user": user}).status_code == 200
