"""Restores to look at: pages, counts, and those that are watched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.history import Into, Place, Wanted
from logkeep.catalog.values import Restore, RestoreState
from tests.contract.catalog.test_restores import restore


def keep(catalog: Catalog, restore_id: str, at: int, **changes: Any) -> Restore:
    made = replace(restore(restore_id, account=f"r-{restore_id}", created_at=at), **changes)
    catalog.restores.create(made, [])
    return made


def watched(catalog: Catalog, *wanted: str, running: bool = False) -> list[str]:
    return [one.id for one in catalog.restore_history.watched(wanted, running=running)]


def found(catalog: Catalog, **wanted: Any) -> list[str]:
    page = catalog.restore_history.page(Wanted(**wanted), 100)
    assert sum(catalog.restore_history.counts(Wanted(**wanted)).values()) == len(page)
    return [one.id for one in page]


def test_those_that_are_watched_are_found_by_id_and_all_that_have_not_ended(catalog: Catalog) -> None:
    for number, name in enumerate("abcd"):
        keep(catalog, name, number)
    catalog.restores.set_state("b", RestoreState.ACTIVE)
    catalog.restores.set_state("c", RestoreState.PAUSED)
    catalog.restores.set_state("d", RestoreState.FAILED)
    assert watched(catalog, "b", "a", "nobody") == ["b", "a"]
    assert watched(catalog, "d", running=True) == ["d", "c", "a"]
    assert watched(catalog) == []


def test_the_history_comes_page_by_page_without_a_gap_or_a_repetition(catalog: Catalog) -> None:
    made = {name: keep(catalog, name, at) for name, at in (("a", 1), ("b", 2), ("c", 2), ("d", 2), ("e", 3))}
    pages: list[list[str]] = []
    behind: Place | None = None
    while page := catalog.restore_history.page(Wanted(), 2, behind):
        pages.append([one.id for one in page])
        behind = Place(created_at=page[-1].created_at, id=page[-1].id)
    assert pages == [["e", "d"], ["c", "b"], ["a"]]
    assert catalog.restore_history.page(Wanted(), 1) == [made["e"]]


def test_restores_are_found_by_state_and_counted(catalog: Catalog) -> None:
    for number, name in enumerate("abc"):
        keep(catalog, name, number)
    catalog.restores.set_state("b", RestoreState.ACTIVE)
    assert found(catalog, states=[RestoreState.ACTIVE]) == ["b"]
    assert found(catalog, states=[RestoreState.FAILED]) == []
    assert catalog.restore_history.counts(Wanted()) == {
        (Into.ACCOUNT, RestoreState.IN_PROGRESS): 2,
        (Into.ACCOUNT, RestoreState.ACTIVE): 1,
    }


@pytest.mark.parametrize(
    ("text", "ids"),
    [("night", ["b", "a"]), ("INC-7", ["a"]), ("inc-", ["a"]), ("50%", ["b"]), ("_", []), ("x", [])],
)
def test_restores_are_found_by_part_of_their_name_or_reason(
    catalog: Catalog, text: str, ids: list[str]
) -> None:
    keep(catalog, "a", 1, name="Night of the 5th", reason="INC-7: orders refused")
    keep(catalog, "b", 2, name="half", reason="50% by night")
    assert found(catalog, text=text) == ids


def test_restores_are_found_by_where_they_go_and_whose_they_are(catalog: Catalog) -> None:
    keep(catalog, "a", 1)
    keep(catalog, "b", 2, files={"provider": "folder"})
    keep(catalog, "c", 3, pipeline="web", source="shop")
    assert found(catalog, into=[Into.ACCOUNT]) == ["a"]
    assert found(catalog, into=[Into.FILES]) == ["b"]
    assert found(catalog, into=[Into.PIPELINE]) == ["c"]
    assert found(catalog, into=[Into.ACCOUNT, Into.FILES]) == ["b", "a"]
    in_progress = RestoreState.IN_PROGRESS
    assert catalog.restore_history.counts(Wanted()) == {(one, in_progress): 1 for one in Into}
    assert found(catalog, account="main") == ["b", "a"]
    assert found(catalog, account="r-a") == ["a"]
    assert found(catalog, account="r-b") == []  # there is nothing to be found in it


def test_only_what_may_be_seen_is_found(catalog: Catalog) -> None:
    keep(catalog, "a", 1, source="shop")
    keep(catalog, "b", 2, source="acme")
    keep(catalog, "c", 3, source="shop", pipeline="of-shop")
    keep(catalog, "d", 4, source="shop", pipeline="of-acme")
    keep(catalog, "e", 5, source="shop", pipeline="gone")
    assert found(catalog, seen={"shop"}, hidden={"of-acme"}) == ["e", "c", "a"]
    assert found(catalog, seen={"acme"}, hidden={"of-shop"}) == ["b"]
    assert found(catalog, seen=set()) == []
    assert found(catalog, seen={"shop", "acme"}) == ["e", "d", "c", "b", "a"]
