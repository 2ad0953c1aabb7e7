"""Replaces what patterns find in the texts of fields.

A batch's texts are searched together, once for each pattern, and only the events that something may be in
are looked at by themselves: where there is nothing, that costs half a microsecond an event and pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from logkeep.errors import BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.expressions import Compiled, compiled_source
from logkeep.pipeline.fields import TEXTS, path_of
from logkeep.pipeline.json_texts import EXPONENT, rewritten
from logkeep.pipeline.members import Path, exact_at, with_value
from logkeep.pipeline.places import MAX_SECONDS, Redaction, places, replaced
from logkeep.pipeline.redactions import is_secret_key, redactions
from logkeep.record import Record

_NEWLINE = b"\n"
_TAGS_APART = "\x1f"
_Search: TypeAlias = Callable[[bytes, int], int]  # where something begins, from here on; -1: nowhere
_Hits: TypeAlias = dict[int, Sequence[Redaction]]  # by the place of the event: what may be in it


class RedactProcessor:
    """Replaced are places in text fields, and in `meta` those in strings, keys and numbers (which become
    strings); what is left of `meta` keeps its bytes. The bytes of a line that is not UTF-8 go if something
    was replaced in it. Raises BadSetting.

    Noted: `redacted` for events that were changed, `over-budget` for texts that were replaced as a whole,
    because finding the places took too long.
    """

    def __init__(self, spec: model.Redact, clock: Callable[[], float]) -> None:
        self.noted: Counter[str] = Counter()
        self.problem = ""
        if not spec.patterns and not spec.regex:
            raise BadSetting("nothing to redact is named", hint="such as patterns: [email]", field="patterns")
        if not spec.fields:
            raise BadSetting("no field is named", hint="line and meta are the usual ones", field="fields")
        self._clock = clock
        self._replacement = spec.replacement.encode()
        self._all = redactions(spec.patterns, spec.regex)
        self._texts, self._paths = _fields(spec.fields)
        self._spelled_otherwise = (
            lambda data, start: data.find(b"\\", start),
            _searcher(compiled_source(EXPONENT, one_line=True, groups=False)),
        )

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
        hits, data = self._hits_of(metas)
        for search in self._spelled_otherwise:
            hits.update(dict.fromkeys(_lines_with(data, search), self._all))
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
        new = rewritten(
            bytes(value),
            lambda text: self._redacted(text, found),
            is_secret=is_secret_key if hides else lambda _: False,
            replacement=self._replacement,
            below_secret=hides and bool(path) and is_secret_key(path[-1].encode()),
        )
        return None if new is None else with_value(meta, path, msgspec.Raw(new))

    def _redacted(self, text: bytes, found: Sequence[Redaction]) -> bytes | None:
        spans = places(found, text, clock=self._clock)
        if spans is None:
            self.noted["over-budget"] += 1
            self.problem = (
                f"a text of {len(text)} bytes was replaced as a whole: "
                f"finding all places in it took longer than {MAX_SECONDS:g} s"
            )
            return self._replacement
        return replaced(text, spans, self._replacement) if spans else None

    def _hits(self, texts: Sequence[str]) -> _Hits:
        if not any(texts):
            return {}
        return self._hits_of([text.encode(errors="replace") for text in texts])[0]

    def _hits_of(self, texts: Sequence[bytes]) -> tuple[_Hits, bytes]:
        """Also gives the texts as lines; empty are those that have newlines themselves, and so go alone."""
        data = _NEWLINE.join(texts)
        odd: set[int] = set()
        if data.count(_NEWLINE) >= len(texts):
            odd = {place for place, text in enumerate(texts) if _NEWLINE in text}
            data = _NEWLINE.join([b"" if place in odd else text for place, text in enumerate(texts)])
        hits: dict[int, list[Redaction]] = {}
        for redaction in self._all:
            if redaction.needed and not any(each in data for each in redaction.needed):
                continue
            if redaction.quick is None:
                lines: Sequence[int] | Iterator[int] = [place for place, text in enumerate(texts) if text]
            else:
                lines = _lines_with(data, _searcher(redaction.quick))
            for place in lines:
                hits.setdefault(place, []).append(redaction)
        return {**hits, **dict.fromkeys(odd, self._all)}, data


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
