"""S3 and what speaks like it, through obstore."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import obstore
from obstore.store import S3Store

from logkeep.errors import BadSetting, ObjectExists, ObjectMissing
from logkeep.retry import retrying
from logkeep.storage.base import Stat, checked_key, checked_length
from logkeep.storage.translate import EXCEPTIONS, storage_error

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

T = TypeVar("T")

_PAGE = 1000  # keys, as many as S3 gives in one answer

_OWN_OPTIONS = {"atomic_create", "range_reads"}
# Options of obstore's HTTP client; all others are of its store.
_CLIENT_OPTIONS = {
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "http1_only",
    "http2_only",
    "pool_idle_timeout",
    "proxy_excludes",
    "proxy_url",
    "read_timeout",
    "root_certificate",
    "timeout",
    "user_agent",
}

# A whole object goes up in one request, so the time for a request must allow for slow links.
_CLIENT_DEFAULTS = {"timeout": "600s", "connect_timeout": "10s"}


class S3Bucket:
    """`Bucket` over an S3 bucket and prefix.

    Options (strings): obstore's of the store and of its HTTP client (`endpoint`, `region`,
    `access_key_id`, `secret_access_key`, `virtual_hosted_style_request`, `allow_http`, ...); what is not
    given comes from the usual `AWS_*` variables. Two more say what a server cannot do:
    `atomic_create=false` for one that ignores If-None-Match (then a key is looked up before it is put),
    `range_reads=false` for one that does not answer range requests with 206 (then objects are read whole).
    Raises BadSetting for an option that is not known.
    """

    def __init__(self, bucket: str, prefix: str, options: Mapping[str, str]) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self.atomic_create = _flag(options, "atomic_create")
        self._range_reads = _flag(options, "range_reads")
        self._store = _store(bucket, prefix, options)

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        if not self.atomic_create:
            self._refuse_existing(key)
        # obstore puts with a condition in one request and holds its body in memory; objects are capped
        # (max_object_bytes of raw lines), so this is bounded.
        self._call(
            checked_key(key),
            partial(
                obstore.put,
                self._store,
                key,
                bytes(data) if isinstance(data, memoryview) else data,
                attributes={"Content-Type": content_type},
                mode="create" if self.atomic_create else "overwrite",
                use_multipart=False,
            ),
        )

    def get(self, key: str) -> bytes:
        return self._call(key, lambda: bytes(obstore.get(self._store, checked_key(key)).bytes()))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get_ranges(key, [(start, length)])[0]

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        if not ranges:
            return []
        if not self._range_reads:
            whole = self.get(key)
            parts = [whole[start : start + length] for start, length in ranges]
        else:
            starts, lengths = zip(*ranges, strict=True)
            get = partial(obstore.get_ranges, self._store, checked_key(key), starts=starts, lengths=lengths)
            parts = [bytes(part) for part in self._call(key, get)]
        return [checked_length(part, key, *wanted) for part, wanted in zip(parts, ranges, strict=True)]

    def head(self, key: str) -> Stat:
        return _stat(self._call(key, lambda: obstore.head(self._store, checked_key(key))))

    def list(self, prefix: str = "") -> Iterator[Stat]:
        last = ""
        # Each page is asked for anew, from the last key on: a stream that failed cannot be gone on with,
        # and its end cannot be told from that of the listing.
        while page := [stat for stat in self._page(prefix, last) if stat.key > last]:
            yield from page
            last = page[-1].key

    def _page(self, prefix: str, after: str) -> Sequence[Stat]:
        def first_page() -> Sequence[Stat]:
            pages = obstore.list(self._store, prefix or None, offset=after or None, chunk_size=_PAGE)
            return [_stat(found) for found in next(pages, ())]

        return self._call(prefix or ".", first_page)

    def local_path(self, key: str) -> Path | None:
        del key
        return None

    def _refuse_existing(self, key: str) -> None:
        try:
            self.head(key)
        except ObjectMissing:
            return
        raise ObjectExists(f"there is an object {key} in {self.url} already")

    def _call(self, key: str, call: Callable[[], T]) -> T:
        def once() -> T:
            try:
                return call()
            except EXCEPTIONS as error:
                raise storage_error(error, key, self.url) from error

        return retrying(once)


def _stat(found: obstore.ObjectMeta) -> Stat:
    modified = int(found["last_modified"].timestamp() * 1000)
    return Stat(key=found["path"], size=found["size"], modified=modified)


def _store(bucket: str, prefix: str, options: Mapping[str, str]) -> S3Store:
    ours = _OWN_OPTIONS | _CLIENT_OPTIONS
    config = {"checksum_algorithm": "SHA256"} | {k: v for k, v in options.items() if k not in ours}
    client = _CLIENT_DEFAULTS | {k: v for k, v in options.items() if k in _CLIENT_OPTIONS}
    if _endpoint(options).startswith("http://"):
        client.setdefault("allow_http", "true")
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=cast("S3Config", config),
            client_options=cast("ClientConfig", client),
            retry_config={"max_retries": 0},  # `retrying` does it, with errors that say what may heal
        )
    except EXCEPTIONS as error:
        raise BadSetting(
            f"the bucket s3://{bucket} cannot be set up: {str(error).partition(chr(10))[0]}",
            hint="options are named as obstore names its S3 configuration, for example endpoint, region",
        ) from error


def _endpoint(options: Mapping[str, str]) -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    return options.get("endpoint") or next((os.environ[name] for name in names if name in os.environ), "")


def _flag(options: Mapping[str, str], name: str) -> bool:
    value = options.get(name, "true").lower()
    if value not in ("true", "false"):
        raise BadSetting(f"{name} is {value!r}", hint="write true or false")
    return value == "true"
