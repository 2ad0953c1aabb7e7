from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from logkeep.attempts import OF_ADDRESS, OF_NAME, Attempts
from logkeep.errors import TooManyAttempts

HERE = "192.0.2.7"


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait_of(attempts: Attempts, name: str, address: str = HERE) -> int:
    """Seconds to wait before the next attempt; 0 when it was begun."""
    try:
        attempts.begin(name, address)
    except TooManyAttempts as refused:
        return refused.retry_after
    return 0


def waits(attempts: Attempts, clock: Clock, name: str, count: int, address: str = HERE) -> list[int]:
    """The waits in front of so many attempts, each waited for."""
    found = []
    for _ in range(count):
        wait = wait_of(attempts, name, address)
        if wait:
            clock.pass_s(wait)
            assert wait_of(attempts, name, address) == 0
        found.append(wait)
    return found


def test_a_few_attempts_are_free_and_then_the_wait_grows_up_to_its_longest(clock: Clock) -> None:
    found = waits(Attempts(clock), clock, "ada", 15)
    assert found == [0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_names_are_counted_apart_and_without_case(clock: Clock) -> None:
    attempts = Attempts(clock)
    assert [wait_of(attempts, name) for name in ("ada", "Ada", "ADA", "ada", "ada", "aDA")] == [
        0,
        0,
        0,
        0,
        0,
        2,
    ]
    assert wait_of(attempts, "grace") == 0


def test_a_refused_attempt_makes_the_wait_no_longer(clock: Clock) -> None:
    attempts = Attempts(clock)
    waits(attempts, clock, "ada", 5)
    assert [wait_of(attempts, "ada") for _ in range(50)] == [2] * 50
    clock.pass_s(1.5)
    assert wait_of(attempts, "ada") == 1
    clock.pass_s(0.5)
    assert wait_of(attempts, "ada") == 0


def test_the_hint_says_how_long_in_words(clock: Clock) -> None:
    attempts = Attempts(clock)
    waits(attempts, clock, "ada", 6)
    with pytest.raises(TooManyAttempts, match="try again in 4 seconds"):
        attempts.begin("ada", HERE)
    waits(attempts, clock, "ada", 7)
    with pytest.raises(TooManyAttempts, match="try again in 5 minutes"):
        attempts.begin("ada", HERE)


def test_a_success_starts_the_name_anew(clock: Clock) -> None:
    attempts = Attempts(clock)
    waits(attempts, clock, "ada", 7)
    attempts.succeeded("ADA", HERE)
    assert waits(attempts, clock, "ada", 6) == [0, 0, 0, 0, 0, 2]


def test_one_address_waits_for_whatever_name_and_others_do_not(clock: Clock) -> None:
    attempts = Attempts(clock)
    names = [f"user-{number}" for number in range(OF_ADDRESS.free)]
    assert [wait_of(attempts, name) for name in names] == [0] * OF_ADDRESS.free
    assert wait_of(attempts, "another") == 2
    assert wait_of(attempts, "another", "192.0.2.8") == 0


def test_a_success_gives_the_address_back_only_its_own_attempt(clock: Clock) -> None:
    """Whoever has one account cannot wash failures at others away with it."""
    attempts = Attempts(clock)
    for number in range(OF_ADDRESS.free - 1):
        attempts.begin(f"user-{number}", HERE)
    attempts.begin("mine", HERE)
    assert wait_of(attempts, "mine") == 2
    attempts.succeeded("mine", HERE)
    assert wait_of(attempts, "user-x") == 0
    assert wait_of(attempts, "user-y") == 2


def test_the_wait_of_an_address_has_an_end_too(clock: Clock) -> None:
    attempts = Attempts(clock)
    for number in range(OF_ADDRESS.free + 12):
        clock.pass_s(wait_of(attempts, f"user-{number}"))
        wait_of(attempts, f"user-{number}")
    assert wait_of(attempts, "x") == OF_ADDRESS.longest_s


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("no address", "no address", True),
        ("", "", True),
    ],
)
def test_addresses_that_one_client_can_choose_from_are_one(
    clock: Clock, one: str, other: str, same: bool
) -> None:
    attempts = Attempts(clock)
    for number in range(OF_ADDRESS.free):
        attempts.begin(f"user-{number}", one)
    assert (wait_of(attempts, "ada", other) > 0) is same


def test_counts_are_forgotten_an_hour_after_the_last_attempt(clock: Clock) -> None:
    attempts = Attempts(clock)
    waits(attempts, clock, "ada", 12)
    clock.pass_s(3601)
    assert waits(attempts, clock, "ada", 6) == [0, 0, 0, 0, 0, 2]


def test_memory_is_bounded_and_a_flood_of_names_does_not_push_out_the_one_under_attack(clock: Clock) -> None:
    attempts = Attempts(clock, most_kept=100)
    waits(attempts, clock, "ada", 8)
    for number in range(1000):
        attempts.begin(f"made-up-{number}", f"10.0.{number // 250}.{number % 250}")
    assert len(attempts._names._of) <= 100
    assert len(attempts._addresses._of) <= 100
    assert wait_of(attempts, "ada") > 0


def test_long_names_take_no_memory(clock: Clock) -> None:
    attempts = Attempts(clock)
    attempts.begin("x" * 1_000_000, "y" * 1_000_000)
    assert max(map(len, [*attempts._names._of, *attempts._addresses._of])) == 200


def test_attempts_at_the_same_moment_count_each(clock: Clock) -> None:
    attempts = Attempts(clock)
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: wait_of(attempts, "ada"), range(64)))
    assert found.count(0) == OF_NAME.free
