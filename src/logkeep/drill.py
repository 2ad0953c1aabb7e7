"""Drill: the restore of one random hour of an archive, to know that a restore works before it is needed.

It takes the way of a real restore: the same plan, the same fetch, the same statements into the same kind
of table of the same engine. So it also meets what reading the lines in Python would not: a line that the
engine cannot read, a type that does not fit. Only the ledger is left out, and the table goes again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from logkeep.archive.layout import MANIFESTS, object_key, parse_key
from logkeep.catalog.values import Check
from logkeep.errors import DamagedArchive, EngineError, ObjectMissing
from logkeep.index.base import Engine
from logkeep.index.restored import RestoredLines, Where, first_unreadable
from logkeep.plurals import plural
from logkeep.restore.chunks import ChunkSpec
from logkeep.restore.fetch import BadPiece, Batch, fetched
from logkeep.restore.plan import RestorePlan, Source, plan_restore
from logkeep.restore.request import RestoreRequest
from logkeep.storage.base import Bucket
from logkeep.timeline import Hour, TimeRange, hour_end, hour_start, iso

_TABLE = "drill_lines"  # not named as restored accounts are, whose left-over tables the restore desk drops
_IDS_AT_ONCE = 4_000_000  # how many ids the engine compares in one go, about 200 MB


@dataclass(frozen=True, kw_only=True)
class DrillResult:
    ok: bool
    hour: Hour | None  # None: nothing is archived yet
    objects: int
    lines: int  # that came out
    seconds: float
    detail: str  # one line for people


class _DrillLines(RestoredLines):
    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "drill")
        self.name = _TABLE


def drill(bucket: Bucket, account: str, *, rng: Random, work: Path, engine: Engine) -> DrillResult:
    """Restore a random hour of the account into a table that is dropped again, and count.

    It is well when each object of the hour brings exactly the lines that its manifest says and no id
    comes twice. `work` is a folder for the files on their way. One drill at a time. Damage is a result
    and never raises. Raises StorageError when the bucket fails or denies, Overloaded without room on
    the disk, EngineError when the engine fails at what it could read.
    """
    started = time.perf_counter()
    hours = _hours(bucket, account)
    if not hours:
        detail = "nothing is archived yet"
        return DrillResult(ok=True, hour=None, objects=0, lines=0, seconds=0.0, detail=detail)
    hour = rng.choice(sorted(hours))
    plan = plan_restore([Source(target=0, bucket=bucket)], _request(account, hour))
    if plan.frozen.objects:
        detail = f"{plural(plan.frozen.objects, 'object')} of it in cold storage, so it was not restored"
        return DrillResult(
            ok=True,
            hour=hour,
            objects=plan.objects,
            lines=0,
            seconds=time.perf_counter() - started,
            detail=f"the hour of {iso(hour_start(hour))}: {detail}",
        )
    lines, problem = 0, ""
    try:
        _check_complete(plan, hours[hour])
        lines = _Load(bucket=bucket, engine=engine, work=work, hour=hour).count(plan)
    except (DamagedArchive, ObjectMissing) as error:
        problem = error.message
    except BadPiece as bad:
        problem = bad.error.message
    counted = f"{plural(lines, 'line')} of {plural(plan.objects, 'object')} are there"
    return DrillResult(
        ok=not problem,
        hour=hour,
        objects=plan.objects,
        lines=lines,
        seconds=time.perf_counter() - started,
        detail=f"the hour of {iso(hour_start(hour))}: {problem or counted}",
    )


def drop_drill(engine: Engine) -> None:
    """Drop the table of a drill that was interrupted. Idempotent."""
    _DrillLines(engine).drop()


def next_check_due(checks: Iterable[Check], every_s: int, created_at: int, now: int) -> int | None:
    """When a check that runs every so often is due, in epoch ms and never before `now`; None for never.

    `checks` are the last results of this kind of an archive, `created_at` is when it was set up: the
    first is due one interval after. A result from the future, of a clock that was put back, counts as now.
    """
    if not every_s:
        return None
    last = max((check.at for check in checks), default=created_at)
    return max(now, min(last, now) + every_s * 1000)


def _hours(bucket: Bucket, account: str) -> dict[Hour, list[str]]:
    """The account's hours that have a manifest, with the keys of the objects that do; if none has, as in
    the archive of another writer, all hours, without keys."""
    hours: dict[Hour, list[str]] = {}
    for folder in (MANIFESTS, ""):
        for stat in bucket.list(folder):
            key = object_key(stat.key) if folder else stat.key
            name = parse_key(key) if key else None
            if key and name and name.account == account:
                hours.setdefault(name.hour, []).extend([key] if folder else [])
        if hours:
            break
    return hours


def _request(account: str, hour: Hour) -> RestoreRequest:
    return RestoreRequest(
        name="drill", source=account, range=TimeRange(start=hour_start(hour), end=hour_end(hour))
    )


def _check_complete(plan: RestorePlan, keys: Sequence[str]) -> None:
    """Raises DamagedArchive when the plan knows nothing of an object that has a manifest."""
    counted = {piece.key for chunk in plan.chunks for piece in chunk.pieces if piece.lines}
    if unknown := sorted(set(keys) - counted):
        raise DamagedArchive(f"{unknown[0]} has a manifest, but cannot be restored by it")


@dataclass(frozen=True, kw_only=True)
class _Load:
    """The lines of one hour on their way into the engine."""

    bucket: Bucket
    engine: Engine
    work: Path
    hour: Hour

    def count(self, plan: RestorePlan) -> int:
        """How many came out. Raises DamagedArchive for what is not as planned."""
        table = _DrillLines(self.engine)
        table.drop()
        table.create(merging=True)
        try:
            lines = sum(self._chunk(table, number, spec) for number, spec in enumerate(plan.chunks))
            if twice := _ids_twice(self.engine, lines):
                raise DamagedArchive(f"{twice} lines have the id of another line")
            return lines
        finally:
            table.drop()

    def _chunk(self, table: RestoredLines, number: int, spec: ChunkSpec) -> int:
        with fetched(lambda _target: self.bucket, spec.pieces, self.work / "drill") as batch:
            lines = self._insert(table, number, spec, batch)
        expected = sum(piece.lines for piece in spec.pieces)  # 0: an object without manifest
        if expected and lines != expected:
            keys = ", ".join(piece.key for piece in spec.pieces)
            raise DamagedArchive(f"{keys} gave {lines} lines of this hour, the manifests say {expected}")
        return lines

    def _insert(self, table: RestoredLines, number: int, spec: ChunkSpec, batch: Batch) -> int:
        """Unlike a restore it never leaves duplicates out: they are to be found."""
        where = Where(sql="1", params={}, from_ms=hour_start(self.hour), to_ms=hour_end(self.hour))
        try:
            return table.load(batch.glob, number, where, batch.keys, new_only=False).lines
        except EngineError as error:
            unreadable = first_unreadable(self.engine, list(batch.files))
            if unreadable is None:
                raise
            file, reason = unreadable
            key = spec.pieces[batch.files.index(file)].key
            raise DamagedArchive(f"object {key} cannot be read: {reason}") from error


def _ids_twice(engine: Engine, lines: int) -> int:
    """How many lines of the table have the id of another one. Lines without an id (0) are not counted."""
    passes = lines // _IDS_AT_ONCE + 1
    counted = (
        engine.rows(
            f"SELECT count() - uniqExact(_lid) AS twice FROM {_TABLE}"  # noqa: S608 - our own names
            " WHERE _lid != 0 AND _lid % {passes:UInt64} = {part:UInt64}",
            {"passes": passes, "part": part},
        )
        for part in range(passes)
    )
    return sum(rows[0]["twice"] for rows in counted)
