"""Log analysis: into an account of this server, as if its lines had been sent there, with all that the
account does with them. A frame that comes a second time is known by its key."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from logkeep.errors import DeliveryFailed, LogkeepError, Overloaded
from logkeep.pipeline.destinations.base import Batch, Refused, Sent
from logkeep.record import Columns, Received, Record, decode_line
from logkeep.timeline import MAX_MS

_LONGEST_NAME = 1024  # characters of host, app, file, env and level, as for lines that are sent in
_LONGEST_LINE = 1 << 20  # bytes

Accept = Callable[[str, Received, str, str], None]
"""Account, lines, key, and the stream of which the key is the last; blocking."""


class AccountDestination:
    """The schema that it requires: `_line`, a text that is not empty; `_ts`, epoch milliseconds; and what
    else there is within intake's limits. What does not fit is refused, with the field's name."""

    whole_frames = True

    def __init__(self, account: str, *, accept: Accept) -> None:
        self._account = account
        self._accept = accept

    def send(self, batch: Batch) -> Sent:
        fitting: list[Record] = []
        refused: list[Refused] = []
        for place, line in enumerate(batch.lines):
            try:
                record = decode_line(line)
            except (msgspec.DecodeError, RecursionError) as error:
                refused.append(Refused(place, f"it cannot be read: {error}"))
                continue
            if reason := offence(record):
                refused.append(Refused(place, reason))
            else:
                fitting.append(record)
        if fitting:
            received = Received(columns=Columns.of(fitting))
            try:
                self._accept(self._account, received, batch.key, batch.key and f"pipeline/{batch.queue}")
            except LogkeepError as error:
                after = error.retry_after if isinstance(error, Overloaded) else 0
                raise DeliveryFailed(
                    f"the account {self._account} does not take them: {error.message}",
                    retry_after=after,
                    hint=error.hint,
                ) from error
        return Sent(refused=refused)

    def close(self) -> None:
        """It holds nothing."""


def offence(record: Record) -> str:
    """What of the required schema the record breaks, "" for nothing."""
    if not record.line:
        return "_line is missing or empty"
    if len(record.line) > _LONGEST_LINE:
        return f"_line has {len(record.line)} characters, the limit is {_LONGEST_LINE}"
    if not 0 <= record.ts <= MAX_MS:
        return "_ts is missing or no time in epoch milliseconds"
    for name in ("host", "app", "file", "env", "level"):
        if len(getattr(record, name)) > _LONGEST_NAME:
            return f"{name} has more than {_LONGEST_NAME} characters"
    meta = bytes(record.meta)
    if meta and not _is_object(meta):
        return "_meta is no JSON object"
    return ""


def _is_object(meta: bytes) -> bool:
    try:
        msgspec.json.decode(meta, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
