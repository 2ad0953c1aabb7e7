from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import manifest_key
from logkeep.archive.manifest import BlockEntry, Manifest
from logkeep.archive.marker import tie
from logkeep.archive.writer import write_object
from logkeep.errors import BadSetting
from logkeep.record import encode_lines
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import HOUR_MS, Hour, TimeRange, hour_start
from logkeep.verify import AccountPart, Kind, Report, Sample, document, verify
from tests.unit.archiver_doubles import HOUR, KEY, frame, put_object, records
from tests.unit.chained import change, put_chain

LATE = KEY.replace("0900", "0900.1")


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "archive")


@pytest.fixture
def manifest(bucket: FolderBucket, tmp_path: Path) -> Manifest:
    """Of an object of three blocks that is in the bucket."""
    frames = [frame(records(3000, first_lid=10_000 * n, text="x" * 350), seq=n) for n in (1, 2, 3)]
    return put_object(bucket, tmp_path, frames)


def kinds(report: Report) -> list[tuple[Kind, str]]:
    return [(one.kind, one.key) for one in report.findings]


def test_a_sound_archive_has_no_findings(bucket: FolderBucket, manifest: Manifest, tmp_path: Path) -> None:
    late = put_object(bucket, tmp_path, [frame(records(10, first_lid=90_000))], part=1)
    seen: list[tuple[int, int]] = []
    clock = iter([1000, 5000])

    report = verify(
        bucket, progress=lambda done, total: seen.append((done, total)), clock=lambda: next(clock)
    )

    stored = manifest.stored_bytes + late.stored_bytes
    assert report == Report(
        place=bucket.url,
        account=None,
        within=None,
        sample=None,
        objects=2,
        objects_before=0,
        blocks=4,
        blocks_checked=4,
        lines=9010,
        raw_bytes=manifest.raw_bytes + late.raw_bytes,
        stored_bytes=stored,
        accounts=(
            AccountPart(
                account="main",
                objects=2,
                lines=9010,
                stored_bytes=stored,
                first_hour=HOUR,
                last_hour=HOUR,
                head=None,
            ),
        ),
        started=1000,
        ended=5000,
        seconds=report.seconds,
        findings=(),
    )
    assert report.ok
    assert seen == [(manifest.stored_bytes, stored), (stored, stored)]


def test_an_empty_bucket_is_sound(bucket: FolderBucket) -> None:
    assert (verify(bucket).objects, verify(bucket).ok) == (0, True)


def test_a_changed_byte_fails_the_checksum_and_its_block(bucket: FolderBucket, manifest: Manifest) -> None:
    at = manifest.blocks[1].offset + 500
    change(bucket, KEY, lambda stored: stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :])

    report = verify(bucket)

    assert kinds(report) == [(Kind.BLOCK, KEY), (Kind.CHECKSUM, KEY)]
    assert f"at byte {manifest.blocks[1].offset}" in report.findings[0].detail
    assert not report.ok


@pytest.mark.parametrize("edit", [lambda stored: stored[:-100], lambda stored: stored + b"more"])
def test_an_object_of_another_size_is_found(
    bucket: FolderBucket, manifest: Manifest, edit: Callable[[bytes], bytes]
) -> None:
    change(bucket, KEY, edit)

    assert kinds(verify(bucket)) == [(Kind.SIZE, KEY), (Kind.UNREADABLE, KEY)]


def test_an_object_without_manifest_is_found_and_read(bucket: FolderBucket, manifest: Manifest) -> None:
    lines = gzip.decompress(bucket.get(KEY))
    bucket.put_new(LATE, gzip.compress(lines), GZIP)

    report = verify(bucket)

    assert (kinds(report), report.lines, report.ok) == ([(Kind.NO_MANIFEST, LATE)], 18_000, False)


def test_a_bucket_of_another_writer_is_only_read(bucket: FolderBucket) -> None:
    bucket.put_new(KEY, gzip.compress(b'{"_source":{"_line":"a"}}\n{"_source":{"_line":"b"}}\n'), GZIP)

    report = verify(bucket)

    assert (kinds(report), report.lines, report.ok) == ([(Kind.NO_MANIFEST, KEY)], 2, True)


