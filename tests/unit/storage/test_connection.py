"""Connections: what is refused and in which words, normal form, places, URLs, masks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from logkeep.errors import BadSetting
from logkeep.storage.connection import Connection, checked, connection_of_url, endpoint_of, masked, place_of
from logkeep.storage.open import open_connection
from logkeep.storage.providers import PROVIDERS

KEYS = {"secret_access_key": "hush-hush"}
SERVICE_ACCOUNT = json.dumps({"type": "service_account", "client_email": "a@b", "private_key": "hush-hush"})


def s3(**options: str) -> Connection:
    return Connection(
        provider="s3", options={"bucket": "logs", "access_key_id": "AKIA", **options}, secrets=KEYS
    )


def compatible(provider: str, **options: str) -> Connection:
    return Connection(
        provider=provider, options={"bucket": "logs", "access_key_id": "k", **options}, secrets=KEYS
    )


def azure(secrets: dict[str, str] | None = None, **options: str) -> Connection:
    options = {"account_name": "acme", "container": "logs"} | options
    return Connection(provider="azure", options=options, secrets=secrets or {})


def gcs(secrets: dict[str, str] | None = None, **options: str) -> Connection:
    return Connection(provider="gcs", options={"bucket": "logs", **options}, secrets=secrets or {})


ROLE = "arn:aws:iam::123456789012:role/logs"


@pytest.mark.parametrize(
    ("connection", "field", "says"),
    [
        (Connection(provider="floppy", options={}), "provider", "no provider"),
        (Connection(provider="folder", options={}), "path", "needs path"),
        (Connection(provider="folder", options={"path": "logs"}), "path", "no absolute path"),
        (Connection(provider="folder", options={"path": "/a/../b"}), "path", "'..'"),
        (Connection(provider="folder", options={"path": "/a", "bucket": "b"}), "bucket", "has no 'bucket'"),
        (Connection(provider="s3", options={"access_key_id": "k"}, secrets=KEYS), "bucket", "needs bucket"),
        (s3(bucket="My_Logs"), "bucket", "no name of a bucket"),
        (s3(bucket="ab"), "bucket", "no name of a bucket"),
        (s3(bucket="a" * 64), "bucket", "no name of a bucket"),
        (s3(bucket="logs..old"), "bucket", "no name of a bucket"),
        (s3(bucket="192.168.0.1"), "bucket", "no name of a bucket"),
        (s3(bucket="logs/2026"), "bucket", "no name of a bucket"),
        (s3(bucket="logs-s3alias"), "bucket", "no name of a bucket"),
        (compatible("minio", endpoint="https://h", bucket="a b"), "bucket", "no name of a bucket"),
        (s3(region="Frankfurt"), "region", "no region"),
        (compatible("digitalocean"), "region", "needs region"),
        (compatible("digitalocean", region="evil.example/x"), "region", "no region"),
        (compatible("wasabi", region="eu-central-1", endpoint="https://h"), "endpoint", "no 'endpoint'"),
        (compatible("minio"), "endpoint", "needs endpoint"),
        (compatible("minio", endpoint="minio.internal:9000"), "endpoint", "not a URL"),
        (compatible("minio", endpoint="ftp://minio.internal"), "endpoint", "not a URL"),
        (compatible("minio", endpoint="https://h:notaport"), "endpoint", "not a URL"),
        (compatible("minio", endpoint="https://u:hush-hush@h"), "endpoint", "has a user"),
        (compatible("minio", endpoint="https://h/logs"), "endpoint", "has a path"),
        (
            compatible("minio", endpoint="http://minio.internal:9000"),
            "endpoint",
            "http where https is demanded",
        ),
        (s3(endpoint="http://vpce.example.com"), "endpoint", "http where https is demanded"),
        (compatible("r2"), "account_id", "needs account_id"),
        (s3(credentials="magic"), "credentials", "credentials is 'magic'"),
        (compatible("minio", endpoint="https://h", credentials="role"), "credentials", "'role'"),
        (
            Connection(provider="s3", options={"bucket": "logs", "access_key_id": "k"}),
            "secret_access_key",
            "needs",
        ),
        (s3(credentials="machine"), "access_key_id", "does not belong"),
        (s3(external_id="logkeep-1"), "external_id", "does not belong"),
        (s3(credentials="role"), "role_arn", "needs role_arn with credentials=role"),
        (s3(role_arn="logs"), "role_arn", "role_arn is 'logs'"),
        (s3(role_arn=ROLE, external_id="no spaces"), "external_id", "external_id is"),
        (s3(secret_access_key="hush-hush"), "secret_access_key", "is a secret"),
        (Connection(provider="s3", options={}, secrets={"bucket": "logs"}), "bucket", "is no secret"),
        (s3(sse="rot13"), "sse", "sse is 'rot13'"),
        (s3(kms_key_id="alias/logs"), "kms_key_id", "sse is not kms"),
        (s3(sse="kms", kms_key_id="a b"), "kms_key_id", "kms_key_id is"),
        (s3(storage_class="COLD"), "storage_class", "no storage class"),
        (s3(storage_class="DEEP_ARCHIVE"), "storage_class", "cannot be read"),
        (s3(atomic_create="maybe"), "atomic_create", "'maybe'"),
        (s3(timeout="soon"), "timeout", "timeout is 'soon'"),
        (s3(prefix="a/../b"), "prefix", "'..'"),
        (s3(prefix="a\nb"), "prefix", "control characters"),
        (s3(prefix="a" * 600), "prefix", "longer than 512"),
        (s3(colour="blue"), "colour", "has no 'colour'"),
        (azure(account_name="Acme!"), "account_name", "account_name is"),
        (azure(container="a--b"), "container", "container is"),
        (azure({"client_secret": "hush-hush"}), "tenant_id", "needs tenant_id"),
        (azure(storage_class="Archive"), "storage_class", "'Archive'"),
        (azure({"sas_token": "hush-hush"}, credentials="key"), "sas_token", "does not belong"),
        (azure({"account_key": "hush-hush with spaces"}), "account_key", "spaces"),
        (gcs({"service_account_key": "hush-hush"}), "service_account_key", "no key of a service account"),
        (gcs({"hmac_secret": "hush-hush"}), "access_id", "needs access_id"),
        (gcs(bucket="Logs"), "bucket", "no name of a bucket"),
        (gcs(kms_key_name="mine"), "kms_key_name", "kms_key_name is"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_a_remedy(
    connection: Connection, field: str, says: str
) -> None:
    with pytest.raises(BadSetting) as failure:
        checked(connection)

    assert (failure.value.field, failure.value.details) == (field, {"field": field})
    assert says in failure.value.message
    assert failure.value.hint
    assert "hush-hush" not in str(failure.value)


def test_the_normal_form_has_defaults_and_nothing_empty_and_stays() -> None:
    given = s3(prefix="/a//b/", region="", endpoint="https://S3.Example.com:443/")

    normal = checked(given)

    assert normal == Connection(
        provider="s3",
        options={
            "bucket": "logs",
            "prefix": "a/b",
            "endpoint": "https://s3.example.com",
            "credentials": "keys",
            "access_key_id": "AKIA",
            "sse": "default",
            "atomic_create": "true",
            "range_reads": "true",
        },
        secrets=KEYS,
    )
    assert checked(normal) == normal


@pytest.mark.parametrize(
    ("connection", "kind"),
    [
        (s3(), "keys"),
        (s3(role_arn=ROLE), "role"),
        (Connection(provider="s3", options={"bucket": "logs", "role_arn": ROLE}), "role"),
        (Connection(provider="s3", options={"bucket": "logs"}), "machine"),
        (azure(), "machine"),
        (azure({"account_key": "aGk="}), "key"),
        (azure({"sas_token": "sv=1&sig=x"}), "sas"),
        (azure({"client_secret": "s"}, tenant_id="t", client_id="c"), "app"),
        (gcs(), "machine"),
        (gcs({"service_account_key": SERVICE_ACCOUNT}), "service_account"),
        (gcs({"hmac_secret": "s"}, access_id="GOOG1"), "hmac"),
    ],
)
def test_the_kind_of_credentials_follows_from_what_is_given(connection: Connection, kind: str) -> None:
    assert checked(connection).options["credentials"] == kind


@pytest.mark.parametrize(
    ("connection", "endpoint"),
    [
        (compatible("digitalocean", region="nyc3"), "https://nyc3.digitaloceanspaces.com"),
        (compatible("ibm", region="eu-de"), "https://s3.eu-de.cloud-object-storage.appdomain.cloud"),
        (compatible("r2", account_id="0badc0de"), "https://0badc0de.r2.cloudflarestorage.com"),
        (compatible("wasabi", region="eu-central-1"), "https://s3.eu-central-1.wasabisys.com"),
        (compatible("backblaze", region="eu-central-003"), "https://s3.eu-central-003.backblazeb2.com"),
        (compatible("minio", endpoint="http://127.0.0.1:9000"), "http://127.0.0.1:9000"),
        (compatible("swift", endpoint="https://swift.example.com"), "https://swift.example.com"),
        (compatible("s3-compatible", endpoint="http://h", allow_http="true"), "http://h"),
        (s3(), ""),
    ],
)
def test_presets_know_their_endpoint(connection: Connection, endpoint: str) -> None:
    assert endpoint_of(checked(connection)) == endpoint


def test_http_may_be_used_on_loopback() -> None:
    for endpoint in ("http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000"):
        assert endpoint_of(checked(compatible("minio", endpoint=endpoint))) == endpoint


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_conditional_puts_are_trusted_only_where_they_are_documented(provider: str) -> None:
    trusted = PROVIDERS[provider].defaults.get("atomic_create") == "true"
    assert trusted == (provider in ("s3", "r2"))


@pytest.mark.parametrize(
    ("connection", "place"),
    [
        (Connection(provider="folder", options={"path": "/var//logs/"}), "file:///var/logs"),
        (s3(prefix="/a b/c/"), "s3://logs/a%20b/c"),
        (s3(endpoint="https://s3.eu-central-1.amazonaws.com", region="eu-central-1"), "s3://logs"),
        (compatible("wasabi", region="eu-west-1"), "s3://logs?endpoint=https://s3.eu-west-1.wasabisys.com"),
        (
            compatible("s3-compatible", endpoint="https://s3.eu-west-1.wasabisys.com/"),
            "s3://logs?endpoint=https://s3.eu-west-1.wasabisys.com",
        ),
        (azure(prefix="x"), "azure://acme/logs/x"),
        (azure(endpoint="https://acme.blob.core.windows.net"), "azure://acme/logs"),
        (gcs(prefix="x/"), "gs://logs/x"),
    ],
)
def test_the_same_place_has_the_same_text(connection: Connection, place: str) -> None:
    assert place_of(connection) == place


@pytest.mark.parametrize("changed", [{"access_key_id": "OTHER"}, {"sse": "s3"}, {"atomic_create": "false"}])
def test_the_place_is_the_same_whoever_asks_and_how(changed: dict[str, str]) -> None:
    assert place_of(s3(**changed)) == place_of(s3())


def test_the_place_is_known_without_the_secrets() -> None:
    connection = Connection(provider="s3", options={"bucket": "logs", "access_key_id": "AKIA"})

    assert place_of(connection) == place_of(s3())


def test_urls_become_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = {
        "archive": ("folder", {"path": f"{tmp_path}/archive"}),
        "file:///var/a%20b": ("folder", {"path": "/var/a b"}),
        "s3://logs/a/b": ("s3", {"bucket": "logs", "prefix": "a/b"}),
        "azure://acme/logs/a/b": (
            "azure",
            {"account_name": "acme", "container": "logs", "prefix": "a/b"},
        ),
        "gs://logs": ("gcs", {"bucket": "logs"}),
    }
    for url, (provider, options) in named.items():
        connection = connection_of_url(url)
        assert connection.provider == provider
        assert connection.options.items() >= options.items()


def test_options_of_a_url_are_sorted_into_secrets() -> None:
    connection = connection_of_url("s3://logs", {"access_key_id": "k", "secret_access_key": "hush-hush"})

    assert connection.secrets == {"secret_access_key": "hush-hush"}
    assert connection.options["access_key_id"] == "k"
    assert "hush-hush" not in repr(connection)


def test_masked_shows_which_secrets_there_are_and_nothing_of_them() -> None:
    assert masked(s3()) == {
        "provider": "s3",
        "options": {"bucket": "logs", "access_key_id": "AKIA"},
        "secrets": {"secret_access_key": "********"},
    }


def test_a_certificate_that_is_not_there_is_named() -> None:
    with pytest.raises(BadSetting) as failure:
        open_connection(s3(root_certificate="/nowhere/ca.pem"))

    assert failure.value.field == "root_certificate"


def test_googles_hmac_keys_speak_s3() -> None:
    bucket = open_connection(gcs({"hmac_secret": "s"}, access_id="GOOG1", prefix="x"))

    assert (type(bucket).__name__, bucket.url, bucket.atomic_create) == ("S3Bucket", "gs://logs/x", False)


def test_a_folder_needs_no_vendors_library() -> None:
    program = """
