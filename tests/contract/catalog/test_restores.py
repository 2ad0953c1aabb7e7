"""Restores and their ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import Account, AccountKind, Chunk, ChunkState, Restore, RestoreState
from logkeep.errors import Conflict, NotFound
from logkeep.timeline import HOUR_MS


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
    catalog.close()
    again = open_catalog(url)
    assert again.restores.get("ab12") == restore()
    assert again.restores.chunks("ab12") == ledger()
    again.close()


def test_threads_count_every_chunk_once(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger(count=40))

    def load(chunk: Chunk) -> None:
        begun = catalog.restores.begin(chunk)
        catalog.restores.done(begun, lines=1, duplicates=0, raw_bytes=10)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(load, catalog.restores.chunks("ab12")))
    assert catalog.restores.get("ab12") == replace(restore(), lines=40, bytes=400)