def test_an_object_without_manifest_that_cannot_be_read_is_found(bucket: FolderBucket) -> None:
    bucket.put_new(KEY, b"no gzip", GZIP)

    report = verify(bucket)

    assert (kinds(report), report.ok) == ([(Kind.NO_MANIFEST, KEY), (Kind.UNREADABLE, KEY)], False)


def test_a_manifest_without_object_is_found(bucket: FolderBucket, manifest: Manifest) -> None:
    (bucket.local_path(KEY) or Path()).unlink()

    report = verify(bucket)
    assert kinds(report) == [(Kind.NO_OBJECT, KEY)]
    assert [one.gap for one in report.findings] == [True]


def test_an_expected_object_that_left_no_trace_is_found(bucket: FolderBucket, manifest: Manifest) -> None:
    lost = KEY.replace("0900", "1000")
    report = verify(bucket, expected=[KEY, lost])
    assert kinds(report) == [(Kind.NO_OBJECT, lost)]
    assert report.findings[0].detail == "it was sealed, and neither it nor its manifest is there"
    bucket.delete(KEY)  # its manifest stays, so it is told once
    assert sorted(kinds(verify(bucket, expected=[KEY]))) == [(Kind.NO_OBJECT, KEY)]


def test_a_manifest_that_cannot_be_read_is_found(bucket: FolderBucket, manifest: Manifest) -> None:
    change(bucket, manifest_key(KEY), lambda data: data[:50])

    report = verify(bucket)

    assert (kinds(report), report.lines) == ([(Kind.BAD_MANIFEST, manifest_key(KEY))], 9000)


@pytest.mark.parametrize(
    "said",
    [
        {"lines": 1},
        {"raw_bytes": 1},
        {"min_ts": 1},
        {"max_ts": 1},
        {"account": "other"},
        {"part": 1},
        {"first_lid": "1"},
        {"last_lid": "1"},
    ],
)
def test_a_manifest_that_says_otherwise_is_found(
    bucket: FolderBucket, manifest: Manifest, said: dict[str, object]
) -> None:
    changed = msgspec.structs.replace(manifest, **said)
    change(bucket, manifest_key(KEY), lambda _: manifests.encode(changed))

    assert kinds(verify(bucket)) == [(Kind.TOTALS, KEY)]


@pytest.mark.parametrize("said", [{"lines": 2999}, {"min_ts": 5}, {"max_ts": 5}, {"raw_bytes": 4_000_000}])
def test_a_block_that_is_not_as_its_entry_says_is_found(
    bucket: FolderBucket, manifest: Manifest, said: dict[str, int]
) -> None:
    blocks = (msgspec.structs.replace(manifest.blocks[0], **said), *manifest.blocks[1:])
    changed = msgspec.structs.replace(manifest, blocks=blocks)
    change(bucket, manifest_key(KEY), lambda _: manifests.encode(changed))

    assert (Kind.BLOCK, KEY) in kinds(verify(bucket))


@pytest.mark.parametrize("wrong", ["offset", "length"])
def test_blocks_that_do_not_follow_each_other_are_found(
    bucket: FolderBucket, manifest: Manifest, wrong: str
) -> None:
    moved = msgspec.structs.replace(manifest.blocks[1], **{wrong: getattr(manifest.blocks[1], wrong) + 1})
    changed = msgspec.structs.replace(manifest, blocks=(manifest.blocks[0], moved, manifest.blocks[2]))
    change(bucket, manifest_key(KEY), lambda _: manifests.encode(changed))

    assert kinds(verify(bucket)) == [(Kind.SIZE, KEY)]


def put_lines(bucket: FolderBucket, tmp_path: Path, lines: bytes) -> None:
    """An object of exactly these bytes whose manifest has its size and checksum right."""
    manifest = write_object([frame(records(2))], tmp_path / "o", account="main", hour=HOUR, part=0)
    stored = gzip.compress(lines)
    block = msgspec.structs.replace(manifest.blocks[0], length=len(stored), raw_bytes=len(lines))
    told = msgspec.structs.replace(
        manifest,
        raw_bytes=len(lines),
        stored_bytes=len(stored),
        sha256=hashlib.sha256(stored).hexdigest(),
        blocks=(block,),
    )
    bucket.put_new(KEY, stored, GZIP)
    bucket.put_new(manifest_key(KEY), manifests.encode(told), JSON)


