"""Moves the value of a field to another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import copy

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import as_text, carrier, is_time, path_of, remover, setter
from logkeep.pipeline.members import moved
from logkeep.pipeline.processors.beginning import about
from logkeep.pipeline.processors.room import NO_ROOM, Room, weight
from logkeep.record import Record


class RenameProcessor:
    """An event without the field stays as it is, and so does one whose value cannot be its time where that
    is asked. Raises BadSetting for names that are no fields, and fields that cannot be changed."""

    def __init__(self, spec: model.Rename, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        self.room = Room()
        self._remove = remover(spec.field)
        self._put = setter(spec.to, setting="to")
        self._value = carrier(spec.field, spec.to)
        self._to_time = spec.to == "ts"
        self._paths = path_of(spec.field), path_of(spec.to)
        if spec.field == spec.to:
            raise BadSetting("the field has this name already", hint="name another one", field="to")

    def run(self, records: list[Record]) -> list[Record]:
        path, to = self._paths
        grows = self.room.grows
        if path is not None and to is not None:  # at once: it is decoded once
            for record in records:
                if before := record.meta:
                    after = moved(before, path, to)
                    if grows(len(before), len(after)):
                        record.meta = after
                    else:
                        self._fail(NO_ROOM)
            return records
        value_of, remove, put, to_time = self._value, self._remove, self._put, self._to_time
        for record in records:
            value = value_of(record)
            if value is None:
                continue
            if to_time and not is_time(value):
                self._fail(about(as_text(value), "no time in epoch milliseconds"))
                continue
            was = copy(record)
            remove(record)
            put(record, value)
            # As text within JSON it can be longer than it was.
            if not grows(weight(was), weight(record)):
                for name in record.__struct_fields__:
                    setattr(record, name, getattr(was, name))
                self._fail(NO_ROOM)
        return records

    def _fail(self, problem: str) -> None:
        self.noted["failed"] += 1
        self.problem = problem
