from __future__ import annotations

import pytest

from logkeep.errors import LogkeepError, StorageDenied, StorageUnavailable
from logkeep.retry import retrying


class Answers:
    def __init__(self, *answers: LogkeepError | str) -> None:
        self.left = list(answers)

    def __call__(self) -> str:
        answer = self.left.pop(0)
        if isinstance(answer, LogkeepError):
            raise answer
        return answer


def test_what_may_heal_is_tried_again_ever_later() -> None:
    pauses: list[float] = []
    call = Answers(StorageUnavailable("1"), StorageUnavailable("2"), StorageUnavailable("3"), "done")

    assert retrying(call, backoff_s=0.5, sleep=pauses.append, jitter=lambda: 0.5) == "done"

    assert pauses == [0.625, 1.25, 2.5]


def test_the_last_error_is_raised() -> None:
    call = Answers(StorageUnavailable("1"), StorageUnavailable("2"), "never")

    with pytest.raises(StorageUnavailable, match="2"):
        retrying(call, attempts=2, sleep=lambda _: None)


def test_what_will_not_heal_is_raised_at_once() -> None:
    call = Answers(StorageDenied("1"), "never")

    with pytest.raises(StorageDenied):
        retrying(call, sleep=lambda _: None)

    assert call.left == ["never"]


def test_nothing_is_tried_again_once_the_time_is_over() -> None:
    call = Answers(StorageUnavailable("1"), StorageUnavailable("2"), "never")
    seconds = iter((0.0, 59.0, 100.0))

    with pytest.raises(StorageUnavailable, match="2"):
        retrying(call, within_s=100.0, sleep=lambda _: None, clock_s=lambda: next(seconds))

    assert call.left == ["never"]
