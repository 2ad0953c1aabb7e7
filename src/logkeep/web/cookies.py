"""The cookies of signing in: none can be read by a script, nor comes along when another site sends a form."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import Response

from logkeep.api.callers import session_cookie_name
from logkeep.settings import Settings

_FORM = "logkeep_form"  # what forms of those who are not signed in are proven with
_BEGUN = "logkeep_oidc"  # of a sign-in at an identity provider
_BEGUN_LASTS_S = 600
_HOST = "__Host-"  # no other host of the domain can set a cookie of such a name


class Cookies:
    """Where people come by https, cookies are sent by https alone."""

    def __init__(self, settings: Settings) -> None:
        self._secure = settings.public_url.startswith("https://")
        self._lasts_s = settings.session_most
        self._session = session_cookie_name(settings)

    def begin_session(self, answer: Response, token: str) -> None:
        """The browser is signed in, and whatever was for signing in is gone."""
        self._set(answer, self._session, token, self._lasts_s)
        self._delete(answer, self._named(_FORM))
        self._delete(answer, self._named(_BEGUN))

    def end_session(self, answer: Response) -> None:
        self._delete(answer, self._session)

    def form_secret(self, request: Request) -> str:
        """What this browser proves its forms with while nobody is signed in; a new one if it has none."""
        return request.cookies.get(self._named(_FORM)) or secrets.token_urlsafe(32)

    def keep_form_secret(self, answer: Response, secret: str) -> None:
        self._set(answer, self._named(_FORM), secret, None)

    def begun(self, request: Request) -> str:
        """What the browser keeps of a sign-in at an identity provider; "" for nothing."""
        return request.cookies.get(self._named(_BEGUN), "")

    def keep_begun(self, answer: Response, text: str) -> None:
        self._set(answer, self._named(_BEGUN), text, _BEGUN_LASTS_S)

    def forget_begun(self, answer: Response) -> None:
        self._delete(answer, self._named(_BEGUN))

    def _named(self, name: str) -> str:
        return _HOST + name if self._secure else name

    def _set(self, answer: Response, name: str, value: str, lasts_s: int | None) -> None:
        answer.set_cookie(
            name, value, max_age=lasts_s, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def _delete(self, answer: Response, name: str) -> None:
        answer.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="lax")
