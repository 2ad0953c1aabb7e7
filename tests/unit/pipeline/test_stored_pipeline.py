from __future__ import annotations

import msgspec
import pytest
from cryptography.fernet import Fernet
from tests.unit.pipeline_doubles import spec_with

from logkeep.catalog.values import Pipeline
from logkeep.errors import BadPipeline, BadSetting
from logkeep.pipeline import model
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.stored import (
    Whole,
    address_of,
    completed,
    encoded,
    opened,
    sealed,
    spec_of,
    with_secrets,
    without_secrets,
)
from logkeep.vault import Vault

HOOK = model.ToHttp(name="hook", url="https://a.example", secrets={"token": "t0ken", "header.X-Key": "k3y"})
BARE = msgspec.structs.replace(HOOK, secrets={"token": None, "header.X-Key": None})
SAVED = completed(spec_with(HOOK), None)


def changed(one: model.Destination, **more: object) -> PipelineSpec:
    return spec_with(msgspec.structs.replace(one, **more))


def problems(spec: PipelineSpec, saved: Whole | None = SAVED) -> list[tuple[object, object]]:
    with pytest.raises(BadPipeline) as caught:
        completed(spec, saved)
    return [(one["path"], one["message"]) for one in caught.value.problems]


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


def test_secrets_are_taken_out_of_the_spec_and_kept_beside_it() -> None:
    assert SAVED.spec == spec_with(BARE)
    assert SAVED.secrets == {"hook": {"token": "t0ken", "header.X-Key": "k3y"}}
    assert "t0ken" not in repr(SAVED)
    assert b"t0ken" not in encoded(spec_with(HOOK))
    assert with_secrets(SAVED) == spec_with(HOOK)
    assert without_secrets(spec_with(HOOK)) == spec_with(BARE)


def test_a_pipeline_is_opened_as_it_was_sealed(vault: Vault) -> None:
    pipeline = Pipeline(
        id="web",
        account="main",
        spec=encoded(SAVED.spec),
        secret=sealed(SAVED.secrets, vault),
        created_at=0,
        updated_at=0,
    )
    assert b"t0ken" not in pipeline.spec + pipeline.secret
    assert opened(pipeline, vault) == SAVED
    assert spec_of(pipeline) == SAVED.spec
    with pytest.raises(BadSetting, match="cannot be opened"):
        opened(pipeline, Vault([Fernet.generate_key().decode()]))


def test_a_pipeline_without_secrets_has_none_sealed(vault: Vault) -> None:
    assert sealed({}, vault) == b""
    whole = completed(spec_with(), None)
    assert whole == Whole(spec=spec_with())
    assert with_secrets(whole) == spec_with()


def test_null_stands_for_the_value_that_is_saved() -> None:
    assert completed(spec_with(BARE), SAVED) == SAVED
    mixed = completed(changed(HOOK, secrets={"token": "new", "header.X-Key": None}), SAVED)
    assert mixed.secrets == {"hook": {"token": "new", "header.X-Key": "k3y"}}


def test_a_secret_that_is_not_named_any_more_is_forgotten() -> None:
    assert completed(changed(HOOK, secrets={"token": None}), SAVED).secrets == {"hook": {"token": "t0ken"}}
    assert completed(changed(HOOK, secrets={}), SAVED).secrets == {}


def test_an_empty_value_is_a_value() -> None:
    assert completed(changed(HOOK, secrets={"token": ""}), SAVED).secrets == {"hook": {"token": ""}}


def test_each_secret_that_is_missing_is_named() -> None:
    missing = "no value is given, and none is saved"
    expected = [(f"destinations[0].secrets.{name}", missing) for name in ("token", "header.X-Key")]
    assert problems(spec_with(BARE), None) == expected
    more = changed(HOOK, secrets={"token": None, "password": None})
    assert problems(more) == [("destinations[0].secrets.password", missing)]


def test_a_saved_secret_is_not_sent_to_another_address() -> None:
    moved = changed(BARE, url="https://b.example", secrets={"token": None})
    assert problems(moved) == [("destinations[0].secrets.token", "the address changed")]
    again = changed(HOOK, url="https://b.example", secrets={"token": "t0ken"})
    assert completed(again, SAVED).secrets == {"hook": {"token": "t0ken"}}
    kind = spec_with(model.ToLoki(name="hook", url=HOOK.url, secrets={"token": None}))
    assert problems(kind) == [("destinations[0].secrets.token", "the address changed")]


def test_what_is_not_the_address_may_change() -> None:
    other = changed(
        BARE, headers={"X-A": "1"}, gzip=False, query="level:error", batch=model.BatchLimits(events=5)
    )
    assert completed(other, SAVED).secrets == SAVED.secrets


def test_a_destination_that_is_renamed_needs_its_secrets_again() -> None:
    assert problems(changed(HOOK, name="hook-2", secrets={"token": None})) == [
        ("destinations[0].secrets.token", "no value is given, and none is saved")
    ]


def test_secrets_follow_the_name_of_a_destination_not_its_place() -> None:
    out = model.ToStdout(name="out")
    assert completed(spec_with(out, BARE), SAVED).secrets == SAVED.secrets
    moved = msgspec.structs.replace(BARE, url="https://b.example")
    paths = [path for path, _ in problems(spec_with(out, moved))]
    assert paths == ["destinations[1].secrets.token", "destinations[1].secrets.header.X-Key"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (model.ToSyslog(host="a"), model.ToSyslog(host="a", facility=3), True),
        (model.ToSyslog(host="a"), model.ToSyslog(host="b"), False),
        (model.ToSyslog(host="a"), model.ToSyslog(host="a", port=515), False),
        (model.ToKafka(brokers=("a",), topic="t"), model.ToKafka(brokers=("a",), topic="u"), True),
        (model.ToKafka(brokers=("a",), topic="t"), model.ToKafka(brokers=("a", "b"), topic="t"), False),
        (model.ToNats(servers=("a",), subject="t"), model.ToNats(servers=("b",), subject="t"), False),
        (model.ToArchive(provider="s3"), model.ToArchive(provider="s3", title="x"), True),
        (model.ToArchive(provider="s3"), model.ToArchive(provider="s3", options={"bucket": "b"}), True),
        (model.ToArchive(provider="s3"), model.ToArchive(provider="azure"), False),
        *(
            (model.ToArchive(provider="s3"), model.ToArchive(provider="s3", options={name: "x"}), False)
            for name in ("account_name", "authority_host", "endpoint", "proxy_url", "sts_endpoint")
        ),
    ],
)
def test_the_address_is_what_says_to_whom_secrets_are_sent(
    one: model.Destination, other: model.Destination, same: bool
) -> None:
    assert (address_of(one) == address_of(other)) is same
