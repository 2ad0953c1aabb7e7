"""Intake: stamps what receivers made, sends each line where the account's route says, and returns only
when the spool holds it durably."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from logkeep.errors import Forbidden, Overloaded
from logkeep.exclusion import ExclusionCounts
from logkeep.logs import Seldom, log
from logkeep.record import Columns, IdSource, Received, Record, bytes_of, encode_lines
from logkeep.routing import Exclusion, Route, Router
from logkeep.spool.base import FRAME_BYTES, Piece, Spool
from logkeep.tail import Tails
from logkeep.timeline import HOUR_MS, Clock, Hour

# A line that claims a time further ahead gets its receipt time instead: its hour would not be sealed
# before that time came.
FUTURE_MS = 24 * HOUR_MS
_FIRST_SLICE = 1000

_Way: TypeAlias = tuple[str, bool, int]  # archive, whether indexed, hour


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted since the server started, lines that a rule dropped included."""

    lines: int = 0
    bytes: int = 0  # of canonical lines


@dataclass(frozen=True, slots=True)
class _Sorted:
    """One request's lines, stamped and sent on their ways."""

    pieces: Sequence[Piece] = ()
    size: int = 0  # bytes of the canonical lines, those that were dropped included
    dropped: Mapping[str, tuple[int, int]] = field(
        default_factory=dict
    )  # (lines, bytes of their text) by rule
    shown: Sequence[tuple[Record, bytes]] = ()  # what a live tail may show


class Intake:
    """Takes records of any account in. Belongs to one event loop; `appended` is told of every append."""

    def __init__(
        self,
        spool: Spool,
        ids: IdSource,
        clock: Clock,
        appended: Callable[[], None],
        router: Router,
        excluded: ExclusionCounts,
        tails: Tails,
    ) -> None:
        self._spool = spool
        self._ids = ids
        self._clock = clock
        self._appended = appended
        self._router = router
        self._excluded = excluded
        self._tails = tails
        self._accepted: dict[str, Accepted] = {}
        self._excluded_of: dict[str, tuple[int, int]] = {}
        self._refused: dict[str, int] = {}
        self._full = Seldom(log)

    async def accept(
        self, account: str, received: Received, *, reply: bytes, key: str = "", last_of: str = ""
    ) -> bytes:
        """Keep all lines but those that a rule drops, or raise and keep none. Returns `reply`, or the reply
        that was given when the same idempotency key came before for this account (`last_of` as the
        spool has it). Raises Forbidden for a suspended account, and Overloaded."""
        # From here until the spool has the pieces the loop is not given up (see Router).
        route = self._router.route(account)
        if route.suspended:
            raise Forbidden(
                f"account {account} is suspended and takes no lines",
                hint="ask the administrator to resume it",
            )
        lines = self._sorted(route, received.columns)
        try:
            answer = await self._spool.append(
                lines.pieces,
                reply=reply,
                key=key and _own(route, key),
                last_of=last_of and _own(route, last_of),
            )
        except Overloaded as error:
            self._full.warning("lines are refused: %s", error)
            raise
        self._appended()
        self._tell(account, received, lines)
        return answer

    def accepted(self) -> dict[str, Accepted]:
        """By account, as of now. Safe from any thread. A request that came again with its idempotency key
        is counted again."""
        return self._accepted.copy()

    def excluded(self) -> dict[str, tuple[int, int]]:
        """(lines, bytes of their text) that rules dropped, by account; otherwise as `accepted`."""
        return self._excluded_of.copy()

    def refused(self) -> dict[str, int]:
        """Lines that receivers refused, by reason; otherwise as `accepted`."""
        return self._refused.copy()

    def _tell(self, account: str, received: Received, lines: _Sorted) -> None:
        """Count and show what the spool holds now."""
        before = self._accepted.get(account, Accepted())
        self._accepted[account] = Accepted(before.lines + len(received), before.bytes + lines.size)
        for rule, (dropped, size) in lines.dropped.items():
            self._excluded.add(rule, dropped, size)
            had_lines, had_bytes = self._excluded_of.get(account, (0, 0))
            self._excluded_of[account] = (had_lines + dropped, had_bytes + size)
        for refusal in received.refused:
            self._refused[refusal.code] = self._refused.get(refusal.code, 0) + 1
        if lines.shown:
            self._tails.publish(account, lines.shown)

    def _sorted(self, route: Route, columns: Columns) -> _Sorted:
        count = len(columns.line)
        if not count:
            return _Sorted()
        records, times = stamped(self._ids, self._clock(), route.account, columns)
        watched = self._tails.watched(route.account)
        rules = list(map(route.dropped_by, records)) if route.exclusions else []
        if route.sole is None or watched or any(rules):
            return _one_by_one(route, records, times, rules or [None] * count, watched=watched)
        pieces = list(_together(route.account, route.sole, records, times))
        return _Sorted(pieces, sum([len(piece.payload) for piece in pieces]))


