"""What only Google Cloud Storage has: resumable uploads, storage classes, its credentials and refusals."""

from __future__ import annotations

import json
import traceback
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

import google_crc32c
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from logkeep.errors import (
    BadSetting,
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.storage.open import open_connection
from tests.contract.gcs_servers import GcsEmulator
from tests.contract.s3_servers import free_port

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
MIB = 1024 * 1024


@pytest.fixture
def name(gcs_emulator: GcsEmulator) -> str:
    return gcs_emulator.make_bucket()


@pytest.fixture
def bucket(gcs_emulator: GcsEmulator, name: str) -> Bucket:
    return open_connection(gcs_emulator.connection(name, "some/prefix"))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three chunks, the last of which is not full."""
    file = tmp_path / "large"
    file.write_bytes(b"".join(bytes([number]) * MIB for number in range(18)) + b"end")
    return file


def test_a_large_file_comes_back_as_it_was(bucket: Bucket, large: Path) -> None:
    bucket.put_new(KEY, large, GZIP)

    assert bucket.get(KEY) == large.read_bytes()
    assert bucket.get_range(KEY, 18 * MIB - 1, 4) == b"\x11end"


def test_memory_does_not_grow_with_the_file(bucket: Bucket, tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as opened:
        opened.truncate(80 * MIB)
    bucket.put_new("first", b"", GZIP)  # what is loaded once is loaded
    tracemalloc.start()
    try:
        bucket.put_new(KEY, file, GZIP)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 30 * MIB
    assert bucket.head(KEY).size == 80 * MIB


def test_the_storage_class_is_for_archived_lines_only(gcs_emulator: GcsEmulator, name: str) -> None:
    bucket = open_connection(gcs_emulator.connection(name, "p", storage_class="NEARLINE"))
    bucket.put_new("lines", b"x", GZIP)
    bucket.put_new("manifest", b"{}", JSON)

    found = {key: gcs_emulator.object(name, f"p/{key}") for key in ("lines", "manifest")}
    assert {key: (one["storageClass"], one["contentType"]) for key, one in found.items()} == {
        "lines": ("NEARLINE", GZIP),
        "manifest": ("STANDARD", JSON),
    }


def test_what_was_deleted_is_gone_and_may_be_deleted_again(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"x", JSON)

    bucket.delete(KEY)
    bucket.delete(KEY)

    with pytest.raises(ObjectMissing):
        bucket.head(KEY)


def test_a_bucket_that_does_not_exist_is_named(gcs_emulator: GcsEmulator, large: Path) -> None:
    bucket = open_connection(gcs_emulator.connection("no-such-bucket"))

    for call in (
        lambda: bucket.put_new(KEY, b"x", GZIP),
        lambda: bucket.put_new(KEY, large, GZIP),
        lambda: list(bucket.list()),
    ):
        with pytest.raises(StorageError, match="bucket of gs://no-such-bucket does not exist"):
            call()


def test_a_key_that_google_does_not_know_is_denied(gcs_emulator: GcsEmulator, name: str) -> None:
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = json.dumps(gcs_emulator.tokens.service_account(foreign))
    bucket = open_connection(gcs_emulator.connection(name, service_account_key=text))

    with pytest.raises(StorageDenied, match=r"Invalid JWT Signature.*service_account_key") as failure:
        bucket.put_new(KEY, b"x", GZIP)
    assert "PRIVATE KEY" not in "".join(traceback.format_exception(failure.value))


def test_a_service_account_without_a_private_key_is_named_and_not_shown(gcs_emulator: GcsEmulator) -> None:
    text = json.dumps(gcs_emulator.tokens.service_account() | {"private_key": "hush-hush"})

    with pytest.raises(BadSetting, match="service_account_key") as failure:
        open_connection(gcs_emulator.connection("logs", service_account_key=text))

    assert failure.value.field == "service_account_key"
    assert "hush-hush" not in "".join(traceback.format_exception(failure.value))


def test_the_machines_credentials_are_found(
    gcs_emulator: GcsEmulator, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.json").write_text(json.dumps(gcs_emulator.tokens.service_account()))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    bucket = open_connection(gcs_emulator.connection(name, credentials="machine"))

    bucket.put_new(KEY, b"x", GZIP)

    assert bucket.get(KEY) == b"x"


def test_a_machine_without_credentials_is_told_so(
    gcs_emulator: GcsEmulator, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "no-such-file"))
    bucket = open_connection(gcs_emulator.connection(name, credentials="machine"))

    with pytest.raises(StorageDenied, match="GOOGLE_APPLICATION_CREDENTIALS"):
        bucket.put_new(KEY, b"x", GZIP)


def test_a_server_that_is_not_there_is_unavailable(gcs_emulator: GcsEmulator) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=nobody))

    with pytest.raises(StorageUnavailable, match="endpoint"):
        bucket.get(KEY)


def test_the_url_of_a_bucket_is_its_place(gcs_emulator: GcsEmulator) -> None:
    assert open_connection(gcs_emulator.connection("logs", "a/b")).url == "gs://logs/a/b"


class Recorder(ThreadingHTTPServer):
    """Keeps each request and gives the answers it was told to, in order: what no healthy server gives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        self.lost = 0  # bytes of each chunk's end that are said not to have been kept


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        """The start of a resumable upload, or a whole upload in one request."""
        self.server.bodies = []
        self._answer({"Location": f"{self.server.url}/session?upload_id=1"})

    def do_PUT(self) -> None:
        """A chunk of a resumable upload."""
        last = self.headers["Content-Range"].partition("/")[0].partition("-")[2]
        self._answer({"Range": f"bytes=0-{int(last) - self.server.lost}"})

    def _answer(self, headers: dict[str, str]) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        self.server.requests.append((self.command, dict(parse_qsl(urlsplit(self.path).query))))
        status = self.server.answers.pop(0)
        body = json.dumps(self._error(status) if status >= 400 else self._object()).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _error(self, status: int) -> dict[str, object]:
        reasons = {412: "conditionNotMet", 403: "forbidden", 503: "backendError"}
        errors = [{"reason": reasons[status]}]
        return {"error": {"code": status, "message": "words of Google", "errors": errors}}

    def _object(self) -> dict[str, str]:
        """What Google tells of an object that the chunks so far make."""
        checksum = google_crc32c.Checksum(b"".join(self.server.bodies[1:]))
        return {"crc32c": b64encode(checksum.digest()).decode()}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("answers", [[412], [200, 308, 308, 412]])
def test_a_large_file_is_put_on_the_condition_that_nothing_is_there(
    gcs_emulator: GcsEmulator, recorder: Recorder, large: Path, answers: list[int]
) -> None:
    recorder.answers = answers.copy()
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=recorder.url))

    with pytest.raises(ObjectExists):
        bucket.put_new(KEY, large, GZIP)

    assert len(recorder.requests) == len(answers)
    assert recorder.requests[0] == ("POST", {"uploadType": "resumable", "ifGenerationMatch": "0"})


