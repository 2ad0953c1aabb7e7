"""S3 and what speaks like it: obstore reads, botocore writes, and asks for thaws.

obstore reads without the GIL; botocore uploads with constant memory, in parts of which only the last request
makes the object appear, and that one is create-only too.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

import obstore
from botocore.exceptions import ClientError
from obstore.store import S3Store

from logkeep.errors import (
    BadSetting,
    ObjectExists,
    ObjectMissing,
    StorageError,
    StorageUnavailable,
)
from logkeep.retry import retrying
from logkeep.storage import aws
from logkeep.storage.base import JSON, Cold, Stat, checked_key, checked_length, checked_thaw
from logkeep.storage.connection import Connection, checked, is_true, place_of
from logkeep.storage.providers import PROVIDERS
from logkeep.storage.s3_cold import ColdObjects
from logkeep.storage.translate import EXCEPTIONS, storage_error

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

T = TypeVar("T")

_PAGE = 1000  # keys, as many as S3 gives in one answer
_PART = 16 << 20  # bytes; also the most that goes up in one request
_PARTS_AT_ONCE = 2
_HASHED_AT_ONCE = 1 << 20

_CLIENT_OPTIONS = ("allow_http", "allow_invalid_certificates", "connect_timeout", "proxy_url", "timeout")

# A whole object comes down in one request, so the time for a request must allow for slow links. A server
# that sends nothing for a minute (read_timeout) is given up long before that.
_CLIENT_DEFAULTS = {"timeout": "600s", "connect_timeout": "10s", "read_timeout": "60s"}


class S3Bucket:
    """`Bucket` over an S3 bucket and prefix. Raises BadSetting for a connection that cannot be used.

    `atomic_create=false` is for a server that ignores If-None-Match (then a key is looked up before each
    attempt to put it), `range_reads=false` for one that does not answer range requests with 206 (then
    objects are read whole).
    """

    def __init__(self, connection: Connection, url: str = "") -> None:
        """`url` is what the bucket is called where its provider has another name for its place."""
        connection = checked(connection)
        options = connection.options
        self.url = url or place_of(connection).partition("?")[0]
        self.atomic_create = is_true(options, "atomic_create")
        self._range_reads = is_true(options, "range_reads")
        self._options = options
        self._prefix = f"{options['prefix']}/" if "prefix" in options else ""
        self._checksum = PROVIDERS[connection.provider].checksum
        self._aws = aws.Aws(connection)
        self._client_config = _client_config(options)
        self._cold = ColdObjects(connection, self._aws, self._call, self.url)

    def put_new(self, key: str, data: bytes | memoryview | Path, content_type: str) -> None:
        checked_key(key)
        if not isinstance(data, Path):
            self._put_whole(key, lambda: io.BytesIO(data), content_type)
            return
        with data.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _PART:
                self._put_whole(key, lambda: cast("IO[bytes]", _Slice(file, 0, size)), content_type)
            else:
                self._put_parts(key, file, size, content_type)

    def get(self, key: str) -> bytes:
        return self._read(key, lambda: bytes(obstore.get(self._store, checked_key(key)).bytes()))

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
            checked_key(key)
            parts = self._read(
                key,
                lambda: [
                    bytes(part)
                    for part in obstore.get_ranges(self._store, key, starts=starts, lengths=lengths)
                ],
            )
        return [checked_length(part, key, *wanted) for part, wanted in zip(parts, ranges, strict=True)]

    def head(self, key: str) -> Stat:
        return self._read(key, lambda: _stat(obstore.head(self._store, checked_key(key))))

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

        return self._read(prefix or ".", first_page)

    def delete(self, key: str) -> None:
        checked_key(key)
        with suppress(ObjectMissing):
            self._call(key, lambda: self._aws.client.delete_object(**self._named(key)))

    def cold(self, prefix: str = "") -> Iterator[Cold]:
        return self._cold.below(prefix)

    def thaw(self, key: str, tier: str, days: int) -> None:
        checked_thaw(tier, days)
        self._cold.thaw(checked_key(key), tier, days)

    def local_path(self, key: str) -> Path | None:
        del key
        return None

    # Reading

    @cached_property
    def _store(self) -> S3Store:
        config = {
            "region": self._aws.region,
            "virtual_hosted_style_request": "false" if self._in_path else "true",
        }
        if endpoint := self._aws.endpoint:
            scheme, _, host = endpoint.partition("://")
            # obstore wants the bucket in the endpoint when it is to be in the host name
            config["endpoint"] = endpoint if self._in_path else f"{scheme}://{self._options['bucket']}.{host}"
        try:
            return S3Store(
                self._options["bucket"],
                prefix=self._options.get("prefix"),
                config=cast("S3Config", config),
                client_options=cast("ClientConfig", self._client_config | _allowing_http(self._aws.endpoint)),
                retry_config={"max_retries": 0},  # `retrying` does it, with errors that say what may heal
                credential_provider=self._aws.for_obstore,
            )
        except EXCEPTIONS as error:
            raise BadSetting(
                f"{self.url} cannot be set up: {str(error).partition(chr(10))[0]}",
                hint="check endpoint, region and root_certificate",
                field="endpoint",
            ) from error

    @property
    def _in_path(self) -> bool:
        # a certificate for *.host does not cover a bucket with a dot
        return self._aws.path_style or "." in self._options["bucket"]

    def _read(self, key: str, call: Callable[[], T]) -> T:
        return retrying(partial(self._read_once, key, call))

    def _read_once(self, key: str, call: Callable[[], T]) -> T:
        try:
            self._aws.credentials()  # here, because what obstore makes of its errors cannot be read
            return call()
        except aws.EXCEPTIONS as error:
            raise aws.storage_error(error, key, self.url) from error
        except EXCEPTIONS as error:
            raise storage_error(error, key, self.url) from error

    # Writing

    def _put_whole(self, key: str, opened: Callable[[], IO[bytes]], content_type: str) -> None:
        arguments = self._named(key) | self._upload(content_type)
        arguments |= _digest(opened(), self._checksum)

        def put() -> None:
            self._look(key)
            answer = self._aws.client.put_object(Body=opened(), **arguments, **self._condition)
            self._said(answer, "ETag", key)

        self._call(key, put)

    def _put_parts(self, key: str, file: IO[bytes], size: int, content_type: str) -> None:
        named = self._named(key)
        start = self._named(key) | self._upload(content_type)
        if self._checksum == "sha256":
            start["ChecksumAlgorithm"] = "SHA256"
        self._look_again(key)  # before all those bytes go up for nothing
        named["UploadId"] = self._call(
            key, lambda: self._said(self._aws.client.create_multipart_upload(**start), "UploadId", key)
        )
        try:
            parts = self._send_parts(key, named, file, size)
            self._complete(key, named, parts)
        except BaseException:
            # Parts that cannot be taken back cost money until a lifecycle rule ends them, but what is told
            # is why the upload failed.
            with suppress(StorageError):
                self._call(key, lambda: self._abort(named))
            raise

    def _send_parts(
        self, key: str, named: Mapping[str, Any], file: IO[bytes], size: int
    ) -> Sequence[Mapping[str, object]]:
        def send(number: int) -> dict[str, object]:
            start = (number - 1) * _PART
            length = min(_PART, size - start)
            digest = _digest(_Slice(file, start, length), self._checksum)

            def put() -> dict[str, object]:
                answer = self._aws.client.upload_part(
                    Body=_Slice(file, start, length), PartNumber=number, **digest, **named
                )
                part = {"PartNumber": number, "ETag": self._said(answer, "ETag", key)}
                if "ChecksumSHA256" in digest:
                    part["ChecksumSHA256"] = digest["ChecksumSHA256"]
                return part

            return self._call(key, put)

        with ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="upload") as pool:
            waiting = [pool.submit(send, number + 1) for number in range(-(-size // _PART))]
            return _results(waiting)

    def _complete(self, key: str, named: Mapping[str, Any], parts: Sequence[Mapping[str, object]]) -> None:
        def complete() -> None:
            self._look(key)
            try:
                answer = self._aws.client.complete_multipart_upload(
                    MultipartUpload={"Parts": parts}, **named, **self._condition
                )
                self._said(answer, "ETag", key)
            except ClientError as error:
                if not _has_ended(error):
                    raise
                self._refuse_existing_once(key)  # an earlier attempt made it, and its answer was lost
                raise StorageUnavailable(
                    f"the upload of {key} to {self.url} was ended by someone else", hint="it is tried again"
                ) from error

        self._call(key, complete)

    def _abort(self, named: Mapping[str, Any]) -> None:
        try:
            self._aws.client.abort_multipart_upload(**named)
        except ClientError as error:
            if not _has_ended(error):
                raise

    def _call(self, key: str, call: Callable[[], T]) -> T:
        def once() -> T:
            try:
                return call()
            except aws.EXCEPTIONS as error:
                raise aws.storage_error(error, key, self.url) from error

        return retrying(once)

    def _said(self, answer: Mapping[str, Any], name: str, key: str) -> str:
        """What every answer of this kind says. One that was cut off can look like a good one without it."""
        if name not in answer:
            raise StorageUnavailable(
                f"the answer to the upload of {key} to {self.url} has no {name}",
                hint="it is tried again; if it stays so, what answers at the endpoint does not speak S3",
            )
        return str(answer[name])

    def _named(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._options["bucket"], "Key": self._prefix + key}

    def _upload(self, content_type: str) -> dict[str, Any]:
        """What every upload says of its object: type, encryption, class."""
        wanted: dict[str, Any] = {"ContentType": content_type}
        sse = self._options["sse"]
        if sse != "default":
            wanted["ServerSideEncryption"] = {"s3": "AES256", "kms": "aws:kms"}[sse]
        if "kms_key_id" in self._options:
            wanted["SSEKMSKeyId"] = self._options["kms_key_id"]
        # Manifests and the marker stay in the standard class: every restore reads them, and classes for
        # rare reading charge for that and for small objects.
        if "storage_class" in self._options and content_type != JSON:
            wanted["StorageClass"] = self._options["storage_class"]
        return wanted

    @property
    def _condition(self) -> dict[str, str]:
        return {"IfNoneMatch": "*"} if self.atomic_create else {}

    def _look(self, key: str) -> None:
        """Before each attempt on a server without conditional puts. Raises ObjectExists."""
        if not self.atomic_create:
            self._refuse_existing_once(key)

    def _look_again(self, key: str) -> None:
        if not self.atomic_create:
            retrying(partial(self._refuse_existing_once, key))

    def _refuse_existing_once(self, key: str) -> None:
        try:
            self._read_once(key, lambda: obstore.head(self._store, key))
        except ObjectMissing:
            return
        raise ObjectExists(f"there is an object {key} in {self.url} already")


class _Slice:
    """Some bytes of a file as a file of their own, read where they are. Several may share one file."""

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        self._descriptor = file.fileno()
        self._start, self._length, self._at = start, length, 0

    def __len__(self) -> int:
        return self._length

    def read(self, wanted: int | None = -1) -> bytes:
        left = self._length - self._at
        take = left if wanted is None or wanted < 0 else min(wanted, left)
        found = os.pread(self._descriptor, take, self._start + self._at)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True


def _digest(data: IO[bytes] | _Slice, algorithm: str) -> dict[str, str]:
    """The arguments that let the server check what it got. A bucket under Object Lock demands them."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    while block := data.read(_HASHED_AT_ONCE):
        digest.update(block)
    text = base64.b64encode(digest.digest()).decode()
    if algorithm == "md5":
        return {"ContentMD5": text}
    return {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": text}


def _has_ended(error: ClientError) -> bool:
    return bool(error.response.get("Error", {}).get("Code") == "NoSuchUpload")


def _results(waiting: Sequence[Future[T]]) -> list[T]:
    """What all of them return; when one fails, those that have not begun do not begin."""
    try:
        return [one.result() for one in waiting]
    except BaseException:
        for one in waiting:
            one.cancel()
        raise


def _stat(found: obstore.ObjectMeta) -> Stat:
    modified = int(found["last_modified"].timestamp() * 1000)
    return Stat(key=found["path"], size=found["size"], modified=modified)


def _client_config(options: Mapping[str, str]) -> dict[str, str]:
    config = _CLIENT_DEFAULTS | {name: options[name] for name in _CLIENT_OPTIONS if name in options}
    if certificate := options.get("root_certificate"):
        try:
            config["root_certificate"] = Path(certificate).read_text()
        except (OSError, ValueError) as error:
            raise BadSetting(
                f"{certificate} cannot be read",
                hint="give a PEM file that the server may read",
                field="root_certificate",
            ) from error
    return config


def _allowing_http(endpoint: str) -> dict[str, str]:
    return {"allow_http": "true"} if endpoint.startswith("http://") else {}
