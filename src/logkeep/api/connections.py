"""Connections in request bodies: a whole one, or changes to one that is saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from logkeep.errors import BadSetting
from logkeep.storage.connection import Connection, provider_named
from logkeep.storage.providers import Field, Provider

Given = Mapping[str, str | bool | None]
"""Options or secrets as they are sent. None takes a saved one away."""

MOST_FIELDS = 64  # more than any provider has
# Options that say to whom secrets are sent.
_HOSTS = ("account_name", "authority_host", "endpoint", "proxy_url", "sts_endpoint")


class ConnectionBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The part of a body that says how a bucket is reached. All of it may be left out in a change."""

    provider: str | None = None
    options: dict[str, str | bool | None] = {}
    secrets: dict[str, str | None] = {}

    def __post_init__(self) -> None:
        for name in ("options", "secrets"):
            if len(getattr(self, name)) > MOST_FIELDS:
                raise ValueError(f"there are more than {MOST_FIELDS} {name}")

    @property
    def given(self) -> bool:
        """Whether it says anything of a connection."""
        return self.provider is not None or bool(self.options) or bool(self.secrets)

    def whole(self) -> Connection:
        """The connection that is given in full. Raises BadSetting when the provider is missing."""
        if self.provider is None:
            raise BadSetting(
                "the provider is missing", hint="name one, as GET /v1/providers lists them", field="provider"
            )
        return Connection(
            provider=provider_named(self.provider).name,
            options=_changed({}, self.options),
            secrets=_changed({}, self.secrets),
        )

    def change(self, saved: Connection) -> Connection | None:
        """The saved connection with what is given; None when nothing is. Another provider keeps nothing.

        With the kind of credentials, what does not belong to the new kind goes. Saved secrets are not sent
        to another host than before: with a change of one they have to be given again. Raises BadSetting.
        """
        if not self.given:
            return None
        if self.provider not in (None, saved.provider):
            return self.whole()
        provider = provider_named(saved.provider)
        kind = self._kind(provider, saved)
        kept = _belonging(provider, kind, saved)
        options = _changed(kept.options, self.options)
        if provider.credentials and "credentials" not in self.options:
            options["credentials"] = kind
        elsewhere = any(options.get(name) != kept.options.get(name) for name in _HOSTS)
        secrets = _changed({} if elsewhere else kept.secrets, self.secrets)
        return Connection(provider=saved.provider, options=options, secrets=secrets)

    def _kind(self, provider: Provider, saved: Connection) -> str:
        """The kind of credentials that is meant: the one that is named, else the saved one, unless fields
        are given that only another one has."""
        named = self.options.get("credentials")
        if isinstance(named, str) and named:
            return named
        before = saved.options.get("credentials", "")
        given = {name for name, value in {**self.options, **self.secrets}.items() if value}
        fields = [one for one in provider.fields if one.name in given]
        kinds = [kind.name for kind in provider.credentials if _all_have(fields, kind.name)]
        return before if before in kinds or not kinds else kinds[0]


def _all_have(fields: Iterable[Field], kind: str) -> bool:
    return all(not one.kinds or kind in one.kinds for one in fields)


def _belonging(provider: Provider, kind: str, saved: Connection) -> Connection:
    """What of the saved connection has a place beside credentials of this kind."""

    def kept(values: Mapping[str, str]) -> dict[str, str]:
        fields = {name: provider.field_named(name) for name in values}
        return {
            name: value
            for name, value in values.items()
            if (one := fields[name]) and (not one.kinds or kind in one.kinds)
        }

    return Connection(provider=saved.provider, options=kept(saved.options), secrets=kept(saved.secrets))


def _changed(saved: Mapping[str, str], given: Given) -> dict[str, str]:
    values = {name: value for name, value in saved.items() if name not in given}
    for name, value in given.items():
        if isinstance(value, bool):
            values[name] = str(value).lower()
        elif value is not None:
            values[name] = value
    return values
