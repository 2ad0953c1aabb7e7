from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from logkeep.errors import BadSetting
from logkeep.oidc.build import build_sign_in
from logkeep.settings import Settings

GOOD: dict[str, Any] = {"oidc_issuer": "https://accounts.example.org", "oidc_client_id": "logkeep"}


def test_without_an_issuer_nobody_signs_in_elsewhere() -> None:
    assert build_sign_in(Settings(), lambda: 0) is None


@pytest.mark.parametrize(
    "more", [{}, {"oidc_client_secret": "hush"}, {"oidc_auto_role": "member", "oidc_auto_domains": "*"}]
)
def test_the_server_starts_without_asking_the_provider(more: dict[str, Any]) -> None:
    assert build_sign_in(replace(Settings(), **GOOD, **more), lambda: 0) is not None


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({"oidc_issuer": "https://accounts.example.org"}, "oidc_client_id"),
        ({"oidc_client_id": "logkeep"}, "oidc_issuer"),
        ({"oidc_client_secret": "hush"}, "oidc_issuer"),
        ({**GOOD, "oidc_auto_role": "member"}, "oidc_auto_domains"),
        ({**GOOD, "oidc_auto_domains": "*"}, "oidc_auto_role"),
        ({**GOOD, "oidc_auto_accounts": "main"}, "oidc_auto_role"),
    ],
)
def test_settings_that_need_another_are_told_which(settings: dict[str, Any], needed: str) -> None:
    with pytest.raises(BadSetting) as refused:
        build_sign_in(replace(Settings(), **settings), lambda: 0)
    assert refused.value.field == needed
