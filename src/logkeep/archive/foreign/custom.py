"""A layout that the user describes: where the objects are, what a line is, which of its members are what.

Options: `path` (a template, see path_template.py); `format`, one of FORMATS; `time`, the format of the
times (time_format.py; by default any epoch number and ISO 8601); `margin`, how far a line's time may be
from its key's, as `30m`, `2h` or `1d`; `columns`, the names of a TSV's or CSV's columns, with commas
(by default its first line names them); and for each field, one of FIELDS, the name of the member or
column it is in, `kubernetes.node` for a member of a member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from logkeep.archive.foreign import ndjson, table
from logkeep.archive.foreign.base import DAY_MS, KeyHint, Problems
from logkeep.archive.foreign.fields import ANY_NAMES, Mapped, Names, Times, Varied
from logkeep.archive.foreign.path_template import PathTemplate
from logkeep.archive.foreign.text import TextLines, TimeOfLine, text_only
from logkeep.archive.foreign.time_format import leading_time_by, times_by
from logkeep.errors import BadSetting
from logkeep.record import Record
from logkeep.timeline import HOUR_MS, TimeRange

FORMATS = ("ndjson", "text", "tsv", "csv")
FIELDS = {
    "ts": "time",
    "line": "line",
    "id": "id",
    "host": "host",
    "app": "app",
    "file": "file",
    "env": "env",
    "level": "level",
    "tag": "tag",
}
OPTIONS = {
    "path": "Where the objects are: a template such as app/%Y/%m/%d/*.gz, of strftime's %Y %m %d %H %M %S "
    "and *.",
    "format": f"What a line is: {', '.join(FORMATS)}.",
    "time": "How times are written: epoch_s, epoch_ms, epoch_us, epoch_ns, iso8601 or a strptime format. "
    "Empty: any epoch number and ISO 8601.",
    "margin": "How far a line's time may be from its key's, such as 30m, 2h or 1d.",
    "columns": "The names of a table's columns, with commas, where its first line does not name them.",
    **{name: f"The member or column that holds the {FIELDS[name]}." for name in FIELDS},
}
"""What each is for."""
_MARGIN = re.compile(r"(\d{1,4})([smhd])")
_UNITS_MS = {"s": 1000, "m": 60_000, "h": HOUR_MS, "d": DAY_MS}


@dataclass(frozen=True)
class Custom:
    """Made by `custom`."""

    path: PathTemplate
    form: str
    names: Names
    read_times: Times = field(repr=False)
    time_of_line: TimeOfLine | None = field(repr=False)
    columns: tuple[str, ...]
    margin_ms: int
    name: str = "custom"
    title: str = "your own layout"

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        return self.path.listed(within)

    def hint(self, key: str) -> KeyHint | None:
        return self.path.hint(key, self.margin_ms)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        if self.form == "ndjson":
            readers = Mapped(self.names, self.read_times), Varied(self.names, self.read_times)
            return ndjson.read(content, problems, *readers)
        if self.form == "text":
            return ndjson.read(text_only(content, problems), problems, self._text(key))
        split = table.tabs if self.form == "tsv" else table.commas
        return table.read_table(content, problems, split, self.names, self.read_times, self.columns)

    def _text(self, key: str) -> TextLines:
        hint = self.hint(key)
        named = -1 if hint is None or hint.times is None else hint.times.start + self.margin_ms
        return TextLines(default_ts=named, time_of=self.time_of_line, json_too=True)


def custom(options: Mapping[str, str]) -> Custom:
    """The layout of these options. Raises BadSetting, naming the option."""
    for name in options:
        if name not in OPTIONS:
            raise BadSetting(
                f"a layout has no option {name!r}", hint=f"options are {', '.join(OPTIONS)}", field=name
            )
    form = options.get("format", "ndjson")
    if form not in FORMATS:
        raise BadSetting(
            f"{form!r} is no format of lines", hint=f"it is one of {', '.join(FORMATS)}", field="format"
        )
    if not options.get("path"):
        raise BadSetting(
            "the layout has no path", hint="say where objects are: path=logs/%Y/%m/%d/*.gz", field="path"
        )
    columns = tuple(name.strip() for name in options.get("columns", "").split(",") if name.strip())
    if len(set(columns)) != len(columns):
        raise BadSetting("two columns have the same name", hint="give each its own", field="columns")
    time = options.get("time", "")
    return Custom(
        path=PathTemplate.of(options["path"]),
        form=form,
        names=_names(options),
        read_times=times_by(time),
        time_of_line=leading_time_by(time),
        columns=columns,
        margin_ms=_margin(options.get("margin", "1d")),
    )


def _names(options: Mapping[str, str]) -> Names:
    """The user's names, and the usual ones of fields that the user does not name."""
    given = {FIELDS[option]: (name,) for option, name in options.items() if option in FIELDS and name}
    usual = {each.name: getattr(ANY_NAMES, each.name) for each in fields(ANY_NAMES)}
    return Names(**{**usual, **given})


def _margin(text: str) -> int:
    found = _MARGIN.fullmatch(text)
    if found is None:
        raise BadSetting(f"{text!r} is no length of time", hint="write 30m, 2h or 1d", field="margin")
    return int(found[1]) * _UNITS_MS[found[2]]
