"""Restores to look at."""

from __future__ import annotations

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import RestoreState
from tests.contract.catalog.test_restores import restore


def ids(catalog: Catalog, *wanted: str, running: bool = False) -> list[str]:
    return [one.id for one in catalog.restore_history.watched(wanted, running=running)]


def test_those_that_are_watched_are_found_by_id_and_all_that_have_not_ended(catalog: Catalog) -> None:
    for number, name in enumerate("abcd"):
        catalog.restores.create(restore(name, account=f"r-{name}", created_at=number), [])
    catalog.restores.set_state("b", RestoreState.ACTIVE)
    catalog.restores.set_state("c", RestoreState.PAUSED)
    catalog.restores.set_state("d", RestoreState.FAILED)
    assert ids(catalog, "b", "a", "nobody") == ["b", "a"]
    assert ids(catalog, "d", running=True) == ["d", "c", "a"]
    assert ids(catalog) == []
