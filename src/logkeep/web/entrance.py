"""How a browser gets its session: by a password, an identity provider, an invitation or the set-up link.

This is the one part of the web app that knows of passwords. Its calls hash them, or wait for the catalog:
call from a thread.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from logkeep.attempts import Attempts
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.invites import FIRST_ADMIN
from logkeep.catalog.people import Role, User
from logkeep.catalog.secrets import ID_LENGTH, digest_of
from logkeep.catalog.users import folded
from logkeep.errors import BadSetting, Conflict, Forbidden, LogkeepError, NotFound, Unauthorized
from logkeep.oidc.admission import admit, of_settings
from logkeep.oidc.signin import Identity
from logkeep.passwords import check_password, hash_password, needs_rehash, verify
from logkeep.settings import Settings
from logkeep.timeline import Clock
from logkeep.web.refusals import Refusals

NOBODY = "nobody"  # the actor of what was refused
_MOST_TO_NOTE = 1000  # between an answer and its note: only a bound


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Where a request comes from, as far as it can be known."""

    address: str
    agent: str


class Entrance:
    """Every way in gives the token of a new session, for the browser's cookie, and is written into the audit
    log. Safe from any thread."""

    def __init__(self, catalog: Catalog, settings: Settings, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lasts_ms = settings.session_most * 1000
        self._auto = of_settings(
            settings.oidc_auto_role, settings.oidc_auto_accounts, settings.oidc_auto_domains
        )
        self._attempts = Attempts(clock)
        self._refusals = Refusals(clock)
        self._to_note: deque[tuple[int, str, Mapping[str, object]]] = deque(maxlen=_MOST_TO_NOTE)

    def by_password(self, name: str, password: str, visitor: Visitor) -> str:
        """Raises Unauthorized with the same words, after the same time, for a name that nobody has, a wrong
        password and a disabled user; TooManyAttempts."""
        name = folded(name)  # which all ways to write it share
        self._attempts.begin(name, visitor.address)
        user = self._catalog.users.named(name)
        right = verify(password, user.password if user else "")
        if user is None or not right or user.disabled:
            self._refused(user, "password", visitor, "disabled" if right else "wrong name or password")
            raise Unauthorized("the name or the password is wrong", hint="try again, or ask an administrator")
        self._attempts.succeeded(name, visitor.address)
        if needs_rehash(user.password):
            self._catalog.users.set_password(user.id, hash_password(password))
            user = self._catalog.users.get(user.id)
        return self._begin(user, "password", visitor)

    def by_identity(self, identity: Identity, visitor: Visitor) -> str:
        """Raises Forbidden for whom admission.py does not let in."""
        known = self._catalog.users.known_as(identity.issuer, identity.subject)
        now = self._clock()
        try:
            user = admit(self._catalog.users, identity, self._auto, now)
        except LogkeepError as error:
            self._refused(known, "oidc", visitor, error.message)
            raise
        if known is None:
            made = "user.create" if user.created_at == now else "user.identity"
            self._note(user, made, user.id, name=user.name, role=user.role, identity=user.issuer)
        return self._begin(user, "oidc", visitor)

    def check_setup(self, token: str) -> None:
        """Raises NotFound unless the set-up link with this token opens something."""
        if self._catalog.invites.find(token, self._clock()).user != FIRST_ADMIN or self._catalog.users.any():
            raise NotFound("this link was used already, or has expired")

    def set_up(self, token: str, name: str, password: str, visitor: Visitor) -> str:
        """Make the first administrator. Raises NotFound, and InputError for a name or a password that cannot
        be."""
        self.check_setup(token)
        check_password(password, user=name)
        now = self._clock()
        user = User(
            id=secrets.token_hex(6),
            name=name.strip(),
            role=Role.ADMIN,
            password=hash_password(password),
            created_at=now,
        )
        self._catalog.invites.make_first_admin(token, now, user=user)
        self._note(user, "user.set-up", user.id, name=user.name)
        return self._begin(user, "setup", visitor)

    def invited(self, token: str) -> User:
        """Whose invitation this is. Raises NotFound."""
        invite = self._catalog.invites.find(token, self._clock())
        if invite.user == FIRST_ADMIN:
            raise NotFound("this link was used already, or has expired")
        user = self._catalog.users.get(invite.user)
        if user.disabled:
            raise Forbidden("this user is disabled", hint="ask an administrator")
        return user

    def accept(self, token: str, password: str, visitor: Visitor) -> str:
        """Set the invited user's password, which ends all sessions of theirs. Raises NotFound, BadSetting."""
        user = self.invited(token)
        check_password(password, user=user.name)
        self._catalog.invites.set_password(token, self._clock(), password=hash_password(password))
        self._note(user, "user.password", user.id, way="invite")
        return self._begin(self._catalog.users.get(user.id), "invite", visitor)

    def change_password(self, user: User, session: str, old: str, new: str, visitor: Visitor) -> None:
        """It ends all other sessions of the user. Raises BadSetting for a wrong old or a weak new one,
        TooManyAttempts, and Conflict for a user who has none."""
        if not user.password:
            raise Conflict("you have no password here", hint="ask an administrator for a link to set one")
        check_password(new, user=user.name)
        self._attempts.begin(user.name, visitor.address)
        if not verify(old, user.password):
            self._refused(user, "password", visitor, "wrong old password")
            raise BadSetting(
                "the old password is wrong", hint="type the one that you signed in with", field="old"
            )
        self._attempts.succeeded(user.name, visitor.address)
        self._catalog.users.set_password(user.id, hash_password(new))
        ended = self._catalog.sessions.end_all(user.id, but=session)
        self._note(user, "user.password", user.id, way="own", sessions_ended=ended)

    def sign_out(self, user: User, session: str) -> None:
        """Nothing happens when the session is over already."""
        try:
            self._catalog.sessions.end(user.id, session)
        except NotFound:
            return
        self._note(user, "session.end", session, user=user.id)

    def forget(self, token: str) -> None:
        """The session of this token is over: its browser has another one."""
        self._catalog.sessions.end_token(token)

    def end_other_sessions(self, user: User, session: str) -> int:
        """End all sessions of the user but this one; returns how many."""
        ended = self._catalog.sessions.end_all(user.id, but=session)
        self._note(user, "session.end-others", session, user=user.id, sessions_ended=ended)
        return ended

    def _begin(self, user: User, way: str, visitor: Visitor) -> str:
        now = self._clock()
        token = self._catalog.sessions.begin(
            user.id, now, lasts_ms=self._lasts_ms, way=way, agent=visitor.agent
        )
        current = self._catalog.users.get(user.id)
        if current.disabled or current.password != user.password:  # since it was looked at
            self._catalog.sessions.end_token(token)
            raise Unauthorized("the user was changed at this very moment", hint="sign in again")
        self._catalog.users.signed_in(user.id, now)
        session = digest_of(token)[:ID_LENGTH]
        self._note(user, "session.begin", session, user=user.id, way=way, address=visitor.address)
        return token

    def note_refusals(self) -> None:
        """Write into the audit log what was refused. To be called once that is answered: else the time of an
        answer would tell whether its user is one."""
        while self._to_note:
            try:
                at, subject, details = self._to_note.popleft()
            except IndexError:  # another thread took it
                return
            self._catalog.audit.add(at, NOBODY, "session.refuse", subject, details)

    def _refused(self, user: User | None, way: str, visitor: Visitor, reason: str) -> None:
        """The name is told only of a user: who mistypes may have written a password there."""
        subject = user.id if user else ""
        if count := self._refusals.count(subject):
            details = {"way": way, "reason": reason, "address": visitor.address, "attempts": count}
            self._to_note.append((self._clock(), subject, details))

    def _note(self, by: User, action: str, subject: str, **details: object) -> None:
        self._catalog.audit.add(self._clock(), f"user:{by.id}", action, subject, details)
