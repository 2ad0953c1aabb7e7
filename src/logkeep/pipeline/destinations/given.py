"""Which secrets a destination is given, by name: a pipeline is also checked without their values."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from logkeep.errors import BadSetting


def given_secrets(spec: Mapping[str, str | None], values: Mapping[str, str]) -> AbstractSet[str]:
    """Names of those that the settings name, without those that are known to be empty, and of those that
    there are values of."""
    named = {name for name, value in spec.items() if value is None or value}
    return named | {name for name, value in values.items() if value}


def go_together(setting: str, is_set: object, secret: str, given: AbstractSet[str]) -> None:
    """Raises BadSetting when there is a secret without the setting that makes use of it, or the other way
    round."""
    if secret in given and not is_set:
        raise BadSetting(
            f"the secret {secret} does nothing without {setting}",
            hint=f"set {setting}, or leave the secret out",
            field=f"secrets.{secret}",
        )
    if is_set and secret not in given:
        raise BadSetting(
            f"{setting} needs the secret {secret}",
            hint=f"give {secret} below secrets, or leave {setting} out",
            field=setting,
        )
