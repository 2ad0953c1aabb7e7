from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from logkeep.errors import Forbidden, IdentityProviderError
from logkeep.oidc.client import ProviderClient
from logkeep.oidc.provider import Provider
from logkeep.oidc.signin import Identity, SignIn

from .hand_made_provider import CLIENT, FIRST, SECRET, HandMadeProvider, hand_made_provider, key, query_of

BACK = "http://127.0.0.1:7280/oidc/callback"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def provider() -> Iterator[HandMadeProvider]:
    with hand_made_provider() as provider:
        yield provider


@pytest.fixture
def sign_in(provider: HandMadeProvider) -> SignIn:
    return client_of(provider)


def client_of(provider: HandMadeProvider, *, secret: str = SECRET, issuer: str = "") -> SignIn:
    found = Provider(issuer or provider.url, ProviderClient(), now_ms)
    return SignIn(found, client_id=CLIENT, client_secret=secret, scopes="openid email profile")


def round_trip(sign_in: SignIn, provider: HandMadeProvider) -> Identity:
    url, begun = sign_in.begin(BACK)
    return sign_in.finish(begun, provider.let_in(url), BACK)


def test_a_round_trip_tells_who_it_is(sign_in: SignIn, provider: HandMadeProvider) -> None:
    assert round_trip(sign_in, provider) == Identity(
        issuer=provider.url, subject="subject-1", email="ada@example.org"
    )


def test_the_browser_is_sent_with_everything_that_protects_its_way_back(
    sign_in: SignIn, provider: HandMadeProvider
) -> None:
    url, begun = sign_in.begin(BACK)
    sent = {name: values for name, values in query_of(url).items() if name != "code_challenge"}
    assert url.startswith(f"{provider.url}/authorize?")
    assert sent == {
        "response_type": ["code"],
        "client_id": [CLIENT],
        "redirect_uri": [BACK],
        "scope": ["openid email profile"],
        "state": [begun.state],
        "nonce": [begun.nonce],
        "code_challenge_method": ["S256"],
    }
    assert begun.verifier not in url
    assert len({begun.state, begun.nonce, begun.verifier}) == 3
    assert sign_in.begin(BACK)[1].state != begun.state


def test_metadata_and_keys_are_read_once_an_hour(provider: HandMadeProvider) -> None:
    now = [now_ms()]
    kept = Provider(provider.url, ProviderClient(), lambda: now[0])
    for _ in range(3):
        kept.metadata(), kept.keys()
    now[0] += 3_600_000
    kept.keys()
    assert provider.requests == ["GET /.well-known/openid-configuration", "GET /jwks"] * 2


def test_a_key_that_is_new_is_asked_for(sign_in: SignIn, provider: HandMadeProvider) -> None:
    round_trip(sign_in, provider)
    provider.sign_with(key("second"))
    assert round_trip(sign_in, provider).subject == "subject-1"
    assert provider.requests.count("GET /jwks") == 2


def test_a_new_key_under_the_old_id_is_asked_for_too(sign_in: SignIn, provider: HandMadeProvider) -> None:
    round_trip(sign_in, provider)
    provider.sign_with(key("first"))
    assert round_trip(sign_in, provider).subject == "subject-1"


def test_a_token_without_a_key_id_is_tried_with_every_key(
    sign_in: SignIn, provider: HandMadeProvider
) -> None:
    signing = key(None)
    elliptic = ECKey.generate_key("P-256", {"kid": "elliptic", "use": "sig"})
    other_use = key("for encryption").as_dict(private=False) | {"use": "enc"}
    provider.sign_with(signing, publish=False)
    provider.published = [
        {"kty": "of tomorrow", "kid": "odd"},
        {"kty": "RSA", "n": "!"},
        other_use,
        dict(elliptic.as_dict(private=False)),
        dict(key("other").as_dict(private=False)),
        dict(signing.as_dict(private=False)),
    ]
    assert round_trip(sign_in, provider).subject == "subject-1"


def test_a_signature_by_an_elliptic_key_is_taken(sign_in: SignIn, provider: HandMadeProvider) -> None:
    provider.sign_with(ECKey.generate_key("P-256", {"kid": "elliptic"}))
    provider.header = {"alg": "ES256"}
    assert round_trip(sign_in, provider).subject == "subject-1"


