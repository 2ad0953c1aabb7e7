"""The bucket or folder that a command without a server works on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from logkeep.errors import BadSetting
from logkeep.storage.base import Bucket
from logkeep.storage.open import open_bucket


def open_place(place: str, options: Sequence[str] = ()) -> Bucket:
    """The bucket at a URL or in a folder, with options as NAME=VALUE. Raises BadSetting, also when there
    is no such folder: an archive that is elsewhere must not pass for an empty one."""
    bucket = open_bucket(place, dict(map(_pair, options)))
    parts = urlsplit(place)
    folder = Path(unquote(parts.path)) if parts.scheme == "file" else Path(place).expanduser()
    if parts.scheme in ("", "file") and not folder.is_dir():
        raise BadSetting(
            f"there is no folder {folder}",
            hint="the archive of a server is DATA/archive unless set otherwise",
        )
    return bucket


def _pair(option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals:
        raise BadSetting(f"--storage {option!r} has no '='", hint="write it as NAME=VALUE")
    return name, value
