"""Export: the lines of a live or restored account as one stream, in the order of their time."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

from logkeep.archive import block
from logkeep.errors import EngineError, InputError, Overloaded
from logkeep.index.base import Engine
from logkeep.index.columns import NO_ID
from logkeep.index.search import Scope, pages
from logkeep.record import Record, bytes_of, encode_lines
from logkeep.storage.base import GZIP

NDJSON = "ndjson"  # canonical lines, as the archive has them
NDJSON_GZ = "ndjson.gz"  # the same in gzip members of about a MiB, as the archive has them, too
PARQUET = "parquet"
TEXT = "text"  # each line exactly as it came, with a newline

EXPORT_FORMATS: Mapping[str, str] = {
    NDJSON: "application/x-ndjson",
    NDJSON_GZ: GZIP,
    PARQUET: "application/vnd.apache.parquet",
    TEXT: "text/plain",
}
"""The formats, each with its media type."""

Pieces = Generator[bytes, None, None]

_READ_BYTES = 1 << 20  # of a Parquet file at a time

# The record's fields under their names without the underscore. Times are instants; `lid` is a text, as it
# is in the archive. In the table the engine knows a `_meta` that was a JSON text only by what it says.
_FIELDS = f"""
if(_lid < {NO_ID}, toString(_lid), '') AS lid, fromUnixTimestamp64Milli(_ts, 'UTC') AS ts, _ns AS ns,
if(_rx = 0, NULL, fromUnixTimestamp64Milli(_rx, 'UTC')) AS rx, _account AS account, _host AS host,
_app AS app, _file AS file, _env AS env, level, _tag AS tag,
if(_meta = '' OR isValidJSON(_meta), _meta, toJSONString(_meta)) AS meta, _line AS line, _raw AS raw
""".replace("\n", " ").strip()

# One thread keeps the order. Blocks are of few rows, and joined by bytes, because lines may be long: with
# the engine's own sizes 300 lines of 1 MB took 1.9 GB, so 0.9; shorter lines are written as fast.
_PARQUET_SETTINGS = (
    "max_threads = 1, max_insert_threads = 1, max_block_size = 64,"
    " min_insert_block_size_rows = 131072, min_insert_block_size_bytes = 16777216,"
    " output_format_parquet_row_group_size = 131072, output_format_parquet_row_group_size_bytes = 16777216,"
    " output_format_parquet_parallel_encoding = 0, engine_file_truncate_on_insert = 1,"
    " max_bytes_before_external_sort = 268435456"
)


def export(
    engine: Engine,
    scope: Scope,
    *,
    format: str,  # noqa: A002
    work: Path,
) -> Pieces:
    """The lines of the scope, oldest first, in one of EXPORT_FORMATS. Memory stays flat whatever their
    number; a Parquet file is first written into the folder `work`, which is made, and removed from it when
    the generator ends or is closed.

    Raises InputError for another format, at once; EngineError, Overloaded without room in `work`, and
    NotFound when the lines are deleted meanwhile.
    """
    if format not in EXPORT_FORMATS:
        raise InputError(f"format is {format!r}, not one of {', '.join(EXPORT_FORMATS)}")
    if format == PARQUET:
        return _parquet(engine, scope, work)
    found = pages(engine, scope)
    if format == TEXT:
        return (_text(page.records) for page in found)
    lines = (encode_lines(page.records) for page in found)
    return compressed(lines) if format == NDJSON_GZ else lines


def write_parquet(engine: Engine, scope: Scope, file: Path) -> None:
    """Write the lines of the scope, oldest first, to a Parquet file of their own. The same lines may give
    other bytes when the engine has merged them meanwhile. Raises EngineError, Overloaded."""
    where, params = scope.where()
    fields = f"{_FIELDS}, _object AS object" if scope.objects else _FIELDS
    engine.run(
        f"INSERT INTO FUNCTION file({{path:String}}, Parquet) SELECT {fields} FROM {scope.table}"
        f" WHERE {where} ORDER BY _ts, _lid SETTINGS {_PARQUET_SETTINGS}",
        {**params, "path": str(file)},
    )


def same_lines(engine: Engine, ours: Path, theirs: Path) -> bool:
    """Whether another file is a Parquet file with the lines of ours, in whatever order. Raises EngineError
    when ours cannot be read."""
    counted = _counted(engine, ours)
    try:
        return _counted(engine, theirs) == counted
    except EngineError:
        return False


def _counted(engine: Engine, file: Path) -> list[dict[str, Any]]:
    # A NULL would take its line out of the sum; `rx` is the only field that has any.
    fields = "* REPLACE (ifNull(rx, toDateTime64(0, 3, 'UTC')) AS rx)"
    return engine.rows(
        f"SELECT count() AS lines, sum(sipHash64({fields})) AS digest FROM file({{path:String}}, Parquet)",
        {"path": str(file)},
    )


def compressed(pieces: Iterable[bytes]) -> Pieces:
    """Gzip members of about a MiB of whole lines. They depend on the lines alone, not on how those are cut
    into pieces. No lines are one member of nothing, so that it can be read as gzip."""
    rest = b""
    empty = True
    for piece in pieces:
        rest += piece
        start = 0
        while len(rest) - start > block.BLOCK_BYTES:
            end = rest.find(b"\n", start + block.BLOCK_BYTES - 1) + 1
            if not end:
                break
            yield block.compress(rest[start:end])
            start, empty = end, False
        rest = rest[start:]
    if rest or empty:
        yield block.compress(rest)


def _text(records: Iterable[Record]) -> bytes:
    return b"".join([bytes_of(record) + b"\n" for record in records])


def _parquet(engine: Engine, scope: Scope, work: Path) -> Pieces:
    try:
        work.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=work, prefix="export-")
    except OSError as error:
        raise Overloaded(
            f"an export cannot be written into {work}: {error.strerror}", hint="is the disk full?"
        ) from error
    with folder as name:
        path = Path(name) / "lines.parquet"
        write_parquet(engine, scope, path)
        with path.open("rb") as file:
            while data := file.read(_READ_BYTES):
                yield data
