"""Into an archive of the pipeline's own: its frames wait in the spool, as those of accounts do, until the
archiver seals their hours. A frame that comes a second time is known by its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from logkeep.catalog.values import Archive, ArchiveState
from logkeep.errors import DeliveryFailed, LogkeepError, NotFound
from logkeep.intake import FUTURE_MS
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.pipeline.outbox import FrameLines
from logkeep.record import are_ids
from logkeep.spool.base import FRAME_BYTES, Piece, Spool
from logkeep.timeline import HOUR_MS, Clock, Hour


class _Stamp(msgspec.Struct, gc=False):
    """What has to be known of a line."""

    lid: str = msgspec.field(default="", name="_lid")
    ts: int = msgspec.field(default=-1, name="_ts")


_stamps = msgspec.json.Decoder(_Stamp)


class ArchiveDestination:
    """`archive_of` reads the archive from the catalog."""

    whole_frames = True

    def __init__(
        self, archive: str, *, archive_of: Callable[[str], Archive], spool: Spool, clock: Clock
    ) -> None:
        self._archive = archive
        self._archive_of = archive_of
        self._spool = spool
        self._clock = clock

    def send(self, batch: Batch) -> Sent:
        try:
            archive = self._archive_of(self._archive)
        except LogkeepError as error:
            raise DeliveryFailed(error.message, hint=error.hint) from error
        if archive.state is ArchiveState.OFF:
            raise DeliveryFailed(
                f"the archive {archive.id!r} is off",
                hint=f"logkeep archive start {archive.id}; events wait until then",
            )
        now = self._clock()
        frame = _frame(archive, batch, now)
        if frame is not None:
            pieces, refused = [frame], list[Refused]()
        else:
            good, refused = self._sorted(batch, now + FUTURE_MS)
            pieces = [
                _piece(archive, hour, stamps, payload, now)
                for hour, of_hour in good.items()
                for stamps, payload in _cut(of_hour)
            ]
        try:
            # The archive's age tells it from one that is made under the same name later.
            key = batch.key and f"{archive.created_at}/{batch.key}"
            self._spool.append_now(pieces, key=key, last_of=key and f"pipeline/{batch.queue}")
        except LogkeepError as error:
            raise DeliveryFailed(f"the spool does not take them: {error.message}", hint=error.hint) from error
        self._check_still_there(archive)
        return Sent(refused=refused)

    def _check_still_there(self, archive: Archive) -> None:
        """It may have been removed since it was looked at: then what came behind that waits for nobody."""
        try:
            if self._archive_of(archive.id).created_at == archive.created_at:
                return
        except NotFound:
            self._spool.forget(archive.id)
        raise DeliveryFailed(f"the archive {archive.id!r} was removed", hint="set the destination up again")

    def close(self) -> None:
        """It holds nothing."""

    def _sorted(
        self, batch: Batch, latest: int
    ) -> tuple[dict[Hour, list[tuple[_Stamp, bytes]]], list[Refused]]:
        """The lines by the hour of their time, and those that have none up to the latest."""
        good: dict[Hour, list[tuple[_Stamp, bytes]]] = {}
        refused: list[Refused] = []
        for place, line in enumerate(batch.lines):
            try:
                stamp = _stamps.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                refused.append(Refused(place, f"it cannot be read: {error}"))
                continue
            if 0 <= stamp.ts <= latest and are_ids([stamp.lid]):
                good.setdefault(Hour(stamp.ts // HOUR_MS), []).append((stamp, line))
            else:
                refused.append(Refused(place, _reason(stamp, latest)))
        return good, refused


def _frame(archive: Archive, batch: Batch, now: int) -> Piece | None:
    """The batch as it is, if that is a frame of which enough is known."""
    lines = batch.lines
    if not isinstance(lines, FrameLines) or lines.span is None or not lines.whole:
        return None
    span = lines.span
    if span.max_ts > now + FUTURE_MS:
        return None
    return Piece(
        account=archive.account,
        archive=archive.id,
        indexed=False,
        hour=Hour(span.min_ts // HOUR_MS),
        lines=len(lines),
        **span._asdict(),
        rx=now,
        payload=b"",
        data=lines.data,
        data_raw_bytes=lines.raw_bytes,
    )


def _reason(stamp: _Stamp, latest: int) -> str:
    if not are_ids([stamp.lid]):
        return f"its id, {stamp.lid[:40]!r}, is no decimal number below 2**63"
    if stamp.ts > latest:
        return f"its time, {stamp.ts}, is more than a day ahead: its hour could not be sealed before"
    return "it has no time"


def _cut(lines: list[tuple[_Stamp, bytes]]) -> Iterator[tuple[list[_Stamp], bytes]]:
    """The lines in order in runs of about FRAME_BYTES."""
    run: list[_Stamp] = []
    parts: list[bytes] = []
    size = 0
    for stamp, line in lines:
        if size and size + len(line) > FRAME_BYTES:
            yield run, b"".join(parts)
            run, parts, size = [], [], 0
        run.append(stamp)
        parts.append(line)
        size += len(line)
    yield run, b"".join(parts)


def _piece(archive: Archive, hour: Hour, stamps: list[_Stamp], payload: bytes, now: int) -> Piece:
    times = [stamp.ts for stamp in stamps]
    lids = [int(stamp.lid) for stamp in stamps]  # of records that came from elsewhere in any order
    return Piece(
        account=archive.account,
        archive=archive.id,
        indexed=False,
        hour=hour,
        lines=len(stamps),
        min_ts=min(times),
        max_ts=max(times),
        first_lid=min(lids),
        last_lid=max(lids),
        rx=now,
        payload=payload,
    )
