"""Options of HTTP, as the clients of Azure and Google want them."""

from __future__ import annotations

import pytest

from logkeep.errors import BadSetting
from logkeep.storage.http_options import HttpOptions, http_options


def test_without_options_certificates_are_checked_and_times_are_short() -> None:
    assert http_options({}) == HttpOptions(verify=True, proxies={}, connect_s=10, read_s=60)


def test_options_are_taken_as_they_are_given() -> None:
    options = {"root_certificate": "/ca.pem", "proxy_url": "http://p:1", "connect_timeout": "500ms"}

    assert http_options(options | {"timeout": "2m"}) == HttpOptions(
        verify="/ca.pem",
        proxies={"http": "http://p:1", "https": "http://p:1"},
        connect_s=0.5,
        read_s=120,
    )


def test_certificates_are_unchecked_only_when_asked_for() -> None:
    assert http_options({"allow_invalid_certificates": "true"}).verify is False
    assert http_options({"allow_invalid_certificates": "false"}).verify is True


@pytest.mark.parametrize("value", ["soon", "10", "-1s", "0s", "1h"])
def test_a_time_that_cannot_be_read_is_named(value: str) -> None:
    with pytest.raises(BadSetting) as failure:
        http_options({"timeout": value})

    assert failure.value.field == "timeout"
