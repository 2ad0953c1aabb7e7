"""Reads the JSON object in a field; its members are merged into `meta` or below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.fields import path_of, text_getter
from logkeep.pipeline.members import UNREADABLE, merged
from logkeep.pipeline.processors.beginning import about
from logkeep.pipeline.processors.room import NO_ROOM, Room
from logkeep.record import Record

MAX_DEPTH = 64  # levels of objects and lists, the outermost included


class _AnyObject(msgspec.Struct):
    """Decoding into it checks the whole text and keeps nothing: half the cost of decoding the members."""


_check = msgspec.json.Decoder(_AnyObject).decode
_decode = msgspec.json.Decoder().decode


class ParseJsonProcessor:
    """New members replace those of the same name. Raises BadSetting where `to` is not `meta` or below."""

    def __init__(self, spec: model.ParseJson, _clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        self.room = Room()
        self._text = text_getter(spec.field)
        path = path_of(spec.to, setting="to")
        if path is None:
            raise BadSetting(f"{spec.to!r} holds no members", hint="use meta, or meta.NAME", field="to")
        self._path = path
        self._keeps_failed = spec.on_failure == "keep"

    def run(self, records: list[Record]) -> list[Record]:
        text_of, path, check, raw = self._text, self._path, _check, msgspec.Raw
        failed: list[Record] = []
        grows = self.room.grows
        for record in records:
            text = text_of(record)
            try:
                check(text)
                # Fewer brackets than levels cannot be too deep, and few lines have more.
                if text.count("{") + text.count("[") > MAX_DEPTH:
                    _check_depth(text)
            except UNREADABLE as error:
                self.problem = about(text, _reason(error, text))
                failed.append(record)
                continue
            if "\n" in text or "\r" in text:  # between tokens: a canonical line has none
                text = msgspec.json.format(text, indent=-1)
            new = raw(text.encode())
            before = record.meta
            after = merged(before, path, new) if path or before else new
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


def _check_depth(text: str) -> None:
    """Raises RecursionError for more than MAX_DEPTH levels."""
    level = [_decode(text)]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    if any(isinstance(value, dict | list) for value in level):
        raise RecursionError


def _reason(error: Exception, text: str) -> str:
    if not text:
        return "the field is absent"
    if isinstance(error, RecursionError):
        return f"nested deeper than {MAX_DEPTH} levels"
    return f"no JSON object: {error}"
