"""What receivers want of an event that its record may not have as they want it."""

from __future__ import annotations

from logkeep.pipeline.members import text_of, value_of
from logkeep.record import Record


def event_ms(record: Record) -> int:
    """Epoch milliseconds; of an event that has no time, those of its receipt."""
    return record.ts if record.ts >= 0 else max(record.rx, 0)


def event_ns(record: Record) -> int:
    """The same in nanoseconds."""
    return event_ms(record) * 1_000_000 + (record.ns if record.ts >= 0 else 0)


def meta_of(record: Record) -> object:
    """The decoded meta; as the text that it is when it cannot be decoded. None for none."""
    value = value_of(record.meta)
    return (text_of(record.meta) or None) if value is None else value
