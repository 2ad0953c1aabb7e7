"""From a connection or a URL to a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from logkeep.storage.base import Bucket
from logkeep.storage.connection import Connection, checked, connection_of_url, place_of
from logkeep.storage.folder import FolderBucket
from logkeep.storage.providers import HTTP_FIELDS, PROVIDERS

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def open_connection(connection: Connection) -> Bucket:
    """The bucket at the other end. Nothing is read or written yet, and no server is asked.

    Raises BadSetting, with the field, for a connection that cannot be used.
    """
    connection = checked(connection)
    adapter = PROVIDERS[connection.provider].adapter
    # Vendors' libraries are imported when they are first needed: a server that keeps to folders does
    # without their memory.
    if adapter == "s3":
        from logkeep.storage.s3 import S3Bucket

        return S3Bucket(connection)
    if adapter == "azure":
        from logkeep.storage.azure import AzureBucket

        return AzureBucket(connection)
    if adapter == "gcs" and connection.options["credentials"] == "hmac":
        from logkeep.storage.s3 import S3Bucket

        return S3Bucket(_in_s3_words(connection), place_of(connection).partition("?")[0])
    if adapter == "gcs":
        from logkeep.storage.gcs import GcsBucket

        return GcsBucket(connection)
    return FolderBucket(Path(connection.options["path"]))


def open_bucket(url: str, options: Mapping[str, str] = _NO_OPTIONS) -> Bucket:
    """The bucket at a URL as `connection_of_url` understands it; options may hold secrets too."""
    return open_connection(connection_of_url(url, options))


def _in_s3_words(connection: Connection) -> Connection:
    """Google's HMAC keys are for its endpoint that speaks S3, which knows no condition on a put."""
    options = connection.options
    others = ("bucket", "prefix", "storage_class", *(field.name for field in HTTP_FIELDS))
    return Connection(
        provider="s3-compatible",
        options={name: options[name] for name in others if name in options}
        | {
            "endpoint": options.get("endpoint", "https://storage.googleapis.com"),
            "region": "auto",
            "credentials": "keys",
            "access_key_id": options["access_id"],
        },
        secrets={"secret_access_key": connection.secrets["hmac_secret"]},
    )
