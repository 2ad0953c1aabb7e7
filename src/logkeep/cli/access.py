"""Where the server is and with what key: options over environment over the server's first-start.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from logkeep.errors import BadSetting

DEFAULT_URL = "http://127.0.0.1:7280"
DEFAULT_DATA = Path("data")
FIRST_START = "first-start.json"


class FirstStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a server wrote into its data folder at its first start."""

    url: str
    account: str
    ingest_key: str
    admin_token: str


@dataclass(frozen=True, kw_only=True)
class Access:
    """A server and the secret to show it; the secret is "" when none is known."""

    url: str
    secret: str


def admin_access(*, url: str = "", token: str = "", data: Path = DEFAULT_DATA) -> Access:
    """How to reach the server as its administrator."""
    found = _first_start(url, data)
    return Access(url=_url(url, found), secret=token or (found.admin_token if found else ""))


def ingest_access(*, url: str = "", key: str = "", data: Path = DEFAULT_DATA) -> Access:
    """How to reach the server to send lines."""
    found = _first_start(url, data)
    return Access(url=_url(url, found), secret=key or (found.ingest_key if found else ""))


def _url(url: str, found: FirstStart | None) -> str:
    return (url or (found.url if found else DEFAULT_URL)).rstrip("/")


def _first_start(url: str, data: Path) -> FirstStart | None:
    """The file's content, unless `url` names another server: secrets go only to their own server."""
    path = data / FIRST_START
    try:
        found = msgspec.json.decode(path.read_bytes(), type=FirstStart)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadSetting(
            f"{path} cannot be read: {error.strerror}",
            hint="give --url and --token (or --key), or run as the user who started the server",
        ) from None
    except msgspec.DecodeError as error:
        raise BadSetting(
            f"{path} is not what a server writes at its first start: {error}", hint="give --url and --token"
        ) from None
    return found if url.rstrip("/") in ("", found.url.rstrip("/")) else None
