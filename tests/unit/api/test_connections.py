"""Connections in bodies: given whole, and as changes to a saved one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from logkeep.api.connections import ConnectionBody
from logkeep.errors import BadSetting
from logkeep.storage.connection import Connection, checked

KEYS = checked(
    Connection(
        provider="s3",
        options={"bucket": "logs", "prefix": "a", "access_key_id": "AK", "storage_class": "STANDARD_IA"},
        secrets={"secret_access_key": "old-secret", "session_token": "old-token"},
    )
)
ROLE = checked(
    Connection(
        provider="s3",
        options={"bucket": "logs", "role_arn": "arn:aws:iam::123456789012:role/r", "external_id": "e-1"},
    )
)
GCS = checked(
    Connection(
        provider="gcs",
        options={"bucket": "logs", "access_id": "GOOG"},
        secrets={"hmac_secret": "old-hmac"},
    )
)


def change(saved: Connection, **body: Any) -> Connection | None:
    return msgspec.convert(body, ConnectionBody).change(saved)


def test_nothing_given_changes_nothing() -> None:
    assert change(KEYS) is None


def test_what_is_not_named_stays() -> None:
    assert change(KEYS, options={"prefix": "b"}) == Connection(
        provider="s3", options={**KEYS.options, "prefix": "b"}, secrets=KEYS.secrets
    )
    assert change(KEYS, provider="s3", secrets={"secret_access_key": "new"}) == Connection(
        provider="s3", options=KEYS.options, secrets={**KEYS.secrets, "secret_access_key": "new"}
    )


def test_null_takes_a_value_away() -> None:
    changed = change(KEYS, options={"storage_class": None}, secrets={"session_token": None})
    assert changed is not None
    assert "storage_class" not in changed.options
    assert changed.secrets == {"secret_access_key": "old-secret"}


def test_saved_secrets_are_not_sent_to_another_host() -> None:
    elsewhere = {"endpoint": "https://elsewhere.example"}
    changed = change(KEYS, options=elsewhere)
    assert changed is not None
    assert changed.secrets == {}

    given = change(KEYS, options=elsewhere, secrets={"secret_access_key": "again"})
    assert given is not None
    assert given.secrets == {"secret_access_key": "again"}


def test_truth_values_are_written_as_texts() -> None:
    changed = change(KEYS, options={"path_style": True, "range_reads": False})
    assert changed is not None
    assert (changed.options["path_style"], changed.options["range_reads"]) == ("true", "false")


def test_another_provider_keeps_nothing() -> None:
    assert change(KEYS, provider="folder", options={"path": "/x"}) == Connection(
        provider="folder", options={"path": "/x"}
    )


def test_from_a_role_to_keys_the_role_goes() -> None:
    changed = change(
        ROLE,
        options={"credentials": "keys", "access_key_id": "AK"},
        secrets={"secret_access_key": "new"},
    )
    assert changed is not None
    now = checked(changed)
    assert now.options["credentials"] == "keys"
    assert not {"role_arn", "external_id"} & now.options.keys()


def test_from_keys_to_a_role_the_keys_stay_to_assume_it_with_unless_they_are_taken_away() -> None:
    role = {"role_arn": "arn:aws:iam::123456789012:role/r"}
    kept = change(KEYS, options=role)
    assert kept is not None
    assert checked(kept).options["credentials"] == "role"
    assert kept.secrets == KEYS.secrets
    alone = change(
        KEYS,
        options={**role, "access_key_id": None},
        secrets={"secret_access_key": None, "session_token": None},
    )
    assert alone is not None
    assert (checked(alone).options["credentials"], alone.secrets) == ("role", {})


def test_to_the_machines_own_credentials_secrets_go() -> None:
    changed = change(KEYS, options={"credentials": "machine"})
    assert changed is not None
    assert checked(changed).secrets == {}
    assert "access_key_id" not in changed.options


def test_a_secret_of_another_kind_changes_the_kind() -> None:
    key = '{"type":"service_account","client_email":"a@b","private_key":"-----"}'
    changed = change(GCS, secrets={"service_account_key": key})
    assert changed is not None
    assert checked(changed).options["credentials"] == "service_account"
    assert changed.secrets == {"service_account_key": key}
    assert "access_id" not in changed.options


def test_a_whole_connection_needs_a_provider_that_there_is() -> None:
    for body in ({}, {"provider": "s4"}):
        with pytest.raises(BadSetting) as caught:
            msgspec.convert(body, ConnectionBody).whole()
        assert caught.value.field == "provider"


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "s3", "options": {"bucket": 5}},
        {"provider": "s3", "options": {"bucket": {"a": "b"}}},
        {"provider": "s3", "secrets": {"secret_access_key": ["hunter2"]}},
        {"provider": "s3", "surprise": "hunter2"},
        {"provider": "s3", "options": {f"o{n}": "x" for n in range(65)}},
    ],
)
def test_a_body_of_another_shape_is_refused_without_its_values(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(body, ConnectionBody)
    assert "hunter2" not in str(caught.value)
