"""From a URL to a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from logkeep.errors import BadSetting
from logkeep.storage.base import Bucket
from logkeep.storage.folder import FolderBucket
from logkeep.storage.s3 import S3Bucket

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def open_bucket(url: str, options: Mapping[str, str] = _NO_OPTIONS) -> Bucket:
    """The bucket at `file:///dir`, a plain folder path, or `s3://bucket/prefix`.

    Nothing is read or written yet. Raises BadSetting for a URL or an option that is not understood.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3" and parts.netloc:
        return S3Bucket(parts.netloc, parts.path.strip("/"), options)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderBucket(Path(unquote(parts.path)))
    if "://" not in url and url:
        return FolderBucket(Path(url).expanduser())
    raise BadSetting(
        f"{url!r} is not a place for an archive", hint="give a folder, file:///folder or s3://bucket/prefix"
    )
