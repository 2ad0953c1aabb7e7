"""Tokens of Microsoft Entra ID for Azure storage: of an app registration, or of the machine itself.

Three ways, as Microsoft documents them: the client credentials grant with a secret, the same with a federated
token (workload identity of Kubernetes), and the machine's identity endpoint (managed identity).
"""

from __future__ import annotations

import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from logkeep.errors import LogkeepError, StorageDenied, StorageUnavailable
from logkeep.storage.http_options import HttpOptions
from logkeep.storage.translate import plain

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

AUTHORITY = "https://login.microsoftonline.com"
_STORAGE = "https://storage.azure.com"
_METADATA_SERVICE = "http://169.254.169.254/metadata/identity/oauth2/token"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EARLY_S = 300  # a token is replaced this long before it ends, as one request may take long

_AADSTS = re.compile(r"AADSTS\d+")
_HINTS = {
    "AADSTS7000215": "correct client_secret: the value of the secret is needed, not its id",
    "AADSTS7000222": "client_secret has expired; make a new one",
    "AADSTS700016": "correct client_id: the tenant has no such app registration",
    "AADSTS90002": "correct tenant_id: there is no such tenant",
    "AADSTS900023": "correct tenant_id: it is the directory's id or domain",
    "invalid_client": "correct client_secret, or make a new one",
    "unauthorized_client": "correct client_id and tenant_id: the tenant has no such app registration",
}
_APP_HINT = "check tenant_id, client_id and client_secret of the app registration"
_MACHINE_HINT = (
    "give this machine a managed identity (AZURE_CLIENT_ID where it has several), or use credentials=app"
)

Ask = Callable[[], httpx.Response]


class AzureToken:
    """A token for Azure storage that is kept until shortly before it ends. An azure-core TokenCredential.

    Safe from any thread. Raises StorageDenied when none is given, StorageUnavailable when nobody answers.
    """

    def __init__(self, ask: Ask, hint: str) -> None:
        self._ask = ask
        self._hint = hint
        self._lock = threading.Lock()
        self._token = ""
        self._ends_s = 0.0

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        del scopes, options  # storage is all that it is for
        from azure.core.credentials import AccessToken

        with self._lock:
            if time.time() > self._ends_s - _EARLY_S:
                self._token, self._ends_s = self._asked()
            return AccessToken(self._token, int(self._ends_s))

    def _asked(self) -> tuple[str, float]:
        try:
            response = self._ask()
            answer = response.json()
        except httpx.HTTPError as error:
            raise StorageUnavailable(
                f"no token for Azure: {plain(str(error))}", hint=f"check authority_host; {self._hint}"
            ) from None
        except ValueError:
            answer = {}
        if response.is_success and isinstance(answer, dict) and "access_token" in answer:
            return str(answer["access_token"]), _end_s(answer)
        raise _refusal(response.status_code, answer if isinstance(answer, dict) else {}, self._hint)


def app_token(options: Mapping[str, str], client_secret: str, http: HttpOptions) -> AzureToken:
    """Of an app registration: tenant_id, client_id, authority_host of the options, and its secret."""
    proof = {"client_secret": client_secret}
    return AzureToken(lambda: _ask_entra(options, proof, http), _APP_HINT)


def machine_token(
    options: Mapping[str, str], http: HttpOptions, environment: Mapping[str, str] = os.environ
) -> AzureToken:
    """Of what the machine is, as its environment says: AZURE_CLIENT_SECRET, AZURE_FEDERATED_TOKEN_FILE (each
    with AZURE_TENANT_ID and AZURE_CLIENT_ID), IDENTITY_ENDPOINT, or else the virtual machine's metadata.
    Options go before the environment."""
    found = {
        "tenant_id": environment.get("AZURE_TENANT_ID", ""),
        "client_id": environment.get("AZURE_CLIENT_ID", ""),
        "authority_host": environment.get("AZURE_AUTHORITY_HOST", ""),
    } | dict(options)
    if "AZURE_CLIENT_SECRET" in environment:
        return app_token(found, environment["AZURE_CLIENT_SECRET"], http)
    if "AZURE_FEDERATED_TOKEN_FILE" in environment:
        file = Path(environment["AZURE_FEDERATED_TOKEN_FILE"])
        return AzureToken(lambda: _ask_entra(found, _federated(file), http), _MACHINE_HINT)
    return AzureToken(lambda: _ask_machine(found["client_id"], environment, http), _MACHINE_HINT)


def _federated(file: Path) -> dict[str, str]:
    try:
        assertion = file.read_text(encoding="utf-8").strip()  # each time anew: Kubernetes replaces it
    except OSError as error:
        raise StorageDenied(
            f"no token for Azure: AZURE_FEDERATED_TOKEN_FILE cannot be read: {error.strerror}",
            hint=_MACHINE_HINT,
        ) from error
    return {"client_assertion_type": _ASSERTION, "client_assertion": assertion}


def _ask_entra(options: Mapping[str, str], proof: Mapping[str, str], http: HttpOptions) -> httpx.Response:
    authority = options.get("authority_host") or AUTHORITY
    form = {"grant_type": "client_credentials", "scope": f"{_STORAGE}/.default"}
    with _client(http) as client:
        return client.post(
            f"{authority.rstrip('/')}/{options['tenant_id']}/oauth2/v2.0/token",
            data={**form, "client_id": options["client_id"], **proof},
        )


def _ask_machine(client_id: str, environment: Mapping[str, str], http: HttpOptions) -> httpx.Response:
    query = {"resource": _STORAGE} | ({"client_id": client_id} if client_id else {})
    if "IDENTITY_ENDPOINT" in environment:  # App Service and Container Apps
        url, query["api-version"] = environment["IDENTITY_ENDPOINT"], "2019-08-01"
        headers = {"X-IDENTITY-HEADER": environment.get("IDENTITY_HEADER", "")}
    else:
        url, query["api-version"], headers = _METADATA_SERVICE, "2018-02-01", {"Metadata": "true"}
    timeout = httpx.Timeout(http.read_s, connect=http.connect_s)
    with httpx.Client(timeout=timeout, trust_env=False) as client:  # on the machine, so never by a proxy
        return client.get(url, params=query, headers=headers)


def _client(http: HttpOptions) -> httpx.Client:
    verify = ssl.create_default_context(cafile=http.verify) if isinstance(http.verify, str) else http.verify
    return httpx.Client(
        timeout=httpx.Timeout(http.read_s, connect=http.connect_s),
        verify=verify,
        proxy=http.proxies.get("https"),
    )


def _end_s(answer: Mapping[str, Any]) -> float:
    """When a token ends, in epoch seconds: App Service tells the moment, all others how long it is valid."""
    if "expires_in" in answer:
        return time.time() + float(answer["expires_in"])
    return float(answer.get("expires_on", 0))


def _refusal(status: int, answer: Mapping[str, Any], hint: str) -> LogkeepError:
    words = str(answer.get("error_description") or answer.get("error") or status)
    found = _AADSTS.search(words)
    known = _HINTS.get(found[0] if found else "") or _HINTS.get(str(answer.get("error", "")), hint)
    message = f"no token for Azure: {plain(words)}"
    if status >= 500 or status in (408, 429):
        return StorageUnavailable(message, hint=f"it is tried again; {hint}")
    return StorageDenied(message, hint=known)