def test_a_permission_that_is_missing_is_told_in_googles_words(
    gcs_emulator: GcsEmulator, recorder: Recorder
) -> None:
    recorder.answers = [403]
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=recorder.url))

    with pytest.raises(StorageDenied, match="forbidden: words of Google"):
        bucket.put_new(KEY, b"x", GZIP)


def test_the_kms_key_is_named_in_a_put(gcs_emulator: GcsEmulator, recorder: Recorder) -> None:
    recorder.answers = [200]
    kms = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=recorder.url, kms_key_name=kms))

    bucket.put_new(KEY, b"x", JSON)

    wanted = {"uploadType": "multipart", "ifGenerationMatch": "0", "kmsKeyName": kms}
    assert recorder.requests == [("POST", wanted)]


def test_a_fault_that_passes_is_tried_again(
    gcs_emulator: GcsEmulator, recorder: Recorder, large: Path
) -> None:
    recorder.answers = [503, 200, 308, 503, 200, 308, 308, 200]
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=recorder.url))

    bucket.put_new(KEY, large, GZIP)

    assert recorder.answers == []
    assert b"".join(recorder.bodies[1:]) == large.read_bytes()


def test_a_chunk_that_was_kept_in_part_is_a_fault_that_passes(
    gcs_emulator: GcsEmulator, recorder: Recorder, large: Path
) -> None:
    recorder.answers = [200, 308] * 4
    recorder.lost = 256 * 1024
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=recorder.url))

    with pytest.raises(StorageUnavailable, match="kept a part"):
        bucket.put_new(KEY, large, GZIP)

    assert recorder.answers == []


def test_a_large_file_is_of_the_storage_class(
    gcs_emulator: GcsEmulator, recorder: Recorder, large: Path
) -> None:
    recorder.answers = [200, 308, 308, 200]
    endpoint = recorder.url
    bucket = open_connection(gcs_emulator.connection("logs", endpoint=endpoint, storage_class="NEARLINE"))

    bucket.put_new(KEY, large, GZIP)

    assert json.loads(recorder.bodies[0]) == {"name": KEY, "storageClass": "NEARLINE"}
