"""People who use the server: roles, users, and what they prove with who they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What somebody may do; each may do what those before it may."""

    READ_ONLY = "read-only"  # look and search in the accounts that they are given
    MEMBER = "member"  # also restore, exclude, issue ingest keys and check archives there
    ADMIN = "admin"  # everything, in all accounts

    @property
    def rank(self) -> int:
        return tuple(Role).index(self)

    def includes(self, other: Role) -> bool:
        return self.rank >= other.rank


def lower(one: Role, other: Role) -> Role:
    return one if other.includes(one) else other


@dataclass(frozen=True, kw_only=True)
class User:
    id: str
    name: str  # to sign in with; one of a kind, whatever the case of its letters
    role: Role
    accounts: frozenset[str] = frozenset()  # that a member or reader sees; admins see all
    password: str = field(default="", repr=False)  # its digest; "" while there is none
    disabled: bool = False
    created_at: int = 0
    signed_in_at: int = 0  # the last time; 0: never
    issuer: str = ""  # of the OpenID provider, with `subject`, that knows the user
    subject: str = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser in which somebody is signed in. Its token is in the browser's cookie alone."""

    id: str
    user: str
    created_at: int
    seen_at: int
    expires_at: int  # whatever happens
    way: str  # how it began: password, oidc, invite
    agent: str = ""  # what the browser calls itself, shortened


@dataclass(frozen=True, kw_only=True)
class Token:
    """A key of a user's own for the API. Its text is known to the user alone."""

    id: str
    user: str
    name: str
    scope: Role  # no more than this, and no more than the user's role
    created_at: int
    expires_at: int = 0  # 0: never
    used_at: int = 0  # to the minute; 0: never


@dataclass(frozen=True, kw_only=True)
class Invite:
    """A link that works once: to set a user's password, or to make the first administrator."""

    user: str  # "" for the first administrator
    expires_at: int