import sys
from logkeep.storage.open import open_bucket
open_bucket("archive")
print([name for name in ("boto3", "botocore", "obstore", "azure", "google.cloud") if name in sys.modules])
"""
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "connection",
    [
        s3(proxy_url="http://user:hush-hush@proxy:3128"),
        s3(proxy_url="user:hush-hush@proxy:3128"),
        s3(bucket="https://key:hush-hush@s3.example.com/logs"),
        s3(region="https://u:hush-hush@h"),
        s3(access_key_id="hush-hush with spaces", credentials="keys"),
        s3(sse="kms", kms_key_id="hush-hush with spaces"),
        s3(credentials="secret=hush-hush"),
        azure(container="logs?sv=2024&sig=hush-hush"),
        azure(account_name="DefaultEndpointsProtocol=https;AccountKey=hush-hush"),
        Connection(provider="folder", options={"path": "https://u:hush-hush@h/"}),
    ],
)
def test_what_may_hold_a_secret_is_not_repeated(connection: Connection) -> None:
    with pytest.raises(BadSetting) as failure:
        checked(connection)

    assert "not shown" in str(failure.value)
    assert "hush" not in str(failure.value)


def test_a_place_with_a_password_is_not_repeated() -> None:
    with pytest.raises(BadSetting) as failure:
        connection_of_url("https://user:hush-hush@host/logs")

    assert "hush" not in str(failure.value)
