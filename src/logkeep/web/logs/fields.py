"""All that one line holds, as a table whose values can be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from markupsafe import Markup

from logkeep.timeline import iso
from logkeep.web.text import logtext, visible

MOST_ENTRIES = 200
MOST_DEPTH = 12
VALUE_CUT = 500  # characters of a value that are shown
_LONGEST_ASKED = 1000
_SMALL = 1 << 13  # characters of a line that are read sooner than a thread begins
_BUDGET_BYTES = 16_000
_ENTRY_BYTES = 190  # of an entry's markup

OWN = (
    ("level", "level", "Level"),
    ("_host", "host", "Host"),
    ("_app", "app", "App"),
    ("_file", "file", "File"),
    ("_env", "env", "Environment"),
)
"""Name in the record, in queries, and for people."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row. `field` and `keys` name the value for a query; `field` is "" where none can ask for it."""

    label: str
    value: str | None = None  # None: it holds others, which come next
    depth: int = 0
    kind: str = "text"  # text, number, word (true, false, null), or of those that hold others object, array
    field: str = ""
    keys: tuple[str, ...] = ()
    time: int | None = None  # the value is a point in time
    count: int = 0  # of what it holds

    @property
    def askable(self) -> bool:
        """Whether a query can ask for the value."""
        return bool(self.field) and self.value is not None and len(self.value) <= _LONGEST_ASKED

    @property
    def asked(self) -> str:
        """The parameters of /v1/query that ask for it."""
        pairs = [("field", self.field), *(("key", key) for key in self.keys), ("value", self.value or "")]
        return urlencode(pairs, errors="replace")


_MORE = Entry(label="…", value="more than can be shown here", kind="word")


class _Number(str):
    """A number as it is written: no digit of it is lost."""


def own_entries(record: Mapping[str, Any]) -> list[Entry]:
    """The record's own fields that are there, but for the line."""
    entries = [Entry(label="Time", time=record.get("_ts", 0), value=_nanoseconds(record))]
    if record.get("_rx", -1) > 0:
        entries.append(Entry(label="Received", time=record["_rx"], value=iso(record["_rx"])))
    for name, field, label in OWN:
        if value := record.get(name, ""):
            entries.append(Entry(label=label, value=value, field=field))
    entries += [Entry(label="Tag", value=tag, field="tag") for tag in record.get("_tag", ())]
    if record.get("_account"):
        entries.append(Entry(label="Account", value=record["_account"]))
    if record.get("_lid"):
        entries.append(Entry(label="Id", value=record["_lid"]))
    return entries


async def entries_of(record: Mapping[str, Any]) -> tuple[list[Entry], list[Entry]]:
    """Of its metadata, and of its line. What may be large is read in a thread, so that nobody else waits."""
    line = record.get("_line", "")

    def read() -> tuple[list[Entry], list[Entry]]:
        return meta_entries(record), json_entries(line)

    if "_meta" in record or len(line) > _SMALL:
        return await to_thread.run_sync(read)
    return read()


def meta_entries(record: Mapping[str, Any]) -> list[Entry]:
    meta = record.get("_meta")
    if meta is None:
        return []
    return list(_most(_entries("Metadata", _readable(json.dumps(meta)), "meta", (), 0)))


def json_entries(line: str) -> list[Entry]:
    """The keys and values of a line that is a JSON object; none of any other line."""
    if not line.startswith("{"):
        return []
    try:
        document = _readable(line)
    except (ValueError, RecursionError):
        return []
    return list(_most(each for key, value in document for each in _entries(key, value, "line", (key,), 0)))


def _readable(text: str) -> Any:
    """JSON as lists: of (key, value) pairs for objects, so that no key is lost."""
    return json.loads(
        text, object_pairs_hook=_pairs, parse_int=_number, parse_float=_number, parse_constant=_number
    )


class _Pairs(list[tuple[str, Any]]):
    """The members of an object."""


# Functions, and not the classes themselves: while Python runs, other threads get their turn.
def _pairs(members: list[tuple[str, Any]]) -> _Pairs:
    return _Pairs(members)


def _number(text: str) -> _Number:
    return _Number(text)


def _entries(label: str, value: Any, field: str, keys: tuple[str, ...], depth: int) -> Iterator[Entry]:
    if isinstance(value, list) and depth < MOST_DEPTH:
        kind = "object" if isinstance(value, _Pairs) else "array"
        yield Entry(label=label, depth=depth, kind=kind, count=len(value))
        for key, inner in _members(value):
            # Queries do not look into arrays.
            asked = field if isinstance(value, _Pairs) else ""
            yield from _entries(key, inner, asked, (*keys, key), depth + 1)
        return
    text, kind = _text(value)
    yield Entry(label=label, value=text, depth=depth, kind=kind, field=field, keys=keys if field else ())


def _members(value: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, _Pairs):
        yield from value
    else:
        yield from ((str(number), inner) for number, inner in enumerate(value))


def _text(value: Any) -> tuple[str, str]:
    """A value as text, and its kind."""
    if isinstance(value, _Number):
        return str(value), "number"
    if isinstance(value, str):
        return value, "text"
    if value is None or isinstance(value, bool):
        return json.dumps(value), "word"
    return "…", "word"  # too deep to be shown


def _most(entries: Iterator[Entry]) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        if number == MOST_ENTRIES:
            yield _MORE
            return
        yield entry


def _nanoseconds(record: Mapping[str, Any]) -> str:
    """The time with all its digits."""
    moment = iso(record.get("_ts", 0))
    below = record.get("_ns", 0)
    return f"{moment[:-1]}{below:06d}Z" if below else moment


def lightened(entries: Sequence[Entry], budget: int = _BUDGET_BYTES) -> list[Entry]:
    """The first of the entries that together weigh no more than a page may."""
    kept: list[Entry] = []
    for entry in entries:
        shown = weight(logtext(entry.value or "", limit=VALUE_CUT))
        # What is asked for is there twice, in what the two buttons send.
        budget -= _ENTRY_BYTES + shown + 2 * len(entry.asked) * entry.askable
        if budget < 0:
            return [*kept, _MORE]
        kept.append(entry)
    return kept


def light(text: str, most: int, budget: int) -> Markup:
    """As much of the text as weighs no more, and no more than `most` characters."""
    shown = logtext(text, limit=most)
    while weight(shown) > budget and most > 1:
        most //= 2
        shown = logtext(text, limit=most)
    return shown


def weight(html: str) -> int:
    return len(html.encode("utf-8", "replace"))


def title_of(line: str) -> str:
    """How the line begins, for the title of its page."""
    return visible(line[:60]) + ("…" if len(line) > 60 else "")
