from __future__ import annotations

import random

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline.places import places, replaced
from logkeep.pipeline.redactions import NAMES, is_secret_key, redactions

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"


def redacted(text: str, *patterns: str, regex: tuple[str, ...] = ()) -> str:
    data = text.encode()
    spans = places(redactions(patterns, regex), data)
    assert spans is not None
    return replaced(data, spans, b"#").decode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail bob.o'x+spam@mail.example.org, thanks", "mail #, thanks"),
        ("<bob@example.org>;eve@example.org", "<#>;#"),
        ("?to=bob%40example.org&x", "?to=#&x"),
        ("zoë@bücher.example", "#"),
        ("a@b.c a@b @b.cd root@localhost", "a@b.c a@b @b.cd root@localhost"),
    ],
)
def test_email(text: str, left: str) -> None:
    assert redacted(text, "email") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("4111111111111111", "#"),
        ("pan=4111 1111 1111 1111.", "pan=#."),
        ("5500-0000-0000-0004", "#"),
        ("340000000000009 and 3400 000000 00009", "# and #"),
        ("30000000000004", "#"),
        ("6011 0000 0000 0004 12/27", "# 12/27"),
        ("17 4111 1111 1111 1111 99", "17 # 99"),
        ("4111 1111 1111 1111 5500 0000 0000 0004", "# #"),
        ("6304000000000000", "#"),
        ("2221000000000009", "#"),
        ("4222222222222", "#"),
        ("card_4111111111111111", "card_#"),
        ("4111111111111112", "4111111111111112"),  # the checksum
        ("1111111111111117", "1111111111111117"),  # no card begins so
        ("2026-11-20 19:34:21 1700000000000", "2026-11-20 19:34:21 1700000000000"),
        ("0.4111111111111111", "0.4111111111111111"),
        ("a4111111111111111", "a4111111111111111"),
        ("4111111111111111f", "4111111111111111f"),
        ("41111111111111114111", "41111111111111114111"),
        ("4111  1111 1111 1111", "4111  1111 1111 1111"),
    ],
)
def test_card(text: str, left: str) -> None:
    assert redacted(text, "card") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("from 10.0.0.1:80 to 192.168.001.255.", "from #:80 to #."),
        ("ip_10.0.0.1", "ip_#"),
        ("10.0.0.1.52345 > 10.0.0.2.80", "#.52345 > #.80"),
        ("10.0.0.256 1.2.3 1.3.6.1.4.1.9 1234.1.1.1", "10.0.0.256 1.2.3 1.3.6.1.4.1.9 1234.1.1.1"),
    ],
)
def test_ipv4(text: str, left: str) -> None:
    assert redacted(text, "ipv4") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("from 2001:db8::1: hello", "from #: hello"),
        ("[2001:db8:0:0:0:0:2:1]:443", "[#]:443"),
        ("fe80::1%eth0, ::1.", "#%eth0, #."),
        ("ip6:fe80::1 addr:2001:db8::1", "ip6:# addr:#"),
        ("fe80::1.443 > fe80::2.80: fe80::3:eth0", "#.443 > #.80: #:eth0"),
        ("fe80:: and ...fe80::1...", "# and ...#..."),
        ("::ffff:10.0.0.1", "#"),
        ("1:2:3:4:5:6:10.0.0.1", "#"),
        ("at 19:34:21 00:1b:44:11:3a:b7", "at 19:34:21 00:1b:44:11:3a:b7"),
        ("std::string x:: :: core::fmt", "std::string x:: :: core::fmt"),
        ("aa:bb:cc:dd:ee:ff:00:11:22:33:44:55", "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55"),
    ],
)
def test_ipv6(text: str, left: str) -> None:
    assert redacted(text, "ipv6") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"got {JWT}.", "got #."),
        ("Authorization: Bearer abc.def-1234567", "Authorization: Bearer #"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic #"),
        ('{"Authorization":"0123456789abcdef"}', '{"Authorization":"#"}'),
        ("key AKIAIOSFODNN7EXAMPLE used", "key # used"),
        ("ghp_0123456789abcdefghij", "#"),
        ("xoxb-123456789012-abcdef", "#"),
        ("sk_live_0123456789abcdef", "#"),
        ("lki_0123456789abcdefghij lka_0123456789abcdefghij lkp_0123456789abcdefghij", "# # #"),
        ("password=hunter2&x=1", "password=#&x=1"),
        ("DB_PASSWORD: 'a b c'", "DB_PASSWORD: '#'"),
        ('password="a \\" b" x', 'password="#" x'),
        ('{"api_key": "xyz", "n": 1}', '{"api_key": "#", "n": 1}'),
        ('{"apiKey":12345}', '{"apiKey":#}'),
        (r'{"m":"{\"secret\":\"x y\"}"}', r'{"m":"{\"secret\":\"#\"}"}'),
        ("login(user=bob, password=hunter2)", "login(user=bob, password=#)"),
        ("X-Api-Key: abc", "X-Api-Key: #"),
        ("aws_secret_access_key=/abc+def=", "aws_secret_access_key=#"),
        ("postgres://bob:pass@db:5432/x", "postgres://bob:#@db:5432/x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END", "-----BEGIN RSA PRIVATE KEY-----#-----END"),
        ("password: Bearer abcdefgh12345678", "password: # #"),
        ("sudo: PWD=/root ; COMMAND=ls", "sudo: PWD=/root ; COMMAND=ls"),
        ('{"password":null,"token":true}', '{"password":null,"token":true}'),
        ("Failed password for root, a bearer of news", "Failed password for root, a bearer of news"),
        ("tokens 5, a secret garden", "tokens 5, a secret garden"),
    ],
)
def test_token(text: str, left: str) -> None:
    assert redacted(text, "token") == left


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        (b"password", True),
        (b"db_password", True),
        (b"accessToken", True),
        (b"tokens", False),
        (b"path", False),
    ],
)
def test_names_of_secrets(key: bytes, secret: bool) -> None:
    assert is_secret_key(key) is secret


