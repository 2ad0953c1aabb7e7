"""botocore (what boto3 is made of) for one connection: session, credentials, client; its errors in our words.

Sessions share what they read of the services' descriptions: a further open bucket costs well below 1 MB,
not the 13 MB of a session by itself.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials, ReadOnlyCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.handlers import add_expect_header
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from logkeep.errors import (
    BadSetting,
    LogkeepError,
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.storage.connection import Connection, endpoint_of, is_aws, is_true
from logkeep.storage.providers import PROVIDERS

if TYPE_CHECKING:
    from obstore.store import S3Credential

EXCEPTIONS = (ClientError, BotoCoreError)

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 10, 60
_MAX_SHOWN = 300  # characters of a server's own words

# obstore asks again 5 minutes before this ends, and what botocore gives is good for 10 minutes or more.
_SHOWN_FOR = timedelta(minutes=10)


class Aws:
    """What one S3 connection needs of botocore. Safe from any thread; asks nothing before it is needed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._options = connection.options
        self._lock = threading.RLock()
        self._client: Any = None
        self.endpoint = endpoint_of(connection) or _endpoint_of_environment()
        if self._options["credentials"] == "role":
            self._refuse_foreign_sts()

    @cached_property
    def region(self) -> str:
        named = self._options.get("region") or os.environ.get("AWS_REGION")
        return named or self._base.get_config_variable("region") or "us-east-1"

    @property
    def path_style(self) -> bool:
        return self._options.get("path_style", "true" if self.endpoint else "false") == "true"

    def credentials(self) -> ReadOnlyCredentials:
        """What is valid now, refreshed if need be. Raises botocore's exceptions."""
        with self._lock:
            found = self._session.get_credentials()
        if found is None:
            raise NoCredentialsError
        return found.get_frozen_credentials()

    def for_obstore(self) -> S3Credential:
        found = self.credentials()
        return {
            "access_key_id": found.access_key or "",
            "secret_access_key": found.secret_key or "",
            "token": found.token,
            "expires_at": datetime.now(UTC) + _SHOWN_FOR,
        }

    @property
    def client(self) -> Any:
        """The S3 client, made when it is first needed. Raises botocore's exceptions."""
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> Any:
        style = "path" if self.path_style else "auto"
        s3: dict[str, object] = {"addressing_style": style}
        if self.endpoint.startswith("https://") and self._checksum == "sha256":
            s3["payload_signing_enabled"] = False  # the checksum is signed, so bytes need no second hash
        client = self._session.create_client(
            "s3",
            region_name=self.region,
            endpoint_url=self.endpoint or None,
            verify=self._verify(),
            config=self._config(signature_version="s3v4", s3=s3),
        )
        # A server that knows no 100-continue would hold up each upload for a second.
        client.meta.events.unregister("before-call.s3", add_expect_header)
        client.meta.events.register("before-call.s3", _stay_in_region)
        return client

    @property
    def _checksum(self) -> str:
        return PROVIDERS[self._connection.provider].checksum

    def _config(self, **more: object) -> Config:
        proxy = self._options.get("proxy_url")
        return Config(
            retries={"total_max_attempts": 1},  # `retrying` does it, with errors that say what may heal
            connect_timeout=_seconds(self._options.get("connect_timeout"), _CONNECT_TIMEOUT_S),
            read_timeout=_READ_TIMEOUT_S,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            user_agent_extra="logkeep",
            proxies={"http": proxy, "https": proxy} if proxy else None,
            **more,
        )

    def _verify(self) -> str | bool | None:
        if is_true(self._options, "allow_invalid_certificates"):
            return False
        return self._options.get("root_certificate")

    @cached_property
    def _base(self) -> Session:
        """A session with the keys of the connection, or with what this machine has."""
        session = _session()
        if key := self._options.get("access_key_id"):
            secrets = self._connection.secrets
            session.set_credentials(key, secrets["secret_access_key"], secrets.get("session_token"))
        return session

    @cached_property
    def _session(self) -> Session:
        if self._options["credentials"] != "role":
            return self._base
        assumed = DeferredRefreshableCredentials(self._assume_role, "assume-role")
        session = _session()
        session.register_component("credential_provider", _Given(assumed))
        return session

    def _assume_role(self) -> dict[str, str]:
        sts = self._base.create_client(
            "sts",
            region_name=self.region,
            endpoint_url=self._options.get("sts_endpoint") or os.environ.get("AWS_ENDPOINT_URL_STS"),
            verify=self._verify(),
            config=self._config(),
        )
        wanted = {"RoleArn": self._options["role_arn"], "RoleSessionName": "logkeep"}
        if "external_id" in self._options:
            wanted["ExternalId"] = self._options["external_id"]
        given = sts.assume_role(**wanted)["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    def _refuse_foreign_sts(self) -> None:
        """Keys of a server that stands in for S3 are never shown to AWS."""
        own_sts = self._options.get("sts_endpoint") or os.environ.get("AWS_ENDPOINT_URL_STS")
        if self.endpoint and not is_aws(self.endpoint) and not own_sts:
            raise BadSetting(
                f"the role would be assumed at AWS, but the bucket is at {self.endpoint}",
                hint="give sts_endpoint, or set AWS_ENDPOINT_URL_STS",
                field="sts_endpoint",
            )


@lru_cache(maxsize=1)
def _loader() -> Loader:
    return create_loader()


class _Given:
    """A place where a session looks for credentials, with one set of them."""

    def __init__(self, credentials: DeferredRefreshableCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> DeferredRefreshableCredentials:
        return self._credentials


def _session() -> Session:
    session = Session()
    session.register_component("data_loader", _loader())
    return session


def _stay_in_region(params: Mapping[str, Any], **_: object) -> None:
    """Keep botocore from following a bucket to its region: every upload would go the long way, and reads,
    which obstore does, would fail. Instead the error says which region to set."""
    redirect = params["context"].get("s3_redirect")
    if redirect is not None:
        redirect["redirected"] = True


def _endpoint_of_environment() -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


def _seconds(duration: str | None, otherwise: float) -> float:
    if duration is None:
        return otherwise
    number, unit = re.findall(r"\d+|[a-z]+", duration)
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


_KEYS_WRONG = {
    "InvalidAccessKeyId": "there is no such access key; give one that is active",
    "InvalidClientTokenId": "there is no such access key; give one that is active",
    "SignatureDoesNotMatch": "the secret does not belong to the access key; give both anew",
    "InvalidToken": "give keys and session token anew",
    "ExpiredToken": "the session token has ended; give new keys, or use a role, which is refreshed",
    "ExpiredTokenException": "the session token has ended; give new keys, or use a role, which is refreshed",
    "TokenRefreshRequired": "give keys and session token anew",
    "InvalidSecurity": "give the access key and its secret anew",
    "NotSignedUp": "the account of the access key has no S3",
    "AccountProblem": "ask the provider what is wrong with the account",
}
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
_REGION = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
    "307",
}
_PASSING = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequests",
    "ConditionalRequestConflict",
    "OperationAborted",
    "NoSuchUpload",  # a lifecycle rule ended it; the next attempt at the object begins another
    "IncompleteBody",
    # the bytes changed on the way
    "BadDigest",
    "InvalidDigest",
    "BadChecksum",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
}


