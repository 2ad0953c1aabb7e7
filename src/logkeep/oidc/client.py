"""HTTP to the identity provider: JSON within bounds, and its failures in our words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import httpx
import msgspec

from logkeep.errors import IdentityProviderError
from logkeep.outgoing import authorities, proxy_of

T = TypeVar("T")

_WITHIN_S = 10.0
_MOST_BYTES = 1 << 20  # of an answer
_LONGEST_WORDS = 200  # characters of the provider's own words


class ProviderClient:
    """Follows no redirect. Safe from any thread: every call has a connection of its own, as they are few."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls

    def get(self, url: str, kind: type[T], *, token: str = "") -> T:
        """The answer as `kind`. Raises IdentityProviderError."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, body = self._call("GET", url, headers, b"")
        if status != 200:
            raise IdentityProviderError(
                f"the identity provider answered {url} with {status}", hint="check oidc_issuer"
            )
        return decoded(body, kind, url)

    def post_form(self, url: str, headers: Mapping[str, str], form: str) -> tuple[int, bytes]:
        """(status, body) of the answer. Raises IdentityProviderError when there is none."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._call("POST", url, headers, form.encode())

    def _call(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> tuple[int, bytes]:
        with _translated(url):
            address = httpx.URL(url)
            proxy = proxy_of(address)
            schemes = {address.scheme, proxy.scheme if proxy is not None else ""}
            with (
                httpx.Client(
                    # Without TLS there is no certificate to check, and the authorities take long to load.
                    verify=(self._tls or authorities()) if "https" in schemes else False,
                    proxy=proxy,
                    trust_env=False,
                    timeout=_WITHIN_S,
                ) as client,
                client.stream(
                    method, address, headers={"Accept": "application/json", **headers}, content=content
                ) as response,
            ):
                return response.status_code, _bounded(response)


def decoded(body: bytes, kind: type[T], url: str) -> T:
    """The JSON as `kind`. Raises IdentityProviderError."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IdentityProviderError(
            f"the identity provider's answer at {url} is not as OpenID Connect has it: {error}",
            hint="check oidc_issuer",
        ) from None


def words(text: str) -> str:
    """What another side says, as one short line without control characters."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown[:_LONGEST_WORDS].strip()


def _bounded(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise IdentityProviderError(
                f"the identity provider's answer at {response.url} has more than {_MOST_BYTES} bytes"
            )
    return body


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException:
        raise IdentityProviderError(
            f"the identity provider did not answer {url} within {_WITHIN_S:.0f} s",
            hint="try again, or sign in with a password",
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
        raise IdentityProviderError(
            f"the identity provider cannot be reached at {url}: {words(str(error)) or type(error).__name__}",
            hint="try again, or sign in with a password",
        ) from None
