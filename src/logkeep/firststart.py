"""The first start: account, archive and keys, and the file that tells its owner about them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from logkeep.archive.foreign.layouts import layout_of
from logkeep.catalog.archives import check_archive_id
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.invites import FIRST_ADMIN
from logkeep.catalog.values import AccountKind, KeyRole, Origin
from logkeep.declared import DeclaredArchive, declared_archives
from logkeep.defaults import default_connection, default_settings, follow, free_archive_id
from logkeep.errors import BadSetting, Conflict, InputError
from logkeep.settings import Settings
from logkeep.storage.connection import Connection, checked, connection_of_url
from logkeep.timeline import Clock
from logkeep.vault import Vault

FIRST_ACCOUNT = "main"
FILE_NAME = "first-start.json"
SETUP_PATH = "/setup/"
SETUP_LINK_LASTS_MS = 30 * 86_400_000  # each start makes another one


class FirstStart(msgspec.Struct, frozen=True, omit_defaults=True):
    """What first-start.json holds. Keys are shown once: the catalog has only their digests. While nobody has
    followed the set-up link, each start writes another one."""

    url: str
    account: str
    ingest_key: str
    admin_token: str
    setup_link: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountOpener:
    """Creates live accounts that are archived as the settings say."""

    catalog: Catalog
    settings: Settings
    vault: Vault
    clock: Clock

    def open_account(
        self, name: str, *, title: str = "", parent: str = "", archived: bool = True
    ) -> tuple[str, str]:
        """(account id, its first ingest key). Raises InputError or Conflict."""
        now = self.clock()
        try:
            self.catalog.accounts.create(name, AccountKind.LIVE, now, title=title, parent=parent)
        except Conflict:
            # An account without a key is one whose creation was cut off: finish it.
            if self.catalog.keys.issued(name):
                raise
        if archived and all(one.foreign for one in self.catalog.archives.of_account(name)):
            self.follow_settings(free_archive_id(self.catalog, name), name)
        return name, self.catalog.keys.issue(name, KeyRole.INGEST, now, name="first")

    def follow_settings(self, archive: str, account: str) -> None:
        """Have an archive be where `archive` and as the other settings say."""
        follow(
            self.catalog,
            self.vault,
            archive=archive,
            account=account,
            connection=default_connection(self.settings),
            settings=default_settings(self.settings),
            origin=Origin.SETTINGS,
            now=self.clock(),
        )

    def declare(self, declared: DeclaredArchive) -> None:
        """Have an archive be as its table in the settings file says, and its account exist. Raises
        BadSetting, and Conflict for a layout where there was none."""
        if layout := declared.settings.get("layout"):
            layout_of(layout, declared.settings["layout_options"])
        if all(one.id != declared.account for one in self.catalog.accounts.list()):
            self.catalog.accounts.create(declared.account, AccountKind.LIVE, self.clock())
        if declared.url:
            connection = connection_of_url(declared.url, {**declared.options, **declared.secrets})
        else:
            connection = Connection(
                provider=declared.provider, options=declared.options, secrets=declared.secrets
            )
        follow(
            self.catalog,
            self.vault,
            archive=declared.id,
            account=declared.account,
            connection=checked(connection),
            settings=declared.settings,
            origin=Origin.DECLARED,
            now=self.clock(),
        )


def prepare_accounts(opener: AccountOpener, url: str, setup_link: str = "") -> FirstStart | None:
    """Bring the archives that follow the settings in line with them, and make the first start if there was
    none: then returns the keys, which are shown once and stand in first-start.json.

    Raises BadSetting for what the settings file declares and cannot be, before anything is made.

    A crash before the first start has come to its end makes the next start issue new keys, so that there
    is never an account that nobody holds a key for.
    """
    catalog = opener.catalog
    declared = declared_archives(opener.settings.archives)
    for one in declared:
        _check_name(one)
    started = None
    if not catalog.installation.has_begun():
        started = _first_start(opener, url, setup_link)
    for one in declared:
        opener.declare(one)
    named = {one.id for one in declared}
    if started and all(one.foreign for one in catalog.archives.of_account(FIRST_ACCOUNT)):
        opener.follow_settings(free_archive_id(catalog, FIRST_ACCOUNT), FIRST_ACCOUNT)
    for archive in catalog.archives.list():
        if archive.origin is Origin.SETTINGS:
            opener.follow_settings(archive.id, archive.account)
        elif archive.origin is Origin.DECLARED and archive.id not in named:
            catalog.archives.update(
                replace(archive, origin=Origin.API)
            )  # its table is gone; it stays as it is
    if started:
        catalog.installation.begin(opener.clock())
    else:
        _note(opener.settings.data / FILE_NAME, url, setup_link)
    return started


def _check_name(declared: DeclaredArchive) -> None:
    try:
        check_archive_id(declared.id)
    except InputError as error:
        raise BadSetting(
            f"the settings file, [archives.{declared.id}]: {error.message}",
            hint="give the table another name",
            field="archives",
        ) from None


def new_setup_link(catalog: Catalog, base: str, now: int) -> str:
    """A link below this URL that makes the first administrator, once; the one before it opens nothing any
    more. "" when there is a user, who was made by such a link or by whoever has the admin token."""
    if catalog.users.any():
        return ""
    token = catalog.invites.issue(FIRST_ADMIN, now, lasts_ms=SETUP_LINK_LASTS_MS)
    return base.rstrip("/") + SETUP_PATH + token


def _first_start(opener: AccountOpener, url: str, setup_link: str) -> FirstStart:
    catalog, now = opener.catalog, opener.clock()
    if all(account.id != FIRST_ACCOUNT for account in catalog.accounts.list()):
        catalog.accounts.create(FIRST_ACCOUNT, AccountKind.LIVE, now)
    started = FirstStart(
        url=url,
        account=FIRST_ACCOUNT,
        ingest_key=catalog.keys.issue(FIRST_ACCOUNT, KeyRole.INGEST, now, name="first"),
        admin_token=catalog.keys.issue("", KeyRole.ADMIN, now, name="first"),
        setup_link=setup_link,
    )
    _write(opener.settings.data / FILE_NAME, started)
    return started


def _note(path: Path, url: str, setup_link: str) -> None:
    """Keep the URL in the file true, as a server on port 0 listens elsewhere each time, and the link."""
    try:
        noted = msgspec.json.decode(path.read_bytes(), type=FirstStart)
    except FileNotFoundError:
        return  # its owner moved the keys to a safer place
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # no longer ours
    true = msgspec.structs.replace(noted, url=url, setup_link=setup_link)
    if noted != true:
        _write(path, true)


def _write(path: Path, started: FirstStart) -> None:
    """Replace the file in one step; only its owner can read it, at any moment."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(started)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
