"""What an identity provider publishes about itself: its endpoints and its keys (OpenID Connect Discovery)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from logkeep.errors import IdentityProviderError
from logkeep.notify.addresses import web_url
from logkeep.oidc.client import ProviderClient
from logkeep.timeline import Clock

_KEPT_MS = 3_600_000
_WELL_KNOWN = "/.well-known/openid-configuration"
_MOST_KEYS = 100


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """The members of the provider's metadata that are used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: Sequence[str] = ("client_secret_basic",)


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class Provider:
    """Read when needed, and kept for an hour. Safe from any thread."""

    def __init__(self, issuer: str, client: ProviderClient, clock: Clock) -> None:
        self.issuer = issuer
        self.client = client
        self.clock = clock
        self._lock = threading.Lock()
        self._metadata: tuple[int, Metadata] | None = None
        self._keys: tuple[int, list[Key]] | None = None

    def metadata(self) -> Metadata:
        """Raises IdentityProviderError when there is none, or it is another issuer's."""
        with self._lock:
            kept = self._metadata
        if kept is not None and self._fresh(kept[0]):
            return kept[1]
        url = self.issuer.rstrip("/") + _WELL_KNOWN
        found = self._checked(self.client.get(url, Metadata))
        with self._lock:
            self._metadata = (self.clock(), found)
        return found

    def keys(self, *, anew: bool = False) -> list[Key]:
        """The keys that it signs with; asked for again with `anew`, as it may change them at any time."""
        with self._lock:
            kept = self._keys
        if kept is not None and self._fresh(kept[0]) and not anew:
            return kept[1]
        found = _imported(self.client.get(self.metadata().jwks_uri, _KeySet).keys)
        with self._lock:
            self._keys = (self.clock(), found)
        return found

    def _fresh(self, at: int) -> bool:
        return 0 <= self.clock() - at < _KEPT_MS

    def _checked(self, found: Metadata) -> Metadata:
        if found.issuer != self.issuer:
            raise IdentityProviderError(
                f"the identity provider calls itself {found.issuer!r}, not {self.issuer!r}",
                hint="set oidc_issuer to exactly what it calls itself",
            )
        endpoints = [found.authorization_endpoint, found.token_endpoint, found.jwks_uri]
        for url in (*endpoints, *filter(None, [found.userinfo_endpoint])):
            self._check_endpoint(url)
        return found

    def _check_endpoint(self, url: str) -> None:
        try:
            scheme = urlsplit(web_url(url)).scheme
        except ValueError:
            scheme = ""
        if scheme not in {"https", urlsplit(self.issuer).scheme}:
            raise IdentityProviderError(
                f"the identity provider names an endpoint that cannot be used: {url!r}",
                hint="it has to be an https URL",
            )


def _imported(keys: Sequence[dict[str, Any]]) -> list[Key]:
    """Those that can be read and are for signatures: a set may hold other kinds beside them."""
    found: list[Key] = []
    for one in keys[:_MOST_KEYS]:
        if one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            found.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError):
            continue
    return found
