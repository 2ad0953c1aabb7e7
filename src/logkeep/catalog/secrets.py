"""Texts that open something: they are made at random, and only their digests are kept."""

from __future__ import annotations

import hashlib
import secrets

_BYTES = 32
ID_LENGTH = 12  # of a digest; too little of it to tell anything about the text


def new_secret(prefix: str = "") -> str:
    return prefix + secrets.token_urlsafe(_BYTES)


def digest_of(text: str) -> str:
    """SHA-256, hex: the text is random enough to need no salt."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