@pytest.mark.parametrize(
    "lines",
    [
        b"\n\n",
        b"not json\n",
        b'{"_lid":"x","_ts":1}\n',
        b'{"_ts":1}\n',
        b'{"_lid":"1","_ts":1}\n\n',
        b'{"_lid":"1","_ts":1}',
        b'{"_lid":"1","_ts":1} {"_lid":"2","_ts":1}\n',
        b"\xff\n",
    ],
)
def test_lines_that_are_not_canonical_are_found(bucket: FolderBucket, tmp_path: Path, lines: bytes) -> None:
    put_lines(bucket, tmp_path, lines)

    assert kinds(verify(bucket)) == [(Kind.BLOCK, KEY)]


def test_an_id_twice_in_an_object_is_counted(bucket: FolderBucket, tmp_path: Path) -> None:
    put_object(bucket, tmp_path, [frame([*records(10), *records(3)])])

    report = verify(bucket)

    assert [(one.kind, one.key, one.detail) for one in report.findings] == [
        (Kind.DUPLICATE, KEY, "3 lines have the id of another line of this hour")
    ]


def test_an_id_in_two_parts_is_counted(bucket: FolderBucket, manifest: Manifest, tmp_path: Path) -> None:
    put_object(bucket, tmp_path, [frame(records(10, first_lid=12_995))], part=1)

    assert [(one.kind, one.detail[:7]) for one in verify(bucket).findings] == [(Kind.DUPLICATE, "5 lines")]


def test_ids_that_interleave_are_no_duplicates(bucket: FolderBucket, tmp_path: Path) -> None:
    both = records(100)
    put_object(bucket, tmp_path, [frame(both[::2])])
    put_object(bucket, tmp_path, [frame(both[1::2])], part=1)

    assert verify(bucket).findings == ()


def test_a_gap_in_the_numbers_is_found(bucket: FolderBucket, tmp_path: Path) -> None:
    put_object(bucket, tmp_path, [frame(records(10))], part=2)

    report = verify(bucket)

    assert [(one.kind, one.detail) for one in report.findings] == [
        (Kind.GAP, "the hour's part 0 is missing before it"),
        (Kind.GAP, "the hour's part 1 is missing before it"),
    ]


def test_strangers_are_named(bucket: FolderBucket, manifest: Manifest) -> None:
    strangers = ["README", "_manifest/notes.json", "year=2026/month=11/day=20/core"]
    for key in strangers:
        bucket.put_new(key, b"", GZIP)

    assert sorted(kinds(verify(bucket))) == [(Kind.STRANGER, key) for key in strangers]
    assert verify(bucket, "main").ok


def test_lines_of_another_hour_are_found(bucket: FolderBucket, tmp_path: Path) -> None:
    built = tmp_path / "o"
    lines = [frame(records(10, hour=Hour(HOUR + 1)))]
    wrong = write_object(lines, built, account="main", hour=HOUR, part=0)
    bucket.put_new(KEY, built, GZIP)
    bucket.put_new(manifest_key(KEY), manifests.encode(wrong), JSON)

    assert [(one.kind, one.detail) for one in verify(bucket).findings] == [
        (Kind.HOUR, "lines are from 2026-11-20T10:00:00.000Z to 2026-11-20T10:00:00.009Z")
    ]


def test_only_the_account_asked_for_is_checked(bucket: FolderBucket, tmp_path: Path) -> None:
    put_object(bucket, tmp_path, [frame(records(10))])
    bucket.put_new(KEY.replace("main", "other"), b"no gzip", GZIP)

    assert (verify(bucket, "main").ok, verify(bucket, "other").ok) == (True, False)


