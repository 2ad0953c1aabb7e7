from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from logkeep.api.params import json_body
from logkeep.api.v1.restore_bodies import Abort, Extend, Resume, WantedRestore, without_path
from logkeep.catalog.values import OnLimit
from logkeep.errors import BadBody, BadRange, BadSetting, BadTime, InputError, QuerySyntaxError
from logkeep.restore.request import FilesWanted, PipelineWanted, RestoreRequest
from logkeep.storage.connection import Connection
from logkeep.timeline import MAX_MS, MIN_MS, TimeRange

from .requests import request

NOW = 1_763_640_000_000  # 2025-11-20T12:00:00Z
HOUR = 3_600_000
SECRET = "hunter2-hunter2"
SPAN: dict[str, Any] = {"from": "-2h", "to": "now"}


def read(kind: Any, body: Any) -> Any:
    return asyncio.run(json_body(request(json.dumps(body).encode()), kind))


def wanted(**body: Any) -> RestoreRequest:
    read_body: WantedRestore = read(WantedRestore, body)
    place = Connection(provider="folder", options={"path": "/out"}) if read_body.files else None
    return read_body.request(now=NOW, expiry_s=432_000, created_by="k-1", connection=place)


def test_a_range_alone_is_a_restore_of_everything_with_the_servers_expiry() -> None:
    assert wanted(**SPAN) == RestoreRequest(
        name="main 2025-11-20T10:00:00.000Z",
        source="main",
        range=TimeRange(start=NOW - 2 * HOUR, end=NOW),
        expiry_s=432_000,
        created_by="k-1",
    )


def test_everything_that_can_be_said_of_a_restore() -> None:
    asked = wanted(
        **SPAN,
        name="incident",
        reason=" TICKET-7 ",
        query="level:error",
        account="shop",
        archive="shop-2",
        any_marker=True,
        expiry_s="2d",
        limit_lines=1000,
        limit_bytes="2GiB",
        on_limit="ask",
        skip_damaged=True,
        thaw="bulk",
        files={"provider": "folder", "options": {"path": "/out"}, "format": "parquet"},
        notify_url="https://hooks.example.org/x",
        notify_email="ops@example.org",
    )
    assert asked == RestoreRequest(
        name="incident",
        source="shop",
        range=TimeRange(start=NOW - 2 * HOUR, end=NOW),
        query="level:error",
        expiry_s=2 * 86_400,
        archive="shop-2",
        any_marker=True,
        reason="TICKET-7",
        created_by="k-1",
        limit_lines=1000,
        limit_bytes=2 << 30,
        on_limit=OnLimit.ASK,
        skip_damaged=True,
        thaw="bulk",
        files=FilesWanted(
            connection=Connection(provider="folder", options={"path": "/out"}), format="parquet"
        ),
        notify_url="https://hooks.example.org/x",
        notify_email="ops@example.org",
    )


def test_a_restore_into_a_pipeline_may_name_its_source_and_a_rate() -> None:
    into = wanted(**SPAN, pipeline={"id": "clean", "source": "again"}, rate=500)
    assert (into.pipeline, into.rate) == (PipelineWanted(pipeline="clean", source="again"), 500)
    assert wanted(**SPAN, pipeline={"id": "clean"}).pipeline == PipelineWanted(pipeline="clean")


