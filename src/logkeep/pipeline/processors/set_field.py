"""Gives a field a value, or that of another field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import as_text, carrier, is_time, path_of, setter
from logkeep.pipeline.members import encode
from logkeep.pipeline.processors.beginning import about
from logkeep.pipeline.processors.room import NO_ROOM, Room
from logkeep.record import Record

MAX_META = 4 << 20  # bytes of `_meta` after a copy: copies of `meta` into itself double it each time


class SetProcessor:
    """A copy of a field that is absent leaves the event as it is. Raises BadSetting."""

    def __init__(self, spec: model.Set, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        self.room = Room()
        self._field = spec.field
        self._put = setter(spec.field)
        if (spec.value is None) == (not spec.copy):
            raise BadSetting("either a value or a field to copy is needed", hint=_HINT, field="value")
        self._to_time = spec.field == "ts"
        self._to_meta = path_of(spec.field) is not None
        self._value = None if spec.copy else _fixed(spec)
        self._copied = carrier(spec.copy, spec.field, setting="copy") if spec.copy else None
        if spec.copy == spec.field:
            raise BadSetting("a field cannot be copied to itself", hint=_HINT, field="copy")

    def run(self, records: list[Record]) -> list[Record]:
        put, value, copied = self._put, self._value, self._copied
        has_size, grows = not self._to_time, self.room.grows
        name = "meta" if self._to_meta else self._field
        for record in records:
            found = value if copied is None else copied(record)
            if found is None or (copied is not None and not self._fits(record, found)):
                continue
            if not has_size:
                put(record, found)
                continue
            before, raw = getattr(record, name), record.raw
            put(record, found)
            after = getattr(record, name)
            if not grows(_length(before), _length(after)):
                setattr(record, name, before)
                record.raw = raw
                self.noted["failed"] += 1
                self.problem = NO_ROOM
        return records

    def _fits(self, record: Record, value: object) -> bool:
        if self._to_time and not is_time(value):
            self.problem = about(as_text(value), "no time in epoch milliseconds")
        elif self._to_meta and len(record.meta) + _size(value) > MAX_META:
            self.problem = f"_meta would have more than {MAX_META >> 20} MiB"
        else:
            return True
        self.noted["failed"] += 1
        return False


_HINT = "set `value`, or name another field in `copy`; `drop` takes a field away"


def _length(value: str | msgspec.Raw | tuple[str, ...]) -> int:
    return sum(map(len, value)) if type(value) is tuple else len(value)


def _size(value: object) -> int:
    return len(value) if isinstance(value, msgspec.Raw | str) else 0  # numbers and tags are small


def _fixed(spec: model.Set) -> object:
    """The value as the setter takes it at the least cost for each event."""
    if spec.field == "ts" and not is_time(spec.value):
        raise BadSetting(
            f"{spec.value!r} is no time in epoch milliseconds", hint="from 1970 to 2262", field="value"
        )
    try:
        json = encode(spec.value)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadSetting(
            "the value cannot be written as JSON", hint="use text, numbers, lists and maps", field="value"
        ) from error
    if path_of(spec.field) is not None:
        return msgspec.Raw(json)
    return spec.value if spec.field in ("ts", "tag") else as_text(spec.value)
