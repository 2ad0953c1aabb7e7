"""Who calls the API, and what they may see: the owner of a key, of a token, or of a browser's session."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from logkeep.api.auth import no_key_given, nobodys_key, token_of
from logkeep.api.services import Services
from logkeep.catalog.people import Role, User, lower
from logkeep.catalog.tokens import PREFIX
from logkeep.catalog.values import KeyRole
from logkeep.errors import Forbidden, NotFound, Unauthorized
from logkeep.settings import Settings

# The web app calls the API in this process and says here who asks. No request from outside can: what a client
# sends never becomes a key of the ASGI scope.
SCOPE_KEY = "logkeep.caller"

COOKIE = "logkeep_session"
SECURE_COOKIE = "__Host-logkeep_session"  # where people come by https
CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Caller:
    actor: str  # for the audit log: the id of a key, or `user:` and the id of a user
    role: Role
    accounts: frozenset[str] | None = None  # that are seen; None: all
    user: User | None = None
    way: str = "key"  # how they came: key, token, session
    session: str = ""  # the id of the session

    def sees(self, account: str) -> bool:
        """Whether this caller may see what belongs to a live account."""
        return self.accounts is None or account in self.accounts

    def require(self, role: Role) -> None:
        """Raises Forbidden unless the caller has this role or a higher one."""
        if not self.role.includes(role):
            raise Forbidden(
                f"this needs the role {role}, and you have {self.role}", hint="ask an administrator"
            )

    def require_no_token(self) -> None:
        """Raises Forbidden for a user's token: one that is stolen could make what outlives it, and shut its
        owner out."""
        if self.way == "token":
            raise Forbidden(
                "a token neither makes, changes nor ends users, tokens and sessions",
                hint="sign in with a browser, or use an admin token",
            )


def caller_of_user(user: User, *, scope: Role = Role.ADMIN, way: str, session: str = "") -> Caller:
    """A user with no more rights than `scope`. An administrator sees all accounts, also with less rights."""
    return Caller(
        actor=f"user:{user.id}",
        role=lower(user.role, scope),
        accounts=None if user.role is Role.ADMIN else user.accounts,
        user=user,
        way=way,
        session=session,
    )


def caller_of(request: Request) -> Caller:
    """Who asks. Waits for the catalog. Raises Unauthorized, and Forbidden for an ingest key and for what a
    page of another site makes a browser send."""
    known = request.scope.get(SCOPE_KEY)
    if isinstance(known, Caller):
        return known
    services: Services = request.app.state.services
    token = token_of(request)
    if token.startswith(PREFIX):
        return _of_token(services, token)
    if token:
        return _of_key(services, token)
    if cookie := session_cookie(request):
        caller = caller_of_session(services, cookie)
        if caller is None:
            raise Unauthorized("the session is over", hint="sign in again")
        _check_sent_by_a_page_of_ours(request, cookie)
        return caller
    raise no_key_given()


def caller_of_session(services: Services, cookie: str) -> Caller | None:
    """Whose session it is; None when it is over."""
    settings = services.settings
    session = services.catalog.sessions.find(cookie, services.clock(), idle_ms=settings.session_idle * 1000)
    if session is None:
        return None
    user = _enabled(services, session.user)
    return None if user is None else caller_of_user(user, way="session", session=session.id)


def session_cookie(request: HTTPConnection) -> str:
    """The token of the browser's session; "" for none. Where people come by https, a cookie that another host
    of the domain could have set is none."""
    if SECURE_COOKIE in request.cookies:
        return request.cookies[SECURE_COOKIE]
    if COOKIE not in request.cookies:
        return ""
    services: Services = request.app.state.services
    return request.cookies[COOKIE] if session_cookie_name(services.settings) == COOKIE else ""


def session_cookie_name(settings: Settings) -> str:
    return SECURE_COOKIE if settings.public_url.startswith("https://") else COOKIE


def csrf_token(cookie: str) -> str:
    """What a page of this session puts into its forms, and its modules into CSRF_HEADER."""
    return hmac.new(cookie.encode("utf-8", "replace"), b"logkeep forms", hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Raise Forbidden for a request that a page of another site makes a browser send."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _of_another_site()
    origin = request.headers.get("origin")
    if origin is not None and not _is_ours(request, urlsplit(origin).netloc):
        raise _of_another_site()


def _is_ours(request: Request, host: str) -> bool:
    """A proxy may tell another host than the one that people know."""
    if host == request.headers.get("host", ""):
        return True
    services: Services = request.app.state.services
    return bool(host) and host == urlsplit(services.settings.public_url).netloc


def _check_sent_by_a_page_of_ours(request: Request, cookie: str) -> None:
    if request.method in _SAFE:
        return
    check_origin(request)
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token(cookie).encode()):
        raise Forbidden(
            f"the request lacks the session's {CSRF_HEADER}", hint="open the page again, or use a token"
        )


def _of_another_site() -> Forbidden:
    return Forbidden("the request comes from a page of another site", hint="use the page of this server")


def _of_token(services: Services, text: str) -> Caller:
    token = services.catalog.tokens.find(text, services.clock())
    user = None if token is None else _enabled(services, token.user)
    if token is None or user is None:
        raise nobodys_key()
    return caller_of_user(user, scope=token.scope, way="token")


def _of_key(services: Services, token: str) -> Caller:
    key = services.catalog.keys.resolve(token)
    if key is None:
        raise nobodys_key()
    if key.role is not KeyRole.ADMIN:
        raise Forbidden("this key may only send lines", hint="use an admin token, or a token of your own")
    return Caller(actor=key.id, role=Role.ADMIN)


def _enabled(services: Services, user_id: str) -> User | None:
    try:
        user = services.catalog.users.get(user_id)
    except NotFound:  # deleted this very moment
        return None
    return None if user.disabled else user
