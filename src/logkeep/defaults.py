"""The archive that an account gets unless it is set up otherwise: as the server's settings say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from logkeep.catalog.archives import RESERVED
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import Archive, ArchiveState, Origin, Target
from logkeep.errors import Conflict, NotFound
from logkeep.settings import Settings
from logkeep.storage.connection import Connection, checked, connection_of_url, place_of
from logkeep.vault import Vault


def default_connection(settings: Settings) -> Connection:
    """The place that `archive` and `s3_endpoint` name. Raises BadSetting."""
    url, endpoint = settings.archive_url, settings.s3_endpoint
    options = {"endpoint": endpoint} if endpoint and url.startswith("s3://") else {}
    if options and endpoint.startswith("http://"):
        options["allow_http"] = "true"  # who runs the server wrote it so
    return checked(connection_of_url(url, options))


def default_settings(settings: Settings) -> Mapping[str, Any]:
    """Fields of an Archive."""
    return {
        "seal_after_s": settings.seal_after,
        "late_sweep_s": settings.late_sweep,
        "max_object_bytes": settings.max_object_bytes,
    }


def free_archive_id(catalog: Catalog, account: str) -> str:
    """The account's own id for its first archive, with a number after it for the next ones."""
    number = 1
    while True:
        candidate = account if number == 1 else f"{account[:58]}-{number}"
        if candidate not in RESERVED and not _is_there(catalog, candidate):
            return candidate
        number += 1


def _is_there(catalog: Catalog, archive: str) -> bool:
    try:
        catalog.archives.get(archive)
    except NotFound:
        return False
    return True


def target_of(archive: Archive, connection: Connection, vault: Vault, now: int) -> Target:
    """The row of a target that is reached so."""
    return Target(
        archive=archive.id,
        account=archive.account,
        provider=connection.provider,
        options=connection.options,
        place=place_of(connection),
        created_at=now,
        secret=vault.seal(connection.secrets) if connection.secrets else b"",
    )


def follow(
    catalog: Catalog,
    vault: Vault,
    *,
    archive: str,
    account: str,
    connection: Connection,
    settings: Mapping[str, Any],
    origin: Origin,
    now: int,
) -> None:
    """Have an archive be as the server's settings say; make it, and switch it on, if it is not there. Raises
    Conflict for a layout where there was none."""
    try:
        before = catalog.archives.get(archive)
    except NotFound:
        # Another system's archive is only read.
        state = ArchiveState.OFF if settings.get("layout") else ArchiveState.ON
        new = Archive(id=archive, account=account, state=state, created_at=now, origin=origin)
        wanted = replace(new, **settings)
        catalog.archives.create(wanted, target_of(wanted, connection, vault, now))
        return
    if replace(before, **settings).foreign is not before.foreign:
        whose = "another system's" if before.foreign else "an archive of this server"
        raise Conflict(
            f"the archive {archive!r} is {whose}, and cannot become the other kind",
            hint="declare what is wanted in a table with another name",
        )
    connect(catalog, before, target_of(before, connection, vault, now))
    current = catalog.archives.get(archive)
    catalog.archives.update(replace(current, **settings, origin=origin))


def connect(catalog: Catalog, archive: Archive, wanted: Target) -> bool:
    """Have the archive reach its place so, or move it to another. Returns whether it moved."""
    current = catalog.archives.target(archive.target)
    if current.place == wanted.place:
        catalog.archives.reconnect(current.id, wanted.provider, wanted.options, wanted.secret)
        return False
    if not current.marked_at and current.place == wanted.place.partition("?endpoint=")[0]:
        # From a catalog of the first release, which did not know the endpoint; nothing was written since.
        catalog.archives.reconnect(
            current.id, wanted.provider, wanted.options, wanted.secret, place=wanted.place
        )
        return False
    catalog.archives.move(archive.id, wanted)
    return True
