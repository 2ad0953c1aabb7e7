from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.api.auth import ingest_account, token_of
from logkeep.catalog.catalog import open_catalog
from logkeep.catalog.keys import Keys
from logkeep.catalog.values import AccountKind, KeyRole
from logkeep.errors import Forbidden, Unauthorized

from .requests import request


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    catalog.accounts.create("main", AccountKind.LIVE, 0)
    yield catalog.keys
    catalog.close()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "query", "token"),
    [
        ({"Authorization": "Bearer abc"}, "", "abc"),
        ({"Authorization": "bearer  abc "}, "", "abc"),
        ({"Authorization": basic("abc:")}, "", "abc"),
        ({"Authorization": basic("abc:secret")}, "", "abc"),
        ({"Authorization": basic(":abc")}, "", "abc"),
        ({"Authorization": basic("abc")}, "", "abc"),
        ({"apikey": "abc"}, "", "abc"),
        ({}, "apikey=abc", "abc"),
        ({"apikey": "abc"}, "apikey=other", "abc"),
        ({"Authorization": "Digest x", "apikey": "abc"}, "", "abc"),
        ({"Authorization": "Bearer"}, "", ""),
        ({"Authorization": "Basic !!!"}, "", ""),
        ({"Authorization": "Basic é"}, "", ""),
        ({"Authorization": "Basic /w=="}, "", ""),
        ({"Authorization": "Basic YQ"}, "", ""),
        ({}, "", ""),
    ],
)
def test_a_request_carries_its_key_in_any_of_these_ways(
    headers: dict[str, str], query: str, token: str
) -> None:
    assert token_of(request(headers=headers, query=query)) == token


def test_an_ingest_key_names_its_account(keys: Keys) -> None:
    asked = request(headers={"Authorization": f"Bearer {keys.issue('main', KeyRole.INGEST, 0)}"})
    assert ingest_account(asked, keys) == "main"


def test_an_admin_token_sends_no_lines(keys: Keys) -> None:
    asked = request(headers={"apikey": keys.issue("", KeyRole.ADMIN, 0)})
    with pytest.raises(Forbidden, match="may not send lines"):
        ingest_account(asked, keys)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "the request carries no key"),
        ("lki_nobody", "nobody holds this key"),
        ("é", "nobody holds this key"),
    ],
)
def test_without_a_key_that_somebody_holds_nothing_opens(keys: Keys, token: str, message: str) -> None:
    asked = request(headers={"Authorization": f"Bearer {token}"})
    with pytest.raises(Unauthorized, match=message):
        ingest_account(asked, keys)
