"""Which blocks of an object have to be read for a query, as its manifest and its token filter tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from logkeep.archive.filters import blocks_at, page_range, place_of
from logkeep.archive.manifest import BlockEntry, FilterGroup, Manifest
from logkeep.archive.tokens import token_hash
from logkeep.errors import DamagedArchive, StorageError, StorageUnavailable
from logkeep.query.ast import Node
from logkeep.query.pruning import Blocks, Told, needed_tokens, told_of
from logkeep.storage.base import Bucket
from logkeep.timeline import TimeRange


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The blocks that the range touches and the query cannot rule out, in the manifest's order; and how many
    stored bytes of filters were read to know it."""

    blocks: tuple[BlockEntry, ...]
    filter_bytes: int


def select_blocks(bucket: Bucket, manifest: Manifest, node: Node, within: TimeRange | None) -> Selection:
    """The blocks of an object that may hold a line that matches.

    A filter that is missing, damaged or unreadable rules nothing out. Reads no filter when what it could
    spare is less. Raises StorageUnavailable only.
    """
    facts = _Facts(manifest, within)
    left = told_of(node, facts).can
    asked = _asked(manifest, left, needed_tokens(node))
    ranges = [page_range(group, page) for group, page in asked]
    size = sum(length for _, length in ranges)
    if asked and manifest.filters and size < sum(one.length for one in facts.entries(left)):
        pages = _read(bucket, manifest.filters.key, ranges)
        if pages is None:
            size = 0
        else:
            facts.learn(asked, pages)
            left &= told_of(node, facts).can
    else:
        size = 0
    return Selection(blocks=facts.entries(left), filter_bytes=size)


class _Asked(dict[tuple[FilterGroup, int], dict[int, list[str]]]):
    """The tokens to look for by their page and their place in it."""


def _asked(manifest: Manifest, left: Blocks, tokens: Iterable[str]) -> _Asked:
    found = _Asked()
    hashes = [(token, token_hash(token.encode(errors="surrogatepass"))) for token in tokens]
    for group in _groups(manifest):
        for token, number in hashes:
            if number is not None and left & _blocks_of(group):
                page, place = place_of(group, number)
                found.setdefault((group, page), {}).setdefault(place, []).append(token)
    return found


def _groups(manifest: Manifest) -> list[FilterGroup]:
    """Those whose blocks there are."""
    groups = manifest.filters.groups if manifest.filters else ()
    return [group for group in groups if group.first + group.blocks <= len(manifest.blocks)]


def _blocks_of(group: FilterGroup) -> Blocks:
    return (1 << group.blocks) - 1 << group.first


def _read(bucket: Bucket, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes] | None:
    """The pages; None when they cannot be had."""
    try:
        return bucket.get_ranges(key, ranges)
    except StorageUnavailable:
        raise
    except (StorageError, DamagedArchive):
        return None


class _Facts:
    """What manifest and filter tell of the blocks that the range touches."""

    def __init__(self, manifest: Manifest, within: TimeRange | None) -> None:
        self._manifest = manifest
        self.every: Blocks = (1 << len(manifest.blocks)) - 1
        if within is not None:
            self.every = self._where(lambda one: within.overlaps(one.min_ts, one.max_ts))
        self._without: dict[str, Blocks] = {}  # by token
        self._filtered: Blocks = 0
        for group in _groups(manifest):
            self._filtered |= _blocks_of(group)

    def learn(self, asked: _Asked, pages: Sequence[bytes]) -> None:
        """Take over what pages of the filter say of the tokens that they were read for."""
        for ((group, _), tokens_at), page in zip(asked.items(), pages, strict=True):
            found_at = blocks_at(group, page, list(tokens_at))
            for tokens, found in zip(tokens_at.values(), found_at, strict=True):
                ruled_out = _blocks_of(group) & ~(found << group.first)
                for token in tokens:
                    self._without[token] = self._without.get(token, 0) | ruled_out

    def entries(self, blocks: Blocks) -> tuple[BlockEntry, ...]:
        return tuple(one for number, one in enumerate(self._manifest.blocks) if blocks >> number & 1)

    def with_token(self, token: str) -> Blocks:
        return self.every & ~self._without.get(token, 0)

    def with_plain_json(self) -> Blocks:
        return self._filtered & self._where(lambda one: not one.escapes)

    def values(self, column: str, holds: Callable[[str], bool]) -> Told:
        listed = self._manifest.values.get(column, ())
        chosen = sum(1 << number for number, value in enumerate(listed) if holds(value))
        known = (1 << len(listed)) - 1
        mask_of = _MASKS[column]

        def can(one: BlockEntry) -> bool:
            mask = mask_of(one)
            return bool(mask & chosen or mask & ~known or not mask)

        def sure(one: BlockEntry) -> bool:
            mask = mask_of(one)
            return mask != 0 and not mask & ~chosen

        return Told(self._where(can), self._where(sure))

    def times(self, low: int, high: int) -> Told:
        return Told(
            self._where(lambda one: one.min_ts <= high and one.max_ts >= low),
            self._where(lambda one: low <= one.min_ts and one.max_ts <= high),
        )

    def _where(self, holds: Callable[[BlockEntry], bool]) -> Blocks:
        return self.every & sum(1 << number for number, one in enumerate(self._manifest.blocks) if holds(one))


_MASKS: Mapping[str, Callable[[BlockEntry], int]] = {
    "_host": lambda one: one.host,
    "_app": lambda one: one.app,
    "level": lambda one: one.level,
}
