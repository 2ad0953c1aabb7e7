"""The objects of archives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from logkeep.archive.manifest import ChainHead
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.objects import DayTotals, Totals
from logkeep.catalog.values import ArchiveObject, ObjectState
from logkeep.errors import Conflict, NotFound
from logkeep.timeline import HOUR_MS, Hour, TimeRange
from tests.contract.catalog import samples

HOUR = Hour(480_000)


def planned(
    *, account: str = "main", archive: str = "main", target: int = 1, hour: int = HOUR, part: int = 0
) -> ArchiveObject:
    return ArchiveObject(
        account=account,
        archive=archive,
        target=target,
        hour=Hour(hour),
        part=part,
        state=ObjectState.PLANNED,
        after_seq=10,
        upto_seq=20,
        spool_id=77,
    )


def sealed(plan: ArchiveObject, *, sha256: str = "ab", chain: int = 0) -> ArchiveObject:
    return replace(
        plan,
        state=ObjectState.SEALED,
        key=f"year=2024/{plan.part}.json.gz",
        lines=3,
        raw_bytes=300,
        stored_bytes=90,
        sha256=sha256,
        min_ts=1,
        max_ts=2,
        sealed_at=3,
        chain=chain,
        manifest_sha256=f"m{chain}",
    )


def seal(catalog: Catalog, plan: ArchiveObject, *, chain: int = 0) -> ArchiveObject:
    catalog.objects.plan(plan)
    done = sealed(plan, chain=chain)
    catalog.objects.seal(done)
    return done


def test_an_object_is_planned_then_sealed(catalog: Catalog) -> None:
    samples.set_up(catalog)
    plan = planned()
    catalog.objects.plan(plan)
    assert catalog.objects.planned() == [plan]
    assert catalog.objects.list() == []
    assert catalog.objects.sealed_hours([HOUR]) == set()
    catalog.objects.seal(sealed(plan))
    assert catalog.objects.planned() == []
    assert catalog.objects.list() == [sealed(plan)]
    assert catalog.objects.sealed_hours([HOUR, Hour(HOUR + 1)]) == {("main", HOUR)}
    assert catalog.objects.sealed_hours([Hour(HOUR + 1)]) == set()


def test_sealing_again_is_fine_unless_the_bytes_differ(catalog: Catalog) -> None:
    catalog.objects.plan(planned())
    catalog.objects.seal(sealed(planned()))
    catalog.objects.seal(sealed(planned()))
    with pytest.raises(Conflict, match="other bytes"):
        catalog.objects.seal(sealed(planned(), sha256="cd"))
    with pytest.raises(NotFound, match="was not planned"):
        catalog.objects.seal(sealed(planned(part=5)))


def test_parts_of_an_hour_are_counted_up_in_each_target(catalog: Catalog) -> None:
    assert catalog.objects.next_part(1, HOUR) == 0
    catalog.objects.plan(planned())
    assert catalog.objects.next_part(1, HOUR) == 1
    assert catalog.objects.next_part(1, Hour(HOUR + 1)) == 0
    assert catalog.objects.next_part(2, HOUR) == 0
    with pytest.raises(Conflict, match="in the catalog already"):
        catalog.objects.plan(planned())
    catalog.objects.plan(planned(target=2))
    assert catalog.objects.planned() == [planned(), planned(target=2)]


def test_one_of_two_that_plan_a_part_at_once_gets_it(catalog: Catalog) -> None:
    outcome = samples.at_once(
        lambda: catalog.objects.plan(planned()), lambda: catalog.objects.plan(planned())
    )
    assert sorted(type(one).__name__ for one in outcome) == ["Conflict", "NoneType"]
    assert catalog.objects.planned() == [planned()]


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


def test_only_a_planned_object_is_dropped(catalog: Catalog) -> None:
    catalog.objects.plan(planned())
    catalog.objects.drop(planned())
    catalog.objects.drop(planned())
    assert catalog.objects.planned() == []
    seal(catalog, planned())
    catalog.objects.drop(planned())
    assert catalog.objects.list() == [sealed(planned())]


def three_archives(catalog: Catalog) -> None:
    """`main` has moved from target 1 to 2; `second` is of the same account and has 3, `other` 4."""
    samples.set_up(catalog)
    catalog.archives.move("main", samples.target("s3://new/p"))
    catalog.archives.create(samples.archive("second"), samples.target("s3://b/q"))
    samples.set_up(catalog, "other", of="other")
    for one in (
        planned(hour=HOUR + 1),
        planned(),
        planned(part=1),
        planned(target=2),
        planned(archive="second", target=3),
        planned(account="other", archive="other", target=4),
    ):
        seal(catalog, one)
    catalog.objects.plan(planned(hour=HOUR + 2))


def test_objects_are_listed_by_account_archive_target_and_hours(catalog: Catalog) -> None:
    three_archives(catalog)
    one_hour = TimeRange(start=HOUR * HOUR_MS + 5, end=(HOUR + 1) * HOUR_MS)

    def listed(
        account: str | None = None,
        within: TimeRange | None = None,
        archive: str | None = None,
        target: int | None = None,
    ) -> list[tuple[int, int, int]]:
        found = catalog.objects.list(account, within, archive=archive, target=target)
        return [(one.target, one.hour - HOUR, one.part) for one in found]

    first, second, moved, apart, later = (1, 0, 0), (1, 0, 1), (2, 0, 0), (3, 0, 0), (1, 1, 0)
    assert listed("main") == [first, second, moved, apart, later]
    assert listed("main", one_hour) == [first, second, moved, apart]
    assert listed(archive="main") == [first, second, moved, later]
    assert listed(None, one_hour, archive="main") == [first, second, moved]
    assert listed("main", target=2) == [moved]
    assert listed(None, one_hour) == [first, second, moved, apart, (4, 0, 0)]
    assert listed("other", archive="main") == []


def test_what_an_archive_holds_is_added_up_over_its_targets_and_by_hour(catalog: Catalog) -> None:
    three_archives(catalog)
    assert catalog.objects.totals("main") == Totals(objects=4, lines=12, raw_bytes=1200, stored_bytes=360)
    assert catalog.objects.totals("second") == Totals(objects=1, lines=3, raw_bytes=300, stored_bytes=90)
    assert catalog.objects.totals("nobody") == (0, 0, 0, 0)
    assert {name: of.objects for name, of in catalog.objects.totals_of_all().items()} == {
        "main": 4,
        "second": 1,
        "other": 1,
    }
    assert catalog.objects.totals_of_all()["main"] == catalog.objects.totals("main")
    within = TimeRange(start=(HOUR - 5) * HOUR_MS, end=(HOUR + 5) * HOUR_MS)
    assert catalog.objects.hours("main", within) == {
        HOUR: Totals(objects=3, lines=9, raw_bytes=900, stored_bytes=270),
        HOUR + 1: Totals(objects=1, lines=3, raw_bytes=300, stored_bytes=90),
    }
    one_hour = TimeRange(start=HOUR * HOUR_MS + 5, end=(HOUR + 1) * HOUR_MS)
    assert list(catalog.objects.hours("main", one_hour)) == [HOUR]
    assert catalog.objects.hours("nobody", within) == {}


def test_days_add_up_what_an_archive_holds_with_a_bit_for_each_hour(catalog: Catalog) -> None:
    three_archives(catalog)  # HOUR is the first of its day
    seal(catalog, planned(hour=HOUR + 30))
    within = TimeRange(start=(HOUR - 5) * HOUR_MS, end=(HOUR + 50) * HOUR_MS)
    assert catalog.objects.span("main") == (HOUR, HOUR + 30)
    assert catalog.objects.span("nobody") is None
    first = DayTotals(
        day=HOUR // 24, objects=4, lines=12, raw_bytes=1200, stored_bytes=360, looked_at=3, hours=0b11
    )
    second = DayTotals(
        day=HOUR // 24 + 1, objects=1, lines=3, raw_bytes=300, stored_bytes=90, looked_at=1, hours=1 << 6
    )
    assert (first.late_objects, second.late_objects) == (2, 0)
    assert catalog.objects.days("main", within, limit=9, place=1, until=3) == [second, first]
    assert catalog.objects.days("main", within, limit=1, place=1, until=3) == [second]
    for place, until in ((1, 2), (3, 3)):
        assert {
            one.looked_at for one in catalog.objects.days("main", within, limit=9, place=place, until=until)
        } == {0}
    one_hour = TimeRange(start=HOUR * HOUR_MS + 5, end=(HOUR + 1) * HOUR_MS)
    assert [one.objects for one in catalog.objects.days("main", one_hour, limit=9)] == [3]
    assert catalog.objects.days("nobody", within, limit=9) == []


def test_the_newest_object_is_the_last_of_the_last_hour(catalog: Catalog) -> None:
    assert catalog.objects.newest("main") is None
    three_archives(catalog)
    newest = catalog.objects.newest("main")
    assert newest is not None
    assert (newest.hour, newest.part) == (HOUR + 1, 0)
    catalog.objects.plan(late := planned(hour=HOUR + 1, part=1))
    catalog.objects.seal(replace(sealed(late), sealed_at=9))
    assert catalog.objects.newest("main") == replace(sealed(late), sealed_at=9)
    assert catalog.objects.newest_of_all() == {
        "main": replace(sealed(late), sealed_at=9),
        "second": catalog.objects.newest("second"),
        "other": catalog.objects.newest("other"),
    }


def test_lines_are_added_up_by_the_spool_that_they_came_through(catalog: Catalog) -> None:
    three_archives(catalog)
    other = replace(planned(hour=HOUR + 1, part=1), spool_id=78)
    seal(catalog, other)
    within = TimeRange(start=(HOUR - 5) * HOUR_MS, end=(HOUR + 5) * HOUR_MS)
    assert catalog.objects.lines_of_spool("main", within, 77) == {HOUR: 9, HOUR + 1: 3}
    assert catalog.objects.lines_of_spool("main", within, 78) == {HOUR + 1: 3}


def test_the_keys_of_a_target_are_those_of_what_is_sealed_there(catalog: Catalog) -> None:
    three_archives(catalog)
    assert sorted(catalog.objects.keys(1)) == ["year=2024/0.json.gz"] * 2 + ["year=2024/1.json.gz"]
    assert catalog.objects.keys(9) == []


def test_the_head_of_a_chain_is_the_highest_number_of_its_target(catalog: Catalog) -> None:
    assert catalog.objects.chain_head(1) is None
    seal(catalog, planned(part=4))  # of a time before there were chains
    assert catalog.objects.chain_head(1) is None
    for part, chain in ((0, 9), (1, 11), (2, 10)):
        seal(catalog, planned(part=part), chain=chain)
    seal(catalog, planned(target=2), chain=30)
    head = ChainHead(chain=11, key="_manifest/year=2024/1.json", sha256="m11")
    assert catalog.objects.chain_head(1) == head


def test_objects_are_there_after_opening_again(url: str) -> None:
    catalog = open_catalog(url)
    done = seal(catalog, planned(), chain=2)
    catalog.objects.plan(planned(part=1))
    catalog.close()
    again = open_catalog(url)
    assert again.objects.list() == [done]
    assert again.objects.planned() == [planned(part=1)]
    again.close()
