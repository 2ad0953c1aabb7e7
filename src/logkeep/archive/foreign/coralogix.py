"""Coralogix (and IBM Cloud Logs), archive of raw data: Parquet of three text columns that hold JSON.

Keys are `team_id=<id>/dt=YYYY-MM-DD/hr=HH/<name>.parquet`, or from `dt=` on; date and hour are the event's
own, in UTC. Source: coralogix.com/docs, "Access CX-data directly".

Host is the label `computername`, app `applicationname`; all other labels and metadata are members of meta.
The line is the user data as it is, but for data that is only `{"text": "…"}`, which Coralogix makes of what
was no JSON: then it is that text.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import IO, Any, NamedTuple, TypeAlias

import msgspec

from logkeep.archive.foreign.base import (
    EVERYTHING,
    JSON_ERRORS,
    NO_TIME,
    KeyHint,
    Problems,
    levels,
    lids,
    meta_of,
    text,
    time_of_key,
    times,
)
from logkeep.archive.foreign.ndjson import WithRest
from logkeep.record import NO_META, Record
from logkeep.timeline import HOUR_MS, TimeRange

_KEY = re.compile(
    r"(team_id=[^/]+/)?dt=(\d{4})-(\d\d)-(\d\d)/hr=(\d\d)/(?:[^/]+/)*[^/]+\.parquet", re.ASCII | re.DOTALL
)
_METADATA, _LABELS, _DATA = COLUMNS = (
    "src_obj__event_metadata",
    "src_obj__event_labels",
    "src_obj__user_data",
)
_SEVERITIES = {"1": "debug", "2": "verbose", "3": "info", "4": "warning", "5": "error", "6": "critical"}

_IN_MEMORY_BYTES = 16 << 20  # a larger file goes to the disk: Parquet is read from its end
_MAX_FILE_BYTES = 8 << 30
_READ_BYTES = 1 << 20
_BATCH_BYTES = 4 << 20  # of a batch, by what the file says of itself
_BATCH_ROWS = 4096
_MAX_GROUP_BYTES = 4 << 30
_LABELS_KEPT = 10_000
_BARE_STARTS = ('{"text"', '{ "text"')


class _About(msgspec.Struct, gc=False):
    """The metadata of a row that become fields; the others go into meta."""

    timestamp: Any = None
    severity: Any = ""
    logid: Any = ""


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    text: str


class _Labels(NamedTuple):
    host: str
    app: str
    rest: bytes  # the other labels, a JSON object


_object = msgspec.json.Decoder(dict[str, Any])
_bare = msgspec.json.Decoder(_Text)

_Rows: TypeAlias = tuple[Sequence[str], Sequence[str], Sequence[str]]  # metadata, labels, data


class _Reader:
    """Makes records of rows. Of one object: it remembers labels and members that it met."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._labels: dict[str, _Labels] = {}
        self._about = WithRest(_About, self._without_rest)
        self._metas: Sequence[msgspec.Raw] = ()
        self._structs: Sequence[_About] = ()
        self.done = 0  # rows

    def go_to(self, row: int) -> None:
        """The next row is the one behind so many."""
        self.done = row

    def records(self, rows: _Rows) -> list[Record]:
        try:
            records = self._records(rows)
            if -1 not in [record.ts for record in records]:
                self.done += len(records)
                return records
        except JSON_ERRORS:
            pass
        return [record for row in zip(*rows, strict=True) for record in self._one(*row)]

    def _one(self, metadata: str, labels: str, data: str) -> list[Record]:
        self.done += 1
        try:
            [record] = self._records(([metadata], [labels], [data]))
        except JSON_ERRORS as error:
            self._problem(f"its metadata or labels cannot be read: {error}", metadata)
            return []
        if record.ts < 0:
            self._problem(NO_TIME, metadata)
            return []
        return [record]

    def _records(self, rows: _Rows) -> list[Record]:
        all_metadata, all_labels, all_data = rows
        values = "\n".join(all_metadata)
        if "" in all_metadata or values.count("\n") >= len(all_metadata):
            # White space between JSON's values may be newlines, which part values here.
            values = "\n".join([each.replace("\n", " ") or "{}" for each in all_metadata])
        self._about(values.encode())
        abouts, metas = self._structs, self._metas
        if len(abouts) != len(all_metadata):
            raise msgspec.DecodeError("it is empty, or more than one value")
        known = self._labels
        by_text = {each: known.get(each) or self._learn(each) for each in set(all_labels)}
        labels = [by_text[each] for each in all_labels]
        ts, ns = times([one.timestamp for one in abouts])
        return list(
            map(
                Record,
                lids([one.logid for one in abouts]),
                ts,
                ns,
                repeat(-1),
                repeat(""),
                [one.host for one in labels],
                [one.app for one in labels],
                repeat(""),
                repeat(""),
                [_SEVERITIES.get(level, level) for level in levels([one.severity for one in abouts])],
                repeat(()),
                list(map(_merged, [one.rest for one in labels], map(bytes, metas))),
                [_text_of(data) if data.startswith(_BARE_STARTS) else data for data in all_data],
            )
        )

    def _without_rest(self, structs: Sequence[_About], metas: Sequence[msgspec.Raw]) -> list[Record]:
        self._structs, self._metas = structs, metas
        return []

    def _learn(self, labels: str) -> _Labels:
        rest = _object.decode(labels) if labels else {}
        host, app = text(rest.pop("computername", None)), text(rest.pop("applicationname", None))
        found = _Labels(host, app, bytes(meta_of(rest)))
        if len(self._labels) < _LABELS_KEPT:
            self._labels[labels] = found
        return found

    def _problem(self, reason: str, metadata: str) -> None:
        self._problems.add(0, f"row {self.done}: {reason}", metadata[:800].encode(errors="replace"))


