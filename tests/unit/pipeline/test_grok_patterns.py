from __future__ import annotations

import pytest

from logkeep.pipeline.grok import grok_finder
from logkeep.pipeline.grok_patterns import DEFINITIONS
from logkeep.pipeline.processors.extraction import MAX_STEPS

APACHE = (
    '10.1.2.3 - frank [10/Oct/2025:13:55:36 -0700] "GET /logo.gif?a=1 HTTP/1.1" 200 2326 '
    '"http://example.org/" "Mozilla/5.0 (X11)"'
)
SYSLOG = "Nov  3 19:34:21 web-1 sshd[4711]: Failed password for root"
# Name: a text that it fits as a whole, and one that it does not.
CASES = {
    "WORD": ("lamp_2", "two words"),
    "NOTSPACE": ("a/b?c", "a b"),
    "SPACE": (" \t ", "x"),
    "DATA": ("anything at all", None),
    "GREEDYDATA": ("anything\nat all", None),
    "QUOTEDSTRING": (r'"he said \"no\""', '"open'),
    "QS": ("'single'", "none"),
    "UUID": ("0197f3d2-1c5e-7abc-8def-0123456789ab", "0197f3d2-1c5e-7abc-8def-0123456789"),
    "INT": ("-12", "1.5"),
    "BASE10NUM": ("-1.5e-3", "1.2.3"),
    "NUMBER": ("200", "0x1F"),
    "BASE16NUM": ("0x1F", "0xG"),
    "POSINT": ("17", "0"),
    "NONNEGINT": ("0", "-1"),
    "MAC": ("00:1b:44:11:3A:b7", "00:1b:44:11:3A"),
    "IPV4": ("192.168.0.255", "192.168.0.256"),
    "IPV6": ("fe80::1ff:fe23:4567:890a%eth0", "12:34:56"),
    "IP": ("2001:db8:0:0:0:0:2:1", "2001:db8:0:0:0:2:1"),
    "HOSTNAME": ("web-1.example.org", "-web"),
    "IPORHOST": ("::ffff:10.0.0.1", "a b"),
    "HOSTPORT": ("[::1]:8080", "example.org"),
    "USERNAME": ("bob.o-1_x", "bob@x"),
    "USER": ("root", "ro ot"),
    "EMAILADDRESS": ("bob+spam@mail.example.org", "bob at example.org"),
    "UNIXPATH": ("/var/log/app-1.log", "var/log"),
    "WINPATH": (r"C:\Windows\app\x.log", "/var/log"),
    "PATH": (r"\\server\share", "server"),
    "URIPROTO": ("git+ssh", "://"),
    "URIHOST": ("example.org:8080", "/example"),
    "URIPATH": ("/a/b%20c", "/a b"),
    "URIPARAM": ("?a=1&b[]=2", "a=1"),
    "URIPATHPARAM": ("/a?b=c", "?b"),
    "URI": ("https://bob@example.org:8443/a/b?c=d#e", "example.org/a"),
    "MONTH": ("Sept", "Foo"),
    "MONTHNUM": ("12", "13"),
    "MONTHDAY": ("31", "32"),
    "DAY": ("Wednesday", "Someday"),
    "YEAR": ("2025", "202"),
    "HOUR": ("23", "24"),
    "MINUTE": ("59", "60"),
    "SECOND": ("60,123", "61"),
    "TIME": ("19:34:21.123", "19:34"),
    "TZ": ("CEST", "Berlin"),
    "DATE_US": ("11/20/2025", "20/11/2025"),
    "DATE_EU": ("20.11.2025", "11.20.2025"),
    "DATE": ("20-11-25", "2025-11-20"),
    "ISO8601_TIMEZONE": ("+05:30", "UTC"),
    "TIMESTAMP_ISO8601": ("2025-11-20T19:34:21.123456Z", "20.11.2025 19:34"),
    "DATESTAMP": ("20/11/2025 19:34:21", "19:34:21"),
    "SYSLOGTIMESTAMP": ("Nov  3 19:34:21", "2025-11-03 19:34:21"),
    "HTTPDATE": ("10/Oct/2025:13:55:36 -0700", "10/10/2025:13:55:36 -0700"),
    "LOGLEVEL": ("Warning", "info2"),
    "PROG": ("postfix/smtpd", "a b"),
    "SYSLOGPROG": ("sshd[4711]", "sshd[x]"),
    "SYSLOGHOST": ("web-1", "web 1"),
    "SYSLOGFACILITY": ("<3.6>", "<36>"),
    "SYSLOGBASE": (SYSLOG.removesuffix(" Failed password for root"), "sshd: x"),
    "SYSLOGLINE": (SYSLOG, "Nov  3 web-1 sshd[4711]: no time"),
    "HTTPDUSER": ("bob@example.org", 'b"b'),
    "COMMONAPACHELOG": (APACHE.partition(' "http')[0], '10.1.2.3 - frank "GET / HTTP/1.1" 200 1'),
    "COMBINEDAPACHELOG": (APACHE, APACHE.partition(' "http')[0]),
    "NGINXACCESS": (APACHE, "GET / HTTP/1.1"),
    "NGINXERROR": ("2025/11/20 19:34:21 [error] 31#32: *5 open() failed", "2025-11-20 19:34:21 [error] x"),
    "REDISLOG": ("1:M 20 Nov 2025 19:34:21.123 * Ready to accept connections", "1:M Ready"),
    "POSTGRESQL": ("2025-11-20 19:34:21.123 UTC [71] bob@shop ERROR:  no table", "2025-11-20 ERROR: no"),
}


