from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from logkeep.archive import manifest as manifests
from logkeep.archive.layout import object_key
from logkeep.archive.manifest import ChainHead
from logkeep.storage.folder import FolderBucket
from logkeep.timeline import Hour, TimeRange, hour_end, hour_start
from logkeep.verify import Kind, Report, verify
from tests.unit.archiver_doubles import HOUR, frame, put_object, records
from tests.unit.chained import change, put_chain, remove

DOC = Path(__file__).parents[2] / "docs" / "archive-format.md"
# Late lines of the first hour come after those of the second.
PARTS = [(HOUR, 0), (Hour(HOUR + 1), 0), (HOUR, 1), (Hour(HOUR + 2), 0)]


@pytest.fixture
def bucket(tmp_path: Path) -> FolderBucket:
    return FolderBucket(tmp_path / "archive")


@pytest.fixture
def keys(bucket: FolderBucket, tmp_path: Path) -> list[str]:
    """Of four manifests that are a chain."""
    return put_chain(bucket, tmp_path, PARTS)


def found(report: Report) -> list[tuple[Kind, str, str]]:
    return [(one.kind, one.key, one.detail) for one in report.findings]


def digest(bucket: FolderBucket, key: str) -> str:
    return manifests.digest(bucket.get(key))


def edit(bucket: FolderBucket, key: str, **members: object) -> None:
    """Change members of a manifest."""

    def edited(data: bytes) -> bytes:
        return manifests.encode(msgspec.structs.replace(manifests.decode(data, key), **members))

    change(bucket, key, edited)


def test_a_chain_is_sound_and_its_head_is_reported(bucket: FolderBucket, keys: list[str]) -> None:
    report = verify(bucket)

    assert report.findings == ()
    assert [(one.account, one.head) for one in report.accounts] == [
        ("main", ChainHead(chain=4, key=keys[3], sha256=digest(bucket, keys[3])))
    ]


def test_every_account_has_its_own_chain(bucket: FolderBucket, keys: list[str], tmp_path: Path) -> None:
    put_chain(bucket, tmp_path, PARTS[:2], account="other")

    report = verify(bucket)

    assert report.findings == ()
    assert [(one.account, one.head and one.head.chain) for one in report.accounts] == [
        ("main", 4),
        ("other", 2),
    ]


def test_a_changed_manifest_is_found_by_the_next(bucket: FolderBucket, keys: list[str]) -> None:
    there = digest(bucket, keys[1])
    change(bucket, keys[1], lambda data: data.replace(b"{", b"{ ", 1))

    report = verify(bucket)
    assert [one.gap for one in report.findings] == [False]
    assert found(report) == [
        (
            Kind.CHAIN,
            keys[1],
            f"its stored bytes have SHA-256 {digest(bucket, keys[1])}, number 3 of the chain says {there}",
        )
    ]


def test_an_object_and_its_manifest_that_are_gone_are_found(bucket: FolderBucket, keys: list[str]) -> None:
    remove(bucket, keys[1])
    remove(bucket, object_key(keys[1]) or "")

    report = verify(bucket)
    assert found(report) == [(Kind.CHAIN, keys[2], f"number 2 of the chain, {keys[1]}, is missing")]
    assert [one.gap for one in report.findings] == [True]


def test_several_that_are_gone_are_one_finding(bucket: FolderBucket, keys: list[str]) -> None:
    for key in keys[1:3]:
        remove(bucket, key)
        remove(bucket, object_key(key) or "")

    assert found(verify(bucket)) == [(Kind.CHAIN, keys[3], "numbers 2 to 3 of the chain are missing")]


def test_a_chain_without_its_beginning_is_found(bucket: FolderBucket, keys: list[str]) -> None:
    remove(bucket, keys[0])
    remove(bucket, object_key(keys[0]) or "")
    gap = (Kind.GAP, object_key(keys[2]), "the hour's part 0 is missing before it")

    assert found(verify(bucket)) == [
        gap,
        (Kind.CHAIN, keys[1], "the chain starts at 2: earlier ones are missing"),
    ]


def test_a_manifest_without_object_is_still_a_link(bucket: FolderBucket, keys: list[str]) -> None:
    remove(bucket, object_key(keys[1]) or "")

    assert [(kind, key) for kind, key, _ in found(verify(bucket))] == [(Kind.NO_OBJECT, object_key(keys[1]))]


