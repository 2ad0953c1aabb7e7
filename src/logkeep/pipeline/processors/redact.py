"""Replaces what patterns find in the texts of fields.

A batch's texts are searched together, once for each pattern, and only the events that something may be in
are looked at by themselves: where there is nothing, that costs half a microsecond an event and pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

import msgspec
import re2

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.expressions import Compiled, compiled_source
from logkeep.pipeline.fields import TEXTS, path_of
from logkeep.pipeline.json_texts import EXPONENT, rewritten
from logkeep.pipeline.members import Path, encode, exact_at, with_value
from logkeep.pipeline.places import MAX_SECONDS, MAX_SURE, MAX_WORK, Redaction, Span, places, replaced
from logkeep.pipeline.processors.room import MAX_EVENT, RULE, Room
from logkeep.pipeline.redactions import is_secret_key, redactions
from logkeep.record import Record

_NEWLINE = b"\n"
_FEW = 4  # of so many lines one at most: then the rest is not looked at for each pattern
_TAGS_APART = "\x1f"
_Search: TypeAlias = Callable[[bytes, int], int]  # where something begins, from here on; -1: nowhere
_Hits: TypeAlias = dict[int, Sequence[Redaction]]  # by the place of the event: what may be in it


class RedactProcessor:
    """Replaced are places in text fields, and in `meta` those in strings, keys and numbers (which become
    strings); what is left of `meta` keeps its bytes. The bytes of a line that is not UTF-8 go if something
    was replaced in it. Raises BadSetting.

    Noted: `redacted` for events that were changed, `over-budget` for texts that were replaced as a whole,
    because finding the places took too long, or would, or there was no room for all replacements.
    """

    def __init__(self, spec: model.Redact, clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        self.room = Room()
        if not spec.patterns and not spec.regex:
            raise BadSetting("nothing to redact is named", hint="such as patterns: [email]", field="patterns")
        if not spec.fields:
            raise BadSetting("no field is named", hint="line and meta are the usual ones", field="fields")
        self._clock = clock
        self._replacement = spec.replacement.encode()
        self._written = len(encode(spec.replacement))  # bytes, where it stands in JSON
        self._all = redactions(spec.patterns, spec.regex)
        most_steps = max((one.steps for one in self._all), default=0)
        self._longest = max(MAX_SURE, MAX_WORK // max(most_steps, 1))  # bytes of a text that is no matter
        self._texts, self._paths = _fields(spec.fields)
        self._spelled_otherwise = (
            lambda data, start: data.find(b"\\", start),
            _searcher(compiled_source(EXPONENT, one_line=True, groups=False)),
        )
        self._sieve = _sieve(self._all, ())
        self._meta_sieve = _sieve(self._all, (EXPONENT, r"\\"))

    def run(self, records: list[Record]) -> list[Record]:
        changed: set[int] = set()
        for field in self._texts:
            changed |= self._in_tags(records) if field == "tag" else self._in_texts(records, field)
        if self._paths:
            changed |= self._in_meta(records)
        if changed:
            self.noted["redacted"] += len(changed)
        return records

    def _in_texts(self, records: list[Record], field: str) -> set[int]:
        texts = (
            [record.line for record in records] if field == "line" else [getattr(r, field) for r in records]
        )
        changed = set()
        for place, found in self._hits(texts).items():
            text = self._redacted_text(texts[place], found)
            if text is None:
                continue
            changed.add(place)
            setattr(records[place], field, text)
            if field == "line":
                records[place].raw = ""
        return changed

    def _in_tags(self, records: list[Record]) -> set[int]:
        changed = set()
        for place, found in self._hits([_TAGS_APART.join(record.tag) for record in records]).items():
            tags = [self._redacted_text(tag, found) for tag in records[place].tag]
            if any(tag is not None for tag in tags):
                changed.add(place)
                pairs = zip(tags, records[place].tag, strict=True)
                records[place].tag = tuple([old if new is None else new for new, old in pairs])
        return changed

    def _in_meta(self, records: list[Record]) -> set[int]:
        metas = [bytes(record.meta) for record in records]
        hits = self._hits_of(metas, self._meta_sieve, self._spelled_otherwise)
        changed = set()
        for place, found in hits.items():
            for path in self._paths:
                meta = self._redacted_meta(records[place].meta, path, found)
                if meta is not None:
                    records[place].meta = meta
                    changed.add(place)
        return changed

    def _redacted_text(self, text: str, found: Sequence[Redaction]) -> str | None:
        """None: nothing is to be replaced, or only by the same."""
        old = text.encode(errors="replace")
        new = self._redacted(old, found)
        return None if new is None or new == old else new.decode(errors="replace")

    def _redacted_meta(self, meta: msgspec.Raw, path: Path, found: Sequence[Redaction]) -> msgspec.Raw | None:
        value = exact_at(path)(meta)
        if value is None:
            return None
        hides = any(redaction.hides_keys for redaction in found)
        room, own = self.room, min(self.room.bytes, max(MAX_EVENT - len(meta), 0))
        self.room = Room(own)  # of this event alone
        new = rewritten(
            bytes(value),
            lambda text: self._redacted(text, found),
            is_secret=is_secret_key if hides else lambda _: False,
            replacement=self._whole,
            below_secret=hides and bool(path) and is_secret_key(path[-1].encode()),
        )
        room.bytes -= own - self.room.bytes
        self.room = room
        return None if new is None else with_value(meta, path, msgspec.Raw(new))

    def _redacted(self, text: bytes, found: Sequence[Redaction]) -> bytes | None:
        spans = places(found, text, clock=self._clock)
        if spans is None:
            return self._over_budget(
                text, f"finding all places in it takes longer than {MAX_SECONDS:g} s, or may take longer"
            )
        if not spans:
            return None
        if not self.room.grows(len(text), _replaced_size(text, spans, self._written)):
            return self._over_budget(text, RULE)
        return replaced(text, spans, self._replacement)

    def _over_budget(self, text: bytes, why: str) -> bytes:
        self.noted["over-budget"] += 1
        self.problem = f"a text of {len(text)} bytes was replaced as a whole: {why}"
        return self._whole(text)

    def _whole(self, text: bytes) -> bytes:
        """What takes the place of all of a text, which nothing of stays whatever room there is."""
        if self.room.grows(len(text), self._written):
            return self._replacement
        self.problem = f"a replacement was cut to the length of its text: {RULE}"
        return self._replacement[: len(text)]

    def _hits(self, texts: Sequence[str]) -> _Hits:
        if not any(texts):
            return {}
        return self._hits_of([text.encode(errors="replace") for text in texts], self._sieve)

    def _hits_of(
        self, texts: Sequence[bytes], sieve: _Search | None, anything: Sequence[_Search] = ()
    ) -> _Hits:
        """A text in which one of `anything` is found may have anything in it, and so may one that has
        newlines itself, or is so long that an expression may take too long for it: such a text goes
        alone."""
        data = _NEWLINE.join(texts)
        odd: set[int] = set()
        if len(data) > self._longest:
            odd = {place for place, text in enumerate(texts) if len(text) > self._longest}
        if data.count(_NEWLINE) >= len(texts):
            odd |= {place for place, text in enumerate(texts) if _NEWLINE in text}
        if odd:
            data = _NEWLINE.join([b"" if place in odd else text for place, text in enumerate(texts)])
        places_: Sequence[int] = range(len(texts))
        if sieve is not None:
            most = len(texts) // _FEW
            picked = list(islice(_lines_with(data, sieve), most + 1))
            if len(picked) <= most:
                places_, data = picked, _NEWLINE.join([texts[place] for place in picked])
        hits: dict[int, Sequence[Redaction]] = {}
        if places_:
            for line, found in self._hits_in(data, len(places_)).items():
                hits[places_[line]] = found
            for search in anything:
                hits.update({places_[line]: self._all for line in _lines_with(data, search)})
        return {**hits, **dict.fromkeys(odd, self._all)}

    def _hits_in(self, data: bytes, lines: int) -> dict[int, list[Redaction]]:
        """What may be in each of the lines, by its number from 0."""
        hits: dict[int, list[Redaction]] = {}
        for redaction in self._all:
            if redaction.needed and not any(each in data for each in redaction.needed):
                continue
            found = range(lines) if redaction.quick is None else _lines_with(data, _searcher(redaction.quick))
            for line in found:
                hits.setdefault(line, []).append(redaction)
        return hits


def _replaced_size(text: bytes, spans: Sequence[Span], written: int) -> int:
    return len(text) + len(spans) * written - sum([end - start for start, end in spans])


def _fields(names: Sequence[str]) -> tuple[list[str], list[Path]]:
    """The text fields, `tag` among them, and the paths in `meta`. Raises BadSetting."""
    texts, paths = [], []
    for place, name in enumerate(names):
        setting = f"fields[{place}]"
        path = path_of(name, setting=setting)
        if path is not None:
            paths.append(path)
        elif name in TEXTS or name == "tag":
            texts.append(name)
        else:
            raise BadSetting(
                f"{name!r} cannot be redacted", hint=f"use {', '.join(TEXTS)}, tag, meta", field=setting
            )
    return texts, [()] if () in paths else paths


def _sieve(redactions_: Sequence[Redaction], others: Sequence[str]) -> _Search | None:
    """Finds every line that one of them, or of the other expressions, may be found in, in one pass. None
    where there are no two to put together, or together they are too large."""
    if any(one.quick is None for one in redactions_) or len(redactions_) + len(others) < 2:
        return None
    sources = [str(one.quick.pattern) for one in redactions_ if one.quick is not None]
    together = "|".join(f"(?:{source})" for source in (*sources, *others))
    try:
        return _searcher(compiled_source(together, one_line=True, groups=False))
    except re2.error:
        return None


def _searcher(expression: Compiled) -> _Search:
    find = expression.search

    def search(data: bytes, start: int) -> int:
        match = find(data, start)
        return -1 if match is None else int(match.start())

    return search


def _lines_with(data: bytes, search: _Search) -> Iterator[int]:
    """The numbers from 0 of lines in which something is found. What is found lies within a line."""
    line = start = 0
    while (found := search(data, start)) >= 0:
        line += data.count(_NEWLINE, start, found)
        yield line
        start = data.find(_NEWLINE, found) + 1
        if not start:
            break
        line += 1
