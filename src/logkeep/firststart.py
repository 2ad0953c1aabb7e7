"""The first start: account, archive and keys, and the file that tells its owner about them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import AccountKind, ArchivePolicy, KeyRole
from logkeep.errors import Conflict
from logkeep.settings import Settings
from logkeep.timeline import Clock

FIRST_ACCOUNT = "main"
FILE_NAME = "first-start.json"


class FirstStart(msgspec.Struct, frozen=True):
    """What first-start.json holds. Keys are shown once: the catalog has only their digests."""

    url: str
    account: str
    ingest_key: str
    admin_token: str


@dataclass(frozen=True, kw_only=True)
class AccountOpener:
    """Creates live accounts that are archived as the settings say."""

    catalog: Catalog
    settings: Settings
    clock: Clock

    def open_account(self, name: str) -> tuple[str, str]:
        """(account id, its first ingest key). Raises InputError or Conflict."""
        now = self.clock()
        try:
            self.catalog.accounts.create(name, AccountKind.LIVE, now)
        except Conflict:
            # An account without a key is one whose creation was cut off: finish it.
            if self.catalog.keys.issued(name):
                raise
        self.catalog.archives.put(policy_of(self.settings, name))
        return name, self.catalog.keys.issue(name, KeyRole.INGEST, now)


def policy_of(settings: Settings, account: str) -> ArchivePolicy:
    """Where and how an account is archived that has no settings of its own."""
    return ArchivePolicy(
        account=account,
        url=settings.archive_url,
        seal_after_s=settings.seal_after,
        late_sweep_s=settings.late_sweep,
        max_object_bytes=settings.max_object_bytes,
    )


def prepare_accounts(opener: AccountOpener, url: str) -> FirstStart | None:
    """Bring every account's archive in line with the settings, and make the first start if there was
    none: then returns the keys, which are shown once and stand in first-start.json.

    The first account gets its archive last. A crash before that makes the next start issue new keys, so
    that there is never an account that nobody holds a key for.
    """
    catalog, settings = opener.catalog, opener.settings
    archived = {policy.account for policy in catalog.archives.list()}
    started = None
    if FIRST_ACCOUNT not in archived:
        started = _first_start(opener, url)
        archived.add(FIRST_ACCOUNT)
    for account in archived:
        catalog.archives.put(policy_of(settings, account))
    if started is None:
        _note_url(settings.data / FILE_NAME, url)
    return started


def _first_start(opener: AccountOpener, url: str) -> FirstStart:
    catalog, now = opener.catalog, opener.clock()
    if all(account.id != FIRST_ACCOUNT for account in catalog.accounts.list()):
        catalog.accounts.create(FIRST_ACCOUNT, AccountKind.LIVE, now)
    started = FirstStart(
        url=url,
        account=FIRST_ACCOUNT,
        ingest_key=catalog.keys.issue(FIRST_ACCOUNT, KeyRole.INGEST, now),
        admin_token=catalog.keys.issue("", KeyRole.ADMIN, now),
    )
    _write(opener.settings.data / FILE_NAME, started)
    return started


def _note_url(path: Path, url: str) -> None:
    """Keep the URL in the file true: a server on port 0 listens elsewhere after each start."""
    try:
        noted = msgspec.json.decode(path.read_bytes(), type=FirstStart)
    except FileNotFoundError:
        return  # its owner moved the keys to a safer place
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # no longer ours
    if noted.url != url:
        _write(path, msgspec.structs.replace(noted, url=url))


def _write(path: Path, started: FirstStart) -> None:
    """Replace the file in one step; only its owner can read it, at any moment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(started)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
