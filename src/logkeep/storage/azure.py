"""Azure Blob Storage, through Microsoft's own client.

Not through obstore: it puts a whole object from memory, and an answer to its HEAD loses the code that tells
a missing container from a missing blob. The client is imported when a bucket is opened.
"""

from __future__ import annotations

import binascii
import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import parse_qs

from logkeep.errors import BadSetting, LogkeepError, ObjectExists, ObjectFrozen, ObjectMissing
from logkeep.retry import retrying
from logkeep.storage.azure_token import app_token, machine_token
from logkeep.storage.base import GZIP, Cold, Stat, checked_key, checked_thaw
from logkeep.storage.connection import Connection, place_of
from logkeep.storage.http_options import HttpOptions, http_options
from logkeep.storage.ranges import fetch_ranges
from logkeep.storage.translate import Answer, answered, unreachable

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError
    from azure.storage.blob import BlobClient, BlobProperties, ContainerClient, StandardBlobTier

T = TypeVar("T")

_BLOCK = 8 * 1024 * 1024  # bytes of a block, and of what goes up in one request
_PAGE = 1000  # keys of one answer
_TIERS = ("Hot", "Cool", "Cold")
_ARCHIVE = "Archive"
# of a blob that nobody may write, so there is one
_KEPT = {"BlobArchived", "BlobBeingRehydrated", "BlobImmutableDueToPolicy", "LeaseIdMissing"}


