from __future__ import annotations

from logkeep.web.refusals import Refusals


def test_a_user_is_told_of_once_a_minute_with_how_many_there_were() -> None:
    now = [1_000_000]
    refusals = Refusals(lambda: now[0])
    assert [refusals.count("ada") for _ in range(4)] == [1, 0, 0, 0]
    now[0] += 59_999
    assert refusals.count("ada") == 0
    now[0] += 1
    assert [refusals.count("ada") for _ in range(2)] == [5, 0]
    now[0] += 600_000
    assert refusals.count("ada") == 2


def test_users_are_told_of_apart() -> None:
    refusals = Refusals(lambda: 1_000_000)
    assert [refusals.count(user) for user in ("ada", "", "ada", "")] == [1, 1, 0, 0]
