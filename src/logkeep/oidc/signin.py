"""Signing in at an identity provider: OpenID Connect's code flow, with PKCE, state and nonce."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from logkeep.errors import Forbidden, IdentityProviderError
from logkeep.oidc.client import decoded, words
from logkeep.oidc.provider import Metadata, Provider
from logkeep.oidc.token import verified

_RANDOM_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What is kept of a sign-in, by the browser that begins it, until that comes back."""

    state: str
    nonce: str
    verifier: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who signed in, as the provider says. `email` is "" unless the provider verified that it is theirs."""

    issuer: str
    subject: str
    email: str
    unverified_email: str = ""


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    id_token: str


class _TokenError(msgspec.Struct, frozen=True, kw_only=True):
    error: str = ""
    error_description: str = ""


class SignIn:
    """This server as a client of a provider. Calls wait for the provider: call from a thread."""

    def __init__(self, provider: Provider, *, client_id: str, client_secret: str, scopes: str) -> None:
        self._provider = provider
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes

    def begin(self, redirect_uri: str) -> tuple[str, Begun]:
        """(the URL to send the browser to, what to keep). Raises IdentityProviderError."""
        begun = Begun(
            state=secrets.token_urlsafe(_RANDOM_BYTES),
            nonce=secrets.token_urlsafe(_RANDOM_BYTES),
            verifier=secrets.token_urlsafe(_RANDOM_BYTES),
        )
        url: str = prepare_grant_uri(
            self._provider.metadata().authorization_endpoint,
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self._scopes,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
        )
        return url, begun

    def finish(self, begun: Begun, params: Mapping[str, str], redirect_uri: str) -> Identity:
        """Who it is that comes back with these query parameters. Raises Forbidden when the provider did not
        let them in or they began elsewhere, IdentityProviderError when its answer cannot be trusted."""
        if params.get("error") == "access_denied":  # some send this one without the state
            raise denied()
        # Nothing that is empty proves anything: not even that it is empty on both sides.
        if not (begun.state and begun.nonce and begun.verifier) or not secrets.compare_digest(
            params.get("state", "").encode(), begun.state.encode()
        ):
            raise Forbidden("this sign-in was not begun in this browser", hint="begin it again")
        if params.get("error"):
            said = words(f"{params['error']} {params.get('error_description', '')}")
            raise Forbidden(f"the identity provider refused: {said}", hint="begin the sign-in again")
        if params.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            raise Forbidden("the answer comes from another identity provider", hint="begin the sign-in again")
        tokens = self._tokens(params.get("code", ""), begun, redirect_uri)
        claims = verified(
            tokens.id_token,
            keys=lambda anew: self._provider.keys(anew=anew),
            issuer=self._provider.issuer,
            client_id=self._client_id,
            nonce=begun.nonce,
            access_token=tokens.access_token,
            now=self._provider.clock(),
        )
        return self._identity(claims, tokens.access_token)

    def _tokens(self, code: str, begun: Begun, redirect_uri: str) -> _Tokens:
        if not code:
            raise IdentityProviderError("the identity provider sent no code", hint="begin the sign-in again")
        metadata = self._provider.metadata()
        form = prepare_token_request(
            "authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=begun.verifier
        )
        auth = ClientAuth(self._client_id, self._client_secret, self._auth_method(metadata))
        url, headers, form = auth.prepare("POST", metadata.token_endpoint, {}, form)
        status, body = self._provider.client.post_form(url, headers, form)
        if status != 200:
            raise _no_tokens(status, body)
        return decoded(body, _Tokens, url)

    def _auth_method(self, metadata: Metadata) -> str:
        if not self._client_secret:
            return "none"
        supported = metadata.token_endpoint_auth_methods_supported
        return "client_secret_basic" if "client_secret_basic" in supported else "client_secret_post"

    def _identity(self, claims: Mapping[str, Any], access_token: str) -> Identity:
        subject, userinfo = claims["sub"], self._provider.metadata().userinfo_endpoint
        if not subject:
            raise IdentityProviderError("the identity provider names no subject")
        if "email" not in claims and userinfo:  # some tell it only there
            told = self._provider.client.get(userinfo, dict[str, Any], token=access_token)
            if told.get("sub") == subject:
                claims = told
        email = claims.get("email")
        email = email if isinstance(email, str) else ""
        # A few providers say it as a text.
        if claims.get("email_verified") is True or claims.get("email_verified") == "true":
            return Identity(issuer=self._provider.issuer, subject=subject, email=email)
        return Identity(issuer=self._provider.issuer, subject=subject, email="", unverified_email=email)


def denied() -> Forbidden:
    return Forbidden(
        "the identity provider did not let you in, or you cancelled there",
        hint="ask whoever runs it for access to this application",
    )


def _no_tokens(status: int, body: bytes) -> IdentityProviderError:
    try:
        said = msgspec.json.decode(body, type=_TokenError)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = _TokenError()
    if said.error in ("invalid_client", "unauthorized_client") or (status == 401 and not said.error):
        return IdentityProviderError(
            "the identity provider does not take this server's client id and secret",
            hint="check oidc_client_id and oidc_client_secret",
        )
    if said.error == "invalid_grant":
        return IdentityProviderError(
            "the identity provider does not take the code it sent: it was used, or is too old",
            hint="begin the sign-in again",
        )
    what = words(f"{said.error} {said.error_description}") or "without a word"
    return IdentityProviderError(
        f"the identity provider answered with {status}, {what}", hint="begin the sign-in again"
    )
