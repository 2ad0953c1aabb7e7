"""Sealing into a bucket whose requests fail: every line is archived once, and nothing is ever rewritten.

A schedule says of each request of a seal, in turn, what happens to it: it passes, is delayed, dropped,
answered with 500 or 503 SlowDown, reset in the middle of its body, or done and its answer lost or cut. The
archiver tries until all is sealed; then the bucket is read with boto3 and gzip.

A normal run does each single fault at each request, and SCHEDULES more that are drawn at random. A failure
shows their seed; `LOGKEEP_FAULT_SEED` repeats it, `LOGKEEP_FAULT_SCHEDULES=10000` runs that many.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.contract.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, free_port, make_bucket, program, serving

from logkeep import retry
from logkeep.archive.layout import manifest_key
from logkeep.archiver import Archiver
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Target
from logkeep.record import Record, encode_lines
from logkeep.sealing import Sealer
from logkeep.spool.base import Piece
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage import s3
from logkeep.storage.base import Bucket
from logkeep.storage.open import open_bucket
from logkeep.timeline import HOUR_MS, Hour, hour_of, hour_start

SCHEDULES = int(os.environ.get("LOGKEEP_FAULT_SCHEDULES", "200"))

HOUR = hour_of(1_795_165_200_000)  # 2026-11-20T09:00:00Z
PREFIX = "some/prefix"
PART = 1024  # bytes of a part of an upload, so that small objects go up in parts too
AT_ONCE = 50  # schedules that share a spool, a catalog and a bucket
REQUESTS = 14  # more than a seal of one object in parts takes: each of them gets each fault once
ROUNDS = 100  # more than any schedule here takes
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@dataclass(frozen=True)
class Schedule:
    """What is accepted for one account, and what happens to the requests that archive it."""

    account: str
    pieces: tuple[tuple[Record, ...], ...]
    faults: tuple[Fault, ...]


def single_faults() -> Iterator[Schedule]:
    """Each fault at each request, alone."""
    numbered = ((fault, at) for fault in FAULTS for at in range(REQUESTS))
    for number, (fault, at) in enumerate(numbered):
        pieces = (lines(random.Random(number), f"one-{number}", HOUR, count=3, width=900),)
        yield Schedule(f"one-{number}", pieces, (Fault.NONE,) * at + (fault,))


def random_faults(seed: int, count: int) -> Iterator[Schedule]:
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        account = f"any-{number}"
        hours = draw.choice([(HOUR,), (HOUR, Hour(HOUR + 1))])
        pieces = tuple(
            lines(draw, account, hour, count=draw.randint(1, 4), width=draw.choice((10, 10, 800)))
            for hour in hours
            for _ in range(draw.choice((1, 1, 2)))
        )
        often = draw.choice((0.1, 0.3, 0.6))
        length = draw.randint(3, 30)
        faults = tuple(draw.choice(FAULTS) if draw.random() < often else Fault.NONE for _ in range(length))
        yield Schedule(account, pieces, faults)


_lids = iter(range(1, 1 << 62))


def lines(draw: random.Random, account: str, hour: Hour, *, count: int, width: int) -> tuple[Record, ...]:
    """Lines of about `width` bytes that do not compress well."""
    return tuple(
        Record(
            lid=str(next(_lids)),
            ts=hour_start(hour) + draw.randrange(HOUR_MS),
            rx=hour_start(hour),
            account=account,
            line=draw.randbytes(width // 2).hex(),
        )
        for _ in range(count)
    )


@pytest.fixture(scope="module")
def moto_parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, that takes small parts."""
    port = free_port()
    command = [program("env"), f"S3_UPLOAD_PART_MIN_SIZE={PART}", program("moto_server")]
    with serving(
        [*command, "-H", "127.0.0.1", "-p", str(port)], port, tmp_path_factory.mktemp("moto") / "log"
    ) as url:
        yield url


@pytest.fixture(autouse=True)
def _small_parts_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PART", PART)
    defaults = retry.retrying.__kwdefaults__
    assert defaults
    monkeypatch.setitem(defaults, "backoff_s", 0.0)


