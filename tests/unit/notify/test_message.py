from __future__ import annotations

import json
from typing import Any

import pytest

from logkeep.catalog.values import Partial, RestoreState
from logkeep.notify.message import document, fields_of, waits
from logkeep.notify.template import DEFAULT_TEXT, FIELDS, Template
from logkeep.restore.carry import _limit_reached
from tests.unit.notify.receivers import notice, restore

PUBLIC = "https://logs.example.org/"
PAUSED: dict[str, Any] = {"state": RestoreState.PAUSED}


def test_the_document_tells_the_restore() -> None:
    told = document(notice("https://x"), restore(), public_url=PUBLIC, text="The restore one is ready.")
    assert json.loads(told) == {
        "event": "restore.active",
        "notice": "ab12cd34ef56-7",
        "at": "2026-11-18T11:06:40.000Z",
        "restore": {
            "id": "ab12cd34ef56",
            "name": "one",
            "state": "ACTIVE",
            "account": "r-one-ab12cd",
            "source": "main",
            "from": "2026-11-18T09:06:40.000Z",
            "to": "2026-11-18T10:06:40.000Z",
            "query": 'level:error "too late"',
            "lines": 4321,
            "bytes": 900_000,
            "duplicates": 3,
            "partial": None,
            "skipped_objects": 0,
            "skipped_lines": 0,
            "error": None,
            "reason": "OPS-17",
            "created_by": "k1",
            "created_at": "2026-11-18T11:06:35.000Z",
            "started_at": "2026-11-18T11:06:36.000Z",
            "finished_at": "2026-11-18T11:06:39.000Z",
            "expires_at": "2026-11-19T11:06:40.000Z",
            "url": "https://logs.example.org/v1/restores/ab12cd34ef56",
        },
        "text": "The restore one is ready.",
    }


def test_what_has_not_happened_and_what_is_not_set_is_null() -> None:
    unset = restore(started_at=0, finished_at=0, expires_at=0, created_by="", reason="")
    told = json.loads(document(notice("https://x"), unset, public_url="", text=""))["restore"]
    names = ("started_at", "finished_at", "expires_at", "created_by", "reason", "url")
    assert [told[name] for name in names] == [None] * 6


def test_half_a_surrogate_pair_is_spelled_out() -> None:
    broken = restore(error="no file caf\udce9")
    told = json.loads(document(notice("https://x"), broken, public_url="", text="caf\udce9"))
    assert (told["restore"]["error"], told["text"]) == ("no file caf\\udce9", "caf\\udce9")


def test_the_fields_are_those_that_a_template_may_name() -> None:
    assert set(fields_of(restore(), PUBLIC)) == set(FIELDS)


def test_every_field_is_one_line() -> None:
    values = fields_of(restore(name="a\r\nb", query="x\n\ty", error="one\x00\ntwo"), "")
    assert (values["name"], values["query"], values["error"]) == ("a b", "x y", "one two")


def test_the_default_text_is_calm() -> None:
    told = restore(partial=Partial.LIMIT, skipped_objects=1, skipped_lines=1200)
    assert Template(DEFAULT_TEXT).text(fields_of(told, PUBLIC)) == (
        "The restore one is ready in part, as its limit was reached.\n"
        "\n"
        "Account:  r-one-ab12cd\n"
        "Source:   main, 2026-11-18T09:06:40.000Z to 2026-11-18T10:06:40.000Z\n"
        'Query:    level:error "too late"\n'
        "Lines:    4,321 (900,000 bytes read)\n"
        "Left out: 1 objects and 1,200 lines that could not be read or have no time\n"
        "Reason:   OPS-17\n"
        "Finished: 2026-11-18T11:06:39.000Z\n"
        "Expires:  2026-11-19T11:06:40.000Z\n"
        "\n"
        "https://logs.example.org/v1/restores/ab12cd34ef56"
    )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"state": RestoreState.ACTIVE}, "is ready"),
        ({"state": RestoreState.ACTIVE, "partial": Partial.ABORTED}, "is ready in part, as it was stopped"),
        ({"state": RestoreState.DONE}, "is done"),
        ({"state": RestoreState.DONE, "partial": Partial.LIMIT}, "is done in part, as its limit was reached"),
        ({"state": RestoreState.FAILED, "partial": Partial.LIMIT}, "has failed"),
        ({"state": RestoreState.ABORTED}, "was stopped"),
        ({"state": RestoreState.PAUSED}, "is paused"),
        (PAUSED | {"error": "the limit of 9 bytes is reached"}, "waits, as its limit is reached"),
        (PAUSED | {"error": "the bucket cannot be reached"}, "waits, as an error stopped it"),
    ],
)
def test_the_outcome_says_the_state_in_words(changes: dict[str, Any], outcome: str) -> None:
    assert fields_of(restore(**changes), "")["outcome"] == outcome


def test_a_limit_is_known_by_the_words_in_which_it_is_told() -> None:
    for limits in ({"limit_lines": 5}, {"limit_bytes": 9}, {"limit_lines": 5, "limit_bytes": 9}):
        error = _limit_reached(restore(**limits))
        assert fields_of(restore(**PAUSED, error=error), "")["outcome"] == "waits, as its limit is reached"


@pytest.mark.parametrize(
    ("changes", "waiting"),
    [
        ({"error": "the limit of 5000 lines is reached"}, True),
        ({"error": "the bucket cannot be reached"}, True),
        ({"error": ""}, False),
        ({"error": "", "limit_lines": 4321}, False),
        ({"error": "the bucket cannot be reached", "state": RestoreState.IN_PROGRESS}, False),
    ],
)
def test_one_that_has_to_wait_is_told_from_one_that_is_paused_on_request(
    changes: dict[str, Any], waiting: bool
) -> None:
    assert waits(restore(**({"state": RestoreState.PAUSED} | changes))) is waiting
