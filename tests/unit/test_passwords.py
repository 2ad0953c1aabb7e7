from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from logkeep import passwords
from logkeep.errors import BadSetting, LogkeepError
from logkeep.passwords import check_password, hash_password, needs_rehash, verify

GOOD = "nine owls at dusk"


def test_the_password_itself_is_right_and_another_is_not() -> None:
    hashed = hash_password(GOOD)
    assert verify(GOOD, hashed)
    assert not verify(GOOD + " ", hashed)
    assert not verify("", hashed)


def test_two_digests_of_one_password_differ_and_hold_argon2id_with_its_parameters() -> None:
    one, other = hash_password(GOOD), hash_password(GOOD)
    assert one != other
    assert one.startswith("$argon2id$v=19$m=65536,t=2,p=1$")
    assert not needs_rehash(one)


def test_a_digest_of_older_parameters_is_verified_and_is_to_be_made_anew() -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(GOOD)
    assert verify(GOOD, older)
    assert needs_rehash(older)


def test_nobodys_digest_has_todays_parameters_so_that_an_unknown_user_takes_as_long() -> None:
    assert not needs_rehash(passwords._NOBODYS)


def test_no_password_is_that_of_a_user_without_one() -> None:
    assert not verify(GOOD, "")
    assert not verify("", "")


def test_one_password_in_two_forms_of_unicode_is_one() -> None:
    assert verify("cafe\u0301 au lait, deux", hash_password("caf\u00e9 au lait, deux"))


@pytest.mark.parametrize("text", ["x" * 1025, "\u00e9" * 600, "a lone surrogate \udc80"])
def test_a_text_that_can_be_no_password_is_none(text: str) -> None:
    assert not verify(text, hash_password(GOOD))
    with pytest.raises(BadSetting):
        hash_password(text)


def test_a_digest_that_cannot_be_read_is_an_error_and_no_wrong_password() -> None:
    with pytest.raises(LogkeepError, match="cannot be read"):
        verify(GOOD, "$argon2id$v=19$nonsense")
    with pytest.raises(LogkeepError, match="cannot be read"):
        verify(GOOD, "plain text")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\u4e94\u6708\u96e8\u3092\u96c6\u3081\u3066\u65e9\u3057\u6700\u4e0a\u5ddd",
        "x7" + "Kp-q" * 200,
        "Ada-is-not-my-password",
        "!@#$%^&*()_+{}",
    ],
)
def test_a_good_password_is_taken(text: str) -> None:
    check_password(text, user="ada")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "fewer than 12"),
        ("short one 1", "fewer than 12"),
        ("y\u0308" * 11, "fewer than 12"),  # 22 code points, 11 characters
        ("word " * 300, "more than 1024"),
        ("a lone surrogate \udc80", "characters that are none"),
        ("Password 1234", "tried first"),
        ("correct horse battery staple", "tried first"),
        ("aaaaaaaaaaaaaaaa", "tried first"),
        ("1212 1212 1212", "tried first"),
        ("............", "tried first"),
        ("ada.lovelace@example.org", "the user's name"),
        ("Ada Lovelace", "the user's name"),
        ("ada.lovelace@example.orgada.lovelace@example.org", "the user's name"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason_and_without_itself(text: str, reason: str) -> None:
    with pytest.raises(BadSetting, match=reason) as refused:
        check_password(text, user="ada.lovelace@example.org")
    assert refused.value.field == "password"
    assert not text or text not in str(refused.value)


def test_at_most_two_digests_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third caller waits until one of the two that are under way is done."""
    under_way, go = threading.Barrier(3), threading.Event()
    running: list[int] = []

    class Hasher:
        def hash(self, _password: bytes) -> str:
            running.append(1)
            if len(running) <= 2:
                under_way.wait(10)
                assert go.wait(10)
            return "digest"

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    with ThreadPoolExecutor(3) as threads:
        two = [threads.submit(hash_password, GOOD) for _ in range(2)]
        under_way.wait(10)
        assert not passwords._ROOM.acquire(blocking=False)
        third = threads.submit(hash_password, GOOD)
        assert len(running) == 2
        go.set()
        assert [one.result(10) for one in (*two, third)] == ["digest"] * 3
    assert len(running) == 3