def test_many_damaged_blocks_are_counted_and_not_all_named(bucket: FolderBucket, tmp_path: Path) -> None:
    frames = [frame(records(3000, first_lid=10_000 * n, text="x" * 350), seq=n) for n in range(1, 8)]
    manifest = put_object(bucket, tmp_path, frames)
    blocks = [msgspec.structs.replace(one, lines=one.lines + 1) for one in manifest.blocks]
    changed = msgspec.structs.replace(
        manifest, blocks=tuple(blocks), lines=manifest.lines + len(manifest.blocks)
    )
    change(bucket, manifest_key(KEY), lambda _: manifests.encode(changed))

    details = [one.detail for one in verify(bucket).findings]
    assert (len(details), details[-1]) == (4, "and 4 more like these")


def test_markers_are_no_strangers(bucket: FolderBucket, manifest: Manifest) -> None:
    tie(bucket, account="main", archive="main", server="9f2c", now=0)

    assert verify(bucket).findings == ()


def test_a_marker_that_cannot_be_read_is_found(bucket: FolderBucket, manifest: Manifest) -> None:
    bucket.put_new("_account/main.json", b"torn", JSON)

    assert kinds(verify(bucket)) == [(Kind.MARKER, "_account/main.json")]
    assert verify(bucket, "other").ok


def test_an_object_that_is_being_sealed_may_lack_its_manifest(
    bucket: FolderBucket, manifest: Manifest
) -> None:
    bucket.put_new(LATE, gzip.compress(b'{"_lid":"1","_ts":1}\n'), GZIP)
    put = bucket.head(LATE).modified

    assert verify(bucket, live=True, clock=lambda: put + 600_000).ok
    assert not verify(bucket, live=True, clock=lambda: put + 600_001).ok
    assert not verify(bucket, clock=lambda: put).ok


HALF = Sample(fraction=0.5, seed=1)


def test_a_sample_reads_some_blocks_of_each_object(
    bucket: FolderBucket, manifest: Manifest, tmp_path: Path
) -> None:
    put_object(bucket, tmp_path, [frame(records(10, first_lid=90_000))], part=1)

    report = verify(bucket, sample=HALF)

    assert (report.blocks, report.blocks_checked, report.lines, report.ok) == (4, 3, 6010, True)


BLOCKS = [
    BlockEntry(offset=offset, length=100, raw_bytes=300, lines=3, min_ts=0, max_ts=0)
    for offset in range(0, 1000, 100)
]


def sampled(seed: int, fraction: float = 0.2) -> list[int]:
    return [one.offset // 100 for one in Sample(fraction=fraction, seed=seed).blocks(KEY, BLOCKS)]


def test_a_seed_always_samples_the_same_blocks() -> None:
    """Literal, so that a report can be repeated on another machine and by another release."""
    assert [sampled(seed) for seed in range(4)] == [[4, 9], [6, 9], [1, 5], [1, 8]]


def test_a_sample_has_the_fraction_of_the_blocks_and_at_least_one() -> None:
    assert [len(sampled(0, fraction)) for fraction in (1e-9, 0.1, 0.11, 0.5, 1)] == [1, 1, 2, 5, 10]


def test_samples_of_enough_seeds_take_every_block() -> None:
    assert {number for seed in range(40) for number in sampled(seed)} == set(range(10))


@pytest.mark.parametrize("fraction", [0, -1, 1.5, float("nan")])
def test_a_fraction_is_a_part(fraction: float) -> None:
    with pytest.raises(BadSetting, match="above 0 and up to 1"):
        Sample(fraction=fraction)


def test_a_sample_finds_damage_in_the_blocks_that_it_takes(bucket: FolderBucket, manifest: Manifest) -> None:
    taken = Sample(fraction=0.1).blocks(KEY, manifest.blocks)[0]
    at = taken.offset + 500
    change(bucket, KEY, lambda stored: stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :])

    assert kinds(verify(bucket, sample=Sample(fraction=0.1))) == [(Kind.BLOCK, KEY)]


def test_a_sample_checks_every_size_and_manifest(bucket: FolderBucket, tmp_path: Path) -> None:
    put_chain(bucket, tmp_path, [(HOUR, 0), (HOUR, 1), (HOUR, 2)])
    change(bucket, KEY, lambda stored: stored[:-1])
    change(bucket, manifest_key(LATE), lambda data: data.replace(b"{", b"{ ", 1))

    report = verify(bucket, sample=Sample(fraction=1e-9))

    assert kinds(report) == [(Kind.SIZE, KEY), (Kind.CHAIN, manifest_key(LATE))]


