"""What the settings of signing in at an identity provider may be.

What cannot be one raises ValueError that says what to write; none repeats the text, which may be secret.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from logkeep.notify.addresses import web_url

LONGEST_LABEL = 40  # characters; a button has room for no more
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def issuer(text: str) -> None:
    host = urlsplit(web_url(text)).hostname or ""
    if not text.startswith("https://") and host not in _LOOPBACK:
        raise ValueError("an https URL, such as https://accounts.example.org")


def credential(text: str) -> None:
    if not (text.isascii() and text.isprintable()):
        raise ValueError("printable ASCII characters: no others can be sent")


def label(text: str) -> None:
    if len(text) > LONGEST_LABEL or not text.isprintable():
        raise ValueError(f"one line of at most {LONGEST_LABEL} characters")


def scopes(text: str) -> str:
    scopes = text.split()
    if "openid" not in scopes or not text.isascii():
        raise ValueError("scopes with blanks between them, openid among them")
    return " ".join(scopes)


def role(text: str) -> None:
    if text not in ("admin", "member", "read-only"):
        raise ValueError("admin, member or read-only")


def domains(text: str) -> None:
    parts = [part.strip() for part in text.split(",")]
    if parts != ["*"] and not all(_DOMAIN.fullmatch(part) for part in parts):
        raise ValueError("domains with commas between them, such as example.org,example.com, or *")
