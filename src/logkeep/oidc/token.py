"""ID tokens: who signed in, proven by the provider's signature (OpenID Connect Core 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidKeyCurveError,
    JoseError,
    KeyParameterError,
)
from joserfc.jwk import Key

from logkeep.errors import IdentityProviderError
from logkeep.oidc.client import words
from logkeep.timeline import iso

_LEEWAY_S = 60  # by which two clocks may differ
# Signatures with a key that only the provider has: never none, never one with the client's secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
# A key that is not of the algorithm's kind is passed over: a set may hold several.
_DOES_NOT_FIT = (BadSignatureError, KeyParameterError, InvalidKeyCurveError)

Keys = Callable[[bool], Sequence[Key]]  # the provider's; asked for anew when True


def verified(
    id_token: str, *, keys: Keys, issuer: str, client_id: str, nonce: str, access_token: str, now: int
) -> Mapping[str, Any]:
    """The claims of the token. Raises IdentityProviderError, which says what is wrong with it, unless the
    provider signed it, for this client, in answer to this very request, and it is still valid."""
    try:
        token = _signed(id_token, keys)
        wanted = {
            name: {"essential": True, "value": value} for name, value in (("iss", issuer), ("aud", client_id))
        }
        told = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
        claims = CodeIDToken(token.claims, token.header, options=wanted, params=told)
        claims.validate(now=now // 1000, leeway=_LEEWAY_S)
    except JoseError as error:
        raise _refused(error, now) from None
    return dict(claims)


def _signed(id_token: str, keys: Keys) -> jwt.Token:
    """The token as the first fitting key proves it; keys are asked for anew before none fits."""
    try:
        return _by_any(id_token, keys(False))
    except BadSignatureError:
        return _by_any(id_token, keys(True))


def _by_any(id_token: str, keys: Sequence[Key]) -> jwt.Token:
    kid = _kid(id_token)
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    for key in keys:
        if kid is not None and key.get("kid") != kid:
            continue
        try:
            return jwt.decode(id_token, key, registry=registry)
        except _DOES_NOT_FIT:
            continue
    raise BadSignatureError("no key of the provider fits")


def _kid(id_token: str) -> str | None:
    try:
        header = jws.extract_compact(id_token.encode()).headers()
    except ValueError as error:
        raise BadSignatureError(words(str(error))) from None
    if header.get("alg") not in ALGORITHMS:
        raise JoseError(f"it is signed with {words(str(header.get('alg')))!r}")
    return header.get("kid")


def _refused(error: JoseError, now: int) -> IdentityProviderError:
    if isinstance(error, ExpiredTokenError) or "future" in str(error) or "not yet" in str(error):
        return IdentityProviderError(
            f"the identity provider's token is not valid at {iso(now)}, which is this server's time",
            hint="sign in again; if it stays so, the clock of one of the two is wrong",
        )
    return IdentityProviderError(
        f"the identity provider's token cannot be trusted: {words(str(error).strip(': '))}",
        hint="sign in again; if it stays so, check oidc_issuer and oidc_client_id",
    )
