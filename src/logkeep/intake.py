"""Intake: stamps what receivers made and returns only when the spool holds it durably."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from logkeep.record import Columns, IdSource, Received, Record, encode_lines
from logkeep.spool.base import FRAME_BYTES, Piece, Spool
from logkeep.timeline import HOUR_MS, Clock, Hour

# A line that claims a time further ahead gets its receipt time instead: its hour would not be sealed
# before that time came.
FUTURE_MS = 24 * HOUR_MS
_FIRST_SLICE = 1000


class Intake:
    """Takes records of any account in. Belongs to one event loop; `appended` is told of every append."""

    def __init__(self, spool: Spool, ids: IdSource, clock: Clock, appended: Callable[[], None]) -> None:
        self._spool = spool
        self._ids = ids
        self._clock = clock
        self._appended = appended

    async def accept(self, account: str, received: Received, *, reply: bytes, key: str = "") -> bytes:
        """Keep all lines, or raise and keep none. Returns `reply`, or the reply that was given when the
        same idempotency key came before. Raises Overloaded."""
        pieces = self._stamped(account, received.columns)
        answer = await self._spool.append(pieces, reply=reply, key=key and f"{account}/{key}")
        self._appended()
        return answer

    def _stamped(self, account: str, columns: Columns) -> list[Piece]:
        """Id, receipt time, account, and the hour that each record belongs to."""
        count = len(columns.line)
        if not count:
            return []
        now = self._clock()
        times, below = _plausible(list(islice(columns.ts, count)), columns.ns, now)
        records = columns.stamped(self._ids.take(count), now, account, ts=times, ns=below)
        by_hour: dict[int, list[Record]] = {}
        if min(times) // HOUR_MS == max(times) // HOUR_MS:
            by_hour[times[0] // HOUR_MS] = records
        else:
            for record, ts in zip(records, times, strict=True):
                by_hour.setdefault(ts // HOUR_MS, []).append(record)
        return [piece for hour, group in by_hour.items() for piece in _pieces(account, Hour(hour), group)]


def _plausible(times: list[int], below: Iterable[int], now: int) -> tuple[list[int], Iterable[int]]:
    """The times, with `now` for lines that name none or one too far ahead."""
    latest = now + FUTURE_MS
    if min(times) >= 0 and max(times) <= latest:
        return times, below
    own = [0 <= ts <= latest for ts in times]
    return (
        [ts if good else now for ts, good in zip(times, own, strict=True)],
        [ns if good else 0 for ns, good in zip(below, own, strict=False)],
    )


def _pieces(account: str, hour: Hour, records: list[Record]) -> Iterator[Piece]:
    """Pieces of about FRAME_BYTES each; the first one shows how long the lines are."""
    start, step = 0, max(1, min(_FIRST_SLICE, FRAME_BYTES // (len(records[0].line) + 1)))
    while start < len(records):
        part = records[start : start + step]
        payload = encode_lines(part)
        times = [record.ts for record in part]
        yield Piece(
            account=account,
            hour=hour,
            lines=len(part),
            min_ts=min(times),
            max_ts=max(times),
            first_lid=int(part[0].lid),
            last_lid=int(part[-1].lid),
            rx=part[0].rx,
            payload=payload,
        )
        start += step
        step = max(1, len(part) * FRAME_BYTES // len(payload))
