"""Lines as the list shows them: one row each, and no more of them than a page may weigh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from logkeep.timeline import iso
from logkeep.web.logs.levels import kind_of
from logkeep.web.text import logtext, visible

ROWS = 100
CUT = 400  # characters of a line that the list shows without a script; a click away is all of it
# What the rows of a page may come to, of the 100 KB that a page has.
BUDGET_BYTES = 50_000
_ROW_BYTES = 330  # of a row's markup, beside what it shows


@dataclass(frozen=True, kw_only=True)
class Row:
    ts: str  # ISO 8601
    day: str  # 2026-11-30
    time: str  # 05:10:00.123
    kind: str  # of the level
    level: str
    host: str
    app: str
    text: Markup
    link: str  # "" where the line has no page of its own
    cursor: str

    @property
    def weight(self) -> int:
        shown = len(self.level) + len(self.host) + len(self.app) + len(self.link)
        return _ROW_BYTES + shown + len(self.text.encode("utf-8", "replace"))


def rows_of(page: Mapping[str, Any], account: str) -> list[Row]:
    """The rows of a page as /v1/search answers it with marks, cut and cursors."""
    count = len(page["records"])
    marks = page.get("marks") or [()] * count
    lengths = page.get("lengths") or [0] * count
    cursors = page.get("cursors") or [""] * count
    return [
        row_of(record, account, marks=mark, length=length, cursor=cursor)
        for record, mark, length, cursor in zip(page["records"], marks, lengths, cursors, strict=True)
    ]


def row_of(
    record: Mapping[str, Any],
    account: str,
    *,
    marks: Sequence[Sequence[int]] = (),
    length: int = 0,
    cursor: str = "",
) -> Row:
    moment = iso(record.get("_ts", 0))
    line = record.get("_line", "")
    return Row(
        ts=moment,
        day=moment[:10],
        time=moment[11:23],
        kind=kind_of(record.get("level", "")),
        level=short(record.get("level", "")),
        host=short(record.get("_host", "")),
        app=short(record.get("_app", "")),
        text=logtext(line, marks, CUT, more=max(0, length - len(line))),
        link=link_of(record, account, cursor) if account else "",
        cursor=cursor,
    )


def link_of(record: Mapping[str, Any], account: str, cursor: str) -> str:
    """The page of one line: named by its id and time, or where it has no id by its place."""
    named = {"account": account}
    if record.get("_lid"):
        named |= {"ts": str(record["_ts"]), "id": record["_lid"]}
    else:
        named["cursor"] = cursor
    return f"/logs/line?{urlencode(named)}"


def short(value: object, most: int = 60) -> str:
    """A field's value in one cell."""
    text = str(value)
    return visible(text if len(text) <= most else f"{text[: most - 1]}…")


def within_budget(rows: Sequence[Row], budget: int = BUDGET_BYTES) -> Iterator[Row]:
    """The first of the rows, at least one, that together weigh no more."""
    left = budget
    for number, row in enumerate(rows):
        left -= row.weight
        if left < 0 and number:
            return
        yield row
