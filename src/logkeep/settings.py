"""Settings of a server: environment (`LOGKEEP_*`) over a TOML file over defaults.

Every setting is a field of `Settings`; its environment variable is `LOGKEEP_` and its name in capitals.
Tables `[archives.ID]` in the file set up archives (declared.py).
Durations are seconds or `90s`, `10m`, `6h`, `5d`; sizes are bytes or `512KiB`, `64MiB`, `20GiB`.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from logkeep.errors import BadSetting
from logkeep.notify.addresses import mail_addresses, mail_server, web_url
from logkeep.notify.template import Template
from logkeep.oidc import values as oidc

PREFIX = "LOGKEEP_"
# Variables with the prefix that are no settings of the server.
OTHER_VARIABLES = frozenset(
    {"LOGKEEP_URL", "LOGKEEP_TOKEN", "LOGKEEP_KEY", "LOGKEEP_CONFIG", "LOGKEEP_CRASH_AT"}
)

_SHORTEST_SECRET = 16  # characters

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def _amount(text: str, units: Mapping[str, int], what: str) -> int:
    match = re.fullmatch(r"(\d{1,15}) ?([a-zA-Z]*)", text.strip())
    if not match or match[2] not in units:
        raise ValueError(f"{what}, such as {'10' + list(units)[-2]!r}")
    return int(match[1]) * units[match[2]]


def duration(text: str) -> int:
    """Seconds of `90`, `90s`, `10m`, `6h` or `5d`. Raises ValueError."""
    return _amount(text, _SECONDS, "a duration")


def size(text: str) -> int:
    """Bytes of `512`, `64KiB`, `64MiB`, `2GiB` or `1TiB`. Raises ValueError."""
    return _amount(text, _BYTES, "a size")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65_536:
        return int(text)
    raise ValueError("a port from 0 to 65535 (0 takes a free one)")


def _positive(parse: Callable[[str], int]) -> Callable[[str], int]:
    def parse_positive(text: str) -> int:
        value = parse(text)
        if value <= 0:
            raise ValueError("more than 0")
        return value

    return parse_positive


def _log_format(text: str) -> str:
    if text in ("text", "json"):
        return text
    raise ValueError("text or json")


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Takes the text as it is if `check` does, and no text at all."""

    def parse_checked(text: str) -> str:
        if text:
            check(text)
        return text

    return parse_checked


def _one_address(text: str) -> None:
    if len(mail_addresses(text)) > 1:
        raise ValueError("one address, such as logkeep@example.org")


def _shared_secret(text: str) -> None:
    if len(text) < _SHORTEST_SECRET:
        raise ValueError(f"{_SHORTEST_SECRET} characters or more, such as `openssl rand -hex 32` makes them")


def _networks(text: str) -> None:
    try:
        for part in text.split(","):
            ipaddress.ip_network(part.strip())
    except ValueError:
        raise ValueError("IP addresses or networks, such as 10.0.0.1,192.168.0.0/24") from None


