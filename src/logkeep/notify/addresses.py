"""Where notices go: the URL of a webhook, addresses of people, and the server that takes the mail.

What cannot be one raises ValueError that says what to write; none repeats the text, which may hold a secret.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from logkeep.errors import BadSetting

_LONGEST = 2000  # characters of a URL or of all addresses together
_MOST_ADDRESSES = 20
# Half of what RFC 5321 allows to be quoted or escaped is left out: no mailbox that people use has it.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)

Tls = Literal["none", "starttls", "tls"]
_MAIL_SCHEMES: dict[str, tuple[Tls, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
# Clouds tell a machine's credentials at link-local addresses, and at these of Alibaba, Azure, AWS (two),
# Google, Oracle.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "192.0.0.192",
        ),
    )
)
# 2852039166, 0xa9fea9fe and 0251.254.43518: what looks up names takes these for addresses (inet_aton(3)).
_NUMBERS = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]*|[0-9]+)){0,3}\.?")
_IN_THE_LAST_32_BITS = tuple(
    map(
        ipaddress.ip_network,
        # IPv4-compatible (RFC 4291), mapped, translated (RFC 2765), NAT64 (RFC 6052, RFC 8215)
        ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),
    )
)


@dataclass(frozen=True, kw_only=True)
class MailServer:
    host: str
    port: int
    tls: Tls  # none, from the first byte, or by STARTTLS before anything is told
    user: str = ""
    password: str = field(default="", repr=False)


def web_url(text: str) -> str:
    """The http or https URL itself; a user and a password may be in it."""
    parts, host = _split(text), _called_host(text)
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not (parts.hostname and host)
        or parts.fragment
    ):
        raise ValueError("an http or https URL, such as https://example.org/hook")
    if refused_address(parts.hostname or "") or refused_address(host):
        raise ValueError("a URL of another host: at this one a cloud tells credentials")
    return text


def mail_addresses(text: str) -> tuple[str, ...]:
    """The addresses of a text with commas between them, each one once."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if len(text) > _LONGEST or len(found) > _MOST_ADDRESSES:
        raise ValueError(f"at most {_MOST_ADDRESSES} addresses")
    if not all(_ADDRESS.fullmatch(address) and ".." not in address for address in found):
        raise ValueError("addresses with commas between them, such as ops@example.org,on-call@example.org")
    return found


def mail_server(text: str) -> MailServer:
    """The server of `smtp://[user:password@]host[:port]`, `smtp+starttls://` or `smtps://`."""
    parts = _split(text)
    known = None if parts is None else _MAIL_SCHEMES.get(parts.scheme)
    if parts is None or known is None or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("smtp+starttls://user:password@host:587, smtps://... or smtp://...")
    tls, port = known
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not all(each.isascii() and each.isprintable() for each in (user, password)):
        raise ValueError("a user and a password of printable ASCII characters: no others can be sent")
    return MailServer(
        host=parts.hostname,
        port=parts.port or port,
        tls=tls,
        user=user,
        password=password,
    )


def check_receivers(notify_url: str, notify_email: str, *, sends_mail: bool = True) -> None:
    """Raises BadSetting, which names the field, for what notices of a restore cannot be sent to."""
    for name, text, check in (
        ("notify_url", notify_url, web_url),
        ("notify_email", notify_email, mail_addresses),
    ):
        try:
            if text:
                check(text)
        except ValueError as error:
            raise BadSetting(f"{name} cannot be used", hint=f"write {error}", field=name) from None
    if notify_email and not sends_mail:
        raise BadSetting(
            "notify_email cannot be used: this server sends no mail",
            hint="set smtp_url and smtp_from in the server's settings",
            field="notify_email",
        )


def refused_address(host: str) -> bool:
    """Whether this is an IP address at which a machine's own credentials may be told: none is sent there."""
    address = _address(host.partition("%")[0])
    if address is None:
        return False
    within = () if isinstance(address, ipaddress.IPv4Address) else _within(address)
    return any(one.is_link_local or one in _METADATA for one in (address, *within))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        if not _NUMBERS.fullmatch(host):
            return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def _within(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that this one may lead to."""
    if any(address in network for network in _IN_THE_LAST_32_BITS):
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()


def _called_host(url: str) -> str:
    """The host as httpx, which calls it, reads it; "" for none. Its rules for names are newer and stricter
    than those of the standard library's codec."""
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, ValueError):
        return ""


def _split(text: str) -> SplitResult | None:
    # urlsplit takes line breaks out of a URL without a word.
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
        (parts.hostname or "").encode("idna")  # which looking it up does as well
    except ValueError:
        return None
    return parts
