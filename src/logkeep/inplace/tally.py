"""What a search in place has read so far, and what it could not read."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from logkeep.archive.foreign.base import Problem, Problems

_PROBLEMS_KEPT = 1000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Objects are those of the range that were looked at so far; their blocks were read, are still to be
    read, or are ruled out: by the range, or by the query. An object without manifest counts as one block.

    `complete` says that all that was asked for was searched, up to the limit, but for `damage`: the first
    problems, of `problems` in all.
    """

    lines: int = 0
    objects: int = 0
    blocks: int = 0
    blocks_read: int = 0
    blocks_ruled_out: int = 0
    bytes_read: int = 0  # stored bytes, those of filters included
    stored_bytes: int = 0  # of all the objects
    complete: bool = False
    problems: int = 0
    damage: tuple[Problem, ...] = ()


class Tally:
    """An outcome in the making. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._so_far = Outcome()
        self._damage: list[Problem] = []

    def planned(
        self,
        *,
        objects: int = 0,
        stored_bytes: int = 0,
        blocks: int = 0,
        ruled_out: int = 0,
        filter_bytes: int = 0,
    ) -> None:
        """Objects whose blocks are known now."""
        with self._lock:
            now = self._so_far
            self._so_far = replace(
                now,
                objects=now.objects + objects,
                stored_bytes=now.stored_bytes + stored_bytes,
                blocks=now.blocks + blocks,
                blocks_ruled_out=now.blocks_ruled_out + ruled_out,
                bytes_read=now.bytes_read + filter_bytes,
            )

    def read(self, *, blocks: int = 0, bytes_read: int = 0) -> None:
        with self._lock:
            now = self._so_far
            self._so_far = replace(
                now, blocks_read=now.blocks_read + blocks, bytes_read=now.bytes_read + bytes_read
            )

    def found(self, lines: int) -> None:
        with self._lock:
            self._so_far = replace(self._so_far, lines=self._so_far.lines + lines)

    def damaged(self, key: str, offset: int, reason: str) -> None:
        self._add(1, [Problem(key=key, offset=offset, reason=reason)])

    def passed_on(self, problems: Problems) -> None:
        """The problems of reading an object of another system."""
        self._add(problems.count, problems.first)

    def completed(self) -> None:
        with self._lock:
            self._so_far = replace(self._so_far, complete=True)

    @property
    def outcome(self) -> Outcome:
        with self._lock:
            return replace(self._so_far, damage=tuple(self._damage))

    def _add(self, count: int, problems: Iterable[Problem]) -> None:
        with self._lock:
            self._damage.extend(list(problems)[: _PROBLEMS_KEPT - len(self._damage)])
            self._so_far = replace(self._so_far, problems=self._so_far.problems + count)