class Site:
    """A spool, a catalog and an archiver over a bucket behind a proxy."""

    def __init__(self, folder: Path, endpoint: str, bucket: str, *, atomic_create: str) -> None:
        self.now = hour_start(HOUR)
        self._place = f"s3://{bucket}/{PREFIX}"
        self.catalog: Catalog = open_catalog(f"sqlite:///{folder / 'catalog.sqlite'}")
        self.spool = SqliteSpool(
            folder / "spool.sqlite",
            clock=lambda: self.now,
            max_bytes=1 << 30,
            max_account_bytes=1 << 30,
            min_free_bytes=0,
        )
        behind: Bucket = open_bucket(
            self._place,
            {
                "endpoint": endpoint,
                "region": "us-east-1",
                "access_key_id": ACCESS_KEY,
                "secret_access_key": SECRET_KEY,
                "atomic_create": atomic_create,
            },
        )
        sealer = Sealer(
            spool=self.spool,
            objects=self.catalog.objects,
            archives=self.catalog.archives,
            bucket_of=lambda _: behind,
            server="server-1",
            clock=lambda: self.now,
            work_dir=folder,
        )
        self.archiver = Archiver(sealer, clock=lambda: self.now)

    def accept(self, schedule: Schedule) -> None:
        """The lines of a schedule, for a new account and archive of its name."""
        name = schedule.account
        self.catalog.accounts.create(name, AccountKind.LIVE, self.now)
        self.catalog.archives.create(
            Archive(id=name, account=name, state=ArchiveState.ON, created_at=self.now),
            Target(
                archive=name,
                account=name,
                provider="s3",
                options={},
                place=self._place,
                created_at=self.now,
            ),
        )
        for records in schedule.pieces:
            self.spool.append_now([piece(records)])

    def seal(self, account: str) -> int:
        """Let time pass and the archiver try until nothing waits. Returns the number of rounds."""
        self.now = max(self.now, hour_start(HOUR)) + 48 * HOUR_MS
        for tries in range(1, ROUNDS):
            self.archiver.seal_due(archive=account)
            if not any(one.archive == account for one in self.spool.waiting()):
                return tries
            self.now += HOUR_MS
        raise AssertionError(f"not sealed after {ROUNDS} rounds: {self.archiver.status()}")

    def close(self) -> None:
        self.archiver.close()
        self.spool.close()
        self.catalog.close()


def piece(records: Sequence[Record]) -> Piece:
    times, lids = [one.ts for one in records], [int(one.lid) for one in records]
    return Piece(
        account=records[0].account,
        archive=records[0].account,
        indexed=False,
        hour=hour_of(times[0]),
        lines=len(records),
        min_ts=min(times),
        max_ts=max(times),
        first_lid=min(lids),
        last_lid=max(lids),
        rx=0,
        payload=encode_lines(records),
    )


class Backend:
    """The bucket without the proxy, as boto3 sees it."""

    def __init__(self, endpoint: str) -> None:
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1",
        )
        self.bucket = make_bucket(endpoint)
        self._client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def versions(self) -> list[str]:
        """The key of every version of every object, below the prefix."""
        found = []
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            assert "DeleteMarkers" not in page
            found += [one["Key"] for one in page.get("Versions", ())]
        assert all(key.startswith(f"{PREFIX}/") for key in found)
        return [key.removeprefix(f"{PREFIX}/") for key in found]

    def read(self, key: str) -> bytes:
        data: bytes = self._client.get_object(Bucket=self.bucket, Key=f"{PREFIX}/{key}")["Body"].read()
        return data


