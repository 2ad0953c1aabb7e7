"""Google Cloud Storage, through Google's own client.

Not through obstore, which speaks the XML interface, that no emulator serves: so it could not be tested
against a real server. The client is imported when a bucket is opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from logkeep.errors import (
    BadSetting,
    LogkeepError,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.retry import retrying
from logkeep.storage.base import GZIP, Cold, Stat, checked_key, checked_thaw
from logkeep.storage.connection import Connection, place_of
from logkeep.storage.http_options import HttpOptions, http_options
from logkeep.storage.ranges import fetch_ranges
from logkeep.storage.translate import Answer, answered, no_place, plain, unreachable

if TYPE_CHECKING:
    import requests
    from google.auth.credentials import Credentials
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage import Blob, Client

T = TypeVar("T")

_CHUNK = 8 * 1024 * 1024  # bytes of a larger file that are in memory at a time; up to here one request
_PAGE = 1000  # keys of one answer
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_LISTED = "items(name,size,updated),nextPageToken"
_MACHINE_HINT = "give this machine a service account (GOOGLE_APPLICATION_CREDENTIALS or workload identity)"
_REFUSED_HINT = (
    "check service_account_key: its account or key may be gone or disabled; and this machine's clock"
)
_KEY_HINT = "give the whole JSON file of a service account's key, as it was downloaded"


class GcsBucket:
    """`Bucket` over a bucket of Google Cloud Storage and a prefix.

    A put is create-only by ifGenerationMatch=0: up to 8 MiB in one request, a larger file in chunks of which
    one is in memory at a time, that become the object with the last one; CRC32C is checked at the end.
    `storage_class` is for archived lines; manifests stay in the bucket's own. With credentials=machine they
    are looked for at the first request. Raises BadSetting for a service account's key that cannot be one.
    """

    atomic_create = True

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        self._name = options["bucket"]
        self._prefix = f"{options['prefix'].strip('/')}/" if options.get("prefix") else ""
        self.url = place_of(connection).partition("?")[0]
        self._storage_class = options.get("storage_class", "")
        self._kms_key_name = options.get("kms_key_name") or None
        http = http_options(options)
        self._times: dict[str, Any] = {"timeout": (http.connect_s, http.read_s), "retry": None}
        self._clients = _Clients(_credentials(connection), options.get("endpoint", ""), http)

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        self._call(key, partial(self._put, checked_key(key), data, content_type), of_place=True)

    def get(self, key: str) -> bytes:
        return self._call(key, lambda client: self._download(client, key, checksum="crc32c"))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get_ranges(key, [(start, length)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        def fetch(start: int, length: int) -> bytes:
            part = {"start": start, "end": start + length - 1, "checksum": None}
            return self._call(key, lambda client: self._download(client, key, **part))

        return fetch_ranges(fetch, checked_key(key), ranges)

    def head(self, key: str) -> Stat:
        def reload(client: Client) -> Stat:
            blob = self._blob(client, key)
            blob.reload(**self._times)
            return self._stat(blob)

        return self._call(key, reload)

    def list(self, prefix: str = "") -> Iterator[Stat]:
        folder = f"{self._prefix}{prefix.rstrip('/')}/" if prefix else self._prefix
        last = ""
        # Each page is asked for from the last key on, so that one which failed is asked for again.
        while page := [stat for stat in self._page(folder, last) if stat.key > last]:
            yield from page
            last = page[-1].key

    def delete(self, key: str) -> None:
        try:
            self._call(key, lambda client: self._blob(client, key).delete(**self._times))
        except ObjectMissing:
            return

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        del prefix  # objects of every class, ARCHIVE too, can be read at once
        return iter(())

    def thaw(self, key: str, tier: str, days: int) -> None:
        checked_thaw(tier, days)
        self.head(key)  # nothing is to be asked for, but it must be there

    def local_path(self, key: str) -> Path | None:
        del key
        return None

    def _put(self, key: str, data: bytes | memoryview | Path, content_type: str, client: Client) -> None:
        blob = self._blob(client, key)
        if self._storage_class and content_type == GZIP:
            blob.storage_class = self._storage_class
        settings = {
            "content_type": content_type,
            "checksum": "crc32c",
            "if_generation_match": 0,
            **self._times,
        }
        if isinstance(data, Path):
            with data.open("rb") as file:
                _upload(blob, file, size=data.stat().st_size, **settings)
        else:
            blob.upload_from_string(bytes(data), **settings)

    def _download(self, client: Client, key: str, **part: Any) -> bytes:
        return bytes(self._blob(client, key).download_as_bytes(raw_download=True, **part, **self._times))

    def _page(self, folder: str, after: str) -> Sequence[Stat]:
        def first_page(client: Client) -> Sequence[Stat]:
            found = client.list_blobs(
                self._name,
                prefix=folder or None,
                start_offset=f"{self._prefix}{after}" if after else None,
                page_size=_PAGE,
                fields=_LISTED,
                **self._times,
            )
            return [self._stat(blob) for blob in next(found.pages, ())]

        return self._call(folder or ".", first_page, of_place=True)

    def _blob(self, client: Client, key: str) -> Blob:
        name = self._prefix + checked_key(key)
        return client.bucket(self._name).blob(name, kms_key_name=self._kms_key_name)

    def _stat(self, found: Blob) -> Stat:
        modified = int(found.updated.timestamp() * 1000)
        return Stat(key=found.name.removeprefix(self._prefix), size=int(found.size), modified=modified)

    def _call(self, key: str, call: Callable[[Client], T], *, of_place: bool = False) -> T:
        """`of_place`: the request needs no object, so what is missing is the bucket."""
        raised = _raised()

        def once() -> T:
            try:
                with self._clients.one() as client:
                    return call(client)
            except raised as error:
                # Not `from error`: its URL may be that of an upload, which needs no other credentials.
                raise google_error(error, key, self.url, of_place=of_place) from None

        return retrying(once)


def _upload(blob: Blob, file: BinaryIO, **settings: Any) -> None:
    blob.chunk_size = _CHUNK
    try:
        blob.upload_from_file(file, **settings)
    except _raised():
        raise
    except ValueError as error:  # all that the client says when less of a chunk was kept than it sent
        raise StorageUnavailable(
            f"Google kept a part of a chunk of {blob.name} only", hint="it is tried again"
        ) from error


class _Clients:
    """Clients for one thread each at a time: Google's is not safe from several. Idle ones are kept."""

    def __init__(self, credentials: Callable[[], Credentials], endpoint: str, http: HttpOptions) -> None:
        self._credentials = credentials
        self._endpoint = endpoint
        self._http = http
        self._idle: LifoQueue[Client] = LifoQueue()

    @contextmanager
    def one(self) -> Iterator[Client]:
        try:
            client = self._idle.get_nowait()
        except Empty:
            client = self._new()
        try:
            yield client
        finally:
            self._idle.put(client)

    def _new(self) -> Client:
        import requests
        from google.auth.transport.requests import AuthorizedSession, Request
        from google.cloud.storage import Client

        credentials = self._credentials()
        for_tokens = self._set_up(requests.Session())
        session = self._set_up(AuthorizedSession(credentials, auth_request=Request(for_tokens)))
        place = {"client_options": {"api_endpoint": self._endpoint}} if self._endpoint else {}
        return Client(project=None, credentials=credentials, _http=session, **place)

    def _set_up(self, session: requests.Session) -> requests.Session:
        session.verify = self._http.verify
        session.proxies.update(self._http.proxies)
        return session