def test_the_secret_is_sent_as_the_provider_wants_it(sign_in: SignIn, provider: HandMadeProvider) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert round_trip(sign_in, provider).subject == "subject-1"


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email_verified": "false"}, {"email": 7}]
)
def test_an_email_that_is_not_verified_is_none(
    sign_in: SignIn, provider: HandMadeProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert round_trip(sign_in, provider).email == ""


def test_an_email_that_is_told_elsewhere_is_asked_for(sign_in: SignIn, provider: HandMadeProvider) -> None:
    provider.claims = {"email": None, "email_verified": None}
    provider.metadata = {"userinfo_endpoint": f"{provider.url}/userinfo"}
    provider.userinfo = {"sub": "subject-1", "email": "ada@example.org", "email_verified": "true"}
    assert round_trip(sign_in, provider).email == "ada@example.org"
    provider.userinfo["sub"] = "another"
    assert round_trip(sign_in, provider).email == ""


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = ({**header, "alg": "none"}, claims)
    return ".".join(_b64(json.dumps(part).encode()) for part in parts) + "."


def with_the_public_key_as_a_secret(header: dict[str, Any], claims: dict[str, Any]) -> str:
    signed = ".".join(_b64(json.dumps(part).encode()) for part in ({**header, "alg": "HS256"}, claims))
    return f"{signed}.{_b64(hmac.digest(FIRST.as_pem(private=False), signed.encode(), 'sha256'))}"


def altered(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Claims of another under a good signature of this one."""
    head, _, signature = jwt.encode(header, claims, FIRST, algorithms=["RS256"]).split(".")
    return f"{head}.{_b64(json.dumps({**claims, 'sub': 'another'}).encode())}.{signature}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("make_token", "reason"),
    [
        (unsigned, "signed with 'none'"),
        (with_the_public_key_as_a_secret, "signed with 'HS256'"),
        (altered, "no key of the provider fits"),
        (lambda *_: "no token at all", "cannot be trusted"),
        (lambda *_: "a.b.c", "cannot be trusted"),
        (lambda *_: f"{_b64(b'[]')}.{_b64(b'{}')}.", "cannot be trusted"),
        (lambda *_: f"{_b64(b'[1, 2]')}.{_b64(b'{}')}.", "cannot be trusted"),
        (
            lambda header, _: jwt.encode(header, {}, FIRST, algorithms=["RS256"]),
            "Missing claim",
        ),
        (lambda *_: "x" * 200_000, "cannot be trusted"),
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(
    sign_in: SignIn, provider: HandMadeProvider, make_token: Any, reason: str
) -> None:
    provider.make_token = make_token
    with pytest.raises(IdentityProviderError, match=reason):
        round_trip(sign_in, provider)


def test_a_token_under_an_unknown_key_id_is_refused_after_the_keys_were_asked_for_anew(
    sign_in: SignIn, provider: HandMadeProvider
) -> None:
    provider.sign_with(key("never published"), publish=False)
    with pytest.raises(IdentityProviderError, match="no key of the provider fits"):
        round_trip(sign_in, provider)
    assert provider.requests.count("GET /jwks") == 2


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another client"}, "aud"),
        ({"aud": ["another client", "and another"]}, "aud"),
        ({"aud": [CLIENT, "another client"]}, "azp"),
        ({"azp": "another client"}, "azp"),
        ({"aud": None}, "aud"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"nonce": "of another sign-in"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "no subject"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"at_hash": "of another access token"}, "at_hash"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    sign_in: SignIn, provider: HandMadeProvider, claims: dict[str, Any], reason: str
) -> None:
    provider.claims = claims
    with pytest.raises(IdentityProviderError, match=reason):
        round_trip(sign_in, provider)


@pytest.mark.parametrize("from_now", [{"exp": -90}, {"iat": 300, "exp": 600}, {"nbf": 300}])
def test_a_token_of_another_time_is_refused(
    sign_in: SignIn, provider: HandMadeProvider, from_now: dict[str, int]
) -> None:
    now = int(time.time())  # not when tests are collected, which may be half an hour before
    provider.claims = {name: now + seconds for name, seconds in from_now.items()}
    with pytest.raises(IdentityProviderError, match="not valid at"):
        round_trip(sign_in, provider)


def test_clocks_may_differ_by_a_minute(sign_in: SignIn, provider: HandMadeProvider) -> None:
    now = int(time.time())
    provider.claims = {"iat": now + 45, "exp": now - 30}
    assert round_trip(sign_in, provider).subject == "subject-1"


def test_what_comes_back_to_another_browser_is_refused(sign_in: SignIn, provider: HandMadeProvider) -> None:
    """Somebody's link with their own code must not sign the reader in as them."""
    _, begun = sign_in.begin(BACK)
    theirs, _ = sign_in.begin(BACK)
    with pytest.raises(Forbidden, match="not begun in this browser"):
        sign_in.finish(begun, provider.let_in(theirs), BACK)
    with pytest.raises(Forbidden, match="not begun in this browser"):
        sign_in.finish(begun, {"code": "x"}, BACK)


@pytest.mark.parametrize("empty", ["state", "nonce", "verifier"])
def test_a_sign_in_that_was_never_begun_is_not_finished(
    sign_in: SignIn, provider: HandMadeProvider, empty: str
) -> None:
    url, begun = sign_in.begin(BACK)
    params = provider.let_in(url) | ({"state": ""} if empty == "state" else {})
    with pytest.raises(Forbidden, match="not begun in this browser"):
        sign_in.finish(replace(begun, **{empty: ""}), params, BACK)
    with pytest.raises(Forbidden, match="not begun in this browser"):
        sign_in.finish(replace(begun, **{empty: ""}), params | {"error": ""}, BACK)


def test_a_code_cannot_be_used_with_the_verifier_of_another(
    sign_in: SignIn, provider: HandMadeProvider
) -> None:
    url, _ = sign_in.begin(BACK)
    _, mine = sign_in.begin(BACK)
    stolen = provider.let_in(url) | {"state": mine.state}
    with pytest.raises(IdentityProviderError, match="does not take the code"):
        sign_in.finish(mine, stolen, BACK)


def test_a_code_works_once(sign_in: SignIn, provider: HandMadeProvider) -> None:
    url, begun = sign_in.begin(BACK)
    params = provider.let_in(url)
    sign_in.finish(begun, params, BACK)
    with pytest.raises(IdentityProviderError, match="used, or is too old"):
        sign_in.finish(begun, params, BACK)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"error": "access_denied"}, "did not let you in"),
        (
            {"error": "server_error", "error_description": "we\x1b[31m are\nclosed"},
            "server_error we .31m are closed",
        ),
        ({"code": "x", "iss": "https://evil.example"}, "another identity provider"),
    ],
)
def test_a_refusal_of_the_provider_is_told(sign_in: SignIn, params: dict[str, str], reason: str) -> None:
    _, begun = sign_in.begin(BACK)
    with pytest.raises(Forbidden, match=reason):
        sign_in.finish(begun, {**params, "state": begun.state}, BACK)


