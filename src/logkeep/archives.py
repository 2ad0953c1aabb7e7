"""Archives: setting them up, changing them, switching them on and off, without losing or doubling a line.

A line belongs to the archives that were on (or paused) when it came: intake writes that into the spool with
it. So a switch takes effect with the next request, and what came before it is sealed as it would have been.
A connection is tested before it is saved, unless the caller says otherwise.

An archive of another system (one with a layout) is only read: it stays off, and nothing is tried that would
write to its place.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from logkeep.archive.block import LEVELS
from logkeep.archive.foreign.layouts import layout_of
from logkeep.archiver import Archiver
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.restores import RUNNING
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Origin, Target
from logkeep.defaults import connect, free_archive_id, target_of
from logkeep.errors import BadSetting, Conflict, ConnectionTestFailed, LogkeepError
from logkeep.query.parse import parse
from logkeep.routing import Router
from logkeep.sealing import Sealer
from logkeep.spool.base import Spool
from logkeep.storage.base import Bucket
from logkeep.storage.connection import Connection, checked, place_of
from logkeep.storage.probe import Verdict, probe, usable
from logkeep.targets import Buckets
from logkeep.timeline import Clock
from logkeep.vault import Vault

MAX_TITLE = 200
MAX_QUERY = 4096
_YEAR_S = 366 * 86_400
MOST_ARCHIVES = 20  # of one account


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set of an archive beside its connection. None leaves a value as it is."""

    title: str | None = None
    rank: int | None = None
    query: str | None = None
    with_excluded: bool | None = None
    seal_after_s: int | None = None
    late_sweep_s: int | None = None
    max_object_bytes: int | None = None
    compression_level: int | None = None
    verify_every_s: int | None = None
    drill_every_s: int | None = None
    layout: str | None = None
    layout_options: Mapping[str, str] | None = None  # all of them; with another layout they begin anew

    def applied(self, archive: Archive) -> Archive:
        """The archive with these values. Raises BadSetting, which names the first that cannot be, and
        Conflict for what an archive of another system is not for."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if self.layout not in (None, archive.layout):
            given.setdefault("layout_options", {})
        changed = replace(archive, **given)
        _check(changed)
        return changed


@dataclass(frozen=True, kw_only=True)
class ArchiveDesk:
    """Takes requests about archives, from any thread; raises LogkeepErrors that say what to do.

    `settled` returns when no request that intake has begun can still go by a route of before the call.
    """

    catalog: Catalog
    archiver: Archiver
    sealer: Sealer
    spool: Spool
    router: Router
    buckets: Buckets
    vault: Vault
    open_connection: Callable[[Connection], Bucket]
    clock: Clock
    settled: Callable[[], None] = lambda: None
    _changing: threading.Lock = field(default_factory=threading.Lock)  # one reads and writes a row at a time

    def external_id(self, account: str) -> str:
        """What an AWS role has to ask for, so that it serves this account of this server only."""
        return hashlib.sha256(f"{self.sealer.server}/{account}".encode()).hexdigest()[:32]

    def with_external_id(self, account: str, connection: Connection) -> Connection:
        """The connection itself; one that takes a role with the account's external id, if it names none."""
        if connection.options.get("credentials") != "role":
            return connection
        return replace(connection, options={"external_id": self.external_id(account), **connection.options})

    def test(self, account: str, connection: Connection, *, read_only: bool = False) -> list[Verdict]:
        """What works in that bucket; with `read_only` nothing is written there. Raises BadSetting for a
        connection that cannot be."""
        connection = self._checked(account, connection)
        return probe(self.open_connection(connection), connection, read_only=read_only)

    def test_archive(self, archive: str) -> list[Verdict]:
        """The same for an archive as it is saved."""
        saved = self.catalog.archives.get(archive)
        target = self.catalog.archives.target(saved.target)
        return probe(self.buckets.of(target), self.buckets.connection(target), read_only=saved.foreign)

    def create(
        self,
        account: str,
        connection: Connection,
        settings: Settings,
        *,
        archive: str = "",
        untested: bool = False,
        start: bool = False,
        take_over: bool = False,
        pipeline: str = "",
    ) -> Archive:
        """Set up an archive of a live account, off unless `start`. Its id is `archive`, or made from the
        account's. With `pipeline` only what that one delivers goes there. Raises ConnectionTestFailed, and
        Conflict where one of another system is to be started; then nothing is saved."""
        if self.catalog.accounts.get(account).kind is not AccountKind.LIVE:
            raise Conflict(f"account {account!r} is a restored one, which is not archived")
        others = self.catalog.archives.of_account(account)
        if len(others) >= MOST_ARCHIVES:
            raise Conflict(f"account {account!r} has {MOST_ARCHIVES} archives, and may not have more")
        connection = self._checked(account, connection)
        wanted = settings.applied(
            Archive(
                id=archive or free_archive_id(self.catalog, account),
                account=account,
                state=ArchiveState.OFF,
                created_at=self.clock(),
                rank=max((one.rank for one in others), default=-1) + 1,
                pipeline=pipeline,
            )
        )
        if start:
            require_ours(wanted, "started")
        if not untested:
            self._require_usable(connection, read_only=wanted.foreign)
        created = self.catalog.archives.create(wanted, self._target(wanted, connection))
        if not start:
            return created
        try:
            return self.start(created.id, take_over=take_over)
        except LogkeepError:
            self.catalog.archives.delete(created.id)
            raise

    def update(
        self,
        archive: str,
        connection: Connection | None,
        settings: Settings,
        *,
        untested: bool = False,
        replan: bool = False,
    ) -> Archive:
        """Change an archive. What it has begun to write into a place that it leaves, or has left, is finished
        there; with `replan` it is written to the place of now instead, which may leave an object behind in
        the old one (a restore leaves its lines out). Raises ConnectionTestFailed, or Conflict for a place
        of another server and for a layout where there was none or the other way round; then nothing is
        saved."""
        before = self.catalog.archives.get(archive)
        _check_not_declared(before)
        check_layout_change(before, settings.applied(before))
        if connection is not None:
            connection = self._checked(before.account, connection)
            if not untested:
                self._require_usable(connection, read_only=before.foreign)
                if not before.foreign:
                    self._require_free(before, connection)
        with self.archiver.held(archive), self._changing:
            if connection is not None:
                self._connect(before, connection)
            if replan:
                self._give_up_begun(archive)
            changed = settings.applied(self.catalog.archives.get(archive))
            self.catalog.archives.update(replace(changed, origin=Origin.API))
        self.archiver.retry(archive)
        self.router.refresh(before.account)
        return self.catalog.archives.get(archive)

    def start(self, archive: str, *, take_over: bool = False) -> Archive:
        """Archive what comes from now on. Writes the marker that ties place and account. Raises Conflict
        when the place is another server's or the archive another system's, StorageError; then nothing is
        changed."""
        require_ours(self.catalog.archives.get(archive), "started")
        with self.archiver.held(archive):
            target = self.catalog.archives.target(self.catalog.archives.get(archive).target)
            self.sealer.claim(self.buckets.of(target), target, take_over=take_over)
        self.archiver.retry(archive)
        return self._switch(archive, ArchiveState.ON)

    def pause(self, archive: str) -> Archive:
        """Write nothing from now on; lines that come wait in the spool. Returns when nothing is written.
        Raises Conflict for an archive of another system, for which none would ever come."""
        require_ours(self.catalog.archives.get(archive), "paused")
        paused = self._switch(archive, ArchiveState.PAUSED)
        with self.archiver.held(archive):
            return paused

    def stop(self, archive: str) -> Archive:
        """Archive nothing that comes from now on. What came before is sealed as it would have been."""
        return self._switch(archive, ArchiveState.OFF)

    def forget_secrets(self, archive: str) -> Archive:
        """Stop the archive and remove its credentials, of former places too. Lines that wait for it wait on
        in the spool until there are credentials again."""
        stopped = self.stop(archive)
        with self.archiver.held(archive):
            self.catalog.archives.forget_secrets(archive)
        return stopped

    def remove(self, archive: str, *, discard: bool = False) -> None:
        """Remove an archive's settings and credentials; its objects stay. What waits for it is written
        first. Raises Conflict when that cannot be, unless it is to be discarded, and while a restore reads
        it; the archive is then off."""
        before = self.catalog.archives.get(archive)
        _check_not_declared(before)
        self._check_not_read(before.account)
        stopped = self.stop(archive)
        self.settled()
        self.spool.flush()
        self.archiver.seal_due(now=True, archive=archive)
        with self.archiver.held(archive):
            self._remove_unless_waiting(stopped, discard=discard)

    def _remove_unless_waiting(self, archive: Archive, *, discard: bool) -> None:
        waiting = sum(one.lines for one in self.spool.waiting(archive.id))
        if waiting and not discard:
            raise Conflict(
                f"{waiting} lines wait for the archive {archive.id!r} and could not be written",
                hint="see 'logkeep archive status'; or remove it with discard, and they are not archived",
            )
        self.catalog.archives.delete(archive.id)
        self.spool.forget(archive.id)
        self.archiver.forget(archive.id)
        self.router.refresh(archive.account)

    def _check_not_read(self, account: str) -> None:
        for restore in self.catalog.restores.list(*RUNNING):
            if restore.source == account:
                raise Conflict(
                    f"restore {restore.id} reads the archives of account {account!r}",
                    hint="abort it, or wait for its end",
                )

    def _switch(self, archive: str, state: ArchiveState) -> Archive:
        with self._changing:
            changed = replace(self.catalog.archives.get(archive), state=state)
            self.catalog.archives.update(changed)
        self.router.refresh(changed.account)
        return changed

    def _connect(self, archive: Archive, connection: Connection) -> None:
        """Give the archive this connection: to the place that it has, or to another one."""
        connect(self.catalog, archive, self._target(archive, connection))

    def _give_up_begun(self, archive: str) -> None:
        """What was begun in places that the archive has left is begun anew where it is now."""
        current = self.catalog.archives.get(archive).target
        for planned in self.catalog.objects.planned():
            if planned.archive == archive and planned.target != current:
                self.sealer.drop(planned)

    def _target(self, archive: Archive, connection: Connection) -> Target:
        return target_of(archive, connection, self.vault, self.clock())

    def _checked(self, account: str, connection: Connection) -> Connection:
        return self.with_external_id(account, checked(connection))

    def _require_free(self, archive: Archive, connection: Connection) -> None:
        """Raises Conflict for another place, if it is another server's."""
        place = place_of(connection)
        if place != self.catalog.archives.target(archive.target).place:
            self.sealer.check_free(self.open_connection(connection), archive.account, place)

    def _require_usable(self, connection: Connection, *, read_only: bool) -> None:
        verdicts = probe(self.open_connection(connection), connection, read_only=read_only)
        if not usable(verdicts):
            failed = next(one for one in verdicts if one.ok is False)
            raise ConnectionTestFailed(
                f"the connection test failed, nothing was saved: {failed.check}: {failed.detail}",
                hint=failed.remedy,
                verdicts=shown(verdicts),
            )


