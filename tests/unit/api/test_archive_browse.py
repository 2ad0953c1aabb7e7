"""Days and objects of archives, as the API tells of them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from anyio import CapacityLimiter
from cryptography.fernet import Fernet
from starlette.applications import Starlette
from starlette.types import Message

from logkeep.api.application import build_api
from logkeep.api.v1.archive_object import DOWNLOADS_AT_ONCE
from logkeep.catalog.values import Archive, ArchiveState, Check, CheckKind, Key, KeyRole
from logkeep.errors import ObjectFrozen, StorageUnavailable
from logkeep.metrics import Tally
from logkeep.storage.connection import Connection
from logkeep.storage.folder import FolderBucket
from logkeep.targets import Buckets
from logkeep.timeline import Hour
from logkeep.vault import Vault
from logkeep.verify import document, verify
from tests.unit.archiver_doubles import HOUR, KEY, records
from tests.unit.test_archiver import Bench

Params = Mapping[str, str | int]
NONE: Params = {}
FOREIGN_KEY = "dt=20261120/hour=09/archive_090000.1234.ab cd.json.gz"


class Folder(FolderBucket):
    """Fails reads with `error`, from the second piece on if `late`."""

    error: Exception | None = None
    late = False

    def get_range(self, key: str, start: int, length: int) -> bytes:
        if self.error and (start or not self.late):
            raise self.error
        return super().get_range(key, start, length)


class Site:
    """A server with the archive `main` of ours and `old`, of another system; both are in folders."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.folder = folder / "archive" / "main"
        self.opened: dict[str, Folder] = {}
        self._set_up_old(folder / "old")
        buckets = Buckets(Vault([Fernet.generate_key().decode()]), self.open)
        keys = {
            "lka_admin": Key(account="", role=KeyRole.ADMIN, id="k-1"),
            "lki_ingest": Key(account="main", role=KeyRole.INGEST, id="k-2"),
        }
        bench = self.bench
        self.application: Starlette = build_api(
            SimpleNamespace(  # type: ignore[arg-type]
                clock=lambda: bench.now,
                catalog=SimpleNamespace(
                    keys=SimpleNamespace(resolve=keys.get),
                    archives=bench.catalog.archives,
                    accounts=bench.catalog.accounts,
                    objects=bench.catalog.objects,
                    checks=bench.catalog.checks,
                ),
                spool=bench.spool,
                archiver=bench.archiver,
                archives=SimpleNamespace(buckets=buckets, sealer=bench.sealer),
                metrics=SimpleNamespace(tally=Tally()),
            )
        )

    def open(self, connection: Connection) -> Folder:
        path = connection.options["path"]
        return self.opened.setdefault(path, Folder(Path(path)))

    def bucket(self) -> Folder:
        return self.opened.setdefault(str(self.folder), Folder(self.folder))

    def _set_up_old(self, folder: Path) -> None:
        archives = self.bench.catalog.archives
        old = Archive(id="old", account="main", state=ArchiveState.OFF, created_at=0, layout="datadog")
        target = archives.target(archives.get("main").target)
        archives.create(
            old, replace(target, archive="old", place=folder.as_uri(), options={"path": str(folder)})
        )
        line = b'{"date":"2026-11-20T09:01:00Z","message":"from elsewhere"}\n'
        FolderBucket(folder).put_new(FOREIGN_KEY, gzip.compress(line), "")

    def seal(self, lines: int = 3, *, hour: int = 0, first_lid: int = 1000) -> str:
        self.bench.receive(records(lines, hour=Hour(HOUR + hour), first_lid=first_lid))
        (sealed,) = self.bench.archiver.seal_due(now=True)
        return sealed.key

    def verify(self) -> None:
        self.bench.now += 1000
        report = verify(self.bench.bucket(), "main", clock=lambda: self.bench.now)
        check = Check(
            archive="main",
            kind=CheckKind.VERIFY,
            at=self.bench.now,
            ok=report.ok,
            summary="looked",
            report=httpx.Response(200, json=document(report) | {"target": 1}).content,
        )
        self.bench.catalog.checks.put(check)

    def ask(self, path: str, params: Params = NONE, *, by: str = "lka_admin") -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as one:
                headers = {"apikey": by} if by else {}
                return await one.get(f"/v1/archives/{path}", params=dict(params), headers=headers)

        return asyncio.run(asked())

    def told(self, path: str, params: Params = NONE) -> dict[str, Any]:
        answer = self.ask(path, params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    opened = Site(tmp_path)
    yield opened
    assert opened.application.state.downloads.borrowed_tokens == 0
    opened.bench.archiver.close()
    opened.bench.spool.close()
    opened.bench.catalog.close()


def test_days_are_told_with_what_the_last_verify_said(site: Site) -> None:
    site.seal()
    site.seal(2, hour=2, first_lid=2000)
    (site.folder / site.seal(1, first_lid=3000)).unlink()
    site.verify()
    found = site.told("main/days", {"from": "2026-11-20T00:00Z", "to": "2026-11-21T00:00Z"})
    (day,) = found.pop("days")
    assert found == {
        "first_hour": "2026-11-20T09:00:00.000Z",
        "last_hour": "2026-11-20T11:00:00.000Z",
        "verify": {
            "at": "2026-11-20T10:00:01.000Z",
            "ok": False,
            "summary": "looked",
            "target": 1,
            "depth": "full",
            "elsewhere": 0,
        },
        "listed": None,
    }
    (problem,) = day.pop("problems")
    assert problem == {
        "hour": "2026-11-20T09:00:00.000Z",
        "kind": "no-object",
        "key": KEY.replace("0900", "0900.1"),
        "detail": "there is a manifest for this object, but no object",
        "gap": True,
    }
    assert day.pop("raw_bytes") > day.pop("stored_bytes") > 0
    assert day == {
        "day": "2026-11-20",
        "state": "sealed",
        "accepted": 6,
        "archived": 6,
        "waiting": 0,
        "objects": 3,
        "late_objects": 1,
        "hours": [9, 11],
        "empty_hours": [10],
        "verified_objects": 2,
        "frozen_objects": 0,
        "problem_count": 1,
    }
    assert site.told("main/days", {"from": "2026-11-21T00:00Z"})["days"] == []


def test_days_of_another_systems_archive_are_those_that_its_keys_tell(site: Site) -> None:
    found = site.told("old/days")
    assert found["listed"] == {
        "complete": True,
        "objects": 1,
        "stored_bytes": (size := len(site.bench.folder.joinpath("old", FOREIGN_KEY).read_bytes())),
        "untimed_objects": 0,
        "untimed_bytes": 0,
    }
    newest, before = found["days"]
    assert (newest["day"], before["day"]) == ("2026-11-20", "2026-11-19")
    assert (newest["state"], newest["archived"], newest["objects"]) == ("listed", None, 1)
    (listed,) = site.told("old/objects")["objects"]
    assert listed.pop("modified")
    assert listed == {
        "account": "main",
        "archive": "old",
        "target": 2,
        "key": FOREIGN_KEY,
        "stored_bytes": size,
        "from": "2026-11-19T09:00:00.000Z",
        "to": "2026-11-20T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("nobody/days", {}, 404),
        ("main/days", {"limit": 401}, 400),
        ("main/days", {"from": "2026-11-21", "to": "2026-11-20"}, 400),
        ("main/object", {}, 400),
        ("nobody/object", {"key": KEY}, 404),
        ("main/object", {"key": KEY}, 404),
        ("main/object", {"key": "../../etc/passwd"}, 400),
        ("main/object", {"key": KEY, "target": 2}, 404),
        ("main/object", {"key": KEY, "target": "two"}, 400),
        ("main/object/lines", {"key": KEY, "limit": 101}, 400),
        ("main/object/lines", {"key": KEY}, 502),
        ("main/object/lines", {"key": KEY.replace("main", "shop")}, 404),
        ("main/object/content", {"key": "_account/main.json"}, 404),
        ("old/object/content", {"key": KEY}, 404),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    site: Site, path: str, params: dict[str, str | int], status: int
) -> None:
    answer = site.ask(path, params)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("path", ["main/days", "main/object", "main/object/lines", "main/object/content"])
def test_an_ingest_key_may_not(site: Site, path: str) -> None:
    key = site.seal()
    assert site.ask(path, {"key": key}, by="lki_ingest").status_code == 403
    assert site.ask(path, {"key": key}, by="").status_code == 401


def test_an_object_is_told_with_its_manifest_and_when_it_was_verified(site: Site) -> None:
    key = site.seal()
    site.verify()
    site.bench.now += 1000
    late = site.seal(1, first_lid=5000)
    found = site.told("main/object", {"key": key})
    assert (found["key"], found["target"], found["current"]) == (KEY, 1, True)
    assert (found["hour"], found["part"], found["late"]) == ("2026-11-20T09:00:00.000Z", 0, False)
    assert (found["state"], found["frozen"], found["problems"]) == ("readable", None, [])
    assert found["manifest"]["lines"] == found["sealed"]["lines"] == 3
    assert found["manifest"]["stored_bytes"] == found["stored"]["bytes"]
    assert found["verify"] == {
        "at": "2026-11-20T10:00:01.000Z",
        "verified": True,
        "depth": "full",
        "findings": [],
    }
    other = site.told("main/object", {"key": late})
    assert (other["late"], other["objects_of_hour"], other["part"]) == (True, 2, 1)
    assert other["verify"]["verified"] is False
    assert other["manifest"]["previous_key"].endswith("main.2026-11-20.0900.json")


def test_an_object_that_is_missing_or_frozen_says_so(site: Site) -> None:
    key = site.seal()
    site.bucket().error = ObjectFrozen("it is in cold storage", hint="thaw it")
    found = site.told("main/object", {"key": key})
    assert (found["state"], found["frozen"]) == ("frozen", {"storage_class": "", "thawing": False})
    for path in ("main/object/lines", "main/object/content"):
        answer = site.ask(path, {"key": key})
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:logkeep:object-frozen")
    site.bucket().error = None
    (site.folder / key).unlink()
    found = site.told("main/object", {"key": key})
    assert (found["state"], found["stored"], found["problems"]) == (
        "missing",
        None,
        ["it is not in the bucket"],
    )
    assert found["manifest"]["lines"] == 3


def test_the_first_lines_are_told_as_records(site: Site) -> None:
    key = site.seal()
    found = site.told("main/object/lines", {"key": key, "limit": 2})
    assert [one["record"]["_line"] for one in found["lines"]] == ["line 0", "line 1"]
    assert found["lines"][0]["record"]["_lid"] == "1000"
    assert (found["more"], found["damage"], found["problems"]) == (True, None, [])
    found = site.told("old/object/lines", {"key": FOREIGN_KEY})
    assert [one["record"]["_line"] for one in found["lines"]] == ["from elsewhere"]


def test_an_object_is_downloaded_as_it_is(site: Site) -> None:
    key = site.seal()
    answer = site.ask("main/object/content", {"key": key})
    assert answer.content == (site.folder / key).read_bytes()
    assert dict(answer.headers) == {
        "content-type": "application/gzip",
        "content-length": str(len(answer.content)),
        "content-disposition": 'attachment; filename="main.2026-11-20.0900.json.gz"',
        "x-content-type-options": "nosniff",
    }
    answer = site.ask("old/object/content", {"key": FOREIGN_KEY})
    assert answer.headers["content-disposition"] == (
        'attachment; filename="archive_090000.1234.ab_cd.json.gz"; '
        "filename*=UTF-8''archive_090000.1234.ab%20cd.json.gz"
    )


def test_a_bucket_that_does_not_answer_is_a_problem_before_the_first_byte(site: Site) -> None:
    key = site.seal()
    site.bucket().error = StorageUnavailable("no answer")
    answer = site.ask("main/object/content", {"key": key})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:logkeep:storage-unavailable")


def test_so_many_downloads_run_at_once(site: Site) -> None:
    key = site.seal()
    limiter: CapacityLimiter = site.application.state.downloads

    async def take() -> None:
        for number in range(DOWNLOADS_AT_ONCE):
            limiter.acquire_on_behalf_of_nowait(number)

    async def give_back() -> None:
        for number in range(DOWNLOADS_AT_ONCE):
            limiter.release_on_behalf_of(number)

    asyncio.run(take())
    answer = site.ask("main/object/content", {"key": key})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert site.ask("main/object", {"key": key}).status_code == 200
    asyncio.run(give_back())
    assert site.ask("main/object/content", {"key": key}).status_code == 200


def scope(key: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"spec_version": "2.3"},
        "method": "GET",
        "path": "/v1/archives/main/object/content",
        "query_string": f"key={key}".encode(),
        "headers": [(b"authorization", b"Bearer lka_admin")],
    }


def test_a_client_that_goes_away_ends_its_download(site: Site) -> None:
    """The fixture looks whether its place is free again."""
    key = site.seal()
    (site.folder / key).write_bytes(b"\x00" * (5 << 20))
    sent: list[Message] = []

    async def visit() -> None:
        gone = asyncio.Event()

        async def send(message: Message) -> None:
            sent.append(message)
            if message.get("body"):
                gone.set()
                await asyncio.Event().wait()  # a client that takes no more

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async with asyncio.timeout(60):
            await site.application(scope(key), receive, send)

    asyncio.run(visit())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_a_download_that_fails_half_way_is_not_ended_as_if_it_were_whole(site: Site) -> None:
    key = site.seal()
    (site.folder / key).write_bytes(b"\x00" * (5 << 20))
    site.bucket().error, site.bucket().late = StorageUnavailable("no answer"), True
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(RuntimeError, match="response already started"):
        asyncio.run(site.application(scope(key), receive, send))
    assert [message.get("more_body") for message in sent] == [None, True]
    assert len(sent[1]["body"]) == 2 << 20
