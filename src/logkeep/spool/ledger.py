"""What waits for each archive, by hour, beside the frames: told at once, however many frames there are."""

from __future__ import annotations

from collections.abc import Iterable

from logkeep.spool.base import Waiting
from logkeep.timeline import Hour


class Ledger:
    """Is changed by one thread at a time, after the file was; may be read by others meanwhile."""

    def __init__(self, waiting: Iterable[Waiting]) -> None:
        self._hours = {(one.archive, one.hour): one for one in waiting}

    def waiting(self, archive: str | None = None) -> list[Waiting]:
        """Of one archive, or of all; oldest hour first."""
        hours = [one for one in list(self._hours.values()) if archive in (None, one.archive)]
        return sorted(hours, key=lambda one: (one.hour, one.archive))

    def find(self, archive: str, hour: Hour) -> Waiting | None:
        return self._hours.get((archive, hour))

    def add(self, new: Waiting) -> None:
        """Frames that came behind all others."""
        known = self._hours.get((new.archive, new.hour))
        if known is not None:
            new = Waiting(
                account=new.account,
                archive=new.archive,
                hour=new.hour,
                lines=known.lines + new.lines,
                raw_bytes=known.raw_bytes + new.raw_bytes,
                stored_bytes=known.stored_bytes + new.stored_bytes,
                first_seq=known.first_seq,
                last_seq=new.last_seq,
                first_rx=min(known.first_rx, new.first_rx),
            )
        self._hours[new.archive, new.hour] = new

    def replace(self, archive: str, waiting: Iterable[Waiting]) -> None:
        """All that waits for one archive."""
        kept = {key: one for key, one in self._hours.items() if key[0] != archive}
        self._hours = kept | {(one.archive, one.hour): one for one in waiting}

    def drop(self, archive: str, hour: Hour) -> None:
        """Nothing of this hour waits any more."""
        self._hours.pop((archive, hour), None)
