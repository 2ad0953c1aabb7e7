"""What only Azure has: block uploads, tiers, leases, its kinds of credentials and its refusals."""

from __future__ import annotations

import logging
import traceback
import tracemalloc
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError

from logkeep.errors import (
    BadSetting,
    LogkeepError,
    ObjectExists,
    ObjectMissing,
    StorageDenied,
    StorageError,
    StorageUnavailable,
)
from logkeep.storage.azure import azure_error
from logkeep.storage.base import GZIP, JSON, Bucket
from logkeep.storage.open import open_connection
from tests.contract.azure_servers import (
    ACCOUNT_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    FEDERATED_TOKEN,
    IDENTITY_HEADER,
    TENANT,
    Azurite,
    serving_tokens,
)
from tests.contract.s3_servers import free_port

KEY = "year=2026/month=11/day=20/main.2026-11-20.0900.json.gz"
MIB = 1024 * 1024


@pytest.fixture
def container(azurite: Azurite) -> str:
    return azurite.make_bucket()


@pytest.fixture
def bucket(azurite: Azurite, container: str) -> Bucket:
    return open_connection(azurite.connection(container, "some/prefix"))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three blocks, the last of which is not full."""
    file = tmp_path / "large"
    file.write_bytes(b"".join(bytes([number]) * MIB for number in range(18)) + b"end")
    return file


@pytest.mark.parametrize("credentials", ["key", "sas", "app"])
def test_each_kind_of_credentials_puts_reads_and_lists(
    azurite: Azurite, container: str, credentials: str
) -> None:
    bucket = open_connection(azurite.connection(container, "p", credentials))

    bucket.put_new(KEY, b"the bytes", GZIP)

    assert bucket.get(KEY) == b"the bytes"
    assert [stat.key for stat in bucket.list()] == [KEY]


def test_a_federated_token_of_the_machine_is_enough(
    azurite: Azurite, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(FEDERATED_TOKEN + "\n")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", azurite.authority)
    bucket = open_connection(azurite.connection(container, credentials="machine"))

    bucket.put_new(KEY, b"abc", GZIP)

    assert bucket.get(KEY) == b"abc"


def test_a_managed_identity_is_enough(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = azurite.connection(container, credentials="machine")
    with serving_tokens() as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        opened = open_connection(bucket)
        opened.put_new(KEY, b"abc", GZIP)

    assert opened.get(KEY) == b"abc"  # with the token it has


def test_a_machine_without_identity_is_told_so(
    azurite: Azurite, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_tokens() as endpoint:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{endpoint}/msi/token")
        bucket = open_connection(azurite.connection(container, credentials="machine"))

        with pytest.raises(StorageDenied, match="managed identity"):
            bucket.put_new(KEY, b"abc", GZIP)


def test_a_large_file_comes_back_as_it_was(bucket: Bucket, large: Path) -> None:
    bucket.put_new(KEY, large, GZIP)

    assert bucket.get(KEY) == large.read_bytes()
    assert bucket.get_range(KEY, 18 * MIB - 1, 4) == b"\x11end"


def test_a_large_file_does_not_replace_what_is_there(bucket: Bucket, large: Path) -> None:
    bucket.put_new(KEY, b"first", GZIP)

    with pytest.raises(ObjectExists):
        bucket.put_new(KEY, large, GZIP)

    assert bucket.get(KEY) == b"first"


def test_of_large_files_at_the_same_moment_one_is_stored_whole(bucket: Bucket, tmp_path: Path) -> None:
    def put(number: int) -> bool:
        file = tmp_path / str(number)
        file.write_bytes(bytes([number]) * (9 * MIB))
        try:
            bucket.put_new(KEY, file, GZIP)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = [number for number, ok in enumerate(pool.map(put, range(4))) if ok]

    assert len(won) == 1
    assert bucket.get(KEY) == bytes(won) * (9 * MIB)


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


def test_blocks_of_an_upload_that_died_are_no_object(
    azurite: Azurite, container: str, bucket: Bucket
) -> None:
    block = b64encode(b"0123456789abcdef-000000").decode()  # as long as ours, which Azure demands
    with azurite.client(container) as client:
        client.get_blob_client(f"some/prefix/{KEY}").stage_block(block, b"x" * 100)

    assert list(bucket.list()) == []
    bucket.put_new(KEY, b"whole", GZIP)
    assert bucket.get(KEY) == b"whole"


def test_the_tier_is_for_archived_lines_only(azurite: Azurite, container: str, large: Path) -> None:
    bucket = open_connection(azurite.connection(container, storage_class="Cool"))
    bucket.put_new("lines", b"x", GZIP)
    bucket.put_new("many-lines", large, GZIP)
    bucket.put_new("manifest", b"{}", JSON)

    with azurite.client(container) as client:
        found = {
            blob.name: (blob.blob_tier, blob.content_settings.content_type) for blob in client.list_blobs()
        }
    assert found == {"lines": ("Cool", GZIP), "many-lines": ("Cool", GZIP), "manifest": ("Hot", JSON)}


def test_what_was_deleted_is_gone_and_may_be_deleted_again(bucket: Bucket) -> None:
    bucket.put_new(KEY, b"x", JSON)

    bucket.delete(KEY)
    bucket.delete(KEY)

    with pytest.raises(ObjectMissing):
        bucket.head(KEY)


def test_a_blob_that_is_held_is_neither_deleted_nor_written(
    azurite: Azurite, container: str, bucket: Bucket, large: Path
) -> None:
    bucket.put_new(KEY, b"held", GZIP)
    with azurite.client(container) as client:
        client.get_blob_client(f"some/prefix/{KEY}").acquire_lease()

    with pytest.raises(StorageDenied, match="lease"):
        bucket.delete(KEY)
    for data in (b"other", large):
        with pytest.raises(ObjectExists):
            bucket.put_new(KEY, data, GZIP)
    assert bucket.get(KEY) == b"held"


def test_what_a_policy_keeps_is_there_for_a_put_and_denied_to_others() -> None:
    error = HttpResponseError("This operation is not permitted as the blob is immutable due to a policy.")
    error.status_code = 409
    error.error_code = "BlobImmutableDueToPolicy"  # type: ignore[attr-defined]

    assert type(azure_error(error, KEY, "azure://a/c", putting=True)) is ObjectExists
    assert type(azure_error(error, KEY, "azure://a/c")) is StorageDenied


CALLS: dict[str, Callable[[Bucket, Path], object]] = {
    "put": lambda bucket, _: bucket.put_new(KEY, b"x", GZIP),
    "put large": lambda bucket, large: bucket.put_new(KEY, large, GZIP),
    "get": lambda bucket, _: bucket.get(KEY),
    "get_range": lambda bucket, _: bucket.get_range(KEY, 0, 1),
    "head": lambda bucket, _: bucket.head(KEY),
    "list": lambda bucket, _: list(bucket.list()),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_container_that_does_not_exist_is_named(azurite: Azurite, large: Path, call: str) -> None:
    bucket = open_connection(azurite.connection("no-such-container"))

    with pytest.raises(StorageError, match=r"container of azure://.*/no-such-container does not exist"):
        CALLS[call](bucket, large)


@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_account_key_is_denied(azurite: Azurite, container: str, large: Path, call: str) -> None:
    wrong = ACCOUNT_KEY.replace("Eby8", "AAAA")
    bucket = open_connection(azurite.connection(container, account_key=wrong))

    with pytest.raises(StorageDenied, match="account_key") as failure:
        CALLS[call](bucket, large)
    assert wrong not in told(failure.value)


@pytest.mark.parametrize("call", CALLS)
def test_a_sas_that_has_ended_is_denied_and_not_shown(
    azurite: Azurite, container: str, large: Path, call: str
) -> None:
    sas = azurite.sas(container, valid=timedelta(hours=-1))
    bucket = open_connection(azurite.connection(container, credentials="sas", sas_token=sas))

    with pytest.raises(StorageDenied, match="sas_token") as failure:
        CALLS[call](bucket, large)
    assert signature(sas) not in told(failure.value)


@pytest.mark.parametrize(
    ("missing", "call"), [("cw", "put"), ("cw", "put large"), ("r", "get"), ("l", "list")]
)
def test_a_permission_that_a_sas_lacks_is_asked_for(
    azurite: Azurite, container: str, large: Path, missing: str, call: str
) -> None:
    sas = azurite.sas(container, "".join(one for one in "racwdl" if one not in missing))
    bucket = open_connection(azurite.connection(container, credentials="sas", sas_token=sas))

    with pytest.raises(StorageDenied, match=r"AuthorizationPermissionMismatch.*grant it") as failure:
        CALLS[call](bucket, large)
    assert signature(sas) not in told(failure.value)


@pytest.mark.parametrize("call", ["put", "head", "list"])
def test_a_sas_is_not_shown_when_nobody_answers(
    azurite: Azurite, container: str, large: Path, call: str
) -> None:
    sas = azurite.sas(container)
    endpoint = f"https://127.0.0.1:{free_port()}/devstoreaccount1"
    connection = azurite.connection(container, credentials="sas", sas_token=sas, endpoint=endpoint)

    with pytest.raises(StorageUnavailable) as failure:
        CALLS[call](open_connection(connection), large)
    assert signature(sas) not in told(failure.value)


def test_no_log_shows_a_sas(azurite: Azurite, container: str, caplog: pytest.LogCaptureFixture) -> None:
    sas = azurite.sas(container)
    bucket = open_connection(azurite.connection(container, credentials="sas", sas_token=sas))
    with caplog.at_level(logging.DEBUG):
        bucket.put_new(KEY, b"x", GZIP)
        list(bucket.list())
        logging.getLogger("logkeep").debug("a line of ours")

    assert "a line of ours" in caplog.text
    assert signature(sas) not in caplog.text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("client_secret", "another", "AADSTS7000215.*client_secret"),
        ("client_id", "another", "AADSTS700016.*client_id"),
        ("tenant_id", "another", "AADSTS90002.*tenant_id"),
    ],
)
def test_what_is_wrong_with_an_app_registration_is_named(
    azurite: Azurite, container: str, field: str, value: str, says: str
) -> None:
    bucket = open_connection(azurite.connection(container, credentials="app", **{field: value}))

    with pytest.raises(StorageDenied, match=says) as failure:
        bucket.put_new(KEY, b"x", GZIP)
    assert CLIENT_SECRET not in told(failure.value)


def test_an_authority_that_is_not_there_is_unavailable(azurite: Azurite, container: str) -> None:
    nobody = f"https://127.0.0.1:{free_port()}"
    bucket = open_connection(azurite.connection(container, credentials="app", authority_host=nobody))

    with pytest.raises(StorageUnavailable, match="authority_host"):
        bucket.put_new(KEY, b"x", GZIP)


def test_an_account_that_does_not_exist_is_named(azurite: Azurite, container: str) -> None:
    connection = azurite.connection(container, endpoint="https://no-such-account.invalid")

    with pytest.raises(StorageUnavailable, match="correct account_name or endpoint"):
        open_connection(connection).put_new(KEY, b"x", GZIP)


def test_a_certificate_that_is_not_trusted_is_named(azurite: Azurite, container: str) -> None:
    bucket = open_connection(azurite.connection(container, root_certificate=""))

    with pytest.raises(StorageError, match="certificate of endpoint") as failure:
        bucket.put_new(KEY, b"x", GZIP)
    assert not failure.value.retryable


def test_a_server_without_tls_is_named(azurite: Azurite, container: str, moto_s3: str) -> None:
    endpoint = moto_s3.replace("http:", "https:") + "/devstoreaccount1"
    bucket = open_connection(azurite.connection(container, endpoint=endpoint))

    with pytest.raises(StorageError, match="does not speak TLS"):
        bucket.put_new(KEY, b"x", GZIP)


def test_a_bad_account_key_is_named_and_not_shown(azurite: Azurite) -> None:
    wrong = "not!" + "base64"  # in two parts, as a traceback shows this line
    with pytest.raises(BadSetting, match="account_key") as failure:
        open_connection(azurite.connection("logs", account_key=wrong))

    assert failure.value.field == "account_key"
    assert wrong not in told(failure.value)


def test_a_bad_sas_is_named_and_not_shown(azurite: Azurite) -> None:
    wrong = "sp=r&" + "se=2030"
    with pytest.raises(BadSetting, match="sas_token") as failure:
        open_connection(azurite.connection("logs", credentials="sas", sas_token=wrong))

    assert failure.value.field == "sas_token"
    assert wrong not in told(failure.value)


def test_a_sas_with_the_url_it_was_copied_with_is_understood(azurite: Azurite, container: str) -> None:
    copied = f"https://account.blob.core.windows.net/?{azurite.sas(container)}"
    bucket = open_connection(azurite.connection(container, credentials="sas", sas_token=copied))

    bucket.put_new(KEY, b"x", GZIP)

    assert bucket.get(KEY) == b"x"


def test_the_url_of_a_bucket_is_its_place(azurite: Azurite) -> None:
    bucket = open_connection(azurite.connection("logs", "a/b", "sas"))

    assert bucket.url == "azure://devstoreaccount1/logs/a/b"


def told(error: LogkeepError) -> str:
    """All that a log could show of an error."""
    return f"{error!r} {error} {error.hint} {''.join(traceback.format_exception(error))}"


def signature(sas: str) -> str:
    return sas.partition("sig=")[2].partition("&")[0]
