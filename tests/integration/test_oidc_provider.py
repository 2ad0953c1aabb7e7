"""Signing in at an OpenID provider that others wrote, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest
from tests.contract.s3_servers import free_port, program, serving

from logkeep.errors import Forbidden, IdentityProviderError
from logkeep.oidc.client import ProviderClient
from logkeep.oidc.provider import Provider
from logkeep.oidc.signin import Begun, Identity, SignIn

BACK = "http://127.0.0.1:7280/oidc/callback"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [program("oidc-provider-mock"), "-p", str(port), "--require-registration", "true"]
    command += ["--require-nonce", "true"]
    with serving(command, port, tmp_path_factory.mktemp("oidc") / "log") as url:
        yield url


@pytest.fixture(scope="module")
def client(issuer: str) -> tuple[str, str]:
    """(id, secret) as the provider registers them."""
    made = httpx.post(f"{issuer}/oauth2/clients", json={"redirect_uris": [BACK]}).raise_for_status().json()
    return made["client_id"], made["client_secret"]


def sign_in(issuer: str, client: tuple[str, str], now: int = 0) -> SignIn:
    provider = Provider(issuer, ProviderClient(), lambda: now or now_ms())
    return SignIn(provider, client_id=client[0], client_secret=client[1], scopes="openid email profile")


def come_back(url: str, **form: str) -> dict[str, str]:
    """Fill the provider's form in as a person would: what the browser comes back with."""
    answer = httpx.post(url, data=form)
    assert answer.status_code == 302
    back = httpx.URL(answer.headers["Location"])
    assert str(back).startswith(BACK)
    return dict(back.params)


def test_a_person_with_a_verified_email_signs_in(issuer: str, client: tuple[str, str]) -> None:
    httpx.put(
        f"{issuer}/users/ada", json={"email": "ada@example.org", "email_verified": True}
    ).raise_for_status()
    here = sign_in(issuer, client)
    url, begun = here.begin(BACK)
    found = here.finish(begun, come_back(url, sub="ada"), BACK)
    assert found == Identity(issuer=issuer, subject="ada", email="ada@example.org")


def test_an_email_that_the_provider_did_not_verify_is_told_apart(
    issuer: str, client: tuple[str, str]
) -> None:
    here = sign_in(issuer, client)
    url, begun = here.begin(BACK)
    found = here.finish(begun, come_back(url, sub="eve@example.org"), BACK)
    assert (found.email, found.unverified_email) == ("", "eve@example.org")


def test_a_person_who_cancels_is_told_so(issuer: str, client: tuple[str, str]) -> None:
    here = sign_in(issuer, client)
    url, begun = here.begin(BACK)
    with pytest.raises(Forbidden, match="did not let you in, or you cancelled"):
        here.finish(begun, come_back(url, action="deny"), BACK)


def test_a_wrong_secret_is_told(issuer: str, client: tuple[str, str]) -> None:
    here = sign_in(issuer, (client[0], "not the secret"))
    url, begun = here.begin(BACK)
    with pytest.raises(IdentityProviderError, match="does not take this server's client id and secret"):
        here.finish(begun, come_back(url, sub="ada"), BACK)


def test_a_clock_that_is_wrong_is_told(issuer: str, client: tuple[str, str]) -> None:
    here = sign_in(issuer, client, now=now_ms() + 2 * 3_600_000)
    url, begun = here.begin(BACK)
    with pytest.raises(IdentityProviderError, match="which is this server's time"):
        here.finish(begun, come_back(url, sub="ada"), BACK)


def test_the_nonce_of_another_sign_in_is_refused(issuer: str, client: tuple[str, str]) -> None:
    here = sign_in(issuer, client)
    url, begun = here.begin(BACK)
    other = Begun(state=begun.state, nonce="of another", verifier=begun.verifier)
    with pytest.raises(IdentityProviderError, match="nonce"):
        here.finish(other, come_back(url, sub="ada"), BACK)
