"""The options that Azure's and Google's HTTP clients have in common, as those clients want them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from logkeep.errors import BadSetting

_CONNECT, _READ = "10s", "60s"
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|sec|seconds?|m|min|minutes?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    verify: bool | str  # whether certificates are checked, or the file with the authority's
    proxies: Mapping[str, str]  # by scheme
    connect_s: float
    read_s: float  # between two arrivals of bytes


def http_options(options: Mapping[str, str]) -> HttpOptions:
    """From root_certificate, allow_invalid_certificates, proxy_url, connect_timeout and timeout.

    Raises BadSetting for a time that cannot be read.
    """
    proxy = options.get("proxy_url", "")
    unchecked = options.get("allow_invalid_certificates") == "true"
    return HttpOptions(
        verify=not unchecked and (options.get("root_certificate") or True),
        proxies={"http": proxy, "https": proxy} if proxy else {},
        connect_s=_seconds(options, "connect_timeout", _CONNECT),
        read_s=_seconds(options, "timeout", _READ),
    )


def _seconds(options: Mapping[str, str], name: str, default: str) -> float:
    value = options.get(name) or default
    match = _DURATION.fullmatch(value)
    if not match or float(match[1]) == 0:
        raise BadSetting(f"{name} is {value[:64]!r}", hint="write it as 10s or 2m", field=name)
    factor = {"ms": 0.001, "s": 1, "m": 60}[match[2] if match[2] == "ms" else match[2][0]]
    return float(match[1]) * factor
