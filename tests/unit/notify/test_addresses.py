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
        *("http://xn--/", "http://xn--a-ecp.example/", "http://[v1.x]/", "http://0251.0376.0251.0376/"),
        *("http://100.100.100.200/", "http://[2002:a9fe:a9fe::]/"),
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


@pytest.mark.parametrize("user", ["ops:p%C3%A4ss", "%C3%B6ps:pass", "ops:pa%00ss", "ops:pa%0Ass", "ops:%FF"])
def test_a_user_and_a_password_that_cannot_be_sent_are_refused(user: str) -> None:
    with pytest.raises(ValueError, match=r"^a user and a password of printable ASCII characters: "):
        mail_server(f"smtps://{user}@mail.example.org")


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
    assert all(refused_address(one) for one in ("fd00:ec2::23", "192.0.0.192"))
    spelled = ("2852039166", "0xa9fea9fe", "0xA9.254.43518", "0251.0376.0251.0376", "169.254.169.254.")
    assert all(refused_address(one) for one in spelled)
    assert not any(refused_address(one) for one in ("2130706433", "0x7f.1", "1.2.3.4.5", "99999999999", "0x"))
    others = ("127.0.0.1", "10.0.0.1", "169.253.1.1", "::1", "fd00::1", "2001:db8::1", "64:ff9b::a00:1")
    assert not any(refused_address(one) for one in (*others, "example.org", ""))


@pytest.mark.parametrize(
    "address",
    [
        *("100.100.100.200", "168.63.129.16", "fd20:ce::254", "::ffff:100.100.100.200"),
        *("2002:a9fe:a9fe::", "2002:a9fe:1::5", "2002:6464:64c8::1"),  # 6to4
        *("::a9fe:a9fe", "::ffff:0:a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b::6464:64c8"),
        *("2001:0:a9fe:a9fe::", "2001:0:102:304:0:0:5601:5601"),  # Teredo: of its server, of its client
    ],
)
def test_addresses_of_clouds_and_those_that_lead_to_them_are_refused(address: str) -> None:
    assert refused_address(address)


@pytest.mark.parametrize(
    "address",
    ["100.100.100.201", "2002:a00:1::", "::a00:1", "64:ff9b:1::a00:1", "2001:0:102:304::", "2001:4860::1"],
)
def test_addresses_beside_them_are_not(address: str) -> None:
    assert not refused_address(address)


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
