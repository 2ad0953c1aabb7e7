"""The promises of the catalog, for every database that it can live in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.objects import Totals
from logkeep.catalog.values import (
    Account,
    AccountKind,
    ArchiveObject,
    ArchivePolicy,
    Chunk,
    ChunkState,
    Key,
    KeyRole,
    ObjectState,
    Restore,
    RestoreState,
)
from logkeep.errors import BadSetting, Conflict, InputError, NotFound
from logkeep.timeline import HOUR_MS, Hour, TimeRange

HOUR = Hour(480_000)


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:///{tmp_path}/catalog.sqlite"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    opened = open_catalog(url)
    yield opened
    opened.close()


def planned(*, account: str = "main", hour: int = HOUR, part: int = 0) -> ArchiveObject:
    return ArchiveObject(
        account=account, hour=Hour(hour), part=part, state=ObjectState.PLANNED, after_seq=10, upto_seq=20
    )


def sealed(plan: ArchiveObject, *, sha256: str = "ab") -> ArchiveObject:
    return replace(
        plan,
        state=ObjectState.SEALED,
        key="year=2024/a.json.gz",
        lines=3,
        raw_bytes=300,
        stored_bytes=90,
        sha256=sha256,
        min_ts=1,
        max_ts=2,
        sealed_at=3,
    )


def restore(restore_id: str = "ab12", *, account: str = "r-one-ab12", created_at: int = 1000) -> Restore:
    return Restore(
        id=restore_id,
        name="one",
        state=RestoreState.IN_PROGRESS,
        account=account,
        source="main",
        from_ms=0,
        to_ms=HOUR_MS,
        query="level:error",
        planned_objects=1,
        planned_lines=5,
        planned_bytes=50,
        planned_raw_bytes=500,
        lines=0,
        bytes=0,
        duplicates=0,
        created_at=created_at,
        expiry_s=60,
    )


def ledger(restore_id: str = "ab12", count: int = 2) -> list[Chunk]:
    return [
        Chunk(restore_id=restore_id, number=number, state=ChunkState.PENDING, spec=b'{"n":%d}' % number)
        for number in range(count)
    ]


def test_an_account_is_found_by_its_name(catalog: Catalog) -> None:
    main = catalog.accounts.create("main", AccountKind.LIVE, 7)
    assert main == Account(id="main", kind=AccountKind.LIVE, created_at=7, restore_id="")
    assert catalog.accounts.get("main") == main
    assert catalog.accounts.list() == [main]


def test_a_taken_account_name_is_a_conflict(catalog: Catalog) -> None:
    catalog.accounts.create("main", AccountKind.LIVE, 7)
    with pytest.raises(Conflict, match="'main' exists already"):
        catalog.accounts.create("main", AccountKind.LIVE, 8)


@pytest.mark.parametrize("name", ["", "-a", "Main", "a b", "a/b", "a.b", "ä", "a\n", "x" * 64])
def test_a_name_that_cannot_stand_in_object_keys_is_refused_with_the_rule(
    catalog: Catalog, name: str
) -> None:
    with pytest.raises(InputError, match="lower-case letters, digits and dashes"):
        catalog.accounts.create(name, AccountKind.LIVE, 7)


def test_an_unknown_account_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.accounts.get("nobody")
    with pytest.raises(NotFound):
        catalog.accounts.delete("nobody")


def test_a_token_resolves_to_its_account_and_role(catalog: Catalog) -> None:
    catalog.accounts.create("main", AccountKind.LIVE, 7)
    ingest = catalog.keys.issue("main", KeyRole.INGEST, 8)
    admin = catalog.keys.issue("", KeyRole.ADMIN, 8)
    assert (ingest[:4], admin[:4], len(ingest)) == ("lki_", "lka_", 47)
    assert catalog.keys.resolve(ingest) == Key(account="main", role=KeyRole.INGEST)
    assert catalog.keys.resolve(admin) == Key(account="", role=KeyRole.ADMIN)
    assert catalog.keys.resolve(ingest[:-1]) is None
    assert catalog.keys.resolve("") is None


def test_a_token_is_kept_only_as_a_digest(url: str, tmp_path: Path) -> None:
    catalog = open_catalog(url)
    token = catalog.keys.issue("", KeyRole.ADMIN, 8)
    catalog.close()
    files = [file.read_bytes() for file in tmp_path.iterdir()]
    assert files
    assert not any(token.encode() in data or token[4:].encode() in data for data in files)


def test_a_key_of_a_deleted_account_opens_nothing_even_when_it_was_just_used(catalog: Catalog) -> None:
    catalog.accounts.create("main", AccountKind.LIVE, 7)
    token = catalog.keys.issue("main", KeyRole.INGEST, 8)
    assert catalog.keys.resolve(token) is not None
    catalog.accounts.delete("main")
    assert catalog.keys.resolve(token) is None


def test_a_token_issued_after_it_was_asked_for_elsewhere_is_seen(url: str, catalog: Catalog) -> None:
    other = open_catalog(url)
    token = other.keys.issue("", KeyRole.ADMIN, 8)
    other.close()
    assert catalog.keys.resolve(token) == Key(account="", role=KeyRole.ADMIN)


def test_a_key_needs_an_account_that_exists(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.keys.issue("nobody", KeyRole.INGEST, 8)
    with pytest.raises(InputError):
        catalog.keys.issue("", KeyRole.INGEST, 8)


def test_an_archive_policy_is_set_and_replaced(catalog: Catalog) -> None:
    catalog.accounts.create("main", AccountKind.LIVE, 7)
    policy = ArchivePolicy(
        account="main", url="file:///a", seal_after_s=600, late_sweep_s=21_600, max_object_bytes=1 << 29
    )
    catalog.archives.put(policy)
    catalog.archives.put(replace(policy, url="s3://b/p"))
    assert catalog.archives.get("main") == replace(policy, url="s3://b/p")
    assert catalog.archives.list() == [replace(policy, url="s3://b/p")]
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.archives.put(replace(policy, account="nobody"))
    with pytest.raises(NotFound, match="'other' has no archive"):
        catalog.archives.get("other")


def test_an_object_is_planned_then_sealed(catalog: Catalog) -> None:
    plan = planned()
    catalog.objects.plan(plan)
    assert catalog.objects.planned() == [plan]
    assert catalog.objects.list() == []
    assert not catalog.objects.has_sealed("main", HOUR)
    catalog.objects.seal(sealed(plan))
    assert catalog.objects.planned() == []
    assert catalog.objects.list() == [sealed(plan)]
    assert catalog.objects.has_sealed("main", HOUR)
    assert not catalog.objects.has_sealed("other", HOUR)


def test_sealing_again_is_fine_unless_the_bytes_differ(catalog: Catalog) -> None:
    catalog.objects.plan(planned())
    catalog.objects.seal(sealed(planned()))
    catalog.objects.seal(sealed(planned()))
    with pytest.raises(Conflict, match="other bytes"):
        catalog.objects.seal(sealed(planned(), sha256="cd"))
    with pytest.raises(NotFound, match="was not planned"):
        catalog.objects.seal(sealed(planned(part=5)))


def test_parts_of_an_hour_are_counted_up(catalog: Catalog) -> None:
    assert catalog.objects.next_part("main", HOUR) == 0
    catalog.objects.plan(planned())
    assert catalog.objects.next_part("main", HOUR) == 1
    assert catalog.objects.next_part("other", HOUR) == 0
    with pytest.raises(Conflict, match="in the catalog already"):
        catalog.objects.plan(planned())


def test_a_planned_object_moves_to_another_part(catalog: Catalog) -> None:
    catalog.objects.plan(planned())
    catalog.objects.plan(planned(part=1))
    moved = catalog.objects.renumber(planned(), 2)
    assert moved == planned(part=2)
    assert catalog.objects.planned() == [planned(part=1), moved]
    with pytest.raises(Conflict, match="already"):
        catalog.objects.renumber(moved, 1)
    with pytest.raises(Conflict, match="not planned"):
        catalog.objects.renumber(planned(), 3)


def test_objects_are_listed_and_added_up_by_account_and_hours(catalog: Catalog) -> None:
    for one in (planned(hour=HOUR + 1), planned(), planned(part=1), planned(account="other")):
        catalog.objects.plan(one)
        catalog.objects.seal(sealed(one))
    catalog.objects.plan(planned(hour=HOUR + 2))
    one_hour = TimeRange(start=HOUR * HOUR_MS + 5, end=(HOUR + 1) * HOUR_MS)
    listed = [(one.account, one.hour, one.part) for one in catalog.objects.list("main")]
    assert listed == [("main", HOUR, 0), ("main", HOUR, 1), ("main", HOUR + 1, 0)]
    assert [one.part for one in catalog.objects.list("main", one_hour)] == [0, 1]
    assert len(catalog.objects.list(None, one_hour)) == 3
    assert catalog.objects.totals("main") == Totals(objects=3, lines=9, raw_bytes=900, stored_bytes=270)
    assert catalog.objects.totals("nobody") == (0, 0, 0, 0)


def test_a_restore_comes_with_its_account_and_its_chunks(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    assert catalog.restores.get("ab12") == restore()
    assert catalog.restores.chunks("ab12") == ledger()
    assert catalog.accounts.get("r-one-ab12") == Account(
        id="r-one-ab12", kind=AccountKind.RESTORED, created_at=1000, restore_id="ab12"
    )


def test_a_restore_whose_account_is_taken_leaves_nothing_behind(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    with pytest.raises(Conflict):
        catalog.restores.create(restore("cd34"), ledger("cd34"))
    assert catalog.restores.list() == [restore()]
    assert catalog.restores.chunks("cd34") == []


def test_restores_are_listed_newest_first_and_interrupted_ones_oldest_first(catalog: Catalog) -> None:
    for name, created_at in (("b", 2), ("a", 1), ("c", 3)):
        catalog.restores.create(restore(name, account=f"r-{name}", created_at=created_at), [])
    assert catalog.restores.next_expiry() is None
    catalog.restores.set_state("b", RestoreState.ACTIVE, finished_at=5, expires_at=9)
    assert [one.id for one in catalog.restores.list()] == ["c", "b", "a"]
    assert [one.id for one in catalog.restores.interrupted()] == ["a", "c"]
    assert [one.id for one in catalog.restores.unindexed()] == ["b"]
    assert catalog.restores.next_expiry() == 9
    assert [one.id for one in catalog.restores.due(8)] == []
    assert [one.id for one in catalog.restores.due(9)] == ["b"]
    catalog.restores.indexed("b")
    assert [one.id for one in catalog.restores.unindexed()] == []


def test_finishing_a_chunk_adds_to_the_restore_once(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    first, second = catalog.restores.chunks("ab12")
    begun = catalog.restores.begin(first)
    assert begun == replace(first, state=ChunkState.LOADING)
    assert catalog.restores.begin(first) == begun
    done = catalog.restores.done(begun, lines=4, duplicates=1, raw_bytes=400)
    assert done == replace(first, state=ChunkState.DONE, lines=4, duplicates=1, raw_bytes=400)
    with pytest.raises(Conflict, match="done already"):
        catalog.restores.done(begun, lines=4, duplicates=1, raw_bytes=400)
    with pytest.raises(Conflict, match="is done"):
        catalog.restores.begin(first)
    with pytest.raises(Conflict, match="is pending"):
        catalog.restores.done(second, lines=1, duplicates=0, raw_bytes=100)
    assert catalog.restores.get("ab12") == replace(restore(), lines=4, duplicates=1, bytes=400)
    assert catalog.restores.chunks("ab12") == [done, second]


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ([], RestoreState.DELETED),
        ([], RestoreState.EXPIRED),
        ([RestoreState.ACTIVE], RestoreState.ABORTED),
        ([RestoreState.ACTIVE], RestoreState.IN_PROGRESS),
        ([RestoreState.ABORTED], RestoreState.ACTIVE),
        ([RestoreState.FAILED], RestoreState.EXPIRED),
        ([RestoreState.ACTIVE, RestoreState.DELETED], RestoreState.EXPIRED),
        ([RestoreState.ACTIVE, RestoreState.EXPIRED], RestoreState.DELETED),
    ],
)
def test_a_restore_takes_only_the_steps_that_its_state_allows(
    catalog: Catalog, steps: list[RestoreState], refused: RestoreState
) -> None:
    catalog.restores.create(restore(), [])
    for step in steps:
        catalog.restores.set_state("ab12", step)
    with pytest.raises(Conflict, match=f"cannot become {refused}"):
        catalog.restores.set_state("ab12", refused)


def test_an_end_state_keeps_the_error_and_takes_the_account(catalog: Catalog) -> None:
    catalog.restores.create(restore(), [])
    failed = catalog.restores.set_state("ab12", RestoreState.FAILED, finished_at=5, error="no room")
    assert failed == replace(restore(), state=RestoreState.FAILED, finished_at=5, error="no room")
    assert catalog.restores.get("ab12") == failed
    assert catalog.accounts.list() == []


def test_an_unknown_restore_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no restore 'nope'"):
        catalog.restores.get("nope")
    with pytest.raises(NotFound, match="no restore 'nope'"):
        catalog.restores.set_state("nope", RestoreState.ACTIVE)
    with pytest.raises(NotFound, match="no chunk 0"):
        catalog.restores.begin(ledger("nope", 1)[0])


def test_everything_is_there_after_opening_again(url: str) -> None:
    catalog = open_catalog(url)
    catalog.restores.create(restore(), ledger())
    catalog.objects.plan(planned())
    catalog.close()
    again = open_catalog(url)
    assert again.restores.get("ab12") == restore()
    assert again.restores.chunks("ab12") == ledger()
    assert again.objects.planned() == [planned()]
    again.close()


def test_threads_count_every_chunk_once(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger(count=40))

    def load(chunk: Chunk) -> None:
        begun = catalog.restores.begin(chunk)
        catalog.restores.done(begun, lines=1, duplicates=0, raw_bytes=10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, catalog.restores.chunks("ab12")))
    assert catalog.restores.get("ab12") == replace(restore(), lines=40, bytes=400)


@pytest.mark.parametrize("bad", ["catalog.sqlite", "sqlite://", "mysql://host/db", ""])
def test_a_url_that_names_no_catalog_is_a_bad_setting(bad: str) -> None:
    with pytest.raises(BadSetting, match="sqlite:///path"):
        open_catalog(bad)