def shown(verdicts: Sequence[Verdict]) -> list[Mapping[str, object]]:
    """Verdicts as JSON shows them."""
    return [asdict(verdict) for verdict in verdicts]


def require_ours(archive: Archive, what: str) -> None:
    """Raises Conflict for an archive of another system, which cannot be `what`: started, say."""
    if archive.foreign:
        raise Conflict(
            f"the archive {archive.id!r} cannot be {what}: it is another system's archive "
            f"({archive.layout}), and only read",
            hint="restore from it, or search it in place",
        )


def check_layout_change(before: Archive, after: Archive) -> None:
    """Raises Conflict when one of the two is an archive of ours and the other is not: its place and what
    waits for it would be taken for something else."""
    if before.foreign is not after.foreign:
        ours, theirs = "an archive of this server", "another system's archive"
        was, wanted = (theirs, ours) if before.foreign else (ours, theirs)
        raise Conflict(
            f"the archive {before.id!r} is {was}, and cannot become {wanted}",
            hint="set up another archive for that place",
        )


def _check_not_declared(archive: Archive) -> None:
    if archive.origin is Origin.DECLARED:
        raise Conflict(
            f"the archive {archive.id!r} is declared in the settings file",
            hint="change it there and start the server again",
        )


def _check(archive: Archive) -> None:
    if len(archive.title) > MAX_TITLE or not (archive.title.isprintable() or not archive.title):
        raise BadSetting(
            f"title: it has {len(archive.title)} characters or more than one line",
            hint=f"write one line of at most {MAX_TITLE} characters",
            field="title",
        )
    if len(archive.query) > MAX_QUERY:
        raise BadSetting(f"query: it has more than {MAX_QUERY} characters", field="query")
    parse(archive.query)
    _check_layout(archive)
    bounds = {
        "rank": (0, 1_000_000),
        "seal_after_s": (0, 7 * 86_400),
        "late_sweep_s": (1, 7 * 86_400),
        "max_object_bytes": (1, 5 << 30),
        "compression_level": (LEVELS.start, LEVELS.stop - 1),
        "verify_every_s": (0, _YEAR_S),
        "drill_every_s": (0, _YEAR_S),
    }
    for name, (low, high) in bounds.items():
        value = getattr(archive, name)
        if not low <= value <= high:
            said = name.removesuffix("_s")
            raise BadSetting(f"{said}: {value} is not from {low} to {high}", field=said)


def _check_layout(archive: Archive) -> None:
    if archive.foreign:
        layout_of(archive.layout, archive.layout_options)
        if archive.verify_every_s or archive.drill_every_s:
            require_ours(archive, "verified or drilled")
    elif archive.layout_options:
        raise BadSetting(
            "layout_options stand without a layout",
            hint="name the layout that they are of, such as custom",
            field="layout_options",
        )
