"""The bytes that a codec reads, piece by piece, with the place of each for messages."""

from __future__ import annotations

from collections.abc import Iterator

from logkeep.errors import DamagedArchive

PIECE_BYTES = 256 << 10
"""What codecs give at once, at most 4 times it. Batches of lines of this size stay in a core's cache, where
they are read half again as fast as those of 1 MiB."""


class Source:
    """Bytes of an iterator, read in any portions. `at` is how many were read, `where` names the object."""

    def __init__(self, pieces: Iterator[bytes], where: str) -> None:
        self.at = 0
        self.where = where
        self._pieces = pieces
        self._here = b""  # what came and was not read, from `_from` on
        self._from = 0

    def some(self, limit: int) -> bytes:
        """Between 1 and `limit` of the next bytes; none at the end."""
        if self._from >= len(self._here):
            self._here, self._from = next(self._pieces, b""), 0
            while not self._here:
                following = next(self._pieces, None)
                if following is None:
                    return b""
                self._here = following
        found = self._here[self._from : self._from + limit]
        self._from += len(found)
        self.at += len(found)
        return found

    def up_to(self, count: int) -> bytes:
        """The next `count` bytes, or as many as there are."""
        parts = []
        while count and (part := self.some(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes. Raises DamagedArchive when there are fewer."""
        found = self.up_to(count)
        if len(found) < count:
            raise self.damaged("the compressed data ends too early")
        return found

    def head(self, count: int) -> bytes:
        """The same as `up_to`, but the bytes stay to be read."""
        if len(self._here) - self._from >= count:  # as it mostly is, and costs no copy of what is there
            return self._here[self._from : self._from + count]
        found = self.up_to(count)
        self.put_back(found)
        return found

    def put_back(self, unread: bytes) -> None:
        """Bytes that were read last and are not wanted after all."""
        self.at -= len(unread)
        if len(unread) <= self._from:  # they are still there
            self._from -= len(unread)
        else:
            self._here, self._from = unread + self._here[self._from :], 0

    def pieces(self) -> Iterator[bytes]:
        """All that is left, in pieces of at most PIECE_BYTES."""
        while piece := self.some(PIECE_BYTES):
            yield piece

    def damaged(self, reason: object) -> DamagedArchive:
        return DamagedArchive(
            f"{self.where} cannot be decompressed at byte {self.at}: {reason}",
            hint="what came before it was read; the object has to be written anew to read the rest",
        )