def test_a_return_without_a_code_is_told(sign_in: SignIn) -> None:
    _, begun = sign_in.begin(BACK)
    with pytest.raises(IdentityProviderError, match="sent no code"):
        sign_in.finish(begun, {"state": begun.state}, BACK)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, b"<h1>oops</h1>"), "answered with 500, without a word"),
        (
            (400, b'{"error": "slow_down", "error_description": "later\\u0000"}'),
            "answered with 400, slow_down later",
        ),
        ((401, b""), "does not take this server's client id and secret"),
        ((200, b"<h1>hello</h1>"), "not as OpenID Connect has it"),
        ((200, b'{"access_token": "a"}'), "missing required field `id_token`"),
        ((200, b"x" * (1 << 20) + b"y"), "more than 1048576 bytes"),
    ],
)
def test_an_answer_without_tokens_is_told(
    sign_in: SignIn, provider: HandMadeProvider, answer: tuple[int, bytes], reason: str
) -> None:
    provider.token_answer = answer
    with pytest.raises(IdentityProviderError, match=reason):
        round_trip(sign_in, provider)


def test_a_wrong_secret_is_told_without_it(provider: HandMadeProvider) -> None:
    with pytest.raises(IdentityProviderError, match="client id and secret") as refused:
        round_trip(client_of(provider, secret="not the secret"), provider)
    assert "oidc_client_secret" in refused.value.hint
    assert "not the secret" not in str(refused.value)


def test_a_provider_that_is_down_is_told() -> None:
    with hand_made_provider() as provider:
        sign_in = client_of(provider)
        url, begun = sign_in.begin(BACK)
        params = provider.let_in(url)
    with pytest.raises(IdentityProviderError, match="cannot be reached"):
        sign_in.finish(begun, params, BACK)
    with pytest.raises(IdentityProviderError, match="cannot be reached"):
        client_of(provider).begin(BACK)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://evil.example"}, "calls itself 'https://evil.example'"),
        ({"token_endpoint": "file:///etc/passwd"}, "endpoint that cannot be used"),
        ({"jwks_uri": "http://169.254.169.254/latest"}, "endpoint that cannot be used"),
        ({"userinfo_endpoint": "javascript:alert(1)"}, "endpoint that cannot be used"),
        ({"authorization_endpoint": 7}, "not as OpenID Connect has it"),
    ],
)
def test_metadata_that_cannot_be_is_told(
    sign_in: SignIn, provider: HandMadeProvider, metadata: dict[str, Any], reason: str
) -> None:
    provider.metadata = metadata
    with pytest.raises(IdentityProviderError, match=reason):
        sign_in.begin(BACK)


def test_an_issuer_without_metadata_is_told(provider: HandMadeProvider) -> None:
    with pytest.raises(IdentityProviderError, match=r"openid-configuration with 404"):
        client_of(provider, issuer=f"{provider.url}/elsewhere").begin(BACK)
