from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkeep.web.logs.address import Address, address_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.builds(
        Address,
        account=st.just("main"),
        query=TEXT,
        start=TEXT.map(str.strip),
        end=TEXT.map(str.strip),
        order=st.sampled_from(["newest", "oldest"]),
        after=TEXT,
        before=TEXT,
        top=TEXT.map(str.strip),
        wrap=st.booleans(),
        read=st.booleans(),
        tail=st.booleans(),
        counted=st.booleans(),
    )
)
def test_an_address_comes_back_from_its_url(address: Address) -> None:
    params = dict(parse_qsl(urlsplit(address.url).query, keep_blank_values=True))
    assert address_of(params) == address


def test_what_is_usual_is_not_written() -> None:
    assert Address(account="main").url == "/logs?account=main"
    assert Address(archive="kept", query="a b:c*").url == "/logs?archive=kept&query=a%20b:c*"


@pytest.mark.parametrize("params", [{"order": "sideways"}, {"wrap": "yes"}, {"unknown": "1"}, {}])
def test_what_it_does_not_know_it_takes_for_the_usual(params: dict[str, str]) -> None:
    assert address_of(params) == Address()


def test_an_archive_comes_before_an_account() -> None:
    assert address_of({"archive": "kept", "account": "main"}).source == "archive:kept"


def test_another_source_has_the_query_and_neither_range_nor_page() -> None:
    shown = Address(account="main", query="failed", start="-1h", end="-30m", after="c", at="-1h", tail=True)
    assert shown.of_source("archive:kept") == Address(archive="kept", query="failed")
    assert shown.of_source("account:other") == Address(account="other", query="failed", tail=True)


def test_other_lines_begin_with_the_first_page() -> None:
    shown = Address(account="main", query="failed", after="c", before="b", at="-1h")
    assert shown.but(query="x", wrap=True) == Address(account="main", query="x", wrap=True)
