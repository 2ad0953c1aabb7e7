"""docs/storage.md says of each provider what the program knows of it."""

from __future__ import annotations

import re

from logkeep.storage.connection import Connection, checked, connection_of_url
from logkeep.storage.providers import PROVIDERS
from tests.unit.storage.provider_tables import PAGE, with_tables


def test_the_tables_are_those_of_the_program() -> None:
    """After a change: python -m tests.unit.storage.provider_tables"""
    text = PAGE.read_text()

    assert with_tables(text) == text


def test_every_provider_and_every_field_is_on_the_page() -> None:
    text = PAGE.read_text()

    names = {one.name for provider in PROVIDERS.values() for one in provider.fields} | PROVIDERS.keys()
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_the_examples_are_understood() -> None:
    urls = re.findall(r"^(?:file|s3|azure|gs)://\S+", PAGE.read_text(), re.MULTILINE)
    lines = re.findall(r"^([a-z0-9-]+): (\w+=\S+(?: \w+=\S+)*)$", PAGE.read_text(), re.MULTILINE)

    for url in urls:
        connection_of_url(url)
    for provider, options in lines:
        given = dict(option.split("=", 1) for option in options.split())
        secrets = {"secret_access_key": "s"} if "access_key_id" in given else {}
        checked(Connection(provider=provider, options=given, secrets=secrets))
    assert (len(urls), len(lines)) == (4, 7)
