from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logkeep.archive import block, filter_file, filters
from logkeep.archive.manifest import BlockEntry, Filters, Manifest
from logkeep.archive.selection import Selection, select_blocks
from logkeep.archive.writer import write_object
from logkeep.errors import QuerySyntaxError, StorageDenied, StorageUnavailable
from logkeep.query.parse import parse
from logkeep.query.predicate import compile_predicate
from logkeep.record import Record
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import TimeRange
from tests.integration.test_query_agreement import LINES, _records, queries
from tests.unit.archiver_doubles import HOUR, frame


@dataclass(frozen=True)
class Stored:
    """An object of small blocks, one for each list of records, with its filter in a bucket."""

    bucket: FolderBucket
    manifest: Manifest
    blocks: Sequence[Sequence[Record]]

    def select(self, query: str, within: TimeRange | None = None) -> Selection:
        return select_blocks(self.bucket, self.manifest, parse(query), within)

    def numbers(self, query: str, within: TimeRange | None = None) -> list[int]:
        """Which blocks are left."""
        return [self.manifest.blocks.index(one) for one in self.select(query, within).blocks]


def store(folder: Path, blocks: Sequence[Sequence[Record]]) -> Stored:
    """Blocks of one frame each, and a filter however small they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "BLOCK_BYTES", 1)
        patch.setattr(filter_file, "MIN_RAW_BYTES", 0)
        patch.setattr(filters, "_BYTES_PER_TOKEN", 0)
        frames = [frame(of, seq=number) for number, of in enumerate(blocks, 1)]
        manifest = write_object(
            frames, folder / "o", account="main", hour=HOUR, part=0, filters=folder / "filter"
        )
    assert manifest.filters is not None
    bucket = FolderBucket(folder / "archive")
    bucket.put_new(manifest.filters.key, folder / "filter", filters.CONTENT_TYPE)
    # As if the blocks were as large as they mostly are: nobody reads a filter to spare a few bytes.
    large = tuple(msgspec.structs.replace(one, length=300_000) for one in manifest.blocks)
    return Stored(bucket, msgspec.structs.replace(manifest, blocks=large), blocks)


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """More blocks than a group has, of the records on which the two compilers have to agree."""
    records = _records()
    pairs = [records[at : at + 2] for at in range(0, len(records), 2)]
    return store(tmp_path_factory.mktemp("awkward"), [*([one] for one in records), *pairs])


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(query=queries)
def test_a_block_with_a_line_that_matches_is_never_ruled_out(awkward: Stored, query: str) -> None:
    try:
        holds = compile_predicate(parse(query))
    except QuerySyntaxError:
        return
    matching = {number for number, of in enumerate(awkward.blocks) if any(map(holds, of))}
    assert matching <= set(awkward.numbers(query))


texts = st.text('aB\\u0061"{}:é .\n\t\0', max_size=20) | st.sampled_from(LINES)


@settings(max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.lists(st.tuples(texts, st.sampled_from(("", "a", "b" * 65)), texts), min_size=1, max_size=8),
    query=queries,
)
def test_nor_is_one_of_any_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str, str]], query: str
) -> None:
    blocks = [
        [Record(lid=str(at + 1), ts=1_763_600_000_000 + at, host=host, level=level[:5], line=line)]
        for at, (line, host, level) in enumerate(lines)
    ]
    stored = store(tmp_path_factory.mktemp("any"), blocks)
    asked = [query, *(f"/{word}/" for word in ("a", "é")), *(f'"{line[0][:3]}"' for line in lines if line[0])]
    for one in asked:
        try:
            holds = compile_predicate(parse(one))
        except QuerySyntaxError:
            continue
        matching = {number for number, of in enumerate(blocks) if any(map(holds, of))}
        assert matching <= set(stored.numbers(one))


def lines_of_shop(count: int) -> list[list[Record]]:
    """One block for each minute."""
    return [
        [
            Record(
                lid=str(10 * at + n + 1),
                ts=1_763_600_000_000 + 60_000 * at + n,
                host=f"web-{at % 3}",
                app="shop" if at % 2 else "",
                level="error" if at == 4 else "info",
                line=f'{{"order":"order{at}x{n}","user":{{"id":{at}}},"msg":"parcel handed over"}}',
            )
            for n in range(3)
        ]
        for at in range(count)
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    return store(tmp_path_factory.mktemp("shop"), lines_of_shop(70))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("order66x1", [66]),
        ("ORDER66X1 parcel", [66]),
        ("order:order3x2", [3]),
        ("order3x2 OR order69x0", [3, 69]),
        ('"parcel handed" order:order5x*', list(range(70))),
        ("level:error", [4]),
        ("-level:info", [4]),
        ("host:web-1 order4x0", [4]),
        ("host:web-2 order4x0", []),
        ("level:error -app:shop", [4]),
        ("app:shop level:error", []),
        ("ts:<1763600060000", [0]),
    ],
)
def test_the_blocks_that_are_left(shop: Stored, query: str, expected: list[int]) -> None:
    assert shop.numbers(query) == expected


def test_a_range_leaves_its_own_blocks_only(shop: Stored) -> None:
    within = TimeRange(start=1_763_600_060_003, end=1_763_600_180_001)

    assert shop.numbers("", within) == [2, 3]
    assert shop.numbers("order3x2", within) == [3]
    assert shop.numbers("order9x2", within) == []


def test_a_word_reads_a_page_of_each_group_and_a_query_without_words_reads_none(shop: Stored) -> None:
    assert shop.manifest.filters is not None
    pages = [page for group in shop.manifest.filters.groups for page in group.pages]

    assert len(pages) == 2
    assert shop.select("order66x1").filter_bytes == sum(pages)
    assert shop.select("order66x1 host:nowhere").filter_bytes == 0
    assert shop.select("level:error").filter_bytes == 0
    assert shop.select("order4x1", TimeRange(start=0, end=1_763_600_000_001)).filter_bytes == pages[0]


def with_filters(stored: Stored, **changes: object) -> Stored:
    assert stored.manifest.filters is not None
    changed = msgspec.structs.replace(stored.manifest.filters, **changes)
    return Stored(stored.bucket, msgspec.structs.replace(stored.manifest, filters=changed), stored.blocks)


def test_without_its_filter_every_block_is_left(shop: Stored) -> None:
    missing = with_filters(shop, key="_filter/nothing")

    assert missing.select("order66x1") == Selection(blocks=shop.manifest.blocks, filter_bytes=0)
    assert missing.numbers("level:error order66x1") == [4]


def test_a_damaged_filter_rules_nothing_out(shop: Stored, tmp_path: Path) -> None:
    assert shop.manifest.filters is not None
    data = bytearray(shop.bucket.get(shop.manifest.filters.key))
    data[10] ^= 0xFF  # in the first group's page
    bucket = FolderBucket(tmp_path)
    bucket.put_new(shop.manifest.filters.key, bytes(data), filters.CONTENT_TYPE)

    assert Stored(bucket, shop.manifest, shop.blocks).numbers("order66x1") == [*range(64), 66]


@pytest.mark.parametrize(
    "change", [{"first": 1}, {"first": 1 << 60}, {"offset": 1 << 60}, {"pages": (9, 9, 9)}]
)
def test_groups_that_are_not_there_rule_nothing_out(shop: Stored, change: dict[str, object]) -> None:
    assert shop.manifest.filters is not None
    first, last = shop.manifest.filters.groups
    wrong = with_filters(shop, groups=(first, msgspec.structs.replace(last, **{"first": 65, **change})))

    assert 66 in wrong.numbers("order66x1")


class Refusing(FolderBucket):
    error: Exception

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:  # noqa: ARG002
        raise self.error


@pytest.fixture
def refusing(shop: Stored, tmp_path: Path) -> Stored:
    return Stored(Refusing(tmp_path), shop.manifest, shop.blocks)


def test_a_filter_that_may_not_be_read_rules_nothing_out(refusing: Stored) -> None:
    Refusing.error = StorageDenied("no")
    assert refusing.select("order66x1").blocks == refusing.manifest.blocks


def test_a_bucket_that_is_not_reached_is_an_error(refusing: Stored) -> None:
    Refusing.error = StorageUnavailable("not now")
    with pytest.raises(StorageUnavailable):
        refusing.select("order66x1")


def test_values_that_the_manifest_does_not_list_are_not_known(shop: Stored) -> None:
    blocks = (
        BlockEntry(offset=0, length=9, raw_bytes=9, lines=1, min_ts=0, max_ts=0, level=1),
        BlockEntry(offset=9, length=9, raw_bytes=9, lines=1, min_ts=0, max_ts=0, level=5),
        BlockEntry(offset=18, length=9, raw_bytes=9, lines=1, min_ts=0, max_ts=0),
    )
    manifest = msgspec.structs.replace(
        shop.manifest, blocks=blocks, values={"level": ("info",)}, filters=None
    )

    selected = select_blocks(shop.bucket, manifest, parse("-level:info"), None)
    assert selected == Selection(blocks=blocks[1:], filter_bytes=0)


def test_a_filter_larger_than_what_it_could_spare_is_not_read(shop: Stored) -> None:
    small = tuple(msgspec.structs.replace(one, length=1) for one in shop.manifest.blocks)
    manifest = msgspec.structs.replace(shop.manifest, blocks=small)

    selected = select_blocks(shop.bucket, manifest, parse("order66x1"), None)
    assert selected == Selection(blocks=small, filter_bytes=0)


def test_a_filter_knows_its_key(shop: Stored) -> None:
    assert isinstance(shop.manifest.filters, Filters)
    stat = next(iter(shop.bucket.list("_filter/")))
    assert (stat.key, stat.size) == (shop.manifest.filters.key, shop.manifest.filters.bytes)