def test_every_definition_has_its_cases() -> None:
    assert CASES.keys() == DEFINITIONS.keys()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_each_definition_fits_what_it_is_for_and_nothing_else(name: str) -> None:
    find = grok_finder(f"^(?:%{{{name}:found}})$", {}, setting="", most_steps=MAX_STEPS)
    fits, not_this = CASES[name]
    found = find(fits.encode())
    assert found is not None
    assert found["found"] == fits
    if not_this is not None:
        assert find(not_this.encode()) is None


def test_data_takes_as_little_as_it_can_and_greedydata_as_much() -> None:
    find = grok_finder("^%{DATA:little},%{GREEDYDATA:much},", {}, setting="", most_steps=MAX_STEPS)
    assert find(b"a,b,c,d") == {"little": "a", "much": "b,c"}


@pytest.mark.parametrize(
    ("name", "line", "fields"),
    [
        (
            "COMBINEDAPACHELOG",
            APACHE,
            {
                "clientip": "10.1.2.3",
                "ident": "-",
                "auth": "frank",
                "timestamp": "10/Oct/2025:13:55:36 -0700",
                "verb": "GET",
                "request": "/logo.gif?a=1",
                "httpversion": "1.1",
                "response": "200",
                "bytes": "2326",
                "referrer": '"http://example.org/"',
                "agent": '"Mozilla/5.0 (X11)"',
            },
        ),
        (
            "SYSLOGLINE",
            f"<34>{SYSLOG}",
            {
                "timestamp": "Nov  3 19:34:21",
                "logsource": "web-1",
                "program": "sshd",
                "pid": "4711",
                "message": "Failed password for root",
            },
        ),
        (
            "POSTGRESQL",
            CASES["POSTGRESQL"][0],
            {
                "timestamp": "2025-11-20 19:34:21.123 UTC",
                "pid": "71",
                "user": "bob",
                "database": "shop",
                "level": "ERROR",
                "message": "no table",
            },
        ),
        (
            "NGINXERROR",
            CASES["NGINXERROR"][0],
            {
                "timestamp": "2025/11/20 19:34:21",
                "level": "error",
                "pid": "31",
                "tid": "32",
                "connection": "5",
                "message": "open() failed",
            },
        ),
    ],
)
def test_log_formats_name_their_fields(name: str, line: str, fields: dict[str, str]) -> None:
    find = grok_finder(f"%{{{name}}}", {}, setting="", most_steps=MAX_STEPS)
    assert find(line.encode()) == fields