@lru_cache(maxsize=4096)
def _merged(labels: bytes, members: bytes) -> msgspec.Raw:
    """One JSON object of two, either of which may be b"" for none."""
    if not labels or not members:
        return msgspec.Raw(labels or members) if labels or members else NO_META
    return msgspec.Raw(labels[:-1] + b"," + members[1:])


def _text_of(data: str) -> str:
    try:
        return _bare.decode(data).text
    except JSON_ERRORS:
        return data


def _read(file: IO[bytes], problems: Problems) -> Iterator[list[Record]]:
    # Imported when it is needed: it takes as long as all else that a command imports.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # Without pre-buffering a column is read page by page, and not a row group as a whole.
        opened = parquet.ParquetFile(file, pre_buffer=False, buffer_size=_READ_BYTES)
        reason = _refusal(opened)
    except (pa.ArrowException, OSError) as error:
        reason = f"the Parquet file cannot be read: {str(error)[:200]}"
    if reason:
        problems.add(0, reason)
        return
    reader, first = _Reader(problems), 0
    for number in range(opened.metadata.num_row_groups):
        reader.go_to(first)
        try:
            for batch in _batches(opened, number):
                yield reader.records(batch)
        except (pa.ArrowException, OSError) as error:
            reason = str(error)[:200]
            problems.add(
                0, f"row group {number + 1}, row {reader.done + 1}: it cannot be read further: {reason}"
            )
        first += opened.metadata.row_group(number).num_rows


def _batches(opened: Any, group: int) -> Iterator[_Rows]:
    """The rows of one row group, some at a time."""
    import pyarrow as pa

    about = opened.metadata.row_group(group)
    a_row = about.total_byte_size // max(1, about.num_rows) + 1
    most = max(1, min(_BATCH_ROWS, _BATCH_BYTES // a_row))
    for batch in opened.iter_batches(most, row_groups=[group], columns=list(COLUMNS)):
        columns = (batch.column(name).cast(pa.large_string()).fill_null("") for name in COLUMNS)
        metadata, labels, data = columns
        shared = labels.dictionary_encode()  # rows have few different ones, each of which is one text then
        of_row = shared.dictionary.to_numpy(zero_copy_only=False)[shared.indices.to_numpy()]
        yield _texts(metadata), of_row.tolist(), _texts(data)


def _texts(column: Any) -> list[str]:
    found: list[str] = column.to_numpy(zero_copy_only=False).tolist()
    return found


def _refusal(parquet_file: Any) -> str:
    """Why the file is not read; "" when it is."""
    import pyarrow as pa

    schema = parquet_file.schema_arrow
    for name in COLUMNS:
        if schema.get_field_index(name) < 0:
            return f"the Parquet file has no column {name}, or several"
        kind = schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if kind not in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.null()):
            return f"the column {name} is of type {kind}, not of texts"
    about = parquet_file.metadata
    groups = (about.row_group(number).total_byte_size for number in range(about.num_row_groups))
    if max(groups, default=0) > _MAX_GROUP_BYTES:
        return f"the Parquet file has a row group of more than {_MAX_GROUP_BYTES} bytes"
    return ""


@dataclass(frozen=True)
class Coralogix:
    name: str = "coralogix"
    title: str = "Coralogix archive (cx-data, Parquet)"
    margin_ms: int = HOUR_MS

    def folders(self, within: TimeRange | None) -> Sequence[str]:
        # Teams are above the dates, and their ids are not known; without them it starts with the date.
        del within
        return EVERYTHING

    def hint(self, key: str) -> KeyHint | None:
        match = _KEY.fullmatch(key)
        start = match and time_of_key(*match.groups()[1:])
        return None if start is None else KeyHint.around(start, HOUR_MS)

    def records(self, content: Iterator[bytes], key: str, problems: Problems) -> Iterator[list[Record]]:
        del key
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            size = 0
            for piece in content:
                size += len(piece)
                if size > _MAX_FILE_BYTES:
                    problems.add(0, f"the Parquet file has more than {_MAX_FILE_BYTES} bytes")
                    return
                file.write(piece)
            file.seek(0)
            yield from _read(file, problems)


LAYOUT = Coralogix()
