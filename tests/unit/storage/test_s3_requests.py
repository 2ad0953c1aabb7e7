"""What goes over the wire to S3, and what is made of answers that a healthy server never gives."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

import pytest

from logkeep.errors import LogkeepError, ObjectExists, StorageDenied, StorageError, StorageUnavailable
from logkeep.storage.base import GZIP, Bucket
from logkeep.storage.open import open_bucket


def contents(key: str) -> str:
    rest = "<LastModified>2026-11-20T09:00:00Z</LastModified><Size>1</Size>"
    return f"<Contents><Key>{key}</Key>{rest}</Contents>"


MORE = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
LISTINGS = {
    "": f"<ListBucketResult>{contents('prefix/a')}{MORE}</ListBucketResult>",
    "prefix/a": f"<ListBucketResult>{contents('prefix/b')}</ListBucketResult>",
    "prefix/b": "<ListBucketResult></ListBucketResult>",
}


class Recorder(ThreadingHTTPServer):
    """Keeps the headers of each request and gives the answers it was told to, in order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.answers: list[tuple[int, str]] = []


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers))
        status, code = self.server.answers.pop(0)
        body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """A listing of two keys, a page each, whose second page fails at first."""
        query = dict(parse_qsl(urlsplit(self.path).query))
        first = not query.keys() & {"start-after", "continuation-token"}
        after = query.get("start-after", "" if first else "prefix/a")
        failing = self.server.answers and not first
        status = self.server.answers.pop(0)[0] if failing else 200
        body = LISTINGS[after].encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as recorder:
        Thread(target=recorder.serve_forever, daemon=True).start()
        yield recorder
        recorder.shutdown()


@pytest.fixture
def bucket(server: Recorder) -> Bucket:
    return open_bucket(
        "s3://logs/prefix",
        {
            "endpoint": f"http://127.0.0.1:{server.server_port}",
            "access_key_id": "key",
            "secret_access_key": "secret",
        },
    )


def test_a_put_is_conditional_and_has_type_and_checksum_and_no_encoding(
    server: Recorder, bucket: Bucket
) -> None:
    server.answers = [(200, "")]

    bucket.put_new("a/b.json.gz", b"abc", GZIP)

    [(method, path, headers)] = server.requests
    assert (method, path) == ("PUT", "/logs/prefix/a/b.json.gz")
    assert headers["if-none-match"] == "*"
    assert headers["content-type"] == "application/gzip"
    assert headers["x-amz-checksum-sha256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert "content-encoding" not in headers


def test_a_passing_fault_is_tried_again(server: Recorder, bucket: Bucket) -> None:
    server.answers = [(500, "InternalError"), (503, "SlowDown"), (200, "")]

    bucket.put_new("a", b"abc", GZIP)

    assert len(server.requests) == 3


def test_a_lost_answer_shows_as_an_object_that_exists(server: Recorder, bucket: Bucket) -> None:
    server.answers = [(500, "InternalError"), (412, "PreconditionFailed")]

    with pytest.raises(ObjectExists):
        bucket.put_new("a", b"abc", GZIP)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, "AccessDenied"), StorageDenied),
        ((401, "Unauthorized"), StorageDenied),
        ((403, "SignatureDoesNotMatch"), StorageDenied),
        ((400, "InvalidRequest"), StorageError),
        ((404, "NoSuchBucket"), StorageError),
    ],
)
def test_what_will_not_heal_is_not_tried_again(
    server: Recorder, bucket: Bucket, answer: tuple[int, str], error: type[LogkeepError]
) -> None:
    server.answers = [answer]

    with pytest.raises(LogkeepError) as failure:
        bucket.put_new("a", b"abc", GZIP)

    assert (type(failure.value), failure.value.retryable, len(server.requests)) == (error, False, 1)
    assert failure.value.hint


def test_what_does_not_heal_in_time_is_unavailable(server: Recorder, bucket: Bucket) -> None:
    server.answers = [(503, "SlowDown")] * 4

    with pytest.raises(StorageUnavailable, match="SlowDown"):
        bucket.put_new("a", b"abc", GZIP)


def test_a_listing_that_fails_in_the_middle_is_complete_all_the_same(
    server: Recorder, bucket: Bucket
) -> None:
    server.answers = [(500, "InternalError"), (500, "InternalError")]

    assert [stat.key for stat in bucket.list()] == ["a", "b"]
    assert server.answers == []
