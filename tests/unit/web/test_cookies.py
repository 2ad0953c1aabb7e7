from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import Response

from logkeep.settings import Settings
from logkeep.web.cookies import Cookies

HTTP, HTTPS = Settings(), replace(Settings(), public_url="https://logs.example.org")


def told(answer: Response) -> list[str]:
    return answer.headers.getlist("set-cookie")


def request(cookie: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", cookie.encode())]})


@pytest.mark.parametrize(
    ("settings", "prefix", "secure"), [(HTTP, "", ""), (HTTPS, "__Host-", "; Secure")], ids=["http", "https"]
)
def test_no_script_reads_a_cookie_and_none_comes_with_a_form_of_another_site(
    settings: Settings, prefix: str, secure: str
) -> None:
    answer = Response()
    Cookies(settings).begin_session(answer, "token")
    Cookies(settings).keep_form_secret(answer, "secret")
    Cookies(settings).keep_begun(answer, "begun")
    session, no_form, no_begun, form, begun = told(answer)
    assert session == f"{prefix}logkeep_session=token; HttpOnly; Max-Age=604800; Path=/; SameSite=lax{secure}"
    assert form == f"{prefix}logkeep_form=secret; HttpOnly; Path=/; SameSite=lax{secure}"
    assert begun == f"{prefix}logkeep_oidc=begun; HttpOnly; Max-Age=600; Path=/; SameSite=lax{secure}"
    assert no_form.startswith(f'{prefix}logkeep_form=""; ')
    assert no_begun.startswith(f'{prefix}logkeep_oidc=""; ')
    assert "Max-Age=0" in no_form


def test_a_session_lasts_as_long_in_the_browser_as_on_the_server() -> None:
    answer = Response()
    Cookies(replace(Settings(), session_most=3600)).begin_session(answer, "token")
    assert "Max-Age=3600" in told(answer)[0]


def test_where_people_come_by_https_a_cookie_that_another_host_could_set_is_not_read() -> None:
    assert Cookies(HTTPS).begun(request("logkeep_oidc=planted")) == ""
    assert Cookies(HTTPS).form_secret(request("logkeep_form=planted")) != "planted"
    assert Cookies(HTTPS).begun(request("__Host-logkeep_oidc=own")) == "own"
    assert Cookies(HTTP).begun(request("logkeep_oidc=own")) == "own"


def test_a_browser_keeps_its_secret_for_forms_in_all_its_tabs() -> None:
    assert Cookies(HTTP).form_secret(request("logkeep_form=mine")) == "mine"
    one, other = (Cookies(HTTP).form_secret(request("")) for _ in range(2))
    assert one != other
    assert len(one) == 43
