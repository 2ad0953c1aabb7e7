"""Archives that the settings file declares.

    [archives.main]
    account = "main"
    provider = "s3"                    # or url = "s3://bucket/prefix"
    bucket = "our-logs"
    region = "eu-central-1"
    credentials = "keys"
    access_key_id = "AKIA..."
    query = "level:error"              # and the other settings of an archive: seal_after, title, ...
    [archives.main.secrets]
    secret_access_key = { env = "ARCHIVE_SECRET" }      # or { file = "/run/secrets/archive" }

A secret itself may not stand in the file. With `layout = "NAME"` it is the archive of another system, which
is only read; options of the layout stand in `[archives.main.layout_options]`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logkeep.errors import BadSetting
from logkeep.settings import duration, size

_OWN = frozenset({"account", "provider", "url", "layout"})
_TABLES = frozenset({"secrets", "layout_options"})


def _truth(text: str) -> bool:
    if text in ("true", "false"):
        return text == "true"
    raise ValueError("true or false")


# How a table names the settings of an archive: (field of catalog.values.Archive, how its text is read)
_SETTINGS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "title": ("title", str),
    "rank": ("rank", int),
    "query": ("query", str),
    "with_excluded": ("with_excluded", _truth),
    "seal_after": ("seal_after_s", duration),
    "late_sweep": ("late_sweep_s", duration),
    "max_object_bytes": ("max_object_bytes", size),
    "compression_level": ("compression_level", int),
    "verify_every": ("verify_every_s", duration),
    "drill_every": ("drill_every_s", duration),
}


@dataclass(frozen=True, kw_only=True)
class DeclaredArchive:
    """One table. `settings` are fields of catalog.values.Archive."""

    id: str
    account: str
    provider: str  # "" when `url` says it
    url: str
    options: Mapping[str, str]
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def declared_archives(
    tables: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str] = os.environ
) -> list[DeclaredArchive]:
    """Every table of `[archives]`. Raises BadSetting, which names table and field."""
    return [_declared(id_, table, environ) for id_, table in tables.items()]


def _declared(id_: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> DeclaredArchive:
    if ("provider" in table) == ("url" in table):
        raise _bad(id_, "provider", "there is no provider, or a url beside it", "set provider or url")
    texts = {name: _text(id_, name, value) for name, value in table.items() if name not in _TABLES}
    layout = _layout(id_, texts, table.get("layout_options", {}))
    return DeclaredArchive(
        id=id_,
        account=texts.get("account", id_),
        provider=texts.get("provider", ""),
        url=texts.get("url", ""),
        options={name: text for name, text in texts.items() if name not in _OWN | _SETTINGS.keys()},
        settings={
            **dict(_setting(id_, name, text) for name, text in texts.items() if name in _SETTINGS),
            **layout,
        },
        secrets=_secrets(id_, table.get("secrets", {}), environ),
    )


def _text(id_: str, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    raise _bad(id_, name, "it is no text, number or truth value", "see docs/operations.md")


def _setting(id_: str, name: str, text: str) -> tuple[str, Any]:
    field_name, parse = _SETTINGS[name]
    try:
        return field_name, parse(text)
    except ValueError as error:
        raise _bad(id_, name, f"{text!r} cannot be used", f"write {error}") from None


def _layout(id_: str, texts: Mapping[str, str], options: Any) -> dict[str, Any]:
    """Fields of an archive of another system; empty ones for one of ours."""
    if not isinstance(options, dict):
        raise _bad(id_, "layout_options", "it is no table", 'write NAME = "VALUE" below it')
    if not texts.get("layout"):
        if options:
            raise _bad(id_, "layout_options", "they stand without a layout", "set layout to its name")
        return {"layout": "", "layout_options": {}}
    for name in ("verify_every", "drill_every"):
        if name in texts:
            raise _bad(id_, name, "another system's archive is only read, and not checked", "take it away")
    given = {name: _text(id_, f"layout_options.{name}", value) for name, value in options.items()}
    return {"layout": texts["layout"], "layout_options": given}


def _secrets(id_: str, table: Any, environ: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(table, dict):
        raise _bad(id_, "secrets", "it is no table", 'write NAME = { file = "PATH" } or { env = "NAME" }')
    return {name: _secret(id_, name, source, environ) for name, source in table.items()}


def _secret(id_: str, name: str, source: Any, environ: Mapping[str, str]) -> str:
    match source:
        case {"env": str(variable), **rest} if not rest:
            if variable not in environ:
                raise _bad(id_, name, f"the variable {variable} is not set", "set it for the server")
            return environ[variable]
        case {"file": str(path), **rest} if not rest:
            try:
                return Path(path).read_text().rstrip("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise _bad(
                    id_, name, f"{path} cannot be read: {type(error).__name__}", "check path and owner"
                ) from None
    raise _bad(
        id_,
        name,
        "a secret may not stand in the settings file",
        'write { file = "PATH" } or { env = "NAME" }',
    )


def _bad(id_: str, name: str, what: str, hint: str) -> BadSetting:
    return BadSetting(f"the settings file, [archives.{id_}] {name}: {what}", hint=hint, field=name)
