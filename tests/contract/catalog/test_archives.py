"""Archives and their targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import AccountKind, Archive, ArchiveState, Origin, Target
from logkeep.errors import BadSetting, Conflict, InputError, NotFound
from tests.contract.catalog import samples
from tests.contract.catalog.samples import archive, target
from tests.contract.catalog.test_objects import planned, seal


def test_an_archive_is_set_up_with_its_target(catalog: Catalog, url: str) -> None:
    samples.account(catalog)
    options = MappingProxyType({"bucket": "b", "prefix": "ä", "endpoint": "https://h"})
    wanted = replace(target(), options=options, archive="", account="")
    made = catalog.archives.create(replace(archive(), target=99), wanted)
    assert made == replace(archive(), target=1)
    stored = Target(
        id=1,
        archive="main",
        account="main",
        provider="s3",
        options={"bucket": "b", "prefix": "ä", "endpoint": "https://h"},
        place="s3://b/p",
        created_at=9,
        secret=b"sealed",
    )
    other = open_catalog(url)
    assert other.archives.get("main") == made
    assert other.archives.list() == [made]
    assert other.archives.of_account("main") == [made]
    assert other.archives.target(1) == stored
    assert other.archives.targets("main") == [stored]
    assert other.archives.targets_of_account("main") == [stored]
    assert other.archives.targets_of_all() == {"main": [stored]}
    other.close()


def test_archives_come_by_account_and_rank(catalog: Catalog) -> None:
    for name in ("b", "a"):
        samples.account(catalog, name)
    for name, of, rank in (("z", "a", 2), ("x", "b", 0), ("y", "a", 1), ("w", "a", 2)):
        catalog.archives.create(archive(name, of=of, rank=rank), target(f"s3://b/{name}"))
    assert [one.id for one in catalog.archives.list()] == ["y", "w", "z", "x"]
    assert [one.id for one in catalog.archives.of_account("a")] == ["y", "w", "z"]
    assert catalog.archives.of_account("nobody") == []
    assert [one.place for one in catalog.archives.targets_of_account("a")] == [
        "s3://b/z",
        "s3://b/y",
        "s3://b/w",
    ]


def test_an_archive_needs_a_live_account_and_an_id_of_its_own(catalog: Catalog) -> None:
    samples.set_up(catalog)
    samples.account(catalog, "other")
    catalog.accounts.create("back", AccountKind.RESTORED, 7, "ab12")
    with pytest.raises(Conflict, match="archive 'main' exists already"):
        catalog.archives.create(archive("main", of="other"), target("s3://b/q"))
    with pytest.raises(InputError, match="'Main' cannot be the id of an archive"):
        catalog.archives.create(archive("Main"), target("s3://b/q"))
    with pytest.raises(BadSetting, match="no archive can be called 'new'"):
        catalog.archives.create(archive("new"), target("s3://b/q"))
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.archives.create(archive("next", of="nobody"), target("s3://b/q"))
    with pytest.raises(InputError, match="'back' is a restored account"):
        catalog.archives.create(archive("next", of="back"), target("s3://b/q"))
    assert [one.id for one in catalog.archives.list()] == ["main"]
    assert len(catalog.archives.targets_of_account("main")) == 1


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    archives = catalog.archives
    of_archives: tuple[Callable[[], object], ...] = (
        lambda: archives.get("nope"),
        lambda: archives.update(archive("nope")),
        lambda: archives.move("nope", target()),
        lambda: archives.targets("nope"),
        lambda: archives.forget_secrets("nope"),
        lambda: archives.delete("nope"),
    )
    for call in of_archives:
        with pytest.raises(NotFound, match="no archive 'nope'"):
            call()
    of_targets: tuple[Callable[[], object], ...] = (
        lambda: archives.target(5),
        lambda: archives.marked(5, 1),
        lambda: archives.reconnect(5, "s3", {}, b""),
    )
    for call in of_targets:
        with pytest.raises(NotFound, match="no target 5"):
            call()


def test_an_update_changes_all_but_what_ties_the_archive_down(catalog: Catalog) -> None:
    samples.set_up(catalog)
    changed = Archive(
        id="main",
        account="main",
        state=ArchiveState.PAUSED,
        created_at=8,
        title="All",
        rank=3,
        target=1,
        query="level:error",
        with_excluded=True,
        origin=Origin.SETTINGS,
        seal_after_s=1,
        late_sweep_s=2,
        max_object_bytes=3,
        compression_level=0,
        verify_every_s=4,
        drill_every_s=5,
    )
    asked = replace(changed, account="other", created_at=0, target=77)
    assert catalog.archives.update(asked) == changed
    assert catalog.archives.get("main") == changed


def test_a_move_makes_a_new_target_and_keeps_the_old_one(catalog: Catalog) -> None:
    before = samples.set_up(catalog)
    after = catalog.archives.move("main", target("s3://new/p", of="x", account="y"))
    assert after == replace(before, target=2)
    assert catalog.archives.get("main") == after
    assert catalog.archives.targets("main") == [
        replace(target(), id=1),
        replace(target("s3://new/p"), id=2),
    ]


def test_an_update_that_was_begun_before_a_move_does_not_undo_it(catalog: Catalog) -> None:
    before = samples.set_up(catalog)
    moved = catalog.archives.move("main", target("s3://new/p"))
    assert catalog.archives.update(replace(before, title="x")) == replace(moved, title="x")


def test_moving_back_goes_on_in_the_former_target_with_the_new_connection(catalog: Catalog) -> None:
    first = samples.set_up(catalog)
    seal(catalog, planned(target=first.target))
    catalog.archives.marked(first.target, 44)
    catalog.archives.move("main", target("s3://new/p"))
    again = replace(target(), options={"bucket": "b", "role_arn": "r"}, secret=b"other", created_at=50)
    assert catalog.archives.move("main", again) == first
    assert catalog.archives.target(first.target) == replace(
        again, id=first.target, created_at=9, marked_at=44
    )
    assert catalog.objects.next_part(first.target, planned().hour) == 1
    assert len(catalog.archives.targets("main")) == 2


def test_moving_to_the_same_place_changes_the_connection(catalog: Catalog) -> None:
    first = samples.set_up(catalog)
    assert catalog.archives.move("main", replace(target(), provider="minio", secret=b"")) == first
    assert catalog.archives.targets("main") == [replace(target(), id=1, provider="minio", secret=b"")]


def test_two_archives_of_an_account_never_share_a_place(catalog: Catalog) -> None:
    samples.set_up(catalog)
    catalog.archives.create(archive("second"), target("s3://b/q"))
    with pytest.raises(Conflict, match="archive 'main' of the same account has s3://b/p"):
        catalog.archives.create(archive("third"), target("s3://b/p"))
    with pytest.raises(Conflict, match="archive 'main' of the same account"):
        catalog.archives.move("second", target("s3://b/p"))
    catalog.archives.move("main", target("s3://b/r"))
    with pytest.raises(Conflict, match="archive 'main' of the same account"):
        catalog.archives.move("second", target("s3://b/p"))
    assert [one.id for one in catalog.archives.list()] == ["main", "second"]
    assert catalog.archives.get("second").target == 2
    assert len(catalog.archives.targets("second")) == 1


def test_archives_of_different_accounts_may_share_a_place(catalog: Catalog) -> None:
    samples.set_up(catalog)
    other = samples.set_up(catalog, "other", of="other")
    assert catalog.archives.target(other.target).place == "s3://b/p"


def test_one_of_two_archives_set_up_at_once_in_a_place_gets_it(catalog: Catalog) -> None:
    samples.account(catalog)
    outcome = samples.at_once(
        lambda: catalog.archives.create(archive("a"), target()),
        lambda: catalog.archives.create(archive("b"), target()),
    )
    assert sorted(type(one).__name__ for one in outcome) == ["Archive", "Conflict"]
    assert len(catalog.archives.list()) == 1


def test_two_moves_at_once_leave_one_target_for_each_place(catalog: Catalog) -> None:
    samples.set_up(catalog)
    samples.at_once(
        lambda: catalog.archives.move("main", target("s3://new/p")),
        lambda: catalog.archives.move("main", target("s3://new/p")),
    )
    assert [one.place for one in catalog.archives.targets("main")] == ["s3://b/p", "s3://new/p"]
    assert catalog.archives.get("main").target == 2


def test_reconnecting_keeps_the_place(catalog: Catalog) -> None:
    samples.set_up(catalog)
    catalog.archives.reconnect(1, "minio", {"bucket": "b"}, b"new")
    assert catalog.archives.target(1) == replace(
        target(), id=1, provider="minio", options={"bucket": "b"}, secret=b"new"
    )


def test_a_place_that_was_written_down_wrongly_is_corrected(catalog: Catalog) -> None:
    samples.set_up(catalog)
    catalog.archives.create(archive("second"), target("s3://b/q"))
    right = "s3://b/p?endpoint=https://h"
    catalog.archives.reconnect(1, "minio", {"bucket": "b"}, b"", place=right)
    catalog.archives.reconnect(1, "minio", {"bucket": "b"}, b"", place=right)
    assert catalog.archives.target(1).place == right
    with pytest.raises(Conflict, match="archive 'second'"):
        catalog.archives.reconnect(1, "s3", {}, b"", place="s3://b/q")
    assert catalog.archives.target(1).provider == "minio"


def test_a_target_remembers_its_marker(catalog: Catalog) -> None:
    samples.set_up(catalog)
    catalog.archives.marked(1, 44)
    assert catalog.archives.target(1).marked_at == 44


def test_secrets_are_forgotten_in_every_target_of_the_archive(catalog: Catalog) -> None:
    samples.set_up(catalog)
    catalog.archives.move("main", target("s3://new/p"))
    catalog.archives.create(archive("second"), target("s3://b/q"))
    catalog.archives.forget_secrets("main")
    assert [one.secret for one in catalog.archives.targets("main")] == [b"", b""]
    assert catalog.archives.sealed_secrets() == [(3, b"sealed")]


def test_resealing_replaces_only_what_was_read(catalog: Catalog) -> None:
    samples.set_up(catalog)
    assert catalog.archives.reseal(1, b"anew", was=b"sealed")
    catalog.archives.reconnect(1, "s3", {}, b"changed")
    assert not catalog.archives.reseal(1, b"late", was=b"anew")
    assert not catalog.archives.reseal(9, b"late", was=b"anew")
    assert catalog.archives.sealed_secrets() == [(1, b"changed")]


def test_secrets_are_not_shown(catalog: Catalog) -> None:
    samples.set_up(catalog)
    assert "sealed" not in repr(catalog.archives.targets("main"))


def test_a_deleted_archive_takes_its_targets_and_plans_and_leaves_its_objects(catalog: Catalog) -> None:
    first = samples.set_up(catalog)
    done = seal(catalog, planned(target=first.target))
    catalog.objects.plan(planned(target=first.target, part=1))
    second = catalog.archives.move("main", target("s3://new/p"))
    catalog.objects.plan(planned(target=second.target))
    catalog.archives.delete("main")
    assert catalog.archives.list() == []
    assert catalog.archives.targets_of_account("main") == []
    assert catalog.objects.planned() == []
    assert catalog.objects.list("main") == [done]


def test_a_new_archive_of_an_old_id_starts_with_nothing(catalog: Catalog) -> None:
    seal(catalog, planned(target=samples.set_up(catalog).target))
    catalog.archives.delete("main")
    again = samples.set_up(catalog)
    assert again.target == 2
    assert catalog.objects.totals("main").objects == 0
    assert catalog.objects.list(archive="main") == []
    assert catalog.objects.sealed_hours([planned().hour]) == set()
    assert catalog.objects.next_part(again.target, planned().hour) == 0
    assert len(catalog.objects.list("main")) == 1
