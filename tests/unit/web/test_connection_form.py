"""The form of a connection: only what the chosen kind needs, and no secret in what is shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from logkeep.api.v1.providers import _shown
from logkeep.storage.providers import PROVIDERS
from logkeep.web.archive_form import SettingsForm, settings_body
from logkeep.web.connection_form import ConnectionForm, build_form, duration_text, size_text
from logkeep.web.form import Form

SHOWN = [_shown(one) for one in PROVIDERS.values()]
SECRET = "hunter2-hunter2"
SAVED = {
    "provider": "s3",
    "options": {"bucket": "logs", "prefix": "prod", "credentials": "keys", "access_key_id": "AK"},
    "secrets": {"secret_access_key": "********"},
}


def names(form: ConnectionForm) -> list[str]:
    return [one.name for one in form.inputs]


def typed(**fields: str) -> Form:
    return Form(list(fields.items()))


def test_nothing_is_asked_before_a_provider_is_chosen() -> None:
    form = build_form(SHOWN, "")
    assert (form.provider, form.inputs, form.body()) == (None, (), {})
    assert build_form(SHOWN, "no-such").provider is None


def test_only_the_fields_of_the_chosen_kind_are_shown() -> None:
    keys, role, machine = (build_form(SHOWN, "s3", kind=kind) for kind in ("keys", "role", "machine"))
    assert "secret_access_key" in names(keys)
    assert {"role_arn", "external_id"} <= set(names(role)) - set(names(keys))
    assert {"secret_access_key", "role_arn"} & set(names(machine)) == set()
    assert "credentials" not in names(keys)
    assert [one.name for one in keys.inputs if one.required] == [
        "bucket",
        "access_key_id",
        "secret_access_key",
    ]
    assert "endpoint" in [one.name for one in keys.advanced]
    assert not keys.advanced_set
    assert build_form(SHOWN, "folder").kind == ""
    assert build_form(SHOWN, "azure", kind="no-such").kind == "app"


def test_what_is_typed_is_shown_again_but_for_secrets() -> None:
    form = build_form(
        SHOWN,
        "s3",
        typed=typed(bucket=" logs ", secret_access_key=SECRET, path_style="true", credentials="keys"),
    )
    assert {one.name: one.value for one in form.inputs if one.value} == {"bucket": "logs"}
    assert form.typed_secrets
    assert form.advanced_set
    assert SECRET not in repr([asdict(one) for one in (*form.inputs, *form.advanced)])
    assert SECRET not in repr(form)
    assert form.body() == {
        "provider": "s3",
        "options": {"bucket": "logs", "path_style": "true", "credentials": "keys"},
        "secrets": {"secret_access_key": SECRET},
    }


def test_the_typed_kind_goes_before_the_one_in_the_address() -> None:
    assert build_form(SHOWN, "s3", kind="role", typed=typed(credentials="machine")).kind == "machine"


def test_saved_secrets_stay_unless_others_are_typed() -> None:
    form = build_form(SHOWN, "s3", saved=SAVED)
    inputs = {one.name: one for one in form.inputs}
    assert (inputs["bucket"].value, inputs["prefix"].value) == ("logs", "prod")
    secret = inputs["secret_access_key"]
    assert (secret.saved, secret.value, secret.required) == (True, "", False)
    again = build_form(SHOWN, "s3", saved=SAVED, typed=typed(bucket="logs", prefix="", secret_access_key=""))
    assert again.body() == {
        "provider": "s3",
        "options": {"bucket": "logs", "credentials": "keys", "prefix": None, "access_key_id": None},
        "secrets": {},
    }


def test_another_provider_keeps_nothing_of_the_saved_one() -> None:
    form = build_form(SHOWN, "azure", saved=SAVED)
    assert [one.value for one in form.inputs if one.value] == []
    assert not any(one.saved for one in form.inputs)


def test_choices_begin_with_what_is_usual() -> None:
    inputs = {one.name: one for one in build_form(SHOWN, "s3").inputs}
    assert inputs["sse"].choices[0] == ("", "As usual (default)")
    assert inputs["bucket"].choices == []


def test_a_key_file_has_room() -> None:
    inputs = {one.name: one for one in build_form(SHOWN, "gcs").inputs}
    assert inputs["service_account_key"].long
    assert not inputs["bucket"].long


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (90, "90s"), (600, "10m"), (21_600, "6h"), (604_800, "7d"), (86_401, "86401s")],
)
def test_durations_are_as_they_are_typed(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(512 << 20, "512MiB"), (1 << 30, "1GiB"), (1025, "1025"), (0, "0")]
)
def test_sizes_are_as_they_are_typed(size: int, text: str) -> None:
    assert size_text(size) == text


ARCHIVE: dict[str, Any] = {
    "title": "Errors",
    "query": "level:error",
    "with_excluded": True,
    "seal_after": 600,
    "late_sweep": 21_600,
    "max_object_bytes": 512 << 20,
    "compression_level": 2,
    "verify_every": 0,
    "drill_every": 604_800,
    "rank": 3,
    "layout": "",
    "layout_options": {"path": "x"},
}


def test_settings_are_shown_as_they_are_until_something_is_typed() -> None:
    form = SettingsForm(archive=ARCHIVE)
    shown = {name: form.text(name) for name in ARCHIVE if name not in ("layout_options", "with_excluded")}
    assert shown == {
        "title": "Errors",
        "query": "level:error",
        "seal_after": "10m",
        "late_sweep": "6h",
        "max_object_bytes": "512MiB",
        "compression_level": "2",
        "verify_every": "0",
        "drill_every": "7d",
        "rank": "3",
        "layout": "",
    }
    assert (form.checked("with_excluded"), form.option("path")) == (True, "x")
    changed = SettingsForm(typed=typed(title="", query="((", **{"layout-path": "y"}), archive=ARCHIVE)
    assert (changed.text("title"), changed.text("query"), changed.option("path")) == ("", "((", "y")
    assert not changed.checked("with_excluded")
    fresh = SettingsForm()
    assert (fresh.text("title"), fresh.text("seal_after"), fresh.text("verify_every")) == ("", "10m", "0")


def test_settings_are_sent_as_the_api_takes_them() -> None:
    form = typed(title="T", query="a", seal_after="5m", verify_every="", compression_level="3", rank="2")
    assert settings_body(form, foreign=False) == {
        "title": "T",
        "query": "a",
        "with_excluded": False,
        "seal_after": "5m",
        "verify_every": "0",
        "compression_level": 3,
        "rank": 2,
    }
    foreign = typed(title="T", layout="custom", query="x", **{"layout-path": "%Y/*", "layout-time": ""})
    assert settings_body(foreign, foreign=True, options=["path", "time"]) == {
        "title": "T",
        "layout": "custom",
        "layout_options": {"path": "%Y/*"},
    }
