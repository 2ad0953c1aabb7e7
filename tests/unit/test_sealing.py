"""Sealing's token filters. The rest of sealing is in test_archiver.py and test_chain.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep import sealing
from logkeep.archive.layout import FILTERS
from logkeep.archive.manifest import Filters
from logkeep.archive.reader import read_manifest
from logkeep.archive.selection import select_blocks
from logkeep.query.parse import parse
from logkeep.record import Record
from logkeep.storage.base import GZIP
from logkeep.verify.run import verify
from tests.unit.archiver_doubles import KEY, records
from tests.unit.test_archiver import Bench, Killed, part


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.archiver.close()
    bench.spool.close()
    bench.catalog.close()


def receive_blocks(bench: Bench) -> None:
    """Three blocks, each with a word of its own."""
    for number in range(3):
        text = f"block{number} " + "of many words " * 8
        bench.receive(records(5000, first_lid=1 + 5000 * number, text=text))


def filters_of(bench: Bench, key: str = KEY) -> Filters:
    manifest = read_manifest(bench.bucket(), key)
    assert manifest is not None
    assert manifest.filters is not None
    return manifest.filters


def filter_keys(bench: Bench) -> list[str]:
    return [stat.key for stat in bench.bucket().list(FILTERS)]


def test_a_filter_is_put_beside_an_object(bench: Bench) -> None:
    receive_blocks(bench)

    bench.archiver.seal_due(now=True)

    manifest = read_manifest(bench.bucket(), KEY)
    assert manifest is not None
    assert filter_keys(bench) == [filters_of(bench).key]
    assert len(manifest.blocks) == 3
    for number, one in enumerate(manifest.blocks):
        assert one in select_blocks(bench.bucket(), manifest, parse(f"block{number}"), None).blocks
    assert len(select_blocks(bench.bucket(), manifest, parse("block0"), None).blocks) < 3
    assert verify(bench.bucket()).findings == ()
    assert list(bench.folder.glob("*.filter")) == []


def test_a_small_object_has_none(bench: Bench) -> None:
    bench.receive(records(5))

    bench.archiver.seal_due(now=True)

    manifest = read_manifest(bench.bucket(), KEY)
    assert manifest is not None
    assert (filter_keys(bench), manifest.filters) == ([], None)
    assert manifest.values["_host"] == ("web-1",)


@pytest.mark.parametrize(
    "point", ["seal.planned", "seal.built", "seal.uploaded", "seal.filtered", "seal.manifest", "seal.catalog"]
)
def test_a_repeated_seal_finds_the_filter_of_the_try_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    receive_blocks(bench)
    with monkeypatch.context() as patch:

        def die(name: str) -> None:
            if name == point:
                raise Killed

        patch.setattr(sealing, "crash_point", die)
        with pytest.raises(Killed):
            bench.archiver.seal_due(now=True)
    bench.restart()

    bench.archiver.seal_due(now=True)

    assert bench.keys() == [KEY]
    assert filter_keys(bench) == [filters_of(bench).key]
    assert verify(bench.bucket()).findings == ()


def test_the_filter_goes_with_its_object_to_the_next_number(bench: Bench) -> None:
    bench.bucket().put_new(KEY, b"another's", GZIP)
    receive_blocks(bench)

    bench.archiver.seal_due(now=True)

    assert filter_keys(bench) == [filters_of(bench, part(1)).key]
    assert "0900.1." in filters_of(bench, part(1)).key


def test_only_keys_of_filters_are_passed_over_by_verify(bench: Bench) -> None:
    bench.receive([Record(lid="1", ts=1_795_165_200_000, rx=0, account="main", line="a")])
    bench.archiver.seal_due(now=True)
    for key in ("_filter/year=2026/month=11/day=20/main.2026-11-20.0900.0123abcd", "_filter/notes"):
        bench.bucket().put_new(key, b"?", GZIP)

    assert [one.key for one in verify(bench.bucket()).findings] == ["_filter/notes"]
