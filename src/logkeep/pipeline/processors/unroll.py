"""Makes one event of each element of an array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import copy
from hashlib import blake2b

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import as_text, path_of, setter, text_getter
from logkeep.pipeline.members import NULL, UNREADABLE, exact_at, text_of
from logkeep.pipeline.processors.room import NO_ROOM, Room, weight
from logkeep.record import Record

MAX_ELEMENTS = 1000
MAX_BYTES = 16 << 20  # of all events that one becomes: each carries a copy of what lies beside the array

_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_LOW_63 = (1 << 63) - 1


class UnrollProcessor:
    """The field is `tag`, `meta` or below, or a text field that holds a JSON array. An event without an
    array there, or with an empty one, passes as it is, and so does one that would become too many or too
    large: that is noted as `failed`. Raises BadSetting."""

    def __init__(self, spec: model.Unroll, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        self.room = Room()
        self._put = setter(spec.field)
        if spec.field == "ts":
            raise BadSetting("'ts' is no array", hint="name a field that is one", field="field")
        path = path_of(spec.field)
        self._field = spec.field
        self._in_meta = path is not None
        self._json = _json_getter(spec.field)

    def run(self, records: list[Record]) -> list[Record]:
        on: list[Record] = []
        for record in records:
            array = self._json(record)
            if array is None:
                on.append(record)
                continue
            try:
                elements = _elements(array)
            except UNREADABLE:
                on.append(record)
                continue
            beside = weight(record) - len(array)
            if not self._fits(len(elements), len(array), beside):
                on.append(record)
            else:
                on += self._unrolled(record, elements)
        return on

    def _fits(self, count: int, size: int, beside: int) -> bool:
        if count > MAX_ELEMENTS:
            self.problem = f"an array of {count} elements; at most {MAX_ELEMENTS} become events"
        elif count * beside + size > MAX_BYTES:
            self.problem = f"the events would have more than {MAX_BYTES >> 20} MiB; drop other fields before"
        elif count > 1 and not self.room.multiplies(count - 1, max(count - 1, 0) * beside):
            self.problem = NO_ROOM
        else:
            return count > 0
        self.noted["failed"] += 1
        return False

    def _unrolled(self, record: Record, elements: list[msgspec.Raw]) -> list[Record]:
        put, in_meta, lid = self._put, self._in_meta, record.lid
        if in_meta:
            put(record, NULL)  # so that not every event decodes the whole array again
        events: list[Record] = []
        for place, element in enumerate(elements):
            event = copy(record)
            put(event, element if in_meta else text_of(element))
            if place and lid:
                event.lid = _lid(lid, place)
            events.append(event)
        return events


def _json_getter(field: str) -> Callable[[Record], bytes | msgspec.Raw | None]:
    """What may be an array, as JSON; None for what is none for sure."""
    path = path_of(field)
    if path is not None:
        exact = exact_at(path)
        return lambda record: exact(record.meta)
    if field == "tag":
        return lambda record: as_text(list(record.tag)).encode() if len(record.tag) > 1 else None
    read = text_getter(field)

    def array(record: Record) -> bytes | None:
        text = read(record)
        return text.encode() if text.lstrip()[:1] == "[" else None

    return array


def _lid(lid: str, place: int) -> str:
    """The id of the event of an element: the same whenever the event is unrolled again."""
    digest = blake2b(f"{lid}/{place}".encode(), digest_size=8).digest()
    return str(int.from_bytes(digest) & _LOW_63)
