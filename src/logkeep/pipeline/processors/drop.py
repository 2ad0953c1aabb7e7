"""Takes fields away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import path_of, remover
from logkeep.pipeline.members import without
from logkeep.record import Record


class DropProcessor:
    """All that is below `meta` goes at once, so that it is decoded once. Raises BadSetting for names that
    are no fields, or fields that every event has."""

    def __init__(self, spec: model.Drop, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not spec.fields:
            raise BadSetting("no field is named", hint="name those to take away", field="fields")
        paths = {field: path_of(field, setting="fields") for field in spec.fields}
        below = [path for path in paths.values() if path is not None]
        self._strip = without(below) if below else None
        self._removers = [remover(field, setting="fields") for field, path in paths.items() if path is None]

    def run(self, records: list[Record]) -> list[Record]:
        for remove in self._removers:
            for record in records:
                remove(record)
        if strip := self._strip:
            for record in records:
                if meta := record.meta:
                    record.meta = strip(meta)
        return records