class AzureBucket:
    """`Bucket` over a container of Azure Blob Storage and a prefix.

    A put is create-only by If-None-Match: up to 8 MiB in one request, a larger file in blocks of which one
    is in memory at a time, that become the blob when their list is put. Blocks without a list are no blob,
    and Azure drops them after a week. Tiers (`storage_class`) are for archived lines; manifests stay where
    the account puts them. Raises BadSetting for an account key or a SAS token that cannot be one.
    """

    atomic_create = True

    def __init__(self, connection: Connection) -> None:
        options = connection.options
        self._prefix = f"{options['prefix'].strip('/')}/" if options.get("prefix") else ""
        self.url = place_of(connection).partition("?")[0]
        self._tier = _tier(options.get("storage_class", ""))
        self._container = _container(connection)

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if isinstance(data, Path) and data.stat().st_size > _BLOCK:
            with data.open("rb") as file:
                self._put_blocks(key, file, content_type)
            return
        body = data.read_bytes() if isinstance(data, Path) else bytes(data)
        try:
            self._put_whole(key, body, content_type)
        except ObjectExists:
            # Azurite says so, too, of a blob that has blocks of an upload that died and no list of them. What
            # Azure says is not documented; in blocks it can be put.
            if self._is_there(key):
                raise
            self._put_blocks(key, BytesIO(body), content_type)

    def get(self, key: str) -> bytes:
        blob = self._blob(key)
        return self._call(key, lambda: bytes(blob.download_blob().readall()))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get_ranges(key, [(start, length)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        blob = self._blob(key)

        def fetch(start: int, length: int) -> bytes:
            return self._call(key, lambda: bytes(blob.download_blob(offset=start, length=length).readall()))

        return fetch_ranges(fetch, key, ranges)

    def head(self, key: str) -> Stat:
        blob = self._blob(key)
        return self._stat(self._call(key, blob.get_blob_properties))

    def list(self, prefix: str = "") -> Iterator[Stat]:
        return (self._stat(found) for found in self._blobs(prefix))

    def delete(self, key: str) -> None:
        blob = self._blob(key)
        try:
            self._call(key, blob.delete_blob)
        except ObjectMissing:
            return

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        return (cold for found in self._blobs(prefix) if (cold := self._cold(found)))

    def thaw(self, key: str, tier: str, days: int) -> None:
        """The blob leaves the archive tier for good, for the one of `storage_class`, else Hot: `days` has no
        say. Azure has two priorities, of which the cheaper one stands for both bulk and standard."""
        from azure.storage.blob import RehydratePriority, StandardBlobTier

        checked_thaw(tier, days)
        blob = self._blob(key)
        found = self._cold(self._call(key, blob.get_blob_properties))
        if found is None or found.thawing:
            return
        priority = RehydratePriority.HIGH if tier == "expedited" else RehydratePriority.STANDARD
        move = partial(blob.set_standard_blob_tier, self._tier or StandardBlobTier.HOT)
        with suppress(ObjectFrozen):  # BlobBeingRehydrated: someone else has just asked for it
            self._call(key, partial(move, rehydrate_priority=priority))

    def local_path(self, key: str) -> Path | None:
        del key
        return None

    def _put_whole(self, key: str, body: bytes, content_type: str) -> None:
        put = partial(self._blob(key).upload_blob, body, overwrite=False, validate_content=True)
        self._call(key, partial(put, **self._headers(content_type)), putting=True)

    def _put_blocks(self, key: str, source: BinaryIO, content_type: str) -> None:
        from azure.core import MatchConditions
        from azure.storage.blob import BlobBlock

        # Two who put the same blob share its uncommitted blocks, so ids differ; all are equally long.
        run = secrets.token_hex(8)
        blob = self._blob(key)
        blocks: list[BlobBlock] = []
        while body := source.read(_BLOCK):
            block = b64encode(f"{run}-{len(blocks):06d}".encode()).decode()
            self._call(key, partial(blob.stage_block, block, body, validate_content=True), putting=True)
            blocks.append(BlobBlock(block))
        commit = partial(blob.commit_block_list, blocks, match_condition=MatchConditions.IfMissing)
        self._call(key, partial(commit, **self._headers(content_type)), putting=True)

    def _is_there(self, key: str) -> bool:
        try:
            self.head(key)
        except ObjectMissing:
            return False
        return True

    def _headers(self, content_type: str) -> dict[str, Any]:
        from azure.storage.blob import ContentSettings

        tier = {"standard_blob_tier": self._tier} if self._tier and content_type == GZIP else {}
        return {"content_settings": ContentSettings(content_type=content_type), **tier}

    def _blobs(self, prefix: str) -> Iterator[BlobProperties]:
        """All below the folder, ordered by name."""
        folder = f"{self._prefix}{prefix.rstrip('/')}/" if prefix else self._prefix
        marker: str | None = ""
        # Each page is asked for by its marker, so that one which failed is asked for again.
        while marker is not None:
            page, marker = self._call(prefix or ".", partial(self._page, folder, marker))
            yield from page

    def _page(self, folder: str, marker: str) -> tuple[Sequence[BlobProperties], str | None]:
        found = self._container.list_blobs(name_starts_with=folder or None, results_per_page=_PAGE)
        pages = found.by_page(marker or None)
        page = list(next(pages, ()))
        return page, getattr(pages, "continuation_token", None) or None

    def _blob(self, key: str) -> BlobClient:
        return self._container.get_blob_client(self._prefix + checked_key(key))

    def _stat(self, found: BlobProperties) -> Stat:
        modified = int(found.last_modified.timestamp() * 1000)
        return Stat(key=str(found.name).removeprefix(self._prefix), size=int(found.size), modified=modified)

    def _cold(self, found: BlobProperties) -> Cold | None:
        if found.blob_tier != _ARCHIVE:
            return None
        key = str(found.name).removeprefix(self._prefix)
        # archive_status: rehydrate-pending-to-hot and the like
        return Cold(key=key, storage_class=_ARCHIVE, thawing=bool(found.archive_status))

    def _call(self, key: str, call: Callable[[], T], *, putting: bool = False) -> T:
        from azure.core.exceptions import AzureError

        def once() -> T:
            try:
                return call()
            except AzureError as error:
                # Not `from error`: what it says may hold the SAS token, and tracebacks are logged.
                raise azure_error(error, key, self.url, putting=putting) from None

        return retrying(once)


def azure_error(error: AzureError, key: str, url: str, *, putting: bool = False) -> LogkeepError:
    """The error of our tree for what Microsoft's client raised when it worked on `key`."""
    from azure.core.exceptions import HttpResponseError

    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status is None:
        return unreachable(str(error), key, url)
    told = getattr(error, "error_code", None) or ""
    code = str(getattr(told, "value", told))  # one of an enumeration, or text where that has none
    if putting and code in _KEPT:
        code = "BlobAlreadyExists"
    return answered(Answer(status=status, code=code, words=str(error.message)), key, url)


def _container(connection: Connection) -> ContainerClient:
    from azure.storage.blob import ContainerClient

    options = connection.options
    account = options["account_name"]
    http = http_options(options)
    _keep_urls_out_of_logs()
    return ContainerClient(
        options.get("endpoint") or f"https://{account}.blob.core.windows.net",
        options["container"],
        credential=_credential(connection, http),
        retry_total=0,  # `retrying` does it, with errors that say what may heal
        max_single_put_size=_BLOCK,
        connection_timeout=http.connect_s,
        read_timeout=http.read_s,
        connection_verify=http.verify,
        proxies=dict(http.proxies) or None,
    )


def _keep_urls_out_of_logs() -> None:
    """urllib3 tells at DEBUG each URL with its query string, and a SAS token stands there. Microsoft's client
    tells every request at INFO."""
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    logging.getLogger("azure").setLevel(logging.WARNING)


def _credential(connection: Connection, http: HttpOptions) -> Any:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential

    options, secret = connection.options, connection.secrets
    kind = options.get("credentials", "key")
    if kind == "key":
        return AzureNamedKeyCredential(options["account_name"], _checked_key(secret["account_key"]))
    if kind == "sas":
        return AzureSasCredential(_checked_sas(secret["sas_token"]))
    if kind == "machine":
        return machine_token(options, http)
    return app_token(options, secret["client_secret"], http)


def _checked_key(key: str) -> str:
    try:
        b64decode(key, validate=True)
    except binascii.Error:
        raise BadSetting(
            "account_key is no key of a storage account",
            hint="copy key1 or key2 of the account, all 88 characters",
            field="account_key",
        ) from None
    return key


def _checked_sas(token: str) -> str:
    token = token.rpartition("?")[2]  # portals show it with the account's URL, or with its question mark
    if not {"sig", "sv"} <= parse_qs(token).keys():
        raise BadSetting(
            "sas_token is no shared access signature",
            hint="copy the whole token: it holds sv=, se=, sp= and sig=",
            field="sas_token",
        )
    return token


def _tier(name: str) -> StandardBlobTier | None:
    from azure.storage.blob import StandardBlobTier

    tiers = {tier.value.lower(): tier for tier in StandardBlobTier if tier.value in _TIERS}
    if name and name.lower() not in tiers:
        raise BadSetting(
            f"storage_class is {name!r}",
            hint=f"one of {', '.join(_TIERS)}; from others nothing can be read at once",
            field="storage_class",
        )
    return tiers.get(name.lower())
