"""Cuts a stream of bytes into bodies of whole lines, without looking at single lines."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

# A body this long is a few milliseconds of work for the server, far below its limit of 10 MB.
BODY_BYTES = 1 << 20
# A longer line is not sent at all; the server would refuse it by its own, lower limit.
LINE_BYTES = 4 << 20
# What has arrived is sent after this long, so that `tail -f` of a quiet file shows up.
LINGER_S = 1.0
_READ_BYTES = 1 << 20
_WAIT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Body:
    """Whole lines of the stream. `first_line` counts the stream's lines from 1."""

    number: int
    first_line: int
    lines: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A line that is too long to be sent."""

    line: int


class BodyReader:
    """Reads a file descriptor to its end. `bytes_read` may be asked for while it runs."""

    def __init__(
        self,
        fd: int,
        *,
        body_bytes: int = BODY_BYTES,
        line_bytes: int = LINE_BYTES,
        linger_s: float = LINGER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fd = fd
        self._body_bytes = body_bytes
        self._line_bytes = line_bytes
        self._linger_s = linger_s
        self._clock = clock
        self._buffer = bytearray()
        self._number = 0
        self._line = 1
        self._skipping = False
        self.bytes_read = 0

    def __iter__(self) -> Iterator[Body | Skipped]:
        first_at = 0.0
        while True:
            if not self._buffer:
                first_at = self._clock()
            if self._readable(first_at):
                chunk = os.read(self._fd, _READ_BYTES)
                if not chunk:
                    break
                self.bytes_read += len(chunk)
                self._buffer += chunk
                yield from self._skip_long()
                full = len(self._buffer) >= self._body_bytes
            else:
                full = True
                first_at = self._clock()
            if full and (body := self._cut(self._buffer.rfind(b"\n") + 1)):
                yield body
        if last := self._cut(len(self._buffer)):
            yield last

    def _readable(self, first_at: float) -> bool:
        """Waits for bytes; False when those that are here have waited long enough."""
        if not self._buffer:
            # Never without an end: a signal that comes right before a wait is seen only after it.
            while not select.select([self._fd], [], [], _WAIT_S)[0]:
                pass
            return True
        left = first_at + self._linger_s - self._clock()
        return bool(select.select([self._fd], [], [], max(0.0, left))[0]) and left > 0

    def _cut(self, end: int) -> Body | None:
        if end <= 0 or self._skipping:
            return None
        data = bytes(memoryview(self._buffer)[:end])
        del self._buffer[:end]
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        body = Body(number=self._number, first_line=self._line, lines=lines, data=data)
        self._number += 1
        self._line += lines
        return body

    def _skip_long(self) -> Iterator[Body | Skipped]:
        """Drops a line that outgrew its limit, up to its end; what came before it is a body first."""
        start = self._buffer.rfind(b"\n") + 1
        if self._skipping:
            self._drop_to_line_end()
        elif len(self._buffer) - start > self._line_bytes:
            if body := self._cut(start):
                yield body
            yield Skipped(line=self._line)
            self._skipping = True
            self._buffer.clear()

    def _drop_to_line_end(self) -> None:
        end = self._buffer.find(b"\n") + 1
        if end:
            self._skipping = False
            self._line += 1
            del self._buffer[:end]
        else:
            self._buffer.clear()


def is_json_lines(data: bytes) -> bool:
    """Whether the first line that is not blank is a JSON object."""
    line = data.lstrip().split(b"\n", 1)[0]
    if not line.startswith(b"{"):
        return False
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return False
    return True