@pytest.mark.parametrize(
    ("body", "span"),
    [
        ({"around": "2025-11-20T12:00Z"}, (NOW - 600_000, NOW + 600_000)),
        ({"around": NOW, "margin": 1}, (NOW - 1000, NOW + 1000)),
        ({"around": "-1h", "margin": "30m"}, (NOW - 3 * HOUR // 2, NOW - HOUR // 2)),
        ({"around": NOW, "margin": "900000d"}, (MIN_MS, MAX_MS)),
        ({"from": "", "to": ""}, (MIN_MS, MAX_MS)),
    ],
)
def test_a_range_may_be_around_a_time(body: dict[str, Any], span: tuple[int, int]) -> None:
    assert wanted(**body).range == TimeRange(start=span[0], end=span[1])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "from"),
        ({"to": "now"}, "from"),
        ({"from": "-2h"}, "to"),
        ({**SPAN, "around": "now"}, "around"),
        ({"around": "now", "to": "now"}, "around"),
        ({**SPAN, "margin": "10m"}, "margin"),
        ({"around": "now", "margin": "soon"}, "margin"),
        ({"around": "now", "margin": 0}, "margin"),
        ({**SPAN, "expiry_s": "a week"}, "expiry_s"),
        ({**SPAN, "limit_lines": -1}, "limit_lines"),
        ({**SPAN, "limit_lines": 1 << 60}, "limit_lines"),
        ({**SPAN, "limit_bytes": "2 GB"}, "limit_bytes"),
        ({**SPAN, "limit_bytes": -5}, "limit_bytes"),
        ({**SPAN, "on_limit": "explode"}, "on_limit"),
        ({**SPAN, "thaw": "tomorrow"}, "thaw"),
        ({**SPAN, "reason": "two\nlines"}, "reason"),
        ({**SPAN, "reason": "x" * 1001}, "reason"),
        ({**SPAN, "notify_url": "ftp://example.org"}, "notify_url"),
        ({**SPAN, "notify_email": "nobody"}, "notify_email"),
        ({**SPAN, "files": {"provider": "folder", "format": "xlsx"}}, "format"),
        ({**SPAN, "files": {"provider": "folder"}, "pipeline": {"id": "clean"}}, "pipeline"),
        ({**SPAN, "rate": 5}, "rate"),
        ({**SPAN, "pipeline": {"id": "clean"}, "rate": -5}, "rate"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name_and_with_a_hint(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        wanted(**body)
    assert (caught.value.field, bool(caught.value.hint)) == (field, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"from": "yesterday", "to": "now"}, BadTime),
        ({"around": "noon"}, BadTime),
        ({"from": "now", "to": "-2h"}, BadRange),
        ({**SPAN, "query": "(("}, QuerySyntaxError),
        ({**SPAN, "name": "x" * 201}, InputError),
        ({**SPAN, "expiry_s": 0}, InputError),
    ],
)
def test_other_bad_input_keeps_its_own_error(body: dict[str, Any], kind: type[InputError]) -> None:
    with pytest.raises(kind):
        wanted(**body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (WantedRestore, {**SPAN, "surprise": 1}),
        (WantedRestore, {**SPAN, "limit_lines": "many"}),
        (WantedRestore, {**SPAN, "skip_damaged": "yes"}),
        (WantedRestore, {**SPAN, "files": {"provider": "s3", "secrets": {"secret_access_key": [SECRET]}}}),
        (WantedRestore, {**SPAN, "files": SECRET}),
        (WantedRestore, {**SPAN, "pipeline": "clean"}),
        (WantedRestore, {**SPAN, "pipeline": {"source": "again"}}),
        (WantedRestore, {**SPAN, "pipeline": {"id": "clean"}, "rate": "fast"}),
        (Abort, {"keep": 1}),
        (Extend, {}),
        (Resume, {"limits": 5}),
    ],
)
def test_unknown_and_misshapen_members_are_refused_without_their_values(
    kind: Any, body: dict[str, Any]
) -> None:
    with pytest.raises(BadBody) as caught:
        read(kind, body)
    assert SECRET not in str(caught.value)


def test_the_audit_log_is_told_what_was_given_and_nothing_secret() -> None:
    body: WantedRestore = read(
        WantedRestore,
        {
            **SPAN,
            "reason": "TICKET-7",
            "limit_lines": 5,
            "files": {
                "provider": "s3",
                "options": {"bucket": "out"},
                "secrets": {"secret_access_key": SECRET},
            },
            "notify_url": f"https://user:{SECRET}@hooks.example.org:8443/services/{SECRET}",
        },
    )
    assert body.noted() == {
        "account": "main",
        "reason": "TICKET-7",
        "limit_lines": 5,
        "files": {"provider": "s3", "options": {"bucket": "out"}, "format": "ndjson.gz"},
        "notify_url": "https://hooks.example.org:8443/…",
    }


def test_the_audit_log_is_told_of_the_pipeline() -> None:
    body: WantedRestore = read(WantedRestore, {**SPAN, "pipeline": {"id": "clean"}, "rate": 5})
    assert body.noted() == {"account": "main", "pipeline": {"id": "clean", "source": ""}, "rate": 5}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.org", "https://hooks.example.org"),
        ("https://hooks.example.org/", "https://hooks.example.org"),
        ("http://[::1]:80/a?b=c", "http://[::1]:80/…"),
        ("https://h.org?token=1", "https://h.org/…"),
    ],
)
def test_of_a_webhook_its_host_is_shown(url: str, shown: str) -> None:
    assert without_path(url) == shown


def test_limits_that_are_left_out_are_left_and_0_lifts_one() -> None:
    assert read(Resume, {}).limits() == {"limit_lines": None, "limit_bytes": None}
    lifted = read(Resume, {"limit_lines": 0, "limit_bytes": "4KiB"}).limits()
    assert lifted == {"limit_lines": 0, "limit_bytes": 4096}
    with pytest.raises(BadSetting) as caught:
        read(Resume, {"limit_lines": -1}).limits()
    assert caught.value.field == "limit_lines"


def test_a_longer_stay_is_seconds_or_a_duration_within_a_year() -> None:
    assert read(Extend, {"expiry_s": "5d"}).seconds() == 5 * 86_400
    assert read(Extend, {"expiry_s": 60}).seconds() == 60
    for wrong in (0, "500d", "soon"):
        with pytest.raises(InputError):
            read(Extend, {"expiry_s": wrong}).seconds()


def test_every_member_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    section = page.partition("## Restores\n")[2].partition("\n## ")[0]
    members = {one.encode_name for one in msgspec.structs.fields(WantedRestore)}
    assert {name for name in members if f"`{name}`" not in section} == set()
