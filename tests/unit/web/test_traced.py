"""What became of a line in a test of a pipeline, step by step."""

from __future__ import annotations

from typing import Any

from logkeep.web.traced import Change, courses, flat

LINE = {"_lid": "1", "_ts": 1_763_640_000_000, "_rx": 5, "_account": "main", "_line": "x"}


def step(*events: dict[str, Any], note: str = "", more: int = 0) -> dict[str, Any]:
    return {"processor": "p-1", "type": "p", "events": list(events), "note": note, "more": more}


def traced(*steps: dict[str, Any], after: list[dict[str, Any]], note: str = "") -> dict[str, Any]:
    return {
        "before": LINE,
        "steps": list(steps),
        "after": after,
        "destinations": [["all"] for _ in after],
        "note": note,
    }


def test_fields_are_named_as_in_queries() -> None:
    event = {**LINE, "_tag": ["a", "b"], "_meta": {"user": {"id": 7}, "empty": {}, "ok": True}}
    assert flat(event) == {
        "id": "1",
        "ts": "2025-11-20T12:00:00.000Z",
        "rx": "5",
        "account": "main",
        "line": "x",
        "tag": '["a", "b"]',
        "meta.user.id": "7",
        "meta.empty": "{}",
        "meta.ok": "true",
    }


def test_a_step_tells_what_it_changed_added_and_took_away() -> None:
    one = {**LINE, "_meta": {"a": 1, "b": 2}}
    two = {**LINE, "_line": "y", "_meta": {"b": 2, "c": 3}}
    [course] = courses([traced(step(one), step(two), after=[two])])
    assert course.steps[1].changes == [
        Change(field="line", before="x", after="y"),
        Change(field="meta.c", before="", after="3"),
        Change(field="meta.a", before="1", after=""),
    ]
    assert course.steps[1].outcome == ""
    assert (course.after[0].line, course.after[0].destinations) == ("y", ["all"])


def test_a_step_that_changes_nothing_says_so_and_keeps_its_note() -> None:
    [course] = courses([traced(step(LINE, note="no JSON"), after=[LINE])])
    assert (course.steps[0].outcome, course.steps[0].note) == ("passed as it was", "no JSON")


def test_a_dropped_event_is_dropped_where_it_was() -> None:
    [course] = courses([traced(step(), step(), after=[], note="gone")])
    assert [one.outcome for one in course.steps] == ["dropped here", "nothing came to it"]
    assert (course.after, course.note) == ([], "gone")


def test_one_event_that_becomes_many_is_counted() -> None:
    [course] = courses([traced(step(LINE, LINE, more=3), step(LINE, LINE), after=[LINE, LINE])])
    assert [one.outcome for one in course.steps] == ["1 in, 5 out", "2 events"]
