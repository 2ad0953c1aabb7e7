"""Archives and the places they write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Row, Select, Update, delete, insert, select, update

from logkeep.catalog.database import Database
from logkeep.catalog.models import archives, objects, targets
from logkeep.catalog.rows import check_id, get_account, no_archive
from logkeep.catalog.values import AccountKind, Archive, ObjectState, Target
from logkeep.errors import BadSetting, Conflict, InputError, NotFound

RESERVED = frozenset({"new"})  # a page beside those of archives

# What `update` leaves alone. The target is changed by `move` only, so that a change that was begun before a
# move and ends after it does not undo it.
_FIXED = frozenset({"id", "account", "created_at", "target", "pipeline"})


def check_archive_id(name: str) -> None:
    """Raises InputError for what cannot be the id of an archive."""
    check_id(name, "the id of an archive")
    if name in RESERVED:
        raise BadSetting(f"no archive can be called {name!r}", hint="choose another id", field="id")


class Archives:
    """An archive and its targets change together, in one transaction each time.

    No two archives of an account have, or had, the same place: they would give their objects the same
    keys. Archives of different accounts may share one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, archive: Archive, target: Target) -> Archive:
        """Set up an archive with its first target, whose `archive` and `account` are taken from it.

        Raises InputError for a bad id and for a restored account, NotFound for an unknown account, Conflict
        for a taken id and for a place where another archive of the account is.
        """
        check_archive_id(archive.id)
        with self._database.writing() as connection:
            if get_account(connection, archive.account).kind is not AccountKind.LIVE:
                raise InputError(f"{archive.account!r} is a restored account, which has no archive")
            if _find(connection, archive.id) is not None:
                raise Conflict(f"archive {archive.id!r} exists already", hint="choose another id")
            connection.execute(insert(archives).values(vars(replace(archive, target=0))))
            return _point(connection, archive, _add(connection, archive, target))

    def get(self, archive_id: str) -> Archive:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return _get(connection, archive_id)

    def of_account(self, account: str) -> Sequence[Archive]:
        """The account's own archives by rank, which take what it keeps. Those of its pipelines are not among
        them. None for an account that is not there."""
        return self._select(select(archives).where(archives.c.account == account, archives.c.pipeline == ""))

    def of_pipeline(self, pipeline: str) -> Sequence[Archive]:
        """The archives that are, or were, destinations of a pipeline, by account, rank and id."""
        return self._select(select(archives).where(archives.c.pipeline == pipeline))

    def list(self) -> Sequence[Archive]:
        """All archives, those of pipelines too, by account and rank."""
        return self._select(select(archives))

    def update(self, archive: Archive) -> Archive:
        """Change everything but id, account, pipeline, time of creation and target. Returns what is in force.

        Raises NotFound.
        """
        values = {name: value for name, value in vars(archive).items() if name not in _FIXED}
        with self._database.writing() as connection:
            connection.execute(update(archives).where(archives.c.id == archive.id).values(values))
            return _get(connection, archive.id)

    def move(self, archive_id: str, target: Target) -> Archive:
        """Write to another place from now on; the targets so far stay for reading.

        A place that the archive wrote to before, or writes to now, keeps its target, which takes over
        the connection: its objects go on counting. Raises NotFound; Conflict for a place where another
        archive of the account is.
        """
        with self._database.writing() as connection:
            archive = _get(connection, archive_id)
            known = select(targets.c.id).where(
                targets.c.archive == archive_id, targets.c.place == target.place
            )
            number = connection.scalar(known)
            if number is None:
                number = _add(connection, archive, target)
            else:
                connection.execute(_reconnect(number, target.provider, target.options, target.secret))
            return _point(connection, archive, number)

    def reconnect(
        self,
        target_id: int,
        provider: str,
        options: Mapping[str, str],
        secret: bytes,
        *,
        place: str | None = None,
    ) -> None:
        """Reach the same place in another way. `place` is for one that was written down wrongly.

        Raises NotFound; Conflict for a place where another target of the account is.
        """
        with self._database.writing() as connection:
            target = _target(connection, target_id)
            connection.execute(_reconnect(target_id, provider, options, secret))
            if place is not None and place != target.place:
                _check_place(connection, target.account, place)
                connection.execute(update(targets).where(targets.c.id == target_id).values(place=place))

    def target(self, target_id: int) -> Target:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return _target(connection, target_id)

    def targets(self, archive_id: str) -> Sequence[Target]:
        """Every place that the archive writes to or did, oldest first. Raises NotFound."""
        with self._database.reading() as connection:
            _get(connection, archive_id)
            return _targets(connection, select(targets).where(targets.c.archive == archive_id))

    def targets_of_account(self, account: str) -> Sequence[Target]:
        """Those of all archives of an account and of its pipelines, oldest first."""
        with self._database.reading() as connection:
            return _targets(connection, select(targets).where(targets.c.account == account))

    def targets_of_all(self) -> Mapping[str, Sequence[Target]]:
        """Those of every archive by its id, oldest first."""
        with self._database.reading() as connection:
            found: dict[str, list[Target]] = {}
            for one in _targets(connection, select(targets)):
                found.setdefault(one.archive, []).append(one)
            return found

    def marked(self, target_id: int, at: int) -> None:
        """The marker object was written there. Raises NotFound."""
        with self._database.writing() as connection:
            change = update(targets).where(targets.c.id == target_id).values(marked_at=at)
            if not connection.execute(change).rowcount:
                raise _no_target(target_id)

    def forget_secrets(self, archive_id: str) -> None:
        """Delete the credentials of all of its targets. Raises NotFound."""
        with self._database.writing() as connection:
            _get(connection, archive_id)
            connection.execute(update(targets).where(targets.c.archive == archive_id).values(secret=b""))

    def delete(self, archive_id: str) -> None:
        """Delete an archive and its targets. What is in its bucket stays, and so do the rows of its sealed
        objects; what was only planned goes. Raises NotFound."""
        with self._database.writing() as connection:
            _get(connection, archive_id)
            of_it = select(targets.c.id).where(targets.c.archive == archive_id)
            connection.execute(
                delete(objects).where(objects.c.target.in_(of_it), objects.c.state == ObjectState.PLANNED)
            )
            connection.execute(delete(archives).where(archives.c.id == archive_id))

    def sealed_secrets(self) -> Sequence[tuple[int, bytes]]:
        """(target id, sealed secrets) of every target that has some."""
        query = select(targets.c.id, targets.c.secret).where(targets.c.secret != b"").order_by(targets.c.id)
        with self._database.reading() as connection:
            return [(number, secret) for number, secret in connection.execute(query)]

    def reseal(self, target_id: int, secret: bytes, /, *, was: bytes) -> bool:
        """Replace sealed secrets by the same ones under another key, unless they are no longer those that
        were read. Returns whether they were replaced."""
        where = targets.c.id == target_id, targets.c.secret == was
        with self._database.writing() as connection:
            return bool(connection.execute(update(targets).where(*where).values(secret=secret)).rowcount)

    def _select(self, query: Select[tuple[object, ...]]) -> Sequence[Archive]:
        ordered = query.order_by(archives.c.account, archives.c.rank, archives.c.id)
        with self._database.reading() as connection:
            return [_archive(row) for row in connection.execute(ordered)]