def check(backend: Backend, keys: Sequence[str], schedule: Schedule) -> None:
    """What is in the bucket of this schedule's account: every line once, and a whole chain of manifests."""
    mine = [key for key in keys if f"/{schedule.account}." in key]
    assert len(mine) == len(set(mine)), f"written more than once: {mine}"
    objects = sorted(key for key in mine if key.startswith("year="))
    assert sorted(mine) == sorted(
        [*objects, *map(manifest_key, objects), f"_account/{schedule.account}.json"]
    )
    wanted = encode_lines([one for records in schedule.pieces for one in records]).splitlines()
    stored = {key: backend.read(key) for key in objects}
    assert sorted(b"".join(map(gzip.decompress, stored.values())).splitlines()) == sorted(wanted)
    chain = {}
    for key, data in stored.items():
        bytes_of_manifest = backend.read(manifest_key(key))
        manifest = json.loads(bytes_of_manifest)
        assert (manifest["key"], manifest["stored_bytes"]) == (key, len(data))
        assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
        assert manifest["lines"] == len(gzip.decompress(data).splitlines())
        previous = manifest.get("previous_key", ""), manifest.get("previous_sha256", "")
        chain[manifest["chain"]] = (
            previous,
            manifest_key(key),
            hashlib.sha256(bytes_of_manifest).hexdigest(),
        )
    assert sorted(chain) == list(range(1, len(objects) + 1))
    before = ("", "")
    for number in sorted(chain):
        previous, name, digest = chain[number]
        assert previous == before
        before = (name, digest)


def run(
    folder: Path, endpoint: str, proxy: FaultProxy, schedules: Sequence[Schedule], atomic_create: str
) -> int:
    """Do these schedules in a place of their own. Returns the number of rounds that sealing took."""
    backend = Backend(endpoint)
    folder.mkdir()
    site = Site(folder, proxy.url, backend.bucket, atomic_create=atomic_create)
    rounds = 0
    try:
        for schedule in schedules:
            site.accept(schedule)
            proxy.use(iter(schedule.faults))
            rounds += site.seal(schedule.account)
            proxy.quiet()
        assert {one.state for one in site.archiver.status()} == {"ok"}
        assert site.catalog.objects.planned() == []
        assert {path.name for path in folder.iterdir() if path.suffix == ".gz"} == set()
    finally:
        site.close()
    keys = backend.versions()
    for schedule in schedules:
        check(backend, keys, schedule)
    return rounds


def batches(schedules: Iterator[Schedule]) -> Iterator[list[Schedule]]:
    while batch := [one for _, one in zip(range(AT_ONCE), schedules, strict=False)]:
        yield batch


def run_all(
    folder: Path, endpoint: str, schedules: Iterator[Schedule], *, atomic_create: str = "true"
) -> tuple[int, int, dict[Fault, int]]:
    """How many schedules there were, how many rounds it took to seal them, and which faults came about."""
    done = rounds = 0
    with fault_proxy(endpoint) as proxy:
        for number, batch in enumerate(batches(schedules)):
            rounds += run(folder / str(number), endpoint, proxy, batch, atomic_create)
            done += len(batch)
    print(f"{done} schedules, {rounds} rounds, requests: {proxy.taken}")
    return done, rounds, proxy.taken


def test_each_fault_at_each_request_is_made_up_for_at_once(tmp_path: Path, moto_parts: str) -> None:
    done, rounds, taken = run_all(tmp_path, moto_parts, single_faults())

    assert rounds == done == len(FAULTS) * REQUESTS
    # The last ones of each fault came too late for any request, so every request had it.
    assert all(0 < taken[fault] < REQUESTS for fault in FAULTS)


@pytest.fixture
def seed() -> int:
    drawn = int(os.environ.get("LOGKEEP_FAULT_SEED", "0")) or secrets.randbits(32)
    print(f"LOGKEEP_FAULT_SEED={drawn}")
    return drawn


def test_faults_at_random_lose_and_double_no_line(tmp_path: Path, moto_parts: str, seed: int) -> None:
    done, rounds, taken = run_all(tmp_path, moto_parts, random_faults(seed, SCHEDULES))

    assert rounds > done == SCHEDULES  # some were not done at the first try
    assert all(taken.values())


def test_without_conditional_puts_one_writer_rewrites_nothing_either(
    tmp_path: Path, moto_parts: str, seed: int
) -> None:
    schedules = random_faults(seed + 1, SCHEDULES // 4)
    done, rounds, taken = run_all(tmp_path, moto_parts, schedules, atomic_create="false")

    assert rounds > done == SCHEDULES // 4
    assert all(taken.values())
