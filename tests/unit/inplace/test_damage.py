from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from logkeep.archive.block import compress
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import Manifest
from logkeep.errors import ObjectFrozen, StorageUnavailable
from logkeep.index.base import Engine
from logkeep.index.engine import ChdbEngine
from logkeep.inplace.places import Place
from logkeep.inplace.reading import Large
from logkeep.inplace.search import Search
from logkeep.inplace.tally import Outcome
from logkeep.query.parse import parse
from logkeep.record import encode_lines
from logkeep.storage.base import Bucket
from logkeep.storage.folder import FolderBucket

from .archive import put, record
from .test_search import texts

BLOCKS = [[record(at, 10 * at + 1, f"word {at}")] for at in range(4)]
OTHER = [[record(3_600_000, 100, "word other")]]


def search(bucket: Bucket, query: str = "word", large: Large | None = None) -> tuple[list[str], Outcome]:
    done = Search([Place(bucket=bucket)], parse(query), None, large=large)
    hits = [hit for batch in done for hit in batch]
    return texts(hits), done.outcome


def changed(number: int, **values: int) -> Callable[[Manifest], Manifest]:
    """A manifest that says something else of one block."""

    def change(whole: Manifest) -> Manifest:
        blocks = list(whole.blocks)
        blocks[number] = msgspec.structs.replace(blocks[number], **values)
        return msgspec.structs.replace(whole, blocks=tuple(blocks))

    return change


def rewritten(folder: Path, key: str, data: bytes) -> None:
    (folder / key).unlink()
    (folder / key).write_bytes(data)


def the_problem(outcome: Outcome, key: str, said: str) -> int:
    """The offset of the only problem, which has to be of this object and say this."""
    assert (outcome.problems, outcome.complete) == (1, True)
    assert outcome.damage[0].key == key
    assert said in outcome.damage[0].reason
    return outcome.damage[0].offset


def test_a_damaged_block_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    key = put(tmp_path, *BLOCKS)
    put(tmp_path, *OTHER, hour=1)
    data = bytearray((tmp_path / key).read_bytes())
    second = len(compress(encode_lines(BLOCKS[0])))
    data[second + 20 : second + 30] = bytes(10)
    rewritten(tmp_path, key, bytes(data))
    found, outcome = search(FolderBucket(tmp_path))
    assert found == ["word other", "word 3", "word 2", "word 0"]
    assert the_problem(outcome, key, f"the block at byte {second} ") == second


@pytest.mark.parametrize(
    ("change", "lost", "said"),
    [
        (changed(1, offset=1), [], "block 1 begins at byte 1, and should at "),
        (changed(1, offset=1 << 40), [], "block 1 begins at byte 1099511627776, and should at "),
        (changed(1, length=9), [], "block 2 begins at byte "),
        (changed(1, raw_bytes=5), ["word 1"], "holds more than the 5 bytes"),
        (changed(1, raw_bytes=5000), [], "should hold 5000"),
        (changed(1, min_ts=1, max_ts=1), [], "lines have other times"),
    ],
)
def test_a_wrong_manifest_is_told(
    tmp_path: Path, change: Callable[[Manifest], Manifest], lost: list[str], said: str
) -> None:
    key = put(tmp_path, *BLOCKS, change=change)
    put(tmp_path, *OTHER, hour=1)
    found, outcome = search(FolderBucket(tmp_path))
    everything = {"word other", "word 3", "word 2", "word 1", "word 0"}
    assert set(found) == everything - set(lost)
    the_problem(outcome, key, said)


def test_blocks_with_a_wrong_boundary_between_them_are_told(tmp_path: Path) -> None:
    def moved(whole: Manifest) -> Manifest:
        first, second, *others = whole.blocks
        first = msgspec.structs.replace(first, length=first.length - 12)
        second = msgspec.structs.replace(second, offset=second.offset - 12, length=second.length + 12)
        return msgspec.structs.replace(whole, blocks=(first, second, *others))

    put(tmp_path, *BLOCKS, change=moved)
    found, outcome = search(FolderBucket(tmp_path))
    assert found == ["word 3", "word 2"]
    said = {one.offset: one.reason for one in outcome.damage}
    assert "ends too early" in said.pop(0)
    assert [("cannot be decompressed" in reason) for reason in said.values()] == [True]


