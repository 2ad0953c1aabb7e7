r"""Definitions for grok by the names that are in use everywhere, written for RE2.

Where the usual ones look around (`(?<!...)`), these have word boundaries; none takes more than time in
proportion to the text. The fields of the log formats have their usual names.
"""

from __future__ import annotations

from collections.abc import Mapping

_TEXT = {
    "WORD": r"\b\w+\b",
    "NOTSPACE": r"\S+",
    "SPACE": r"\s*",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
    "QUOTEDSTRING": r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`""",
    "QS": r"%{QUOTEDSTRING}",
    "UUID": r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b",
}

_NUMBERS = {
    "INT": r"[+-]?[0-9]+",
    "BASE10NUM": r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?",
    "NUMBER": r"%{BASE10NUM}",
    "BASE16NUM": r"[+-]?(?:0[xX])?[0-9A-Fa-f]+",
    "POSINT": r"\b[1-9][0-9]*\b",
    "NONNEGINT": r"\b[0-9]+\b",
}

_HEX = "[0-9A-Fa-f]{1,4}"
_NETWORK = {
    "MAC": r"\b(?:(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})\b",
    "IPV4": r"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b",
    # Whole, or cut by :: once, each with four numbers at the end or not; then perhaps a zone.
    "IPV6": (
        rf"(?:(?:{_HEX}:){{6}}%{{IPV4}}|(?:{_HEX}:){{7}}{_HEX}"
        rf"|(?:{_HEX}(?::{_HEX}){{0,5}})?::(?:{_HEX}:){{0,5}}%{{IPV4}}"
        rf"|(?:{_HEX}(?::{_HEX}){{0,6}})?::(?:{_HEX}(?::{_HEX}){{0,6}})?)(?:%[0-9A-Za-z._-]+)?"
    ),
    "IP": r"%{IPV6}|%{IPV4}",
    "HOSTNAME": r"\b[0-9A-Za-z_][0-9A-Za-z_-]*(?:\.[0-9A-Za-z_][0-9A-Za-z_-]*)*\b",
    "IPORHOST": r"%{IP}|%{HOSTNAME}",
    "HOSTPORT": r"(?:\[%{IPV6}\]|%{IPV4}|%{HOSTNAME}):%{POSINT}",
    "USERNAME": r"[0-9A-Za-z._-]+",
    "USER": r"%{USERNAME}",
    "EMAILADDRESS": r"[0-9A-Za-z!#$&'*+/=?^_`|~.%-]+@%{HOSTNAME}",
}

_PATHS = {
    "UNIXPATH": r"(?:/[\w.+@%~,:=#!-]*)+",
    "WINPATH": r"""(?:[A-Za-z]:|\\)(?:\\[^\\/?*:"<>|\s]+)+\\?|[A-Za-z]:\\""",
    "PATH": r"%{WINPATH}|%{UNIXPATH}",
    "URIPROTO": r"[A-Za-z][0-9A-Za-z+.-]*",
    "URIHOST": r"(?:\[%{IPV6}\]|%{IPV4}|%{HOSTNAME})(?::[0-9]+)?",
    "URIPATH": r"""/[^\s?#"<>]*""",
    "URIPARAM": r"""\?[^\s#"<>]*""",
    "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?",
    "URI": (
        r"%{URIPROTO}://(?:[^\s/?#@]+@)?(?:%{URIHOST})?(?:%{URIPATH})?(?:%{URIPARAM})?"
        r"""(?:#[^\s"<>]*)?"""
    ),
}

_TIMES = {
    "MONTH": (
        r"\b(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
        r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
    ),
    "MONTHNUM": r"1[0-2]|0?[1-9]",
    "MONTHDAY": r"3[01]|[12][0-9]|0?[1-9]",
    "DAY": r"\b(?i:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?i:day)?\b",
    "YEAR": r"[0-9]{4}|[0-9]{2}",
    "HOUR": r"2[0-3]|[01]?[0-9]",
    "MINUTE": r"[0-5][0-9]",
    "SECOND": r"(?:60|[0-5]?[0-9])(?:[.,][0-9]+)?",
    "TIME": r"\b%{HOUR}:%{MINUTE}:%{SECOND}\b",
    "TZ": r"\b(?:UTC|GMT|[A-Z]{1,4}T)\b",
    "DATE_US": r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}",
    "DATE_EU": r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}",
    "DATE": r"%{DATE_US}|%{DATE_EU}",
    "ISO8601_TIMEZONE": r"[Zz]|[+-]%{HOUR}(?::?%{MINUTE})?",
    "TIMESTAMP_ISO8601": (
        r"[0-9]{4}-%{MONTHNUM}-%{MONTHDAY}[Tt ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?(?:%{ISO8601_TIMEZONE})?"
    ),
    "DATESTAMP": r"%{DATE}[- ]%{TIME}",
    "SYSLOGTIMESTAMP": r"%{MONTH} +%{MONTHDAY} %{TIME}",
    "HTTPDATE": r"%{MONTHDAY}/%{MONTH}/[0-9]{4}:%{TIME} [+-][0-9]{4}",
}

_LOGS = {
    "LOGLEVEL": (
        r"\b(?i:trace|debug|notice|info(?:rmation)?|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe"
        r"|emerg(?:ency)?|alert|panic)\b"
    ),
    "PROG": r"[0-9A-Za-z_./@%()+-]+",
    "SYSLOGPROG": r"%{PROG:program}(?:\[%{POSINT:pid}\])?",
    "SYSLOGHOST": r"%{IPORHOST}",
    "SYSLOGFACILITY": r"<%{NONNEGINT:facility}\.%{NONNEGINT:priority}>",
    "SYSLOGBASE": (
        r"%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:"
    ),
    "SYSLOGLINE": r"%{SYSLOGBASE} %{GREEDYDATA:message}",
    "HTTPDUSER": r"""[^\s"\[\]]+""",
    "COMMONAPACHELOG": (
        r"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} \[%{HTTPDATE:timestamp}\] "
        r""""(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" """
        r"(?:%{NONNEGINT:response}|-) (?:%{NONNEGINT:bytes}|-)"
    ),
    "COMBINEDAPACHELOG": r"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}",
    "NGINXACCESS": r"%{COMBINEDAPACHELOG}",
    "NGINXERROR": (
        r"(?P<timestamp>[0-9]{4}/%{MONTHNUM}/%{MONTHDAY} %{TIME}) \[%{LOGLEVEL:level}\] "
        r"%{POSINT:pid}#%{NONNEGINT:tid}: (?:\*%{NONNEGINT:connection} )?%{GREEDYDATA:message}"
    ),
    "REDISLOG": (
        r"%{POSINT:pid}:(?P<role>[XCSM]) (?P<timestamp>%{MONTHDAY} %{MONTH} [0-9]{4} %{TIME}) "
        r"(?P<level>[.*#-]) %{GREEDYDATA:message}"
    ),
    "POSTGRESQL": (
        r"(?P<timestamp>%{TIMESTAMP_ISO8601} %{TZ}) \[%{POSINT:pid}\] "
        r"(?:%{USERNAME:user}@%{USERNAME:database} )?(?P<level>[A-Z]+[0-9]?): +%{GREEDYDATA:message}"
    ),
}

DEFINITIONS: Mapping[str, str] = _TEXT | _NUMBERS | _NETWORK | _PATHS | _TIMES | _LOGS
