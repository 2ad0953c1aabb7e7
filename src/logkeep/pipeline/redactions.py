"""What redact looks for: named patterns, and expressions of a user.

All of it is RE2. A named pattern is a wide expression, and a check of what that finds.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from logkeep.errors import BadSetting
from logkeep.pipeline.expressions import checked, compiled, compiled_source
from logkeep.pipeline.places import Check, Finder, Redaction, Span

MAX_STEPS = 2_000  # of a user's expression; places.py bounds what it costs with long texts


def redactions(patterns: Sequence[str], expressions: Sequence[str]) -> list[Redaction]:
    """Raises BadSetting for an unknown name and for an expression that cannot be."""
    for place, name in enumerate(patterns):
        if name not in _NAMED:
            raise BadSetting(
                f"{name!r} is no pattern", hint=f"use {', '.join(NAMES)}", field=f"patterns[{place}]"
            )
    named = [_NAMED[name]() for name in dict.fromkeys(patterns)]
    return named + [_of_user(source, f"regex[{place}]") for place, source in enumerate(expressions)]


# An expression of a user

# What sees more than the characters around: it means something else between newlines, or within JSON.
_ANCHORS = re.compile(r"(?:^|[^\[])\^|\\\[\^|\$|\\[Az]")


def _of_user(source: str, setting: str) -> Redaction:
    regex = checked(source, setting=setting)
    expression = compiled(regex, most_steps=MAX_STEPS, setting=setting, groups=False)
    if expression.search(b"") is not None:
        raise BadSetting(
            "the expression also finds nothing at all", hint="let it need a character or more", field=setting
        )
    quick = None if _ANCHORS.search(regex.re2) else compiled_source(regex.re2, one_line=True, groups=False)
    return Redaction(
        finders=(Finder(expression),),
        quick=quick,
        steps=expression.programsize,
        needed=(regex.literal.encode(),) if regex.literal and not regex.ignore_case else (),
    )


# Named patterns


def _named(
    *sources: tuple[str, Check | None],
    needed: tuple[bytes, ...] = (),
    shortest: int = 1,
    in_json: str = "",
    hides_keys: bool = False,
) -> Callable[[], Redaction]:
    def make() -> Redaction:
        quick = "|".join(
            f"(?:{source})" for source in [*(source for source, _ in sources), in_json] if source
        )
        return Redaction(
            finders=tuple(Finder(compiled_source(source), check) for source, check in sources),
            quick=compiled_source(quick, one_line=True, groups=False),
            needed=needed,
            shortest=shortest,
            hides_keys=hides_keys,
        )

    return make


_OTHER = r"\x{80}-\x{10ffff}"  # a character beyond ASCII counts as a letter
_EMAIL = rf"[0-9A-Za-z.!#$%'*+_~{_OTHER}-]+(?:@|%40)(?:[0-9A-Za-z{_OTHER}-]+\.)+[A-Za-z{_OTHER}]{{2,}}"

# Digits, perhaps in groups with single spaces or dashes. It takes all that follow each other.
_CARD = r"[0-9](?:[ -]?[0-9]){12,}"
_CARD_DIGITS = range(13, 20)
_GROUP = re.compile(rb"[0-9]+")
_MOST_GROUPS = 19
# Visa, Mastercard, Amex and Diners, Discover, JCB, UnionPay, Maestro, Mir.
_CARD_BEGINS = re.compile(rb"4|5[0-8]|2(?:20[0-4]|22[1-9]|2[3-9]|[3-6]|7[01]|720)|3(?:[4-9]|0[0-5]|095)|6|81")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # twice a digit, its own digits added


def _card(text: bytes, start: int, end: int) -> list[Span]:
    """Runs of groups that are a card's number. Digits within a word or behind a decimal point are none."""
    if start and (text[start - 1 : start].isalpha() or _after_point(text, start)):
        return []
    if text[end : end + 1].isalpha():
        return []
    groups = [(start + group.start(), start + group.end()) for group in _GROUP.finditer(text[start:end])]
    spans, first = [], 0
    while first < len(groups):
        last = _card_from(text, groups, first)
        if last is not None:
            spans.append((groups[first][0], groups[last][1]))
        first = first + 1 if last is None else last + 1
    return spans


