"""Receiver: lines of text, one record a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from logkeep.errors import TooLarge
from logkeep.record import Columns, Received, Record, Refusal, text_of

# A longer line is refused by name, and the rest of its body is accepted.
LINE_BYTES = 512 * 1024
# A body of a million empty lines would take gigabytes of memory on its way.
BODY_LINES = 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a request says of all its lines; what a line says of itself comes first."""

    host: str = ""
    app: str = ""
    file: str = ""
    env: str = ""
    level: str = ""
    tag: tuple[str, ...] = ()


_NOWHERE = Origin()


def receive_lines(body: bytes, origin: Origin) -> Received:
    """Records of a text body. A line ends at `\\n` and holds every other byte as it came; empty lines
    are passed over."""
    if len(body) <= LINE_BYTES:
        return Received(columns=_columns(body, origin))
    check_line_count(body.count(b"\n"))
    kept, refused = cut_long_lines(body)
    return Received(columns=_columns(kept, origin), refused=refused)


def cut_long_lines(body: bytes) -> tuple[bytes, list[Refusal]]:
    """The body without its lines over LINE_BYTES, each replaced by an empty one, and their refusals."""
    refused: list[Refusal] = []
    if not _has_long_line(body):
        return body, refused
    lines = body.split(b"\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_BYTES:
            refused.append(too_long(number, len(line)))
            lines[number - 1] = b""
    return b"\n".join(lines), refused


def check_line_count(lines: int) -> None:
    """Raises TooLarge for more lines than one body may have."""
    if lines > BODY_LINES:
        raise TooLarge(
            f"the body has {lines} lines, the limit is {BODY_LINES}", hint="send them in several bodies"
        )


def _has_long_line(body: bytes) -> bool:
    """Looks at few bytes: from each line's start, for the last line end within reach of the limit."""
    start = 0
    while len(body) - start > LINE_BYTES:
        end = body.rfind(b"\n", start, start + LINE_BYTES + 1)
        if end < 0:
            return True
        start = end + 1
    return False


def too_long(number: int, size: int) -> Refusal:
    return Refusal(
        line=number, code="too-long", reason=f"the line has {size} bytes, the limit is {LINE_BYTES}"
    )


def text_record(line: bytes, origin: Origin) -> Record:
    """The record of one line that is kept as text, whatever its bytes are."""
    text, raw = text_of(line)
    return Record(
        host=origin.host,
        app=origin.app,
        file=origin.file,
        env=origin.env,
        level=origin.level,
        tag=origin.tag,
        line=text,
        raw=raw,
    )


def shared(origin: Origin, line: Sequence[str]) -> Columns:
    """Columns of lines that say nothing of themselves."""
    return Columns(
        line=line,
        host=repeat(origin.host),
        app=repeat(origin.app),
        file=repeat(origin.file),
        env=repeat(origin.env),
        level=repeat(origin.level),
        tag=repeat(origin.tag),
    )


def with_origin(columns: Columns, origin: Origin) -> Columns:
    """With what the request says of all lines, where they say nothing of themselves."""
    if origin == _NOWHERE:
        return columns
    return columns._replace(
        host=[one or origin.host for one in columns.host],
        app=[one or origin.app for one in columns.app],
        file=[one or origin.file for one in columns.file],
        env=[one or origin.env for one in columns.env],
        level=[one or origin.level for one in columns.level],
        tag=[one or origin.tag for one in columns.tag],
    )


def _columns(body: bytes, origin: Origin) -> Columns:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return Columns.of([text_record(line, origin) for line in body.split(b"\n") if line])
    return shared(origin, [line for line in text.split("\n") if line])
