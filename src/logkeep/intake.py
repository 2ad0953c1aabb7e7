"""Intake: stamps what receivers made and returns only when the spool holds it durably."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from logkeep.record import IdSource, Record, encode_lines
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

    async def accept(self, account: str, records: Sequence[Record], *, reply: bytes, key: str = "") -> bytes:
        """Keep all records, or raise and keep none. Returns `reply`, or the reply that was given when
        the same idempotency key came before. Raises Overloaded."""
        pieces = self._stamped(account, records)
        answer = await self._spool.append(pieces, reply=reply, key=key and f"{account}/{key}")
        self._appended()
        return answer

    def _stamped(self, account: str, records: Sequence[Record]) -> list[Piece]:
        """The hot loop of intake: id, receipt time, account, hour."""
        now = self._clock()
        latest = now + FUTURE_MS
        ids = self._ids.take(len(records))
        by_hour: dict[int, list[Record]] = {}
        group: list[Record] = []
        low = high = -1  # what times go into `group`
        for record, lid in zip(records, ids, strict=True):
            record.lid = lid
            record.rx = now
            record.account = account
            ts = record.ts
            if not low <= ts < high:
                if not 0 <= ts <= latest:
                    record.ts = ts = now
                    record.ns = 0
                hour = ts // HOUR_MS
                low, high = hour * HOUR_MS, min((hour + 1) * HOUR_MS, latest + 1)
                group = by_hour.setdefault(hour, [])
            group.append(record)
        return [piece for hour, group in by_hour.items() for piece in _pieces(account, Hour(hour), group)]


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
