"""Pipelines in the catalog: versions, keys of sources, sealed secrets; their archives and restores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from tests.contract.catalog import samples

from logkeep.catalog import pipelines
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import (
    AccountKind,
    Pipeline,
    PipelineVersion,
    Restore,
    RestoreState,
    SourceKey,
)
from logkeep.errors import Conflict, InputError, NotFound
from logkeep.vault import Vault, rotate

KEYS = ["A" * 43 + "=", "B" * 42 + "A="]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    samples.account(opened)
    yield opened
    opened.close()


def pipeline(
    name: str = "web", *, of: str = "main", spec: bytes = b"1", at: int = 20, secret: bytes = b""
) -> Pipeline:
    return Pipeline(
        id=name, account=of, spec=spec, secret=secret, created_at=at, updated_at=at, updated_by="key1"
    )


def test_a_pipeline_is_saved_as_its_next_version(catalog: Catalog) -> None:
    first = catalog.pipelines.save(pipeline(secret=b"s1"))
    assert first == replace(pipeline(secret=b"s1"), version=1)
    second = catalog.pipelines.save(replace(pipeline(spec=b"2", at=30, secret=b"s2"), version=77))
    assert second == replace(pipeline(spec=b"2", at=30, secret=b"s2"), version=2, created_at=20)
    assert catalog.pipelines.get("web") == second
    assert catalog.pipelines.version("web", 1) == first
    assert catalog.pipelines.versions("web") == [
        PipelineVersion(version=2, at=30, by="key1", spec=b"2"),
        PipelineVersion(version=1, at=20, by="key1", spec=b"1"),
    ]


def test_a_former_version_becomes_the_newest_one(catalog: Catalog) -> None:
    catalog.pipelines.save(pipeline(secret=b"s1"))
    catalog.pipelines.save(pipeline(spec=b"2", at=30))
    former = catalog.pipelines.version("web", 1)
    back = catalog.pipelines.save(replace(former, updated_at=40, updated_by="key2"))
    assert (back.version, back.spec, back.secret, back.created_at) == (3, b"1", b"s1", 20)
    assert catalog.pipelines.get("web") == back


def test_pipelines_are_listed_by_id(catalog: Catalog) -> None:
    samples.account(catalog, "other")
    saved = [catalog.pipelines.save(pipeline(name, of=of)) for name, of in (("b", "main"), ("a", "other"))]
    assert catalog.pipelines.list() == saved[::-1]


def test_two_saves_at_once_are_two_versions(catalog: Catalog) -> None:
    save = catalog.pipelines.save
    samples.at_once(*(partial(save, pipeline(spec=spec)) for spec in (b"1", b"2", b"3")))
    assert [one.version for one in catalog.pipelines.versions("web")] == [3, 2, 1]
    assert {one.spec for one in catalog.pipelines.versions("web")} == {b"1", b"2", b"3"}


def test_the_oldest_versions_go(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "_MOST_VERSIONS", 2)
    catalog.pipelines.save(pipeline("api"))
    for _ in range(3):
        catalog.pipelines.save(pipeline())
    assert [one.version for one in catalog.pipelines.versions("web")] == [3, 2]
    assert [one.version for one in catalog.pipelines.versions("api")] == [1]
    with pytest.raises(NotFound, match=r"pipeline 'web' has no version 1 .*logkeep pipeline versions web"):
        catalog.pipelines.version("web", 1)


def test_a_pipeline_needs_a_good_id_and_a_live_account(catalog: Catalog) -> None:
    catalog.accounts.create("back", AccountKind.RESTORED, 7, "ab12")
    with pytest.raises(InputError, match="cannot be the id of a pipeline"):
        catalog.pipelines.save(pipeline("Web Logs"))
    with pytest.raises(NotFound, match="no account 'nobody'"):
        catalog.pipelines.save(pipeline(of="nobody"))
    with pytest.raises(InputError, match="restored account, which has no pipelines"):
        catalog.pipelines.save(pipeline(of="back"))
    assert catalog.pipelines.list() == []


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    calls = (
        partial(catalog.pipelines.get, "web"),
        partial(catalog.pipelines.versions, "web"),
        partial(catalog.pipelines.version, "web", 1),
        partial(catalog.pipelines.delete, "web"),
        partial(catalog.pipelines.issue_key, "web", "in", 1),
    )
    for call in calls:
        with pytest.raises(NotFound, match="no pipeline 'web'"):
            call()
    assert catalog.pipelines.keys("web") == {}


def test_a_deleted_pipeline_takes_versions_and_keys_along(catalog: Catalog) -> None:
    catalog.pipelines.save(pipeline(secret=b"s"))
    token = catalog.pipelines.issue_key("web", "in", 30)
    assert catalog.pipelines.resolve(token) is not None
    catalog.pipelines.delete("web")
    assert catalog.pipelines.resolve(token) is None
    assert catalog.pipelines.sealed_secrets() == []
    again = catalog.pipelines.save(pipeline())
    assert again.version == 1
    assert catalog.pipelines.keys("web") == {}
    assert len(catalog.pipelines.versions("web")) == 1


def test_an_account_that_has_pipelines_is_not_deleted(catalog: Catalog) -> None:
    catalog.pipelines.save(pipeline())
    with pytest.raises((IntegrityError, Conflict)):
        catalog.accounts.delete("main")
    assert catalog.pipelines.get("web").account == "main"
    catalog.pipelines.delete("web")
    catalog.accounts.delete("main")


def test_a_token_opens_its_source_and_is_kept_only_as_a_digest(catalog: Catalog, tmp_path: Path) -> None:
    catalog.pipelines.save(pipeline())
    token = catalog.pipelines.issue_key("web", "in", 30)
    assert (token[:4], len(token)) == ("lkp_", 47)
    assert catalog.pipelines.resolve(token) == SourceKey(pipeline="web", source="in")
    assert catalog.pipelines.resolve(token) == SourceKey(pipeline="web", source="in")  # from the cache
    assert catalog.pipelines.resolve(token[:-1]) is None
    assert catalog.pipelines.resolve("") is None
    assert catalog.keys.resolve(token) is None
    assert not any(token.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_a_new_key_of_a_source_replaces_the_former_one(catalog: Catalog) -> None:
    catalog.pipelines.save(pipeline())
    former = catalog.pipelines.issue_key("web", "in", 30)
    other = catalog.pipelines.issue_key("web", "more", 31)
    assert catalog.pipelines.resolve(former) is not None
    new = catalog.pipelines.issue_key("web", "in", 32)
    assert catalog.pipelines.resolve(former) is None
    assert catalog.pipelines.resolve(new) == SourceKey(pipeline="web", source="in")
    assert catalog.pipelines.resolve(other) == SourceKey(pipeline="web", source="more")
    assert catalog.pipelines.keys("web") == {"in": 32, "more": 31}


def test_a_revoked_key_opens_nothing_even_when_it_was_just_used(catalog: Catalog) -> None:
    catalog.pipelines.save(pipeline())
    for _ in range(20):
        token = catalog.pipelines.issue_key("web", "in", 30)
        samples.at_once(
            partial(catalog.pipelines.resolve, token), partial(catalog.pipelines.revoke, "web", "in")
        )
        assert catalog.pipelines.resolve(token) is None
    catalog.pipelines.revoke("web", "in")
    assert catalog.pipelines.keys("web") == {}


def test_secrets_of_every_version_are_sealed_again(catalog: Catalog) -> None:
    old, new = Vault(KEYS[:1]), Vault([KEYS[1], KEYS[0]])
    catalog.pipelines.save(pipeline(secret=old.seal({"out/token": "one"})))
    catalog.pipelines.save(pipeline())
    catalog.pipelines.save(pipeline(secret=old.seal({"out/token": "three"})))
    assert [owner for owner, _ in catalog.pipelines.sealed_secrets()] == ["web/1", "web/3"]
    assert rotate(new, catalog.pipelines) == 2
    assert rotate(new, catalog.pipelines) == 0
    only_new = Vault(KEYS[1:])
    opened = [only_new.open(catalog.pipelines.version("web", number).secret) for number in (1, 2, 3)]
    assert opened == [{"out/token": "one"}, {}, {"out/token": "three"}]
    assert not catalog.pipelines.reseal("web/1", b"late", was=b"something else")


def test_archives_of_pipelines_take_nothing_that_an_account_keeps(catalog: Catalog) -> None:
    own = samples.set_up(catalog)
    of_pipeline = catalog.archives.create(
        replace(samples.archive("web-archive"), pipeline="web"), samples.target("s3://b/web")
    )
    assert catalog.archives.of_account("main") == [own]
    assert catalog.archives.of_pipeline("web") == [of_pipeline]
    assert catalog.archives.of_pipeline("") == [own]
    assert catalog.archives.list() == [own, of_pipeline]
    assert len(catalog.archives.targets_of_account("main")) == 2


def test_an_archive_stays_with_its_pipeline(catalog: Catalog) -> None:
    made = catalog.archives.create(
        replace(samples.archive("web-archive"), pipeline="web"), samples.target("s3://b/web")
    )
    assert catalog.archives.update(replace(made, pipeline="", title="x")) == replace(made, title="x")


def restore() -> Restore:
    return Restore(
        id="ab12",
        name="one",
        state=RestoreState.IN_PROGRESS,
        account="r-one",
        source="main",
        from_ms=0,
        to_ms=1,
        query="",
        duplicates=0,
        created_at=5,
        pipeline="web",
        pipeline_source="back",
        rate=500,
        planned_objects=1,
        planned_lines=3000,
        planned_bytes=90,
        planned_raw_bytes=300,
        lines=0,
        bytes=0,
    )


def test_it_is_known_how_far_a_restore_is_sent(catalog: Catalog) -> None:
    catalog.restores.create(restore(), [])
    assert catalog.restores.get("ab12") == restore()
    catalog.restores.sent("ab12", 1000)
    catalog.restores.sent("ab12", 2500)
    assert catalog.restores.get("ab12") == replace(restore(), sent=2500)


def test_a_restore_that_begins_anew_has_sent_nothing(catalog: Catalog) -> None:
    catalog.restores.create(restore(), [])
    catalog.restores.sent("ab12", 1000)
    catalog.restores.set_state("ab12", RestoreState.FAILED)
    assert catalog.restores.begin_anew("ab12") == restore()
