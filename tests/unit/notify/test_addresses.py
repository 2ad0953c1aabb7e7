from __future__ import annotations

import pytest

from logkeep.errors import BadSetting
from logkeep.notify.addresses import (
    MailServer,
    check_receivers,
    mail_addresses,
    mail_server,
    refused_address,
    web_url,
)


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.org", "http://localhost:9000/hook?a=b", "https://jane:hush@example.org/x"),
        *("http://[::1]:80/", "https://hooks.example.org/services/T0/B0/XXX", "http://10.0.0.7/"),
    ],
)
def test_a_url_of_a_web_server_is_taken_as_it_is(url: str) -> None:
    assert web_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "ftp://example.org", "https://", "https:///x", "http://example.org:x/"),
        *("http://exa mple.org", "http://example.org/\n", "http://example.org/\x00", "http://[::1/"),
        *("http://example.org/#part", "http://exämple.org/", "http://a..b/", "http://x/" + "y" * 2000),
        *("http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://[::ffff:169.254.1.1]/"),
    ],
)
def test_what_is_no_url_of_a_web_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(an http or https URL, such as|a URL of another host)"):
        web_url(url)


def test_addresses_stand_between_commas() -> None:
    assert mail_addresses("ops@example.org") == ("ops@example.org",)
    assert mail_addresses(" a.b+c@x.example.org ,d@localhost,d@localhost") == (
        *("a.b+c@x.example.org", "d@localhost"),
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "ops", "ops@", "@example.org", "a@b@c", "a b@example.org", "a@example.org,", "a@exa mple.org"),
        *("a@example.org\nBcc: b@example.org", "Ops <ops@example.org>", "a@-x.org", "a..b@example.org"),
        *("ö@example.org", "a" * 65 + "@example.org"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="addresses with commas"):
        mail_addresses(text)


def test_addresses_are_not_many() -> None:
    many = ",".join(f"a{number}@example.org" for number in range(21))
    with pytest.raises(ValueError, match="at most 20"):
        mail_addresses(many)
    assert len(mail_addresses(many.rpartition(",")[0])) == 20


def test_a_mail_server_is_a_url() -> None:
    assert mail_server("smtp://localhost") == MailServer(host="localhost", port=25, tls="none")
    assert mail_server("smtps://mail.example.org/") == MailServer(
        host="mail.example.org", port=465, tls="tls"
    )
    signed_in = mail_server("smtp+starttls://ops%40example.org:p%40ss%20word@[::1]:2525")
    assert signed_in == MailServer(
        host="::1", port=2525, tls="starttls", user="ops@example.org", password="p@ss word"
    )
    assert mail_server("smtp+starttls://mail.example.org").port == 587
    assert "p@ss" not in repr(signed_in)


@pytest.mark.parametrize(
    "text",
    [
        "mail.example.org",
        "http://example.org",
        "smtp://",
        "smtp://example.org/x",
        "smtp://a..b",
        "smtp://h?x",
    ],
)
def test_what_is_no_mail_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="smtps://"):
        mail_server(text)


def test_addresses_at_which_credentials_are_told_are_refused() -> None:
    refused = (
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "::ffff:169.254.169.254",
    )
    assert all(refused_address(one) for one in (*refused, "fd00:ec2::254", "64:ff9b::a9fe:a9fe"))
    others = ("127.0.0.1", "10.0.0.1", "169.253.1.1", "::1", "fd00::1", "2001:db8::1", "64:ff9b::a00:1")
    assert not any(refused_address(one) for one in (*others, "example.org", ""))


def test_receivers_of_a_restore_are_checked() -> None:
    check_receivers("", "", sends_mail=False)
    check_receivers("https://example.org/hook", "ops@example.org,jane@example.org")
    with pytest.raises(BadSetting, match=r"^notify_url cannot be used \(write an http") as bad_url:
        check_receivers("ftp://jane:hush@example.org", "")
    with pytest.raises(BadSetting, match=r"^notify_email cannot be used \(write addresses") as bad_address:
        check_receivers("", "ops")
    assert (bad_url.value.field, bad_address.value.field) == ("notify_url", "notify_email")
    with pytest.raises(BadSetting, match="this server sends no mail"):
        check_receivers("", "ops@example.org", sends_mail=False)
