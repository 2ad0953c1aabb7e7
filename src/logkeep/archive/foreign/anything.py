"""JSON lines of any schema and text, mixed as they come: what several layouts' objects hold."""

from __future__ import annotations

from collections.abc import Iterator

from logkeep.archive.foreign import ndjson
from logkeep.archive.foreign.base import KeyHint, Problems
from logkeep.archive.foreign.fields import ANY_NAMES, Mapped, Names, Varied
from logkeep.archive.foreign.text import TextLines, text_only
from logkeep.record import Record


def read_anything(
    content: Iterator[bytes], problems: Problems, *, default_ts: int = -1, names: Names = ANY_NAMES
) -> Iterator[list[Record]]:
    """Records of JSON objects and lines of text, batch by batch.

    What is known to be no text is a problem and has none. `default_ts` is for records without a time of their
    own; with -1, they go to `problems`.
    """
    return ndjson.read(
        text_only(content, problems),
        problems,
        Mapped(names, default_ts=default_ts),
        Varied(names, default_ts=default_ts),
        TextLines(default_ts=default_ts),
    )


def named_time(hint: KeyHint | None, older: int) -> int:
    """The time that a key names, when its hint was widened by `older`; -1 when it names none."""
    return -1 if hint is None or hint.times is None else hint.times.start + older
