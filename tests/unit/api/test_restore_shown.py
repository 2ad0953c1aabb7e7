"""What the API shows of a restore and of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from logkeep.api.answers import Asker
from logkeep.api.callers import Caller
from logkeep.api.services import Services
from logkeep.api.v1.restore_shown import all_shown, shown, shown_preview
from logkeep.catalog.people import Role
from logkeep.catalog.values import OnLimit, Partial, Restore, RestoreState
from logkeep.record import Record
from logkeep.restore.preview import Preview
from logkeep.restore.seen import Seen
from logkeep.restore.thaw import Frozen

SECRET = "hunter2-hunter2"
BEGUN = 1_763_640_000_000
NOW = BEGUN + 10_000
ADMIN = Caller(actor="k-1", role=Role.ADMIN)
RESTORE = Restore(
    id="42",
    name="incident",
    state=RestoreState.IN_PROGRESS,
    account="r-incident-42",
    source="main",
    from_ms=BEGUN - 3_600_000,
    to_ms=BEGUN,
    query="level:error",
    planned_objects=2,
    planned_lines=4000,
    planned_bytes=1000,
    planned_raw_bytes=4000,
    lines=30,
    bytes=1000,
    duplicates=1,
    created_at=BEGUN - 1000,
    expiry_s=60,
    read_bytes=250,
    text_bytes=300,
    started_at=BEGUN,
    worked_ms=10_000,
    created_by="k-1",
    reason="TICKET-7",
    files={"provider": "s3", "bucket": "out", "format": "parquet"},
    files_secret=SECRET.encode(),
    notify_url=f"https://hooks.example.org/{SECRET}",
)


def asking(
    position: int | None = 0,
    events_per_s: float | None = None,
    caller: Caller = ADMIN,
) -> Asker:
    def seen(restores: Sequence[Restore]) -> list[Seen]:
        return [
            Seen(
                restore=one,
                position=position if one.state is RestoreState.IN_PROGRESS else None,
                events_per_s=events_per_s if one.pipeline else None,
                storage_bytes=5000,
                textless_lines=2,
            )
            for one in restores
        ]

    desk = SimpleNamespace(seen=seen)
    return Asker(cast(Services, SimpleNamespace(restores=desk, clock=lambda: NOW)), caller)


def seen(restore: Restore = RESTORE, *, position: int | None = 0, **changes: Any) -> dict[str, Any]:
    return shown(asking(position), replace(restore, **changes))


def test_a_restore_is_shown_with_who_why_what_and_how_much_and_nothing_secret() -> None:
    found = seen()
    assert SECRET.encode() not in msgspec.json.encode(found)
    assert (
        found.items()
        >= {
            "id": "42",
            "reason": "TICKET-7",
            "created_by": "k-1",
            "state": "IN_PROGRESS",
            "position": 0,
            "paused_for": None,
            "partial": None,
            "planned": {"objects": 2, "lines": 4000, "bytes": 1000, "raw_bytes": 4000},
            "files": {"provider": "s3", "bucket": "out", "format": "parquet"},
            "storage_bytes": 5000,
            "notify_url": "https://hooks.example.org/…",
            "started_at": "2025-11-20T12:00:00.000Z",
            "finished_at": None,
            "expires_in_s": None,
            "error": None,
        }.items()
    )


def test_an_account_is_shown_where_there_is_one_to_search() -> None:
    whole = seen(files={}, archive="main-2")
    assert (whole["account"], whole["files_folder"], whole["source"]) == ("r-incident-42", "", "main")
    assert (whole["archive"], whole["textless_lines"]) == ("main-2", 2)
    assert (seen()["account"], seen()["files_folder"], seen()["archive"]) == ("", "r-incident-42", "")
    sent = seen(files={}, pipeline="clean", pipeline_source="again")
    assert (sent["account"], sent["files_folder"]) == ("", "")


def test_every_field_of_a_restore_is_shown_but_the_secret() -> None:
    renamed = {"from_ms": "from", "to_ms": "to"}
    hidden = {"files_secret", "planned_objects", "planned_lines", "planned_bytes", "planned_raw_bytes"}
    hidden.add("worked_ms")  # in bytes_per_s and seconds_left
    hidden |= {"pipeline", "pipeline_source"}  # in destination
    fields = {renamed.get(name, name) for name in vars(RESTORE) if name not in hidden}
    assert fields - seen().keys() == set()


def test_the_time_left_is_that_of_a_quarter_three_times() -> None:
    assert seen()["progress"] == {
        "bytes": 1000,
        "raw_bytes": 4000,
        "share": 0.25,
        "lines": 30,
        "bytes_per_s": 100,
        "events_per_s": None,
        "seconds_left": 30.0,
    }


@pytest.mark.parametrize(
    ("changes", "share", "rate", "left"),
    [
        ({"worked_ms": 0, "read_bytes": 0, "bytes": 0}, 0.0, None, None),
        ({"read_bytes": 0, "bytes": 0}, 0.0, 0, None),
        ({"planned_bytes": 0, "read_bytes": 0}, 0.0, 100, None),
        ({"read_bytes": 1500}, 0.99, 100, 0.1),
        ({"state": RestoreState.PAUSED}, 0.25, None, None),
        ({"state": RestoreState.THAWING}, 0.25, None, None),
        ({"state": RestoreState.ACTIVE, "finished_at": NOW, "worked_ms": 2000}, 1.0, 500, None),
        ({"state": RestoreState.ACTIVE, "partial": Partial.LIMIT, "finished_at": NOW}, 0.25, 100, None),
        ({"state": RestoreState.ACTIVE, "finished_at": NOW, "worked_ms": 0}, 1.0, None, None),
    ],
)
def test_progress_divides_by_nothing(
    changes: dict[str, Any], share: float, rate: int | None, left: float | None
) -> None:
    progress = seen(**changes)["progress"]
    assert (progress["share"], progress["bytes_per_s"], progress["seconds_left"]) == (share, rate, left)


INTO: dict[str, Any] = {"pipeline": "clean", "pipeline_source": "again", "rate": 50}


def test_of_one_that_goes_into_a_pipeline_it_is_shown_where_and_how_many_are_sent() -> None:
    found = seen(**INTO, sent=12)
    told = {"destination": {"pipeline": "clean", "source": "again"}, "rate": 50, "sent": 12}
    assert found.items() >= told.items()
    assert seen()["destination"] is None


@pytest.mark.parametrize(
    ("changes", "events_per_s", "share", "left"),
    [
        ({}, None, 0.125, None),  # a quarter is loaded
        ({"read_bytes": 1000}, None, 0.495, None),
        ({"read_bytes": 1000, "sent": 15}, 3.0, 0.75, 5.0),
        ({"read_bytes": 1000, "sent": 30}, 3.0, 0.99, 0.0),
        ({"read_bytes": 1000, "sent": 15, "state": RestoreState.PAUSED}, None, 0.75, None),
        ({"sent": 30, "state": RestoreState.DONE, "finished_at": NOW}, None, 1.0, None),
        ({"sent": 5, "lines": 0}, None, 0.5, None),
    ],
)
def test_progress_counts_loading_and_sending(
    changes: dict[str, Any], events_per_s: float | None, share: float, left: float | None
) -> None:
    restore = replace(RESTORE, **INTO, **changes)
    progress = cast(dict[str, Any], shown(asking(0, events_per_s), restore)["progress"])
    assert (progress["share"], progress["seconds_left"]) == (share, left)
    assert progress["events_per_s"] == events_per_s


def test_what_waits_in_the_queue_has_a_place_in_it_and_no_time_left() -> None:
    found = seen(position=3)
    assert (found["position"], found["progress"]["seconds_left"]) == (3, None)
    assert seen(state=RestoreState.ACTIVE)["position"] is None


ASKING: dict[str, Any] = {"state": RestoreState.PAUSED, "on_limit": OnLimit.ASK}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": RestoreState.PAUSED}, "request"),
        ({**ASKING, "limit_lines": 30}, "limit"),
        ({**ASKING, "limit_lines": 31}, "request"),
        ({**ASKING, "limit_bytes": 300}, "limit"),
        ({**ASKING, "limit_bytes": 310, "error": "the limit of 310 bytes is reached"}, "limit"),
        ({"limit_lines": 30, "on_limit": OnLimit.ASK}, None),
    ],
)
def test_a_pause_has_a_reason(changes: dict[str, Any], why: str | None) -> None:
    assert seen(**changes)["paused_for"] == why


def test_only_an_active_restore_expires() -> None:
    active: dict[str, Any] = {"state": RestoreState.ACTIVE, "expires_at": NOW + 61_500}
    assert seen(**active)["expires_in_s"] == 61
    assert seen(**active | {"expires_at": NOW - 1})["expires_in_s"] == 0
    assert seen(state=RestoreState.EXPIRED, expires_at=NOW + 5000)["expires_in_s"] is None


def test_many_are_shown_in_their_order() -> None:
    restores = [replace(RESTORE, id=name) for name in ("b", "a")]
    assert [one["id"] for one in all_shown(asking(), restores)] == ["b", "a"]


def test_a_preview_is_the_plan_with_lines_as_an_archive_has_them() -> None:
    plan = SimpleNamespace(
        objects=2,
        unknown_objects=0,
        blocks=12,
        blocks_ruled_out=3,
        lines=100,
        raw_bytes=4000,
        bytes=1000,
        exact=False,
        filter_bytes=10,
        requests=5,
        seconds=0.1234,
        frozen=Frozen(objects=1, bytes=10, thawing=0, by_class={"GLACIER": 1}, hours=(3.0, 5.0)),
        chunks=("a", "b"),
    )
    preview = Preview(
        plan=plan,  # type: ignore[arg-type]
        sample=(Record(ts=1, line="x"),),
        hits=None,
        sampled_lines=7,
        free_bytes=1999,
    )
    assert msgspec.json.decode(msgspec.json.encode(shown_preview(preview, ADMIN))) == {
        "objects": 2,
        "unknown_objects": 0,
        "blocks": 12,
        "blocks_ruled_out": 3,
        "lines": 100,
        "bytes": 1000,
        "raw_bytes": 4000,
        "exact": False,
        "filter_bytes": 10,
        "requests": 5,
        "chunks": 2,
        "seconds": 0.12,
        "frozen": {
            "objects": 1,
            "bytes": 10,
            "thawing": 0,
            "by_class": {"GLACIER": 1},
            "hours": [3.0, 5.0],
        },
        "hits": None,
        "sampled_lines": 7,
        "needed_bytes": 2000,
        "fits": False,
        "free_bytes": 1999,
        "sample": [{"_ts": 1, "_line": "x"}],
    }
    member = Caller(actor="user:1", role=Role.MEMBER, accounts=frozenset({"main"}))
    told = [shown_preview(replace(preview, free_bytes=free), member) for free in (1999, 2000)]
    assert [(one["fits"], one["free_bytes"]) for one in told] == [(False, None), (True, None)]


def test_every_member_that_is_shown_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    section = page.partition("## Restores\n")[2].partition("\n## ")[0]
    members = seen().keys() | seen()["planned"].keys() | seen()["progress"].keys()
    assert {name for name in members if f"`{name}`" not in section} == set()


@pytest.mark.parametrize(("position", "told"), [(None, None), (0, 0), (1, 1), (7, 1)])
def test_how_many_restores_of_others_wait_is_not_told(position: int | None, told: int | None) -> None:
    member = Caller(actor="user:1", role=Role.MEMBER, accounts=frozenset({"main"}))
    restore = replace(RESTORE, state=RestoreState.IN_PROGRESS)
    assert shown(asking(position, caller=member), restore)["position"] == told
    assert shown(asking(position), restore)["position"] == position