def test_places_that_overlap_are_replaced_once_and_whole() -> None:
    assert redacted("password=bob@example.org/4111", "email", "token") == "password=#"
    assert redacted("abcdef", regex=("bcd", "cde")) == "a#f"
    assert redacted("abcd", regex=("ab", "cd")) == "##"


def test_groups_of_a_users_expression_mean_nothing() -> None:
    assert redacted("ssn 12-34", regex=(r"ssn (\d+)-(\d+)",)) == "#"


@pytest.mark.parametrize(
    ("patterns", "expressions", "field", "message"),
    [
        (("email", "mail"), (), "patterns[1]", "'mail' is no pattern"),
        ((), ("a", "a*"), "regex[1]", "nothing at all"),
        ((), ("(?<=a)b",), "regex[0]", "lookbehind is not supported"),
        ((), ("x{1000}" * 3,), "regex[0]", "too large"),
    ],
)
def test_what_cannot_be_is_refused(
    patterns: tuple[str, ...], expressions: tuple[str, ...], field: str, message: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        redactions(patterns, expressions)
    assert caught.value.field == field
    assert message in caught.value.message


@pytest.mark.parametrize(
    "text", ["4" * 1_000_000, ":" * 1_000_000, "1." * 500_000, "a@" * 500_000, 'token="' * 150_000]
)
def test_long_texts_that_look_like_hits_end(text: str) -> None:
    assert places(redactions(NAMES, ()), text.encode()) is not None


def test_a_nasty_expression_on_a_long_text_ends() -> None:
    chance = random.Random(1)
    text = "".join(chance.choices("ab", k=1_000_000)).encode()
    assert places(redactions((), ("(?:(?:a|b)*)*a(?:a|b){100}c",)), text) == []


def test_finding_too_many_places_for_too_long_is_given_up() -> None:
    """Each of them needs a look at all that follows."""
    now = iter([0.0, 0.5, 1.5])
    assert places(redactions((), ("a.*b|a",)), b"a" * 1_000_000, clock=lambda: next(now)) is None
