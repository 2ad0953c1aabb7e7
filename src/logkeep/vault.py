"""Secrets at rest: sealed before they enter the catalog, opened where a bucket is reached.

Sealed means encrypted and authenticated, with Fernet (AES-128-CBC and HMAC-SHA-256). The keys live apart from
what they seal; docs/decisions/0008-secrets-at-rest.md says why and what that protects.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from logkeep.errors import BadSetting

VARIABLE = "LOGKEEP_SECRET_KEY"

_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")  # 32 bytes as base64url
_HOW_TO_MAKE_ONE = "a key is 32 random bytes in base64url: 44 characters, the last of them '='"

Id = TypeVar("Id", int, str)


class Vault:
    """The first key seals; every key opens. Says nothing about its keys when it is shown or fails."""

    def __init__(self, keys: Sequence[str], *, source: str = "the secret key") -> None:
        """`source` says where the keys come from, for messages. Raises BadSetting, which names the position
        of a key that is none."""
        if not keys:
            raise BadSetting(f"there is no key in {source}", hint=_HOW_TO_MAKE_ONE, field="secret_key")
        for position, key in enumerate(keys, start=1):
            if not _KEY.fullmatch(key):
                raise BadSetting(
                    f"number {position} in {source} is no key", hint=_HOW_TO_MAKE_ONE, field="secret_key"
                )
        self._source = source
        self._first = Fernet(keys[0])
        self._all = MultiFernet([Fernet(key) for key in keys])

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, values: Mapping[str, str]) -> bytes:
        """These secrets as bytes that only this key opens; b"" for none. Never the same bytes twice."""
        return self._first.encrypt(msgspec.json.encode(dict(values))) if values else b""

    def open(self, sealed: bytes) -> dict[str, str]:
        """The reverse of `seal`. Raises BadSetting when no key fits or the bytes were changed."""
        if not sealed:
            return {}
        try:
            return msgspec.json.decode(self._all.decrypt(sealed), type=dict[str, str])
        except InvalidToken:
            raise BadSetting(
                f"the stored credentials cannot be opened with {self._source}",
                hint=f"put the key that sealed them back into {self._source}, or give the credentials again",
                field="secret_key",
            ) from None

    def opens(self, sealed: bytes) -> bool:
        """Whether a key fits."""
        return not sealed or _fits(self._all, sealed)

    def stale(self, sealed: bytes) -> bool:
        """Whether it was sealed with another key than the first."""
        return bool(sealed) and not _fits(self._first, sealed)


class SealedSecrets(Protocol[Id]):
    """What the catalog keeps sealed, each by the id of what it belongs to."""

    def sealed_secrets(self) -> Sequence[tuple[Id, bytes]]: ...

    def reseal(self, owner: Id, secret: bytes, /, *, was: bytes) -> bool: ...


def rotate(vault: Vault, kept: SealedSecrets[Id]) -> int:
    """Seal again, with the first key, what another key sealed; then the other keys may go. Returns how many.

    Credentials that are changed meanwhile stay as they were changed, and those that no key opens stay as they
    are: whoever wants to use them is told. Safe to repeat.
    """
    resealed = 0
    for owner, sealed in kept.sealed_secrets():
        if vault.stale(sealed) and vault.opens(sealed):
            resealed += kept.reseal(owner, vault.seal(vault.open(sealed)), was=sealed)
    return resealed


def load_vault(*, text: str, path: Path) -> Vault:
    """The keys in `text` (of the environment) if there are any, else those in the file, one per line or with
    commas between. A file that is not there is made, with a fresh key, readable by its owner only.

    Raises BadSetting for what is no key, and for a file that cannot be read or that others can read.
    """
    if text.strip():
        return Vault(_split(text), source=VARIABLE)
    try:
        if not path.exists():
            _make(path)
        found = _read(path)
    except OSError as error:
        raise BadSetting(
            f"the key file {path} cannot be read or made: {error.strerror}",
            hint=f"check its owner and mode, and its folder; or give the key in {VARIABLE}",
            field="secret_key",
        ) from None
    return Vault(_split(found), source=f"the key file {path}")


def _fits(key: Fernet | MultiFernet, sealed: bytes) -> bool:
    try:
        key.decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _split(text: str) -> list[str]:
    return [key for key in re.split(r"[\s,]+", text) if key]


def _read(path: Path) -> str:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise BadSetting(
                f"the key file {path} has mode {mode:03o}: others than its owner may use it",
                hint=f"chmod 600 {path}; if others may have read it, change the key and the credentials too",
                field="secret_key",
            )
        return file.read().decode("ascii", "replace")


def _make(path: Path) -> None:
    """A file with a fresh key appears whole under its name, and durably; one that another process makes at
    the same moment stays."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)
        except FileExistsError:
            return
    finally:
        new.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
