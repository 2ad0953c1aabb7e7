"""Makes what a field says the time of the event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import as_text, getter
from logkeep.pipeline.processors.beginning import about
from logkeep.pipeline.time_formats import reader
from logkeep.record import Record


class ParseTimestampProcessor:
    """The first format that reads the value counts. A time that is read replaces the event's, with its
    nanoseconds; the field stays. Raises BadSetting."""

    def __init__(self, spec: model.ParseTimestamp, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not spec.formats:
            raise BadSetting("no format is named", hint="iso8601 is the usual one", field="formats")
        zone = _zone(spec.timezone)
        self._value = getter(spec.field)
        self._readers = [reader(form, zone) for form in spec.formats]
        self._keeps_failed = spec.on_failure == "keep"

    def run(self, records: list[Record]) -> list[Record]:
        value_of, (first, *others) = self._value, self._readers
        keeps, on = self._keeps_failed, []
        for record in records:
            value = value_of(record)
            instant = first(value, record.ts)
            if instant is None:
                for read in others:
                    if (instant := read(value, record.ts)) is not None:
                        break
            if instant is not None:
                record.ts, record.ns = instant
                on.append(record)
                continue
            self.noted["failed"] += 1
            reason = "the field is absent" if value is None else "no time of these formats from 1970 to 2262"
            self.problem = about(as_text(value), reason)
            if keeps:
                on.append(record)
        return on


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # where there is no time zone database, too
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSetting(
            f"{name!r} is no time zone", hint="use a name such as Europe/Berlin, or UTC", field="timezone"
        ) from error