def test_a_manifest_that_cannot_be_read_is_found_by_the_next(bucket: FolderBucket, keys: list[str]) -> None:
    change(bucket, keys[1], lambda data: data[:50])

    assert [(kind, key) for kind, key, _ in found(verify(bucket))] == [
        (Kind.BAD_MANIFEST, keys[1]),
        (Kind.CHAIN, keys[1]),
    ]


def test_two_of_one_number_are_found(bucket: FolderBucket, keys: list[str], tmp_path: Path) -> None:
    second = ChainHead(chain=2, key=keys[1], sha256=digest(bucket, keys[1]))
    [fork] = put_chain(bucket, tmp_path, [(Hour(HOUR + 3), 0)], head=second)

    assert found(verify(bucket)) == [
        (Kind.CHAIN, fork, f"it is number 3 of the chain of main, as {keys[2]} is")
    ]


@pytest.mark.parametrize(
    ("members", "detail"),
    [
        ({"chain": 1}, "it is number 1 and names {2} before it"),
        ({"previous_key": ""}, "it is number 4 of the chain and names none before it"),
        ({"previous_key": "README"}, "it names README before it, which is no manifest of main"),
        ({"previous_key": "../x"}, "it names ../x before it, which is no manifest of main"),
        ({"chain": 9}, "it is number 9 of the chain, the one before it is number 3"),
    ],
)
def test_a_link_that_cannot_be_is_found(
    bucket: FolderBucket, keys: list[str], members: dict[str, object], detail: str
) -> None:
    edit(bucket, keys[3], **members)

    assert (Kind.CHAIN, keys[3], detail.format(*keys)) in found(verify(bucket))


def test_manifests_in_no_chain_are_a_note_beside_one(bucket: FolderBucket, tmp_path: Path) -> None:
    put_object(bucket, tmp_path, [frame(records(10))])
    assert verify(bucket).findings == ()

    put_chain(bucket, tmp_path, [(Hour(HOUR + 1), 0)])
    report = verify(bucket)

    assert [(one.kind, one.detail, one.note) for one in report.findings] == [
        (Kind.CHAIN, "1 manifests up to this one are in no chain", True)
    ]
    assert report.ok


def hours(first: int, last: int) -> TimeRange:
    return TimeRange(start=hour_start(Hour(HOUR + first)), end=hour_end(Hour(HOUR + last)))


def test_a_range_needs_no_whole_chain(bucket: FolderBucket, keys: list[str]) -> None:
    report = verify(bucket, within=hours(1, 1))

    assert (report.objects, report.findings) == (1, ())


def test_a_range_is_compared_with_what_its_links_name_outside(bucket: FolderBucket, keys: list[str]) -> None:
    change(bucket, keys[0], lambda data: data.replace(b"{", b"{ ", 1))
    remove(bucket, keys[2])

    report = verify(bucket, within=hours(1, 2))

    assert [(one.kind, one.key) for one in report.findings] == [(Kind.CHAIN, keys[0]), (Kind.CHAIN, keys[3])]
    assert report.findings[1].detail == f"number 3 of the chain, {keys[2]}, is missing"


class SealedMeanwhile(FolderBucket):
    """Lists everything but one object, as if it came when its place in the listing was passed."""

    hidden = ""

    def list(self, prefix: str = ""):  # type: ignore[no-untyped-def]
        return (stat for stat in super().list(prefix) if self.hidden not in stat.key)


def test_a_manifest_that_was_sealed_while_the_bucket_was_listed_is_found_by_its_link(
    keys: list[str], tmp_path: Path
) -> None:
    bucket = SealedMeanwhile(tmp_path / "archive")
    bucket.hidden = "1000.json"  # of the second of the chain

    report = verify(bucket)

    assert (report.objects, report.findings) == (3, ())


def test_the_command_of_the_format_page_checks_every_link(keys: list[str], tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    [command] = re.findall(r"^```sh\n([^`]*previous_sha256[^`]*)```", DOC.read_text(), re.MULTILINE)

    done = subprocess.run(
        ["bash", "-eu", "-c", command], cwd=tmp_path / "archive", capture_output=True, text=True, check=True
    )

    assert sorted(done.stdout.splitlines()) == sorted(f"{key}: OK" for key in keys[:3])
