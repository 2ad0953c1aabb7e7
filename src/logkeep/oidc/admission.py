"""Who may come in by an identity provider: users whom it knows, and those whom the settings let be made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from logkeep.catalog.people import Role, User
from logkeep.catalog.users import Users
from logkeep.errors import Conflict, Forbidden
from logkeep.notify.addresses import mail_addresses
from logkeep.oidc.signin import Identity


@dataclass(frozen=True, kw_only=True)
class AutoUsers:
    """What becomes of people whom nobody made a user. Without a role they stay outside."""

    role: Role | None = None
    accounts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()  # of their e-mail addresses, in small letters; `*` for any

    def fits(self, email: str) -> bool:
        """Whether somebody with this address is let in."""
        domain = email.rpartition("@")[2].casefold()
        return self.role is not None and ("*" in self.domains or domain in self.domains)


def admit(users: Users, identity: Identity, auto: AutoUsers, now: int) -> User:
    """The user that this is. At the first time an e-mail address that the provider has verified tells whose
    name it is; from then on the provider's subject does. Raises Forbidden for everybody else."""
    user = users.known_as(identity.issuer, identity.subject) or _first_time(users, identity, auto, now)
    if user.disabled:
        raise Forbidden("this user is disabled", hint="ask an administrator")
    return user


def split(text: str) -> tuple[str, ...]:
    """The parts of a setting with commas between them."""
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def of_settings(role: str, accounts: str, domains: str) -> AutoUsers:
    return AutoUsers(
        role=Role(role) if role else None,
        accounts=split(accounts),
        domains=_small(split(domains)),
    )


def _small(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text.casefold() for text in texts)


def _first_time(users: Users, identity: Identity, auto: AutoUsers, now: int) -> User:
    if not identity.email:
        raise _without_email(identity)
    _check_address(identity.email)
    user = users.named(identity.email)
    if user is not None:
        return _linked(users, user, identity)
    if auto.role is None or not auto.fits(identity.email):
        raise Forbidden(
            f"there is no user {identity.email!r}", hint="ask an administrator to make one with this name"
        )
    try:
        return users.create(
            identity.email,
            auto.role,
            now,
            of_accounts=auto.accounts,
            issuer=identity.issuer,
            subject=identity.subject,
        )
    except Conflict:  # in two browsers at once
        return _linked(users, users.named(identity.email), identity)


def _linked(users: Users, user: User | None, identity: Identity) -> User:
    if user is None or (user.subject and (user.issuer, user.subject) != (identity.issuer, identity.subject)):
        raise Forbidden(
            f"the user {identity.email!r} belongs to another identity of the provider",
            hint="ask an administrator to delete the user and make it anew",
        )
    users.set_subject(user.id, identity.issuer, identity.subject)
    return users.get(user.id)


def _check_address(email: str) -> None:
    """Names are compared without their case, by which some letters of other scripts become ASCII ones: no
    such address may pass for another's."""
    try:
        known = mail_addresses(email)
    except ValueError:
        known = ()
    if known != (email,):
        raise Forbidden(
            f"{email!r} is no e-mail address that can name a user", hint="have the provider tell another one"
        )


def _without_email(identity: Identity) -> Forbidden:
    if identity.unverified_email:
        return Forbidden(
            f"the identity provider has not verified that {identity.unverified_email!r} is yours",
            hint="verify the address there, and sign in again",
        )
    return Forbidden(
        "the identity provider does not tell your e-mail address",
        hint="oidc_scopes has to ask for email, and the provider to give it",
    )