def storage_error(error: ClientError | BotoCoreError, key: str, url: str) -> LogkeepError:
    """The error of our tree for what botocore raised when it worked on `key`. Holds no secret."""
    if isinstance(error, ClientError):
        return _refused(error, key, url)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StorageDenied(
            f"this machine has no credentials for {url}",
            hint="give an access key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give it a role",
        )
    if isinstance(error, CredentialRetrievalError):
        return StorageUnavailable(
            f"this machine's credentials for {url} could not be had: {_shown(error)}",
            hint="check the instance role or the AWS_* variables; it is tried again",
        )
    if isinstance(error, SSLError):
        return StorageUnavailable(
            f"no safe connection for {url}: {_shown(error)}",
            hint="check that the endpoint speaks https, and its certificate (root_certificate)",
        )
    return StorageUnavailable(
        f"{key} in {url} could not be read or written: {_shown(error)}",
        hint="check the endpoint and the network; it is tried again",
    )


def _refused(error: ClientError, key: str, url: str) -> LogkeepError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    words = _words(error, code)
    if code == "NoSuchBucket":
        return StorageError(f"the bucket of {url} does not exist", hint="create it, or correct its name")
    if code == "PreconditionFailed" or status == 412:
        return ObjectExists(f"there is an object {key} in {url} already")
    if code in ("NoSuchKey", "NotFound", "404"):
        return ObjectMissing(f"there is no object {key} in {url}")
    if code in _REGION or (status == 400 and "region" in words):
        return _elsewhere(error, url, words)
    if code.startswith("KMS") or (code == "AccessDenied" and "kms:" in words):
        return StorageDenied(
            f"the KMS key may not be used for {key} in {url}: {words}",
            hint="grant kms:GenerateDataKey and kms:Decrypt on the key, and check that it is enabled",
        )
    if code in _CLOCK:
        return StorageDenied(
            f"this machine's clock differs too much from that of {url}: {words}",
            hint="set the clock, and keep it set with NTP",
        )
    if code in _KEYS_WRONG:
        return StorageDenied(f"{url} does not know us: {words}", hint=_KEYS_WRONG[code])
    if error.operation_name == "AssumeRole" and status < 500 and code not in _PASSING:
        return StorageDenied(
            f"the role of {url} cannot be assumed: {words}",
            hint="check the role's ARN, and that its trust policy names our identity and the external id",
        )
    if code == "AccessDenied" or (status in (401, 403) and code not in _PASSING):
        return StorageDenied(
            f"{url} does not let us at {key}: {words}",
            hint="check the access key or role, and that it may list, read and write there",
        )
    if code == "NotImplemented" or status == 501:
        return StorageError(
            f"{key} in {url} could not be read or written: {words}",
            hint="if the server has no conditional puts, set atomic_create=false",
        )
    if code in _PASSING or status in (408, 409, 429) or status >= 500:
        return StorageUnavailable(
            f"{key} in {url} could not be read or written: {words}", hint="it is tried again"
        )
    return StorageError(
        f"{key} in {url} could not be read or written: {words}",
        hint="the server refuses this; check endpoint, region and options",
    )


def _elsewhere(error: ClientError, url: str, words: str) -> StorageError:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = error.response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region")
    region = region or (match[1] if (match := re.search(r"expecting '([\w-]+)'", words)) else "")
    if region:
        return StorageError(f"{url} is in another region: {words}", hint=f"set region={region}")
    return StorageError(
        f"{url} is in another region or at another endpoint: {words}",
        hint="set the region that the bucket was made in",
    )


def _words(error: ClientError, code: str) -> str:
    """The server's own words: its code and what it says."""
    message = str(error.response.get("Error", {}).get("Message", ""))
    said = " ".join(message.split())[:_MAX_SHOWN]
    return f"{code}: {said}" if said and said != code else code


def _shown(error: Exception) -> str:
    return " ".join(str(error).split())[:_MAX_SHOWN]
