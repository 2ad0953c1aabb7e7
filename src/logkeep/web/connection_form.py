"""The form of a connection: the fields of the chosen provider and kind of credentials, and what was typed.

A secret that was typed is handed to the API and to nobody else: no page has it, not even the one that shows
what else was typed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from logkeep.web.form import Form

Shown = Mapping[str, Any]

KIND = "credentials"  # the option that says which kind of credentials is meant
_LONG_SECRETS = frozenset({"service_account_key"})  # over several lines
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))
_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@dataclass(frozen=True, kw_only=True)
class Input:
    """One field as the form shows it."""

    name: str
    title: str
    help: str
    value: str = ""  # never of a secret
    secret: bool = False
    saved: bool = False  # a secret that is kept unless another is typed
    required: bool = False
    long: bool = False
    choices: Sequence[tuple[str, str]] = ()  # (value, label)


@dataclass(frozen=True, kw_only=True)
class ConnectionForm:
    """`provider` is as GET /v1/providers tells it; None until one is chosen."""

    provider: Shown | None
    kind: str = ""
    inputs: Sequence[Input] = ()
    advanced: Sequence[Input] = ()
    typed_secrets: bool = False  # whether secrets were typed, which are not in the page any more
    _options: Mapping[str, str] = field(default_factory=dict)
    _secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    _taken_away: Sequence[str] = ()  # options that were saved and are empty now

    def body(self) -> dict[str, Any]:
        """The connection as the API takes it. A secret that was left empty stays as it is saved."""
        if self.provider is None:
            return {}
        return {
            "provider": self.provider["provider"],
            "options": {**self._options, **dict.fromkeys(self._taken_away)},
            "secrets": dict(self._secrets),
        }

    @property
    def advanced_set(self) -> bool:
        """Whether something rare was set, so that it is shown."""
        return any(one.value for one in self.advanced)


def build_form(
    providers: Sequence[Shown],
    name: str,
    *,
    kind: str = "",
    typed: Form | None = None,
    saved: Shown | None = None,
) -> ConnectionForm:
    """The form for the provider of this name. `typed` is what was sent with it, `saved` the archive's
    connection as the API shows it, if there is one with this provider."""
    provider = next((one for one in providers if one["provider"] == name), None)
    if provider is None:
        return ConnectionForm(provider=None)
    if saved is not None and saved["provider"] != name:
        saved = None
    before: Mapping[str, str] = saved["options"] if saved else {}
    kept: Mapping[str, str] = saved["secrets"] if saved else {}
    kind = _kind(provider, kind, typed, before)
    fields = [one for one in provider["fields"] if one["name"] != KIND and _belongs(one, kind)]
    values = {one["name"]: _value(one, typed, before) for one in fields}
    options = {one["name"]: values[one["name"]] for one in fields if not one["secret"]}
    secrets = {one["name"]: values[one["name"]] for one in fields if one["secret"]}
    given = {option: value for option, value in options.items() if value}
    if kind:
        given[KIND] = kind
    inputs = [_input(provider, one, kind, values, kept) for one in fields]
    return ConnectionForm(
        provider=provider,
        kind=kind,
        inputs=[shown for one, shown in zip(fields, inputs, strict=True) if not one["advanced"]],
        advanced=[shown for one, shown in zip(fields, inputs, strict=True) if one["advanced"]],
        typed_secrets=any(secrets.values()),
        _options=given,
        _secrets={secret: value for secret, value in secrets.items() if value},
        _taken_away=[option for option, value in options.items() if not value and before.get(option)],
    )


def duration_text(seconds: int) -> str:
    """As durations are typed: `10m`, `6h`, `90s`; `0` for never."""
    for length, unit in _UNITS:
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s" if seconds else "0"


def size_text(size: int) -> str:
    """As sizes are typed: `512MiB`."""
    for length, unit in _SIZES:
        if size and size % length == 0:
            return f"{size // length}{unit}"
    return str(size)


def _kind(provider: Shown, wanted: str, typed: Form | None, saved: Mapping[str, str]) -> str:
    kinds = [one["name"] for one in provider[KIND]]
    for one in (typed.text(KIND) if typed else "", wanted, saved.get(KIND, "")):
        if one in kinds:
            return str(one)
    return str(kinds[0]) if kinds else ""


def _belongs(one: Shown, kind: str) -> bool:
    return not one["kinds"] or kind in one["kinds"]


def _value(one: Shown, typed: Form | None, saved: Mapping[str, str]) -> str:
    if typed is not None and one["name"] in typed:
        return typed.text(one["name"])
    return "" if one["secret"] or typed is not None else saved.get(one["name"], "")


def _input(
    provider: Shown, one: Shown, kind: str, values: Mapping[str, str], kept: Mapping[str, str]
) -> Input:
    name, secret = str(one["name"]), bool(one["secret"])
    saved = secret and name in kept
    default = provider["defaults"].get(name, "")
    usual = f"As usual ({default})" if default else "As usual"
    return Input(
        name=name,
        title=one["title"],
        help=one["help"],
        value="" if secret else values[name],
        secret=secret,
        saved=saved,
        required=(one["required"] or kind in one["required_for"]) and not saved,
        long=name in _LONG_SECRETS,
        choices=[("", usual), *((choice, choice) for choice in one["choices"])] if one["choices"] else [],
    )
