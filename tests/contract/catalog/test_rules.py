"""Exclusion rules and their counters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.rules import MAX_RULES
from logkeep.catalog.values import Rule
from logkeep.errors import Conflict, NotFound
from tests.contract.catalog import samples
from tests.contract.catalog.samples import rule


def test_rules_are_listed_oldest_first(catalog: Catalog) -> None:
    for name in ("main", "other"):
        samples.account(catalog, name)
    plain = Rule(id="plain", account="main", title="", created_at=5)
    for one in (rule("b", created_at=7), plain, rule("a", created_at=7), rule("c", of="other")):
        assert catalog.rules.create(one) == one
    assert catalog.rules.get("plain") == plain
    assert catalog.rules.get("b") == rule("b", created_at=7)
    assert catalog.rules.of_account("main") == [plain, rule("a", created_at=7), rule("b", created_at=7)]
    assert [one.id for one in catalog.rules.list()] == ["plain", "a", "b", "c"]
    assert catalog.rules.of_account("nobody") == []


def test_a_rule_needs_an_account_and_an_id_of_its_own(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.rules.create(rule())
    with pytest.raises(Conflict, match="rule 'r1' exists already"):
        catalog.rules.create(rule())
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.rules.create(rule("r2", of="nobody"))
    for call in (
        lambda: catalog.rules.get("nope"),
        lambda: catalog.rules.update(rule("nope")),
        lambda: catalog.rules.delete("nope"),
    ):
        with pytest.raises(NotFound, match="no exclusion rule 'nope'"):
            call()


def test_an_update_changes_the_rule_and_not_what_it_counted(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.rules.create(rule())
    catalog.rules.count({"r1": (3, 300)})
    changed = Rule(id="r1", account="main", title="t", created_at=10, query="q", active=False)
    asked = replace(changed, account="other", created_at=0, lines=0, bytes=0)
    assert catalog.rules.update(asked) == replace(changed, lines=3, bytes=300)
    assert catalog.rules.get("r1") == replace(changed, lines=3, bytes=300)


def test_a_deleted_rule_is_gone(catalog: Catalog) -> None:
    samples.account(catalog)
    catalog.rules.create(rule())
    catalog.rules.create(rule("r2"))
    catalog.rules.delete("r1")
    assert catalog.rules.list() == [rule("r2")]


def test_an_account_has_a_bounded_number_of_rules(catalog: Catalog) -> None:
    for name in ("main", "other"):
        samples.account(catalog, name)
    for number in range(MAX_RULES - 1):
        catalog.rules.create(rule(f"r{number}"))
    outcome = samples.at_once(
        lambda: catalog.rules.create(rule("x")), lambda: catalog.rules.create(rule("y"))
    )
    assert sorted(type(one).__name__ for one in outcome) == ["Conflict", "Rule"]
    with pytest.raises(Conflict, match="has 200 exclusion rules"):
        catalog.rules.create(rule("z"))
    catalog.rules.create(rule("z", of="other"))
    assert len(catalog.rules.of_account("main")) == MAX_RULES


def test_counts_add_up_whoever_adds_them(catalog: Catalog) -> None:
    samples.account(catalog)
    for name in ("r1", "r2"):
        catalog.rules.create(rule(name))

    def count() -> None:
        for _ in range(25):
            catalog.rules.count({"r1": (1, 10), "r2": (2, 1 << 40), "gone": (9, 9)})

    samples.at_once(count, count)
    catalog.rules.count({})
    assert [(one.lines, one.bytes) for one in catalog.rules.list()] == [(50, 500), (100, 50 << 40)]
