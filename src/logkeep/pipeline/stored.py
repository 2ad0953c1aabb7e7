"""A pipeline as the catalog keeps it: its spec without secrets, and these sealed.

In the spec that is stored and shown every secret stands as null; in one that is applied, null means the
value that is saved. A saved secret goes only to the address that it was given for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from logkeep.catalog.values import Pipeline
from logkeep.errors import BadPipeline
from logkeep.pipeline import model
from logkeep.pipeline.model import Destination, PipelineSpec
from logkeep.vault import Vault

SecretsOf = Mapping[str, Mapping[str, str]]
"""By destination, by name."""

# Options of a bucket that say to whom secrets are sent.
_HOSTS = ("account_name", "authority_host", "endpoint", "proxy_url", "sts_endpoint")


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A spec with every secret that it needs."""

    spec: PipelineSpec  # secrets are null
    secrets: SecretsOf = field(default_factory=dict, repr=False)


def spec_of(pipeline: Pipeline) -> PipelineSpec:
    """Without secrets."""
    return msgspec.json.decode(pipeline.spec, type=PipelineSpec)


def opened(pipeline: Pipeline, vault: Vault) -> Whole:
    """Raises BadSetting when no key of the vault opens its secrets."""
    secrets: dict[str, dict[str, str]] = {}
    for path, value in vault.open(pipeline.secret).items():
        destination, _, name = path.partition(".")
        secrets.setdefault(destination, {})[name] = value
    return Whole(spec=spec_of(pipeline), secrets=secrets)


def sealed(secrets: SecretsOf, vault: Vault) -> bytes:
    """The reverse."""
    return vault.seal(
        {f"{of}.{name}": value for of, names in secrets.items() for name, value in names.items()}
    )


def encoded(spec: PipelineSpec) -> bytes:
    """The spec as JSON, with no secret in it."""
    return msgspec.json.encode(without_secrets(spec))


def without_secrets(spec: PipelineSpec) -> PipelineSpec:
    destinations = tuple(_bare(one) for one in spec.destinations)
    return msgspec.structs.replace(spec, destinations=destinations)


def with_secrets(whole: Whole) -> PipelineSpec:
    """The spec as it would be applied."""
    return msgspec.structs.replace(
        whole.spec,
        destinations=tuple(
            msgspec.structs.replace(one, secrets=dict(whole.secrets[one.name]))
            if one.name in whole.secrets
            else one
            for one in whole.spec.destinations
        ),
    )


def completed(spec: PipelineSpec, saved: Whole | None) -> Whole:
    """The spec that is to be applied, with secrets that are saved. Raises BadPipeline for each that is
    missing, or was given for another address."""
    before = {one.name: one for one in saved.spec.destinations} if saved else {}
    problems: list[dict[str, object]] = []
    secrets: dict[str, Mapping[str, str]] = {}
    for place, one in enumerate(spec.destinations):
        kept = saved.secrets.get(one.name, {}) if saved else {}
        former = before.get(one.name)
        same_address = former is not None and address_of(former) == address_of(one)
        found: dict[str, str] = {}
        for name, value in _secrets(one).items():
            if value is not None:
                found[name] = value
            elif name in kept and same_address:
                found[name] = kept[name]
            else:
                problems.append(_missing(f"destinations[{place}].secrets.{name}", moved=name in kept))
        if found:
            secrets[one.name] = found
    if problems:
        raise BadPipeline(problems)
    return Whole(spec=without_secrets(spec), secrets=secrets)


def address_of(destination: Destination) -> object:
    """What says to whom its secrets are sent."""
    if isinstance(destination, model.ToArchive):
        hosts = tuple(destination.options.get(name) for name in _HOSTS)
        return destination.type, destination.provider, hosts
    return destination.type, tuple(getattr(destination, name) for name in destination.ADDRESS)


def _missing(path: str, *, moved: bool) -> dict[str, object]:
    if moved:
        message, hint = "the address changed", "give the secret again: it is not sent elsewhere than before"
    else:
        message, hint = "no value is given, and none is saved", "write env:NAME or @FILE, or take it out"
    return {"path": path, "line": 0, "message": message, "hint": hint}


def _secrets(destination: Destination) -> model.Secrets:
    secrets: model.Secrets = getattr(destination, "secrets", {})
    return secrets


def _bare(destination: Destination) -> Destination:
    secrets = _secrets(destination)
    if not secrets:
        return destination
    return msgspec.structs.replace(destination, secrets=dict.fromkeys(secrets))
