"""Signing in at an identity provider, as the settings want it."""

from __future__ import annotations

from logkeep.errors import BadSetting
from logkeep.oidc.client import ProviderClient
from logkeep.oidc.provider import Provider
from logkeep.oidc.signin import SignIn
from logkeep.settings import Settings
from logkeep.timeline import Clock


def build_sign_in(settings: Settings, clock: Clock) -> SignIn | None:
    """None when there is no identity provider. Asks it nothing yet: the server starts without it. Raises
    BadSetting for settings that do not go together."""
    _check(settings)
    if not settings.oidc_issuer:
        return None
    return SignIn(
        Provider(settings.oidc_issuer, ProviderClient(), clock),
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        scopes=settings.oidc_scopes,
    )


def _check(settings: Settings) -> None:
    needs = (
        ("oidc_issuer", "oidc_client_id"),
        ("oidc_client_id", "oidc_issuer"),
        ("oidc_client_secret", "oidc_issuer"),
        ("oidc_auto_role", "oidc_issuer"),
        ("oidc_auto_role", "oidc_auto_domains"),
        ("oidc_auto_domains", "oidc_auto_role"),
        ("oidc_auto_accounts", "oidc_auto_role"),
    )
    for name, needed in needs:
        if getattr(settings, name) and not getattr(settings, needed):
            raise BadSetting(
                f"{name} is set, and {needed} is not", hint=f"set {needed} as well, or neither", field=needed
            )