def _find(connection: Connection, archive_id: str) -> Archive | None:
    row = connection.execute(select(archives).where(archives.c.id == archive_id)).one_or_none()
    return None if row is None else _archive(row)


def _get(connection: Connection, archive_id: str) -> Archive:
    found = _find(connection, archive_id)
    if found is None:
        raise no_archive(archive_id)
    return found


def _add(connection: Connection, archive: Archive, target: Target) -> int:
    """The id of a new target."""
    _check_place(connection, archive.account, target.place)
    values = vars(target) | {"archive": archive.id, "account": archive.account}
    del values["id"]
    added = connection.execute(insert(targets).values(values).returning(targets.c.id))
    return int(added.scalar_one())


def _check_place(connection: Connection, account: str, place: str) -> None:
    query = select(targets.c.archive).where(targets.c.account == account, targets.c.place == place)
    other = connection.scalar(query)
    if other is not None:
        raise Conflict(
            f"archive {other!r} of the same account has {place} as its place, now or before",
            hint="give every archive of an account its own bucket, folder or prefix",
        )


def _point(connection: Connection, archive: Archive, target_id: int) -> Archive:
    """Make this the target that is written to."""
    connection.execute(update(archives).where(archives.c.id == archive.id).values(target=target_id))
    return replace(archive, target=target_id)


def _reconnect(target_id: int, provider: str, options: Mapping[str, str], secret: bytes) -> Update:
    return (
        update(targets)
        .where(targets.c.id == target_id)
        .values(provider=provider, options=options, secret=secret)
    )


def _target(connection: Connection, target_id: int) -> Target:
    row = connection.execute(select(targets).where(targets.c.id == target_id)).one_or_none()
    if row is None:
        raise _no_target(target_id)
    return Target(**row._mapping)


def _targets(connection: Connection, query: Select[tuple[object, ...]]) -> Sequence[Target]:
    return [Target(**row._mapping) for row in connection.execute(query.order_by(targets.c.id))]


def _archive(row: Row[tuple[object, ...]]) -> Archive:
    return Archive(**row._mapping)


def _no_target(target_id: int) -> NotFound:
    return NotFound(f"there is no target {target_id}", hint="its archive was deleted")
