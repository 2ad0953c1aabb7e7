"""Passwords: which ones are taken, their digests (argon2id), and whether one is right.

A digest takes 64 MiB and a tenth of a second on purpose. At most two are made at once in the process, and
further callers wait: call from a thread.
"""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from logkeep.errors import BadSetting, LogkeepError

LEAST_CHARACTERS = 12
MOST_BYTES = 1024
_LEAST_DIFFERENT = 5  # characters: "aaaaaaaaaaaa" and "121212121212" are guessed first
_AT_ONCE = 2

# Above what OWASP asks for (19 MiB, 2 rounds). One lane, as the other core has lines to take in.
_HASHER = PasswordHasher(time_cost=2, memory_cost=64 * 1024, parallelism=1)
_ROOM = threading.BoundedSemaphore(_AT_ONCE)
# Of a password that nobody knows: to look for it takes as long as for one that somebody has.
_NOBODYS = "$argon2id$v=19$m=65536,t=2,p=1$vZnFNSqPxZx2DnCvT97Djw$UuglKSGIpCaZSSmsBKNCLwXtGm8WB8IkIaRM0TLGVN0"
# The most common ones that are long enough, compared without case, blanks and punctuation.
_MOST_COMMON = """
123456789012 1234567890123 12345678901234 123456789012345 1234567890123456 0123456789012 098765432109
1q2w3e4r5t6y 1q2w3e4r5t6y7u 1qaz2wsx3edc 1qaz2wsx3edc4rfv q1w2e3r4t5y6 q1w2e3r4t5y6u7 qazwsxedcrfv
qwertyuiop12 qwertyuiop123 qwertyuiop1234 qwertyuiop1234567890 qwertyuiopas qwertyuiopasdfgh
qwertyqwerty qwerty123456 qwerty1234567 qwerty12345678 qwerty123456789 asdfghjkl123 asdfghjklzxcvbnm
zxcvbnm12345 zxcvbnm123456 abcdefghijkl abcdefghijklm abcdefghijklmnop abcdefghijklmnopqrstuvwxyz
abcdef123456 abcd12345678 abc123456789 a123456789012 passwordpassword password1234 password12345
password123456 password123456789 password12345678 passw0rd1234 passw0rd12345 mypassword123
thisisapassword administrator administrator1 administrator123 adminadminadmin admin1234567 admin12345678
admin123456789 adminpassword rootpassword rootrootroot letmeinletmein letmein12345 letmein123456
welcome12345 welcome123456 welcomewelcome iloveyou1234 iloveyou12345 iloveyou123456 iloveyouiloveyou
changemechangeme changeme1234 changeme12345 changeme123456 correcthorsebatterystaple testtesttest
test12345678 test123456789 logkeeplogkeep logkeep12345 logkeep123456 monkey123456 dragon123456
football1234 baseball1234 superman1234 sunshine1234 princess1234 computer1234 internet1234 secretsecret
111222333444 112233445566 11223344556677 999888777666 789456123789 147258369147 987654321098
111111222222 123123123123 123456123456 qweasdzxc123 qweasdzxcrty trustno1trustno1 mustangmustang
unknownunknown masterpassword
"""
_COMMON = frozenset(_MOST_COMMON.split())


def check_password(text: str, *, user: str) -> None:
    """Raises BadSetting, which says why this user may not have this password, without the password."""
    if len(_characters(text)) < LEAST_CHARACTERS:
        raise _weak(f"has fewer than {LEAST_CHARACTERS} characters", "choose a longer one")
    if _bytes(text) is None:
        raise _weak(f"has more than {MOST_BYTES} bytes, or characters that are none", "choose a shorter one")
    plain = _plain(text)
    if plain in _COMMON or len(set(_characters(text).casefold())) < _LEAST_DIFFERENT:
        raise _weak("is one of those that are tried first", "choose one that nobody else has")
    if plain and plain in (_plain(user), _plain(user) * 2, _plain(user.partition("@")[0])):
        raise _weak("is the user's name", "choose one that cannot be known from outside")


def hash_password(text: str) -> str:
    """The digest to keep, with its salt and parameters. Raises BadSetting for a text that is none."""
    password = _bytes(text)
    if password is None:
        raise _weak(f"has more than {MOST_BYTES} bytes, or characters that are none", "choose a shorter one")
    with _ROOM:
        return _HASHER.hash(password)


def verify(text: str, hashed: str) -> bool:
    """Whether this is the password. With the digest "", of a user without one or of none, it takes as long
    and is not. Raises LogkeepError for a digest that cannot be read."""
    password = _bytes(text)
    if password is None:
        return False
    try:
        with _ROOM:
            return _HASHER.verify(hashed or _NOBODYS, password) and bool(hashed)
    except VerifyMismatchError:
        return False
    except (VerificationError, InvalidHashError) as error:
        raise LogkeepError(
            f"the digest of a password cannot be read: {error}", hint="have the user's password set anew"
        ) from None


def needs_rehash(hashed: str) -> bool:
    """Whether the digest was made with other parameters than today's: make it anew at the next sign-in."""
    return _HASHER.check_needs_rehash(hashed)


def _characters(text: str) -> str:
    # One password typed on two systems may come composed or not.
    return unicodedata.normalize("NFKC", text)


def _bytes(text: str) -> bytes | None:
    """What is hashed; None for what can be no password."""
    if len(text) > MOST_BYTES:
        return None
    try:
        encoded = _characters(text).encode()
    except UnicodeEncodeError:  # lone surrogates
        return None
    return encoded if len(encoded) <= MOST_BYTES else None


def _plain(text: str) -> str:
    return "".join(character for character in _characters(text).casefold() if character.isalnum())


def _weak(what: str, hint: str) -> BadSetting:
    return BadSetting(f"the password {what}", hint=hint, field="password")