def stamped(ids: IdSource, now: int, account: str, columns: Columns) -> tuple[list[Record], list[int]]:
    """The records of one line or more with id, receipt time and account, and the time of each."""
    count = len(columns.line)
    times, below = _plausible(list(islice(columns.ts, count)), columns.ns, now)
    return columns.stamped(ids.take(count), now, account, ts=times, ns=below), times


def _own(route: Route, key: str) -> str:
    """An idempotency key that no other account has, not even a deleted one of the same id."""
    return f"{route.account}/{route.created_at}/{key}"


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


def _together(account: str, archive: str, records: list[Record], times: list[int]) -> Iterator[Piece]:
    """Pieces of records that all go the same way: into the index, and into this archive."""
    if min(times) // HOUR_MS == max(times) // HOUR_MS:
        yield from pieces_of(account, archive, Hour(times[0] // HOUR_MS), records)
        return
    by_hour: dict[int, list[Record]] = {}
    for record, ts in zip(records, times, strict=True):
        by_hour.setdefault(ts // HOUR_MS, []).append(record)
    for hour, group in by_hour.items():
        yield from pieces_of(account, archive, Hour(hour), group)


def pieces_of(
    account: str, archive: str, hour: Hour, records: list[Record], *, indexed: bool = True
) -> Iterator[Piece]:
    """Pieces of about FRAME_BYTES each, of stamped records of one hour in the order of their ids."""
    # The first piece shows how long the lines are.
    start, step = 0, max(1, min(_FIRST_SLICE, FRAME_BYTES // (len(records[0].line) + 1)))
    while start < len(records):
        part = records[start : start + step]
        payload = encode_lines(part)
        yield _piece(account, archive, hour, part, payload, indexed=indexed)
        start += step
        step = max(1, len(part) * FRAME_BYTES // len(payload))


def _piece(
    account: str, archive: str, hour: Hour, records: Sequence[Record], payload: bytes, *, indexed: bool
) -> Piece:
    times = [record.ts for record in records]
    return Piece(
        account=account,
        archive=archive,
        indexed=indexed,
        hour=hour,
        lines=len(records),
        min_ts=min(times),
        max_ts=max(times),
        first_lid=int(records[0].lid),
        last_lid=int(records[-1].lid),
        rx=records[0].rx,
        payload=payload,
    )


def _one_by_one(
    route: Route,
    records: list[Record],
    times: list[int],
    rules: Sequence[Exclusion | None],
    *,
    watched: bool,
) -> _Sorted:
    """Each record where it belongs. Every record is encoded once, also when several archives take it."""
    encoded = encode_lines(records).splitlines(keepends=True)
    pieces = [
        _piece(route.account, archive, Hour(hour), [records[n] for n in part], payload, indexed=indexed)
        for (archive, indexed, hour), numbers in _ways(route, records, times, rules).items()
        for part, payload in _cut(numbers, encoded)
    ]
    shown = [
        (record, line)
        for record, line, rule in zip(records, encoded, rules, strict=True)
        if watched and (rule is None or rule.live_tail)
    ]
    return _Sorted(pieces, sum(map(len, encoded)), _counted(records, rules), shown)


def _ways(
    route: Route, records: list[Record], times: list[int], rules: Sequence[Exclusion | None]
) -> Mapping[_Way, list[int]]:
    """The numbers of the records that go each way, in order."""
    ways: defaultdict[_Way, list[int]] = defaultdict(list)
    for number, (record, rule) in enumerate(zip(records, rules, strict=True)):
        hour = times[number] // HOUR_MS
        if rule is None and route.sole is not None:
            ways[route.sole, True, hour].append(number)
            continue
        archives = route.archives_of(record, excluded=rule is not None)
        if rule is None:
            ways[archives.pop(0) if archives else "", True, hour].append(number)
        for archive in archives:
            ways[archive, False, hour].append(number)
    return ways


def _counted(records: list[Record], rules: Sequence[Exclusion | None]) -> dict[str, tuple[int, int]]:
    """(lines, bytes of their text) that each rule dropped."""
    dropped: dict[str, tuple[int, int]] = {}
    for record, rule in zip(records, rules, strict=True):
        if rule is not None:
            lines, size = dropped.get(rule.rule, (0, 0))
            dropped[rule.rule] = (lines + 1, size + len(bytes_of(record)))
    return dropped


def _cut(numbers: list[int], encoded: list[bytes]) -> Iterator[tuple[list[int], bytes]]:
    """The numbers in runs of about FRAME_BYTES, in order, each with its lines."""
    start, size = 0, 0
    for at, number in enumerate(numbers):
        length = len(encoded[number])
        if size and size + length > FRAME_BYTES:
            yield numbers[start:at], b"".join([encoded[n] for n in numbers[start:at]])
            start, size = at, 0
        size += length
    yield numbers[start:], b"".join([encoded[n] for n in numbers[start:]])
