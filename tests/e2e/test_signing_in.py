"""Signing in at a real server: what it answers, and what it lets nobody do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsing import PASSWORD, Browsing, cookies_of, token_in, told
from tests.e2e.server import Server, eventually

OTHER = "ten owls at dawn"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("signing-in") / "data").start()
    for name in ("ada", "ben", "cid", "dora", "eve", "fay", "gil", "hal", "ida", "jo"):
        make_user(running, name, role="admin" if name == "ada" else "member")
    yield running
    running.kill()


@pytest.fixture
def browsing(server: Server) -> Browsing:
    return Browsing(server)


def make_user(
    server: Server, name: str, *, role: str = "member", password: str | None = PASSWORD
) -> dict[str, Any]:
    return server.post("/v1/users", {"name": name, "role": role, "accounts": ["main"], "password": password})


def audit(server: Server, action: str) -> list[dict[str, Any]]:
    """Entries of this action, newest first."""
    return [one for one in server.get("/v1/audit", limit=1000)["entries"] if one["action"] == action]


def user_id(server: Server, name: str) -> str:
    return next(str(one["id"]) for one in server.get("/v1/users")["users"] if one["name"] == name)


def test_a_right_password_opens_the_page_that_was_asked_for(browsing: Browsing, server: Server) -> None:
    asked = browsing.get("/settings/profile?from=-1h")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/sign-in?next=%2Fsettings%2Fprofile%3Ffrom%3D-1h",
    )
    answer = browsing.sign_in("ada", next="/settings/profile?from=-1h")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/profile?from=-1h")
    assert browsing.signed_in()
    details = audit(server, "session.begin")[0]["details"]
    assert (details["way"], details["address"]) == ("password", "127.0.0.1")
    again = browsing.get("/sign-in?next=/settings/profile")
    assert (again.status_code, again.headers["location"]) == (303, "/settings/profile")


def test_the_cookie_of_a_session_is_kept_from_scripts_and_other_sites(browsing: Browsing) -> None:
    session = cookies_of(browsing.sign_in("ada"))["logkeep_session"]
    assert re.fullmatch(r"[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=lax", session)


def test_where_people_come_by_https_so_do_cookies(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", public_url="https://logs.example.org").start()
    assert server.first_start["setup_link"].startswith("https://logs.example.org/setup/")
    make_user(server, "ada")
    browsing = Browsing(server)
    page = browsing.get("/sign-in")
    form = cookies_of(page)["__Host-logkeep_form"]
    assert form.endswith("; HttpOnly; Path=/; SameSite=lax; Secure")
    secret = form.partition(";")[0]
    headers = {"Cookie": f"__Host-logkeep_form={secret}"}
    fields = {"csrf_token": token_in(page), "name": "ada", "password": PASSWORD}
    answer = browsing.send("/sign-in", headers, **fields)
    session = cookies_of(answer)["__Host-logkeep_session"]
    assert session.endswith("; HttpOnly; Max-Age=604800; Path=/; SameSite=lax; Secure")
    token = session.partition(";")[0]
    fresh = Browsing(server).http
    own = fresh.get("/settings/profile", headers={"Cookie": f"__Host-logkeep_session={token}"})
    planted = fresh.get("/settings/profile", headers={"Cookie": f"logkeep_session={token}"})
    assert (own.status_code, planted.status_code) == (200, 303)
    server.stop()


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(server: Server) -> None:
    def told_to(name: str) -> tuple[int, str]:
        browsing = Browsing(server)
        answer = browsing.sign_in(name, OTHER)
        assert OTHER not in answer.text
        assert not browsing.signed_in()
        text = re.sub(r'value="[^"]*"|content="[^"]*"', "", answer.text)
        return answer.status_code, text

    assert told_to("ben") == told_to("nobody")
    status, text = told_to("ben")
    assert status == 401
    assert "The name or the password is wrong." in text


def test_too_many_attempts_wait_and_the_right_password_waits_with_them(server: Server) -> None:
    browsing = Browsing(server)
    tried = [browsing.sign_in("cid", OTHER).status_code for _ in range(6)]
    assert tried == [401, 401, 401, 401, 401, 429]
    answer = browsing.sign_in("cid")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) in (1, 2)
    assert "Too many attempts to sign in. Try again in" in told(answer)
    assert browsing.sign_in("ada").status_code == 303  # others come in meanwhile
    eventually(lambda: Browsing(server).sign_in("cid").status_code == 303, "the wait to be over")
    user = user_id(server, "cid")
    first = eventually(
        lambda: [one for one in audit(server, "session.refuse") if one["subject"] == user], "the note of it"
    )[-1]
    assert (first["actor"], first["details"]["attempts"]) == ("nobody", 1)


def test_a_form_that_no_page_of_ours_sent_signs_nobody_in(server: Server) -> None:
    fields = {"name": "ada", "password": PASSWORD}

    def refused(browsing: Browsing, headers: dict[str, str] | None = None, **more: str) -> bool:
        answer = browsing.send("/sign-in", headers, **fields, **more)
        return answer.status_code == 403 and "logkeep_session" not in cookies_of(answer)

    assert refused(Browsing(server))  # no token at all, as from a forged page
    assert refused(Browsing(server), csrf_token="")
    one, other = Browsing(server), Browsing(server)
    assert refused(one, csrf_token=token_in(other.get("/sign-in")))  # of another browser
    token = token_in(one.get("/sign-in"))
    for forged in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert refused(one, forged, csrf_token=token)
    assert not one.signed_in()
    assert one.send("/sign-in", {"Origin": one.url}, csrf_token=token, **fields).status_code == 303


@pytest.mark.parametrize(
    "path", ["/sign-out", "/settings/profile/end-others", "/settings/profile/password", "/theme"]
)
def test_a_forged_form_does_nothing_in_the_name_of_who_is_signed_in(server: Server, path: str) -> None:
    browsing = Browsing(server)
    browsing.sign_in("dora")
    token = token_in(browsing.get("/settings/profile"))
    assert browsing.send(path, no="token").status_code == 403
    assert browsing.send(path, csrf_token="guessed").status_code == 403
    assert browsing.send(path, {"Origin": "https://evil.example"}, csrf_token=token).status_code == 403
    assert browsing.send(path, {"Sec-Fetch-Site": "cross-site"}, csrf_token=token).status_code == 403
    assert browsing.get(path).status_code in (404, 405)  # nor does a link
    assert browsing.signed_in()


def test_a_session_that_was_there_before_signing_in_is_worth_nothing_after(server: Server) -> None:
    """Session fixation: somebody plants their cookie, and waits for its reader to sign in."""
    attacker = Browsing(server)
    attacker.sign_in("eve")
    planted = attacker.http.cookies["logkeep_session"]
    victim = Browsing(server)
    victim.http.cookies.set("logkeep_session", planted, domain="127.0.0.1")
    page = victim.get("/sign-in")
    assert page.status_code == 303  # in the attacker's session nobody is asked: they see it is not theirs
    victim.http.cookies.delete("logkeep_session")
    fields = {"csrf_token": token_in(victim.get("/sign-in")), "name": "fay", "password": PASSWORD}
    victim.http.cookies.set("logkeep_session", planted, domain="127.0.0.1")
    session = cookies_of(victim.send("/sign-in", **fields))["logkeep_session"].partition(";")[0]
    assert session != planted
    assert not attacker.signed_in()
    assert victim.signed_in()


def test_every_sign_in_has_a_session_of_its_own(server: Server) -> None:
    one, other = Browsing(server), Browsing(server)
    one.sign_in("gil")
    other.sign_in("gil")
    assert one.http.cookies["logkeep_session"] != other.http.cookies["logkeep_session"]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "%2F%2Fevil.example",
        "/sign-out",
    ],
)
def test_nobody_is_led_elsewhere_by_signing_in(server: Server, browsing: Browsing, target: str) -> None:
    answer = browsing.fill("/sign-in", name="ada", password=PASSWORD, next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = Browsing(server).http.get("/sign-in", params={"next": target})
    assert '<input type="hidden" name="next" value="/">' in page.text
    signed_in = browsing.http.get("/sign-in", params={"next": target})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")


def test_signing_out_ends_the_session_itself(server: Server, browsing: Browsing) -> None:
    browsing.sign_in("ada")
    session = browsing.http.cookies["logkeep_session"]
    answer = browsing.fill("/settings/profile", "/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?out=1")
    assert "logkeep_session" not in browsing.http.cookies
    assert "You are signed out." in told(browsing.get("/sign-in?out=1"))
    old = Browsing(server).http.get("/settings/profile", headers={"Cookie": f"logkeep_session={session}"})
    assert old.status_code == 303
    assert (
        browsing.send("/sign-out", no="token").headers["location"] == "/sign-in?out=1"
    )  # once more: nothing happens


def test_a_form_after_the_end_of_its_session_does_nothing_and_the_person_comes_back_to_it(
    server: Server, browsing: Browsing
) -> None:
    browsing.sign_in("hal")
    token = token_in(browsing.get("/settings/profile"))
    server.http.patch(f"/v1/users/{user_id(server, 'hal')}", json={"disabled": True}).raise_for_status()
    server.http.patch(f"/v1/users/{user_id(server, 'hal')}", json={"disabled": False}).raise_for_status()
    answer = browsing.send(
        "/settings/profile/end-others", {"Referer": f"{browsing.url}/settings/profile"}, csrf_token=token
    )
    where = answer.headers["location"]
    assert where == "/sign-in?next=%2Fsettings%2Fprofile&lost=1&expired=1"
    page = browsing.get(where)
    assert "Your session was over, so the form was not sent." in told(page)
    fields = {"csrf_token": token_in(page), "name": "hal", "password": PASSWORD, "next": "/settings/profile"}
    back = browsing.send("/sign-in", **fields, lost="1")
    assert back.headers["location"] == "/settings/profile"
    assert "The form was not sent" in told(browsing.get("/settings/profile"))
    assert "The form was not sent" not in told(browsing.get("/settings/profile"))  # told once


def test_sessions_end_when_nobody_uses_them_and_at_their_end_in_any_case(tmp_path: Path) -> None:
    for setting in ("session_idle", "session_most"):
        server = Server(tmp_path / setting, **{setting: "4"}).start()
        make_user(server, "ada")
        browsing = Browsing(server)
        browsing.sign_in("ada")
        session = {"Cookie": f"logkeep_session={browsing.http.cookies['logkeep_session']}"}
        http = Browsing(server).http
        assert http.get("/settings/profile", headers=session).status_code == 200
        over = eventually(
            lambda: (answer := http.get("/settings/profile", headers=session)).status_code == 303 and answer,  # noqa: B023
            f"the session to end by {setting}",
        )
        assert over
        where = over.headers["location"]
        assert where == "/sign-in?next=%2Fsettings%2Fprofile&expired=1"
        assert "Your session is over. Sign in to go on where you were." in told(http.get(where))
        assert http.get("/v1/me", headers=session).status_code == 401
        server.stop()


def test_the_set_up_link_makes_the_first_administrator_and_opens_nothing_after(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    before = server.first_start["setup_link"]
    server.stop()
    server.start()
    link = server.first_start["setup_link"]
    assert link != before
    assert link.startswith(server.first_start["url"] + "/setup/")

    browsing = Browsing(server)
    path, old = link.removeprefix(browsing.url), "/setup/" + before.rpartition("/")[2]
    assert browsing.get(old).status_code == 404
    assert "It was used already, is too old, or was never made." in told(browsing.get(old))
    made = server.post("/v1/setup-link", {})["link"]
    assert browsing.get(path).status_code == 404  # replaced by the one that was asked for

    assert browsing.send(made, name="ada", password=PASSWORD, again=PASSWORD).status_code == 403
    weak = browsing.fill(made, name="ada", password="short", again="short")
    assert (weak.status_code, told(weak)) == (
        400,
        "the password has fewer than 12 characters. Choose a longer one.",
    )
    differ = browsing.fill(made, name="ada", password=PASSWORD, again=OTHER)
    assert (differ.status_code, 'value="ada"' in differ.text, PASSWORD in differ.text) == (400, True, False)
    answer = browsing.fill(made, name="ada", password=PASSWORD, again=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browsing.signed_in()
    assert browsing.get("/v1/me").json()["role"] == "admin"
    assert [one["action"] for one in server.get("/v1/audit")["entries"][:2]] == [
        "session.begin",
        "user.set-up",
    ]

    assert Browsing(server).get(made).status_code == 404
    assert server.http.post("/v1/setup-link").status_code == 409
    server.stop()
    server.start()
    assert "setup_link" not in json.loads((tmp_path / "data" / "first-start.json").read_text())
    server.stop()


def test_an_invitation_sets_a_password_once_and_ends_other_sessions(server: Server) -> None:
    made = make_user(server, "ike", password=None)
    browsing = Browsing(server)
    assert browsing.sign_in("ike", "").status_code == 401  # nobody signs in without a password
    assert "<strong>ike</strong>" in browsing.get(made["link"]).text
    assert browsing.send(made["link"], password=PASSWORD, again=PASSWORD).status_code == 403
    assert browsing.fill(made["link"], password=PASSWORD, again=PASSWORD).headers["location"] == "/"
    assert browsing.signed_in()
    assert Browsing(server).get(made["link"]).status_code == 404

    again = server.post(f"/v1/users/{made['id']}/invite", {})
    other = Browsing(server)
    assert other.fill(again["link"], password=OTHER, again=OTHER).status_code == 303
    assert not browsing.signed_in()
    assert Browsing(server).sign_in("ike", PASSWORD).status_code == 401
    assert Browsing(server).sign_in("ike", OTHER).status_code == 303


def test_a_changed_password_signs_out_everywhere_else(server: Server) -> None:
    here, elsewhere = Browsing(server), Browsing(server)
    for one in (here, elsewhere):
        one.sign_in("ida")
    change = "/settings/profile/password"
    wrong = here.fill("/settings/profile", change, old=OTHER, password=OTHER, again=OTHER)
    assert (wrong.status_code, told(wrong)) == (
        400,
        "the old password is wrong. Type the one that you signed in with.",
    )
    weak = here.fill("/settings/profile", change, old=PASSWORD, password="ida", again="ida")
    assert weak.status_code == 400
    assert elsewhere.signed_in()
    done = here.fill("/settings/profile", change, old=PASSWORD, password=OTHER, again=OTHER)
    assert done.headers["location"] == "/settings/profile"
    assert (here.signed_in(), elsewhere.signed_in()) == (True, False)
    assert Browsing(server).sign_in("ida", OTHER).status_code == 303


def test_people_see_their_sessions_and_end_them(server: Server) -> None:
    here, elsewhere = Browsing(server, user_agent="Here/1"), Browsing(server, user_agent="<b>There</b>")
    for one in (here, elsewhere):
        one.sign_in("jo")
    page = here.get("/settings/profile")
    assert "&lt;b&gt;There&lt;/b&gt;" in page.text
    (other,) = re.findall(r'name="session" value="(\w+)"', page.text)
    assert here.fill("/settings/profile", "/settings/profile/end", session=other).status_code == 303
    assert (here.signed_in(), elsewhere.signed_in()) == (True, False)
    elsewhere.sign_in("jo")
    assert here.fill("/settings/profile", "/settings/profile/end-others").status_code == 303
    assert (here.signed_in(), elsewhere.signed_in()) == (True, False)


def test_nobody_ends_sessions_of_another(server: Server) -> None:
    victim, other = Browsing(server), Browsing(server)
    victim.sign_in("ada")
    other.sign_in("dora")
    session = victim.get("/v1/me").json()["session"]
    refused = other.fill("/settings/profile", "/settings/profile/end", session=session)
    assert refused.status_code == 404
    assert victim.signed_in()


def test_only_a_trusted_proxy_says_who_comes(tmp_path: Path, server: Server) -> None:
    through = {"x_forwarded_for": "203.0.113.9"}
    Browsing(server, **through).sign_in("ada")
    assert audit(server, "session.begin")[0]["details"]["address"] == "127.0.0.1"
    behind = Server(tmp_path / "data", trusted_proxies="127.0.0.1").start()
    make_user(behind, "ada")
    Browsing(behind, **through).sign_in("ada")
    assert audit(behind, "session.begin")[0]["details"]["address"] == "203.0.113.9"
    behind.stop()


def test_the_server_does_not_start_with_half_an_identity_provider(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", oidc_issuer="https://accounts.example.org")
    with pytest.raises(AssertionError, match="did not start"):
        server.start()
    server.kill()