def _credentials(connection: Connection) -> Callable[[], Credentials]:
    """What gives the credentials, the same at each call. A key is looked at now, the machine's not yet."""
    from google.auth import default

    if connection.options.get("credentials", "machine") == "machine":
        return cache(lambda: default(scopes=[_SCOPE])[0])
    found = _of_service_account(connection.secrets["service_account_key"])
    return lambda: found


def _of_service_account(text: str) -> Credentials:
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    try:
        return Credentials.from_service_account_info(json.loads(text), scopes=[_SCOPE])
    except (GoogleAuthError, ValueError, TypeError, AttributeError):  # none of which is shown: it is a secret
        raise BadSetting(
            "service_account_key is no key of a service account", hint=_KEY_HINT, field="service_account_key"
        ) from None


def _raised() -> tuple[type[Exception], ...]:
    """What Google's client raises when a request fails, of four libraries."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    return GoogleAPICallError, GoogleAuthError, DataCorruption, InvalidResponse, RequestException, HTTPError


def google_error(error: Exception, key: str, url: str, *, of_place: bool = False) -> LogkeepError:
    """The error of our tree for what Google's client raised when it worked on `key`."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError

    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return _no_token(error, url)
    if not isinstance(error, GoogleAPICallError) or not error.code:
        return unreachable(str(error), key, url)
    if of_place and error.code == 404:
        return no_place(url)
    answer = _answer(error)
    return answered(answer, key, url)


def _answer(error: Any) -> Answer:
    try:
        told = error.response.json()["error"]
        reason, words = told["errors"][0]["reason"], told["message"]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        reason, words = "", str(error.message)
    if "bucket does not exist" in str(words):  # "notFound" is the reason for both kinds of missing
        reason = "NoSuchBucket"
    return Answer(status=int(error.code), code=str(reason), words=str(words))


def _no_token(error: GoogleAuthError, url: str) -> StorageError:
    """Google gives no token: it does not know the key, or the machine has none."""
    from google.auth.exceptions import DefaultCredentialsError

    message = f"no token for {url}: {plain(str(error.args[0] if error.args else error))}"
    if error.retryable:
        return StorageUnavailable(message, hint="it is tried again; check the network")
    if isinstance(error, DefaultCredentialsError):
        return StorageDenied(message, hint=_MACHINE_HINT)
    return StorageDenied(message, hint=_REFUSED_HINT)