def _setting(default: Any, parse: Callable[[str], Any], help_: str, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"parse": parse, "help": help_, "secret": secret})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set. `help` stands in each field's metadata."""

    data: Path = _setting(Path("data"), Path, "folder for the spool, the index, the catalog and the archive")
    host: str = _setting("127.0.0.1", str, "address to listen on")
    port: int = _setting(7280, _port, "port to listen on; 0 takes a free one")
    archive: str = _setting("", str, "URL of the first account's archive: a folder or s3://bucket/prefix")
    s3_endpoint: str = _setting("", str, "endpoint of an S3-compatible provider")
    seal_after: int = _setting(600, duration, "how long after its end an hour is sealed")
    late_sweep: int = _setting(6 * 3600, _positive(duration), "how long late lines wait for the next object")
    max_object_bytes: int = _setting(512 << 20, _positive(size), "raw lines in one object at most")
    retention: int = _setting(7 * 86_400, _positive(duration), "how long lines stay in the live search")
    restore_expiry: int = _setting(5 * 86_400, _positive(duration), "how long a restored account stays")
    thaw_look: int = _setting(60, _positive(duration), "how often a thaw that is under way is looked at")
    spool_max_bytes: int = _setting(20 << 30, _positive(size), "bytes that may wait in the spool")
    spool_account_max_bytes: int = _setting(
        10 << 30, _positive(size), "bytes of one account that may wait in the spool"
    )
    min_free_bytes: int = _setting(256 << 20, size, "disk space that intake leaves free")

    pipeline_files: str = _setting("", str, "folder that pipelines write files below; DATA/files unless set")
    dead_letters_max_bytes: int = _setting(
        1 << 30, _positive(size), "bytes of events that one destination of a pipeline may have refused"
    )

    secret_key: str = _setting(
        "", str, "keys that encrypt stored credentials: the first encrypts, all decrypt", secret=True
    )
    secret_key_file: str = _setting("", str, "file of these keys, one a line; DATA/secret.key unless set")
    metrics_token: str = _setting("", str, "a token that may read /metrics and nothing else", secret=True)
    log_format: str = _setting("text", _log_format, "how the server logs: text or json")

    public_url: str = _setting(
        "", _checked(web_url), "URL that people reach this server by; links in notices begin with it"
    )
    trusted_proxies: str = _setting(
        "",
        _checked(_networks),
        "addresses of proxies, with commas between them, whose X-Forwarded-For is believed",
    )
    session_idle: int = _setting(
        12 * 3600, _positive(duration), "how long a browser stays signed in without a request"
    )
    session_most: int = _setting(
        7 * 86_400, _positive(duration), "how long a browser stays signed in at most"
    )
    oidc_issuer: str = _setting(
        "", _checked(oidc.issuer), "identity provider that people may sign in at (OpenID Connect)"
    )
    oidc_client_id: str = _setting(
        "", _checked(oidc.credential), "what the identity provider calls this server"
    )
    oidc_client_secret: str = _setting(
        "", _checked(oidc.credential), "secret that the identity provider gave this server", secret=True
    )
    oidc_name: str = _setting("", _checked(oidc.label), "what the button for it says: Sign in with NAME")
    oidc_scopes: str = _setting(
        "openid email profile", oidc.scopes, "what the identity provider is asked for"
    )
    oidc_auto_role: str = _setting(
        "",
        _checked(oidc.role),
        "role of people from there whom nobody made a user: member, read-only or admin",
    )
    oidc_auto_accounts: str = _setting("", str, "accounts that they are given, with commas between them")
    oidc_auto_domains: str = _setting(
        "", _checked(oidc.domains), "domains of e-mail addresses that they may have, with commas; * for any"
    )

    # Secret, as a webhook's URL often is all that it takes to post to it.
    notify_url: str = _setting(
        "", _checked(web_url), "webhook that is told when any restore ends", secret=True
    )
    notify_secret: str = _setting(
        "", _checked(_shared_secret), "secret that webhooks are signed with", secret=True
    )
    notify_email: str = _setting(
        "",
        _checked(mail_addresses),
        "addresses that are told when any restore ends, with commas between them",
    )
    notify_subject: str = _setting("", _checked(Template), "template of the subject of such e-mails")
    notify_template: str = _setting("", _checked(Template), "template of the text of notices")
    smtp_url: str = _setting(
        "", _checked(mail_server), "server that takes e-mail: smtp+starttls://user:password@host", secret=True
    )
    smtp_from: str = _setting("", _checked(_one_address), "address that e-mail comes from")
    archives: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, metadata={"table": True})

    @property
    def archive_url(self) -> str:
        return self.archive or (self.data / "archive").resolve().as_uri()


def load_settings(
    overrides: Mapping[str, str], *, config: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings in force: overrides (command line) over environment over file over defaults.

    Raises BadSetting, which names the setting, its value and where it came from.
    """
    config_path = config or (Path(environ["LOGKEEP_CONFIG"]) if environ.get("LOGKEEP_CONFIG") else None)
    layers = [
        ("the command line", dict(overrides)),
        ("the environment", _from_environment(environ)),
        (f"the file {config_path}", _from_file(config_path)),
    ]
    known = {setting.name: setting for setting in fields(Settings) if "parse" in setting.metadata}
    values: dict[str, Any] = {"archives": _tables(config_path)}
    for source, layer in layers:
        for name, text in layer.items():
            if name not in known:
                raise BadSetting(f"{source} sets {name!r}, which is no setting", hint=_known(known))
            parsed = _parsed(name, text, source, known[name].metadata)
            values.setdefault(name, parsed)
    return Settings(**values)


def _parsed(name: str, text: str, source: str, metadata: Mapping[str, Any]) -> Any:
    try:
        return metadata["parse"](text)
    except ValueError as error:
        shown = "something" if metadata["secret"] else repr(text)
        raise BadSetting(
            f"{source} sets {name} to {shown}, which cannot be used", hint=f"write {error}", field=name
        ) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in OTHER_VARIABLES
    }


def _from_file(path: Path | None) -> dict[str, str]:
    return {name: str(value) for name, value in _toml(path).items() if name != "archives"}


def _tables(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    tables = _toml(path).get("archives", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise BadSetting(
            f"the file {path} sets archives to something else than tables", hint="write [archives.ID]"
        )
    return tables


def _toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise BadSetting(f"the settings file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"the settings file {path} is not TOML: {error}") from None


def _known(known: Mapping[str, Any]) -> str:
    return f"the settings are {', '.join(known)}"
