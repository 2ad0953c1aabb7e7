"""Receiver: lines of text, one record a line."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.record import Received, Record, Refusal, text_of

# A longer line is refused by name, and the rest of its body is accepted.
LINE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a request says of all its lines; what a line says of itself comes first."""

    host: str = ""
    app: str = ""
    file: str = ""
    env: str = ""
    level: str = ""
    tag: tuple[str, ...] = ()


def receive_lines(body: bytes, origin: Origin) -> Received:
    """Records of a text body. A line ends at `\\n` and holds every other byte as it came; empty lines
    are passed over."""
    if len(body) <= LINE_BYTES:
        return Received(records=_records(body, origin))
    kept, refused = cut_long_lines(body)
    return Received(records=_records(kept, origin), refused=refused)


def cut_long_lines(body: bytes) -> tuple[bytes, list[Refusal]]:
    """The body without its lines over LINE_BYTES, each replaced by an empty one, and their refusals."""
    refused: list[Refusal] = []
    lines = body.split(b"\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_BYTES:
            refused.append(too_long(number, len(line)))
            lines[number - 1] = b""
    return (b"\n".join(lines) if refused else body), refused


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


def _records(body: bytes, origin: Origin) -> list[Record]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return [text_record(line, origin) for line in body.split(b"\n") if line]
    host, app, file, env = origin.host, origin.app, origin.file, origin.env
    level, tag = origin.level, origin.tag
    return [
        Record(host=host, app=app, file=file, env=env, level=level, tag=tag, line=line)
        for line in text.split("\n")
        if line
    ]
