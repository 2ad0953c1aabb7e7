"""Restores and their ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import (
    Account,
    AccountKind,
    Chunk,
    ChunkState,
    Partial,
    Restore,
    RestoreProblem,
    RestoreState,
)
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


def test_a_restore_that_ends_early_begins_none_of_its_chunks_any_more(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger(count=3))
    begun = catalog.restores.begin(ledger()[0])
    ending = catalog.restores.end_early("ab12", Partial.ABORTED)
    assert (ending.state, ending.partial) == (RestoreState.IN_PROGRESS, Partial.ABORTED)
    catalog.restores.left_out(begun)
    states = [chunk.state for chunk in catalog.restores.chunks("ab12")]
    assert states == [ChunkState.SKIPPED] * 3
    with pytest.raises(Conflict, match="is skipped already"):
        catalog.restores.begin(ledger()[1])
    catalog.restores.set_state("ab12", RestoreState.ACTIVE)
    with pytest.raises(Conflict, match="has ended already"):
        catalog.restores.end_early("ab12", Partial.LIMIT)


def test_the_first_reason_for_an_early_end_stays(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    catalog.restores.end_early("ab12", Partial.LIMIT)
    assert catalog.restores.end_early("ab12", Partial.ABORTED).partial is Partial.LIMIT


def test_what_was_cut_off_is_taken_back_when_it_is_begun_again(catalog: Catalog) -> None:
    catalog.restores.create(replace(restore(), limit_lines=4), ledger())
    problem = RestoreProblem(key="k", offset=1, reason="no JSON", whole=True)
    for number, cut in ((0, False), (1, True)):
        begun = catalog.restores.begin(ledger()[number])
        catalog.restores.done(
            begun,
            lines=2,
            duplicates=1,
            raw_bytes=20,
            text_bytes=9,
            stored_bytes=4,
            skipped_lines=3,
            found=[problem],
            cut=cut,
            worked_ms=5,
        )
    assert counts(catalog.restores.get("ab12")) == (4, 2, 40, 18, 8, 6, 1)
    assert [one.chunk for one in catalog.restores.problems("ab12")] == [0, 1]
    assert catalog.restores.get("ab12").worked_ms == 10
    begun = catalog.restores.begin(catalog.restores.chunks("ab12")[1])
    assert counts(catalog.restores.get("ab12")) == (2, 1, 20, 9, 4, 3, 1)
    assert [one.chunk for one in catalog.restores.problems("ab12")] == [0]
    assert begun.lines == 0
    with pytest.raises(Conflict, match="is done already"):
        catalog.restores.begin(ledger()[0])


def counts(now: Restore) -> tuple[int, ...]:
    return (
        *(now.lines, now.duplicates, now.bytes, now.text_bytes, now.read_bytes),
        *(now.skipped_lines, now.skipped_objects),
    )


def test_resuming_sets_limits_and_state_in_one_step_or_neither(catalog: Catalog) -> None:
    catalog.restores.create(replace(restore(), limit_lines=2), ledger())
    begun = catalog.restores.begin(ledger()[0])
    catalog.restores.done(begun, lines=2, duplicates=0, raw_bytes=20, text_bytes=9)
    with pytest.raises(Conflict, match="is IN_PROGRESS, not PAUSED"):
        catalog.restores.resume("ab12", limit_lines=None, limit_bytes=None)
    catalog.restores.set_state("ab12", RestoreState.PAUSED, error="full")
    for lines, size in ((None, None), (2, None), (0, 9)):
        with pytest.raises(Conflict, match="has 2 lines of 9 bytes already"):
            catalog.restores.resume("ab12", limit_lines=lines, limit_bytes=size)
    resumed = catalog.restores.resume("ab12", limit_lines=3, limit_bytes=10)
    assert (resumed.state, resumed.error) == (RestoreState.IN_PROGRESS, "")
    assert (resumed.limit_lines, resumed.limit_bytes) == (3, 10)


def test_a_restore_that_is_being_ended_can_be_resumed_at_its_limit(catalog: Catalog) -> None:
    catalog.restores.create(replace(restore(), limit_lines=2), ledger())
    begun = catalog.restores.begin(ledger()[0])
    catalog.restores.done(begun, lines=2, duplicates=0, raw_bytes=20, cut=True)
    catalog.restores.end_early("ab12", Partial.LIMIT)
    catalog.restores.set_state("ab12", RestoreState.PAUSED)
    assert catalog.restores.resume("ab12", limit_lines=None, limit_bytes=None).lines == 2
    assert catalog.restores.chunks("ab12")[0].state is ChunkState.CUT


def test_a_step_may_be_allowed_from_some_states_only(catalog: Catalog) -> None:
    catalog.restores.create(restore(), [])
    catalog.restores.set_state("ab12", RestoreState.PAUSED)
    with pytest.raises(Conflict, match="is PAUSED and cannot become FAILED"):
        catalog.restores.set_state("ab12", RestoreState.FAILED, only_from=[RestoreState.IN_PROGRESS])
    catalog.restores.failing("ab12", "too late")
    assert catalog.restores.get("ab12").error == ""


def test_problems_are_counted_all_and_kept_up_to_a_thousand(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    for chunk in ledger():
        begun = catalog.restores.begin(chunk)
        found = [RestoreProblem(key="k", offset=number, reason="no JSON") for number in range(700)]
        found.insert(0, RestoreProblem(key="damaged", offset=0, reason="it ends early", whole=True))
        catalog.restores.done(begun, lines=0, duplicates=0, raw_bytes=0, skipped_lines=700, found=found)
    after = catalog.restores.get("ab12")
    assert (after.skipped_lines, after.skipped_objects) == (1400, 1)
    kept = catalog.restores.problems("ab12")
    assert [one.offset for one in kept if not one.whole] == [*range(700), *range(298)]
    with pytest.raises(NotFound):
        catalog.restores.problems("nope")


def test_reasons_are_found_by_how_they_end(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    begun = catalog.restores.begin(ledger()[0])
    reasons = ["3 lines have 100%_x", "4 lines have 100%_x", "5 lines have 100 of x"]
    found = [RestoreProblem(key="k", offset=0, reason=reason) for reason in reasons]
    catalog.restores.done(begun, lines=0, duplicates=0, raw_bytes=0, found=found)
    assert catalog.restores.reasons(["ab12"], " have 100%_x") == [("ab12", one) for one in reasons[:2]]
    assert catalog.restores.reasons(["other"], "x") == []
    assert catalog.restores.reasons([], "x") == []


def test_the_archive_that_is_read_is_kept(catalog: Catalog) -> None:
    catalog.restores.create(replace(restore(), archive="main-2"), [])
    assert catalog.restores.get("ab12").archive == "main-2"


def test_a_failed_restore_begins_anew_with_its_account(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    begun = catalog.restores.begin(ledger()[0])
    problem = RestoreProblem(key="k", offset=1, reason="x")
    catalog.restores.done(begun, lines=2, duplicates=0, raw_bytes=20, skipped_lines=1, found=[problem])
    with pytest.raises(Conflict, match="has not failed"):
        catalog.restores.begin_anew("ab12")
    catalog.restores.set_state("ab12", RestoreState.FAILED, finished_at=9, error="gone")
    assert catalog.restores.begin_anew("ab12") == restore()
    assert catalog.restores.chunks("ab12") == ledger()
    assert catalog.restores.problems("ab12") == []
    assert catalog.accounts.get("r-one-ab12").restore_id == "ab12"


def test_a_deleted_account_comes_back_with_its_restore(catalog: Catalog) -> None:
    catalog.restores.create(restore(), [])
    catalog.restores.set_state("ab12", RestoreState.ACTIVE, finished_at=5, expires_at=9)
    assert catalog.restores.extend("ab12", 99).expires_at == 99
    catalog.restores.set_state("ab12", RestoreState.DELETED, deleted_at=7)
    with pytest.raises(NotFound):
        catalog.accounts.get("r-one-ab12")
    with pytest.raises(Conflict, match="does not expire"):
        catalog.restores.extend("ab12", 100)
    back = catalog.restores.set_state("ab12", RestoreState.ACTIVE, deleted_at=0)
    assert (back.state, back.expires_at) == (RestoreState.ACTIVE, 99)
    assert catalog.accounts.get("r-one-ab12").restore_id == "ab12"


def test_secrets_of_files_are_sealed_anew_and_go_when_the_files_are_written(catalog: Catalog) -> None:
    catalog.restores.create(replace(restore(), files={"provider": "s3"}, files_secret=b"old"), [])
    assert catalog.restores.sealed_secrets() == [("ab12", b"old")]
    assert not catalog.restores.reseal("ab12", b"new", was=b"other")
    assert catalog.restores.reseal("ab12", b"new", was=b"old")
    assert catalog.restores.get("ab12").files_secret == b"new"
    catalog.restores.set_state("ab12", RestoreState.DONE, files_written=3)
    assert catalog.restores.sealed_secrets() == []
    assert catalog.restores.get("ab12").files_written == 3


def test_paused_and_thawing_restores_keep_their_account(catalog: Catalog) -> None:
    catalog.restores.create(restore(), ledger())
    for state in (RestoreState.PAUSED, RestoreState.THAWING, RestoreState.IN_PROGRESS):
        assert catalog.restores.set_state("ab12", state).state is state
        assert catalog.accounts.get("r-one-ab12").restore_id == "ab12"
    catalog.restores.started("ab12", 5)
    catalog.restores.started("ab12", 6)
    catalog.restores.failing("ab12", "away")
    now = catalog.restores.get("ab12")
    assert (now.started_at, now.error) == (5, "away")