def test_a_manifest_that_repeats_a_block_does_not_have_it_read_again(tmp_path: Path) -> None:
    key = put(
        tmp_path,
        *BLOCKS,
        change=lambda whole: msgspec.structs.replace(whole, blocks=whole.blocks + whole.blocks[:1] * 1000),
    )
    found, outcome = search(FolderBucket(tmp_path))
    assert (len(found), outcome.blocks_read) == (4, 1)
    the_problem(outcome, key, "block 4 begins at byte 0, and should at")


def test_a_block_that_lies_to_the_engine_takes_little_memory(tmp_path: Path, engine: ChdbEngine) -> None:
    """It is unpacked no further than it should be, and told as without the engine."""
    bomb = gzip.compress(encode_lines(BLOCKS[0]) * 300_000, 1)
    key = put(
        tmp_path / "archive",
        *BLOCKS[:1],
        change=lambda whole: msgspec.structs.replace(
            changed(0, length=len(bomb))(whole), stored_bytes=len(bomb)
        ),
    )
    rewritten(tmp_path / "archive", key, bomb)
    engine_asked = Asked(engine)
    bucket = FolderBucket(tmp_path / "archive")
    found, outcome = search(
        bucket, large=Large(engine=cast("Engine", engine_asked), work=tmp_path / "work", after=0)
    )
    assert (found, outcome) == search(bucket)
    the_problem(outcome, key, "holds more than")
    assert engine_asked.statements == 0


@pytest.mark.parametrize("said", [{"lines": 2}, {"raw_bytes": 5}, {"min_ts": 7, "max_ts": 7}])
def test_blocks_that_are_not_as_told_are_left_to_python(
    tmp_path: Path, engine: ChdbEngine, said: dict[str, int]
) -> None:
    put(tmp_path / "archive", *BLOCKS[:1], change=changed(0, **said))
    large = Large(engine=engine, work=tmp_path / "work", after=0)
    bucket = FolderBucket(tmp_path / "archive")
    by_engine = search(bucket, query="*", large=large)
    assert by_engine == search(bucket, query="*")
    assert by_engine[1].problems == 1


class Asked:
    """An engine that counts what it is asked."""

    def __init__(self, engine: ChdbEngine) -> None:
        self._engine = engine
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        self.statements += 1
        return getattr(self._engine, name)


def test_a_wrong_count_is_told_where_every_line_is_looked_at(tmp_path: Path) -> None:
    key = put(tmp_path, *BLOCKS, change=changed(1, lines=7))
    found, outcome = search(FolderBucket(tmp_path), query="*")
    assert len(found) == 4
    the_problem(outcome, key, "holds 1 lines and should hold 7")


def test_a_manifest_that_is_none_is_told_and_the_object_is_read_without_it(tmp_path: Path) -> None:
    key = put(tmp_path, *BLOCKS, manifest=False)
    path = tmp_path / manifest_key(key)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    found, outcome = search(FolderBucket(tmp_path))
    assert len(found) == 4
    the_problem(outcome, key, "is not a manifest")


def test_an_object_of_another_size_is_read_without_its_manifest(tmp_path: Path) -> None:
    key = put(tmp_path, *BLOCKS)
    rewritten(tmp_path, key, compress(encode_lines([record(5, 5, "word replaced")])))
    found, outcome = search(FolderBucket(tmp_path))
    assert found == ["word replaced"]
    the_problem(outcome, key, "as its manifest says")


class Without(FolderBucket):
    """A folder in which one object cannot be read, though it is listed."""

    def __init__(self, root: Path, key: str, error: Exception) -> None:
        super().__init__(root)
        self._lost, self._error = key, error

    def get_ranges(self, key: str, ranges: object) -> list[bytes]:
        if key == self._lost:
            raise self._error
        return super().get_ranges(key, ranges)  # type: ignore[arg-type]


