"""NKeys of NATS: an Ed25519 seed as text, by which a server knows a user without a password.

The text is base32 of two bytes that say what it is, the seed, and a CRC-16 (github.com/nats-io/nkeys,
strkey.go). Such a seed of a user begins with SU, its public key with U.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from logkeep.errors import BadSetting

_SEED = 18 << 3  # the prefix S
_USER = 20 << 3  # the prefix U
_SEED_BYTES = 32


class NkeySeed:
    """The seed of a user."""

    def __init__(self, text: str) -> None:
        """Raises BadSetting, without the text."""
        self._key = Ed25519PrivateKey.from_private_bytes(_seed_of(text.strip()))

    @property
    def public(self) -> str:
        """As the server's configuration has it."""
        key = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b32encode(_with_sum(bytes([_USER]) + key)).decode().rstrip("=")

    def sign(self, nonce: str) -> bytes:
        """The answer to a server's challenge."""
        return base64.b64encode(self._key.sign(nonce.encode()))


def _seed_of(text: str) -> bytes:
    refused = BadSetting(
        "nkey_seed is no seed of a user", hint="paste the one that begins with SU", field="secrets.nkey_seed"
    )
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        raise refused from None
    first, second = (raw[0], raw[1]) if len(raw) == _SEED_BYTES + 4 else (0, 0)
    kind = (first & 7) << 5 | second >> 3
    if first & 0xF8 != _SEED or kind != _USER or _with_sum(raw[:-2]) != raw:
        raise refused
    return raw[2:-2]


def _with_sum(data: bytes) -> bytes:
    return data + binascii.crc_hqx(data, 0).to_bytes(2, "little")