def _after_point(text: bytes, start: int) -> bool:
    return start > 1 and text[start - 1 : start] == b"." and text[start - 2 : start - 1].isdigit()


def _card_from(text: bytes, groups: Sequence[Span], first: int) -> int | None:
    """The last group of the longest number that begins with this one."""
    if not _CARD_BEGINS.match(text, groups[first][0]):
        return None
    digits, found = b"", None
    for place in range(first, min(first + _MOST_GROUPS, len(groups))):
        begin, end = groups[place]
        if len(digits) + end - begin >= _CARD_DIGITS.stop:
            break
        digits += text[begin:end]
        if len(digits) in _CARD_DIGITS and _luhn(digits):
            found = place
    return found


def _luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1: every second digit from the right doubled, all added, divides by ten."""
    odd = sum(digits[-1::-2]) - 48 * len(digits[-1::-2])
    return (odd + sum([_DOUBLED[digit - 48] for digit in digits[-2::-2]])) % 10 == 0


_IPV4 = r"[0-9]+(?:\.[0-9]+){3,}"


def _ipv4(text: bytes, start: int, end: int) -> list[Span]:
    """Four numbers to 255, with zeros before them too; tcpdump adds the port as a fifth."""
    parts = text[start:end].split(b".", 5)
    if len(parts) > 5 or any(len(part) > 3 or int(part) > 255 for part in parts[:4]):
        return []
    return [(start, start + len(b".".join(parts[:4])))]


_IPV6 = r"(?:[0-9A-Fa-f:][0-9A-Fa-f:.]*)?(?:::|(?:[0-9A-Fa-f]{1,4}:){6})[0-9A-Fa-f:.]*"
_LONGEST_IPV6 = 45  # eight groups, the last two as IPv4


def _ipv6(text: bytes, start: int, end: int) -> list[Span]:
    """The address in a run of its characters, without what belongs to the word or sentence around."""
    for first in _starts(text, start, end):
        for last in _ends(text, first, end):
            if last - first <= _LONGEST_IPV6 and _is_ipv6(text[first:last]):
                return [(first, last)]
    return []


def _starts(text: bytes, start: int, end: int) -> list[int]:
    """`from:::1` and `addr:fe80::1`: the end of a word looks like a number too."""
    if start and _in_word(text[start - 1 : start]):
        start = text.find(b":", start, end) + 1
    return [start, start + 1] if text[start : start + 1] == b":" else [start]


def _ends(text: bytes, start: int, end: int) -> list[int]:
    """`fe80::1: hello`, `fe80::1.`, `fe80::1.443` as tcpdump adds the port, and `fe80::1:eth0`."""
    stripped = start + len(text[start:end].rstrip(b":."))
    if _in_word(text[end : end + 1]):
        return [max(text.rfind(b":", start, end), text.rfind(b".", start, end))]
    return [end, stripped, text.rfind(b".", start, end)]


def _in_word(char: bytes) -> bool:
    return char.isalnum() or char == b"_"


def _is_ipv6(text: bytes) -> bool:
    if text == b"::":  # says nothing, and stands in the names of programs
        return False
    with suppress(ValueError):
        ipaddress.IPv6Address(text.decode())
        return True
    return False


# Names of what is secret, at the end of a longer name too: db_password, X-Api-Key, accessToken.
_KEYWORDS = (
    r"(?i:pass(?:word|wd|phrase|code)|pwd|secret|api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?key"
    r"|private[_-]?key|account[_-]?key|auth[_-]?key|signing[_-]?key|encryption[_-]?key|token|credentials?)"
)
_KEY_END = re.compile(_KEYWORDS.encode() + rb"\Z")
_QUOTE = r"""(?:\\*["'])?"""
_NO_SECRETS = (b"null", b"none", b"nil", b"true", b"false", b"undefined")
_NAMED_VALUE = (
    rf"{_KEYWORDS}{_QUOTE}[ \t]*(?:=>|[:=])[ \t]*"
    r"""(?:"((?:[^"\\]|\\.)+)|'([^']+)|\\+"([^"\\]+)|([^\s"'\\,;&({\[][^\s"',;&]*))"""
)
_SHAPES = (
    r"eyJ[0-9A-Za-z_-]{5,}\.[0-9A-Za-z_-]{5,}\.[0-9A-Za-z_-]*"  # JWT, RFC 7519
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\bgh[oprsu]_[0-9A-Za-z]{16,}|\bgithub_pat_[0-9A-Za-z_]{16,}|\bglpat-[0-9A-Za-z_-]{16,}"
    r"|\bxox[a-z]-[0-9A-Za-z-]{8,}|\bxapp-[0-9A-Za-z-]{8,}"  # Slack
    r"|\b[prs]k_(?:live|test)_[0-9A-Za-z]{8,}|\bwhsec_[0-9A-Za-z]{16,}"  # Stripe
    r"|\bsk-[0-9A-Za-z_-]{20,}|\bnpm_[0-9A-Za-z]{20,}|\bpypi-[0-9A-Za-z_-]{16,}|\bhv[bs]\.[0-9A-Za-z_-]{16,}"
    r"|\bAIza[0-9A-Za-z_-]{30,}|\bdop_v1_[0-9a-f]{16,}|\bst[a-z]_[0-9a-f]{40}"
    r"|\blk[aip]_[0-9A-Za-z_-]{16,}"  # ours
)
_BEARER = r"(?i:\bbearer)(?:[ \t]|%20|\+)+([0-9A-Za-z._~+/=-]{8,})"
_AUTHORIZATION = rf"(?i:authorization){_QUOTE}[ \t]*[:=][ \t]*{_QUOTE}"
_CREDENTIAL = r"([0-9A-Za-z._~+/=:-]{6,})"
_SCHEME = r"(?i:basic|bearer|token|apikey|negotiate|ntlm)[ \t]+"
_URL_USER = r"""://[^\s/:@"'<>]*:([^\s/@"'<>]+)@"""
_PEM = r"-----BEGIN [0-9A-Z ]*PRIVATE KEY-----([^-]+)"


def _named_value(text: bytes, start: int, end: int) -> list[Span]:
    value = text[start:end]
    bare = not start or text[start - 1 : start] not in (b'"', b"'")
    if bare:
        value = value.rstrip(b")]}")  # what encloses the name and the value
    # PWD=/path is where a program is; null and the like are no secrets.
    is_folder = value[:1] == b"/" and text[max(0, start - 4) : start].lower() == b"pwd="
    if not value or is_folder or value.lower() in _NO_SECRETS:
        return []
    return [(start, start + len(value))]


def _bearer(text: bytes, start: int, end: int) -> list[Span]:
    """Not a word of a sentence: a token has digits, or is long."""
    value = text[start:end]
    return [(start, end)] if len(value) > 20 or any(48 <= each <= 57 for each in value) else []


def is_secret_key(key: bytes) -> bool:
    """Whether a JSON key names a secret."""
    return _KEY_END.search(key) is not None


_NAMED: Mapping[str, Callable[[], Redaction]] = {
    "email": _named((_EMAIL, None), needed=(b"@", b"%40"), shortest=6),
    "card": _named((_CARD, _card), shortest=_CARD_DIGITS.start),
    "ipv4": _named((_IPV4, _ipv4), needed=(b".",), shortest=7),
    "ipv6": _named((_IPV6, _ipv6), needed=(b":",)),
    "token": _named(
        (_SHAPES, None),
        (_NAMED_VALUE, _named_value),
        (_BEARER, _bearer),
        (_AUTHORIZATION + _SCHEME + _CREDENTIAL, None),
        (_AUTHORIZATION + _CREDENTIAL, _bearer),
        (_URL_USER, None),
        (_PEM, None),
        in_json=rf'{_KEYWORDS}"[ \t\r]*:',
        hides_keys=True,
    ),
}
NAMES = tuple(_NAMED)