@pytest.mark.parametrize(
    "said", [{"first_lid": "10001"}, {"last_lid": "32998"}, {"first_lid": "x"}, {"last_lid": "y"}]
)
def test_a_sample_finds_ids_outside_the_manifests(
    bucket: FolderBucket, manifest: Manifest, said: dict[str, str]
) -> None:
    changed = msgspec.structs.replace(manifest, **said)
    change(bucket, manifest_key(KEY), lambda _: manifests.encode(changed))

    assert kinds(verify(bucket, sample=Sample(fraction=1))) == [(Kind.TOTALS, KEY)]


def test_a_sample_reads_only_some_objects_without_manifest(bucket: FolderBucket) -> None:
    for part in range(40):
        key = KEY.replace("0900", f"0900.{part}") if part else KEY
        bucket.put_new(key, gzip.compress(b'{"_lid":"1","_ts":1}\n'), GZIP)

    report = verify(bucket, sample=HALF)

    assert (report.objects, report.lines, report.ok) == (40, 18, True)


def test_only_the_hours_of_the_range_are_checked(bucket: FolderBucket, tmp_path: Path) -> None:
    for hour in range(HOUR, HOUR + 3):
        put_object(bucket, tmp_path, [frame(records(10, hour=Hour(hour), first_lid=100 * hour))])
    bucket.put_new("README", b"", GZIP)
    (bucket.local_path(KEY) or Path()).unlink()
    start = hour_start(Hour(HOUR + 1))

    report = verify(bucket, within=TimeRange(start=start, end=start + HOUR_MS))

    assert (report.objects, report.findings) == (1, ())
    assert [(one.first_hour, one.last_hour) for one in report.accounts] == [(HOUR + 1, HOUR + 1)]


def test_a_range_of_centuries_is_listed_as_a_whole(bucket: FolderBucket, manifest: Manifest) -> None:
    report = verify(bucket, within=TimeRange(start=0, end=9_000_000_000_000))

    assert (report.objects, report.findings) == (1, ())


def test_the_report_is_a_json_document(bucket: FolderBucket, tmp_path: Path) -> None:
    _, last = put_chain(bucket, tmp_path, [(HOUR, 0), (Hour(HOUR + 1), 0)])
    bucket.put_new("README", b"", GZIP)
    report = verify(bucket, sample=Sample(fraction=0.1, seed=7), clock=lambda: hour_start(HOUR))

    said = document(report)

    assert msgspec.json.decode(msgspec.json.encode(said)) == said | {"seconds": round(report.seconds, 3)}
    assert {name: said[name] for name in said if name not in ("seconds", "raw_bytes", "stored_bytes")} == {
        "report_version": 1,
        "ok": False,
        "place": bucket.url,
        "account": None,
        "from": None,
        "to": None,
        "depth": "sample",
        "fraction": 0.1,
        "seed": 7,
        "started": "2026-11-20T09:00:00.000Z",
        "ended": "2026-11-20T09:00:00.000Z",
        "objects": 2,
        "objects_before": 0,
        "blocks": 2,
        "blocks_checked": 2,
        "lines": 20,
        "accounts": [
            {
                "account": "main",
                "objects": 2,
                "lines": 20,
                "stored_bytes": report.stored_bytes,
                "first_hour": "2026-11-20T09:00:00.000Z",
                "last_hour": "2026-11-20T10:00:00.000Z",
                "chain": {"number": 2, "key": last, "sha256": manifests.digest(bucket.get(last))},
            }
        ],
        "wrong": 1,
        "notes": 0,
        "findings": [
            {
                "kind": "stranger",
                "key": "README",
                "detail": "the key is neither an object's nor a manifest's nor a marker's",
                "note": False,
                "gap": False,
            }
        ],
    }


def test_the_lines_of_the_fixture_are_canonical() -> None:
    assert encode_lines(records(1)) == (
        b'{"_lid":"1000","_ts":1795165200000,"_rx":1795165200000,"_account":"main","_host":"web-1",'
        b'"_line":"line 0"}\n'
    )