def test_an_object_that_is_gone_meanwhile_is_named(tmp_path: Path) -> None:
    key = put(tmp_path, *BLOCKS)
    put(tmp_path, *OTHER, hour=1)

    class Losing(FolderBucket):
        def get_ranges(self, key: str, ranges: object) -> list[bytes]:
            (tmp_path / gone).unlink(missing_ok=True)
            return super().get_ranges(key, ranges)  # type: ignore[arg-type]

    gone = key
    found, outcome = search(Losing(tmp_path))
    assert found == ["word other"]
    the_problem(outcome, key, "there is no object")


@pytest.mark.parametrize("manifest", [True, False])
def test_a_frozen_object_is_named_once(tmp_path: Path, manifest: bool) -> None:
    key = put(tmp_path, *BLOCKS, manifest=manifest)
    put(tmp_path, *OTHER, hour=1)
    frozen = ObjectFrozen(f"{key} is frozen", hint="restore it with a thaw")
    found, outcome = search(Without(tmp_path, key, frozen))
    assert found == ["word other"]
    the_problem(outcome, key, "is frozen")


def test_a_bucket_that_does_not_answer_ends_the_search(tmp_path: Path) -> None:
    key = put(tmp_path, *BLOCKS)
    with pytest.raises(StorageUnavailable):
        search(Without(tmp_path, key, StorageUnavailable("no answer")))


@pytest.mark.parametrize(
    ("data", "before", "said"),
    [
        (compress(encode_lines(BLOCKS[0]))[:-9], ["word 0"], "ends too early"),
        (b"this is no gzip", [], "cannot be decompressed"),
        (gzip.compress(b'{"_line":"word \0 x"}\n'), [], "is no record"),
        (gzip.compress(b'{"_line":"word"\n'), [], "is no record"),
    ],
)
def test_an_object_without_manifest_that_cannot_be_read_is_named(
    tmp_path: Path, data: bytes, before: list[str], said: str
) -> None:
    key = put(tmp_path, *BLOCKS, manifest=False)
    rewritten(tmp_path, key, data)
    put(tmp_path, *OTHER, hour=1)
    found, outcome = search(FolderBucket(tmp_path))
    assert found == ["word other", *before]
    the_problem(outcome, key, said)


@pytest.mark.parametrize(
    ("bomb", "said"),
    [
        (gzip.compress(b'{"_line":"word' + b" " * (200 << 20) + b'"}\n', 1), "has more than"),
        (gzip.compress(bytes(300 << 20), 1), "has more than"),
    ],
)
@pytest.mark.parametrize("manifest", [True, False])
def test_a_bomb_takes_little_memory(tmp_path: Path, bomb: bytes, said: str, manifest: bool) -> None:
    """In a block it may hold no more than the manifest says; elsewhere no longer line than any may be."""
    key = put(
        tmp_path,
        *BLOCKS[:1],
        manifest=manifest,
        change=lambda whole: msgspec.structs.replace(
            changed(0, length=len(bomb))(whole), stored_bytes=len(bomb)
        ),
    )
    rewritten(tmp_path, key, bomb)
    tracemalloc.start()
    found, outcome = search(FolderBucket(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == []
    the_problem(outcome, key, said)
    assert peak < 64 << 20


def test_what_the_engine_cannot_read_is_named_as_without_it(tmp_path: Path, engine: ChdbEngine) -> None:
    key = put(tmp_path / "archive", *BLOCKS)
    put(tmp_path / "archive", *OTHER, hour=1)
    data = bytearray((tmp_path / "archive" / key).read_bytes())
    data[30:40] = bytes(10)
    rewritten(tmp_path / "archive", key, bytes(data))
    large = Large(engine=engine, work=tmp_path / "work", after=0)
    bucket = FolderBucket(tmp_path / "archive")
    assert search(bucket, large=large) == search(bucket)
    assert search(bucket, large=large)[1].problems == 1
