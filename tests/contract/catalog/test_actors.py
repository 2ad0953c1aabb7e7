"""Names of those who did something."""

from __future__ import annotations

from logkeep.catalog.catalog import Catalog
from logkeep.catalog.people import Role
from logkeep.catalog.values import KeyRole


def test_users_and_keys_have_names_and_who_is_gone_has_none(catalog: Catalog) -> None:
    ada = catalog.users.create("ada", Role.ADMIN, 1)
    catalog.keys.issue("", KeyRole.ADMIN, 1, name="deploy")
    catalog.keys.issue("", KeyRole.ADMIN, 2)
    named, nameless = catalog.keys.listed("")
    asked = [f"user:{ada.id}", named.id, nameless.id, "user:gone", "server", ""]
    assert catalog.actors.names(asked) == {f"user:{ada.id}": "ada", named.id: "deploy"}
    assert catalog.actors.names([]) == {}
