from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from logkeep.api.params import json_body
from logkeep.api.v1.archive_bodies import BackfillRange, ChangedArchive, NewArchive
from logkeep.archives import Settings
from logkeep.errors import BadBody, BadSetting

from .requests import request

SECRET = "hunter2-hunter2"


def read(kind: Any, body: dict[str, Any]) -> Any:
    return asyncio.run(json_body(request(json.dumps(body).encode()), kind))


def test_durations_and_sizes_are_numbers_or_texts() -> None:
    body = {
        "seal_after": "10m",
        "late_sweep": 60,
        "max_object_bytes": "64MiB",
        "verify_every": "7d",
        "drill_every": 0,
        "title": "  errors only ",
        "query": " level:error ",
        "with_excluded": False,
        "rank": 0,
        "layout": "custom",
        "layout_options": {"path": "x"},
    }
    assert read(ChangedArchive, body).settings() == Settings(
        seal_after_s=600,
        late_sweep_s=60,
        max_object_bytes=64 << 20,
        verify_every_s=604_800,
        drill_every_s=0,
        title="errors only",
        query="level:error",
        with_excluded=False,
        rank=0,
        layout="custom",
        layout_options={"path": "x"},
    )


def test_what_is_left_out_is_left_as_it_is() -> None:
    assert read(ChangedArchive, {}).settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seal_after", "soon"),
        ("seal_after", -1),
        ("late_sweep", "10 parsecs"),
        ("max_object_bytes", "10 MB"),
        ("verify_every", 10**20),
        ("title", "x" * 201),
        ("title", "two\nlines"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(BadSetting) as caught:
        read(ChangedArchive, {name: value}).settings()
    assert caught.value.field == name


def test_the_audit_log_is_told_what_was_given_and_of_secrets_the_names() -> None:
    wanted = read(
        NewArchive,
        {
            "provider": "s3",
            "options": {"bucket": "logs"},
            "secrets": {"secret_access_key": SECRET},
            "with_excluded": False,
            "seal_after": 0,
            "start": True,
        },
    )
    assert wanted.noted() == {
        "provider": "s3",
        "options": {"bucket": "logs"},
        "secrets": ["secret_access_key"],
        "with_excluded": False,
        "seal_after": 0,
        "start": True,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"provider": "s3", "secret": SECRET},
        {"provider": "s3", "secrets": SECRET},
        {"provider": "s3", "secrets": {"secret_access_key": [SECRET]}},
        {"provider": "s3", "state": "on"},
        {"provider": "s3", "start": "yes"},
        {"provider": "s3", "layout_options": {"path": [SECRET]}},
    ],
)
def test_unknown_and_misshapen_members_are_refused_without_their_values(body: dict[str, Any]) -> None:
    with pytest.raises(BadBody) as caught:
        read(NewArchive, body)
    assert SECRET not in str(caught.value)


def test_a_backfill_needs_both_ends() -> None:
    assert read(BackfillRange, {"from": "-2h", "to": "now"}) == BackfillRange(start="-2h", end="now")
    with pytest.raises(BadBody):
        read(BackfillRange, {"from": "-2h"})
