"""What is to be sent when a restore ends, and how it went."""

from __future__ import annotations

from dataclasses import replace

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.database import open_database
from logkeep.catalog.notices import Notices
from logkeep.catalog.values import Notice, NoticeState
from logkeep.errors import NotFound


def draft(receiver: str = "https://example.org/hook", *, restore: str = "ab12", next_at: int = 100) -> Notice:
    return Notice(
        restore_id=restore,
        channel="webhook",
        receiver=receiver,
        body=b"",
        subject="restore.active",
        next_at=next_at,
        created_at=90,
    )


def body_of(notice: Notice) -> bytes:
    return f"number {notice.id}".encode()


def test_notices_get_an_id_that_their_body_may_name(catalog: Catalog, url: str) -> None:
    added = catalog.notices.add([draft(), draft("https://other.org/")], body_of)
    assert added == [
        replace(draft(), id=1, body=b"number 1"),
        replace(draft("https://other.org/"), id=2, body=b"number 2"),
    ]
    catalog.notices.add([draft(restore="cd34")])
    other = open_catalog(url)
    assert other.notices.of_restore("ab12") == added
    assert [one.id for one in other.notices.of_restore("cd34")] == [3]
    assert other.notices.of_restore("nope") == []
    other.close()


def test_none_is_written_down_when_one_cannot_be(catalog: Catalog) -> None:
    def broken(notice: Notice) -> bytes:
        if notice.id == 2:
            raise NotFound("no body")
        return b"fine"

    with pytest.raises(NotFound, match="no body"):
        catalog.notices.add([draft(), draft()], broken)
    assert catalog.notices.of_restore("ab12") == []
    assert catalog.notices.add([]) == []


def test_what_is_due_comes_longest_due_first_and_until_it_is_sent_or_given_up(catalog: Catalog) -> None:
    assert catalog.notices.next_due() is None
    late, early, future = catalog.notices.add([draft(next_at=200), draft(next_at=100), draft(next_at=301)])
    assert catalog.notices.due(300, 10) == [early, late]
    assert catalog.notices.due(300, 1) == [early]
    assert catalog.notices.due(99, 10) == []

    again = replace(early, tries=1, next_at=500, error="example.org answered 500")
    given_up = replace(late, state=NoticeState.FAILED, tries=12, error="gone")
    for one in (again, given_up):
        catalog.notices.tried(one)
    assert catalog.notices.next_due() == 301
    assert catalog.notices.due(600, 10) == [future, again]
    for one in (future, again):
        catalog.notices.tried(replace(one, state=NoticeState.SENT, tries=2, error=""))
    assert (catalog.notices.next_due(), catalog.notices.due(600, 10)) == (None, [])
    assert [one.state for one in catalog.notices.of_restore("ab12")] == [
        *(NoticeState.FAILED, NoticeState.SENT, NoticeState.SENT)
    ]


def test_a_notice_that_is_not_there_cannot_be_tried(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match="no notice 7"):
        catalog.notices.tried(replace(draft(), id=7))


def test_the_newest_are_kept_and_all_that_wait(url: str) -> None:
    database = open_database(url)
    notices = Notices(database, kept=3)
    waiting, *others = notices.add([draft() for _ in range(6)])
    for one in others:
        notices.tried(replace(one, state=NoticeState.SENT))
    (newest,) = notices.add([draft()])
    assert [one.id for one in notices.of_restore("ab12")] == [waiting.id, 5, 6, newest.id]
    database.close()
