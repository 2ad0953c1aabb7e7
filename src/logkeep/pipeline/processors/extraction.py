"""What parse-regex and parse-grok share: time that is bounded, and new members of `meta`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.bounds import amount
from logkeep.pipeline.fields import path_of, text_getter
from logkeep.pipeline.members import Path, encode, merged
from logkeep.pipeline.processors.beginning import about
from logkeep.pipeline.processors.room import NO_ROOM, Room
from logkeep.record import Record

MAX_BYTES = 64 << 10  # of a text that is parsed
MAX_STEPS = 4_000  # of a compiled expression: a text of MAX_BYTES takes about a second at the very worst
_BUDGET_EVENTS = 1_000
_SMALLEST_BATCH = 100  # what a smaller batch's budget is counted for

Found: TypeAlias = Mapping[str, object]  # JSON values by name, objects for nested names
Find: TypeAlias = Callable[[bytes], Found | None]  # None: the text does not fit


class Extraction:
    """Puts what `find` makes of a field's text below `to`; members of the same name are replaced.

    Noted: `failed` for a text that does not fit, `too-long` for one over MAX_BYTES, `over-budget` for
    events that came when their batch's time was spent. The latter two always go on, as they are.
    """

    def __init__(
        self, spec: model.ParseRegex | model.ParseGrok, find: Find, clock: Callable[[], float]
    ) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        self.room = Room()
        self._find = find
        self._clock = clock
        self._text = text_getter(spec.field)
        path = path_of(spec.to, setting="to")
        if path is None:
            raise BadSetting(f"{spec.to!r} holds no members", hint="use meta, or meta.NAME", field="to")
        self._path = path
        self._keeps_failed = spec.on_failure == "keep"
        self._budget_s = amount("time_budget", spec.time_budget)

    def run(self, records: list[Record]) -> list[Record]:
        text_of, find, clock, path = self._text, self._find, self._clock, self._path
        deadline = clock() + self._budget_s * max(len(records), _SMALLEST_BATCH) / _BUDGET_EVENTS
        failed: list[Record] = []
        grows = self.room.grows
        for place, record in enumerate(records):
            if clock() > deadline:
                self._spent(len(records) - place)
                break
            text = text_of(record)
            data = text.encode(errors="replace")
            if len(data) > MAX_BYTES:
                self.noted["too-long"] += 1
                self.problem = about(text, f"longer than {MAX_BYTES >> 10} KiB, not parsed")
            elif (found := find(data)) is None:
                self.problem = about(text, "does not fit") if text else "the field is absent"
                failed.append(record)
            elif found:
                before = record.meta
                after = _with(before, path, found) if path or before else msgspec.Raw(encode(found))
                if grows(len(before), len(after)):
                    record.meta = after
                else:
                    self.problem = NO_ROOM
                    failed.append(record)
        if not failed:
            return records
        self.noted["failed"] += len(failed)
        if self._keeps_failed:
            return records
        gone = set(map(id, failed))
        return [record for record in records if id(record) not in gone]

    def _spent(self, left: int) -> None:
        self.noted["over-budget"] += left
        self.problem = (
            f"the time budget of {self._budget_s} s for {_BUDGET_EVENTS} events was spent: "
            f"{left} events passed unparsed"
        )


def _with(meta: msgspec.Raw, path: Path, found: Found) -> msgspec.Raw:
    plain: dict[str, object] = {}
    for name, value in found.items():
        if isinstance(value, dict):
            meta = _with(meta, (*path, name), value)
        else:
            plain[name] = value
    return merged(meta, path, msgspec.Raw(encode(plain))) if plain else meta
