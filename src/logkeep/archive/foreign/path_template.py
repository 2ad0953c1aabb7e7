"""Templates of keys: `logs/%Y/%m/%d/%H/*.gz`, or the same with names, `logs/{year}/{month}/…`.

`*` is any text without a slash, `**` any text; everything else stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from logkeep.archive.foreign.base import DAY_MS, KeyHint, dated_folders, time_of_key
from logkeep.errors import BadSetting
from logkeep.timeline import HOUR_MS, TimeRange

_NAMED = {
    "year": "%Y",
    "month": "%m",
    "day": "%d",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
    "epoch": "%s",
}
_GROUPS = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d\d)",
    "%d": r"(?P<day>\d\d)",
    "%H": r"(?P<hour>\d\d)",
    "%M": r"(?P<minute>\d\d)",
    "%S": r"(?P<second>\d\d)",
    "%s": r"(?P<epoch>\d{10})",
    "%F": r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
    "%%": "%",
    "**": ".*",
    "*": "[^/]*",
}
_PART = re.compile(r"%.|\{[^}]*\}|\*\*|\*|[^%{*]+", re.DOTALL)
_ORDER = ("year", "month", "day", "hour", "minute", "second")
_LENGTHS = {"day": DAY_MS, "hour": HOUR_MS, "minute": 60_000, "second": 1000}
_MONTH_MS = 31 * DAY_MS
_YEAR_MS = 366 * DAY_MS


@dataclass(frozen=True)
class PathTemplate:
    """What keys look like, and the time in them."""

    pattern: re.Pattern[str]
    folders: tuple[str, ...]  # strftime patterns of folders to list, the finest first
    root: str  # the folder that all are in

    @classmethod
    def of(cls, template: str) -> PathTemplate:
        """Raises BadSetting for a template that cannot be used."""
        parts = [_part(found[0], template) for found in _PART.finditer(template)]
        if not template or "".join(parts).startswith("/"):
            raise _bad(template, "is empty or begins with a slash")
        seen: set[str] = set()
        pattern = "".join(_once(_GROUPS.get(part) or re.escape(part), seen) for part in parts)
        if "epoch" not in seen and seen != set(_ORDER[: len(seen)]):
            raise _bad(template, "names a part of a time without the larger ones")
        return cls(
            pattern=re.compile(pattern, re.ASCII | re.DOTALL), folders=_folders(parts), root=_root(parts)
        )

    def hint(self, key: str, margin_ms: int) -> KeyHint | None:
        found = self.pattern.fullmatch(key)
        if found is None:
            return None
        named = found.groupdict()
        if named.get("epoch"):
            return KeyHint.around(int(named["epoch"]) * 1000, 0, older=margin_ms, younger=margin_ms)
        given = [name for name in _ORDER if name in named]
        if not given:
            return KeyHint()
        digits = [named[name] for name in given] + ["1"] * (3 - len(given))
        start = time_of_key(*digits)
        length = {1: _YEAR_MS, 2: _MONTH_MS}.get(len(given)) or _LENGTHS[given[-1]]
        return None if start is None else KeyHint.around(start, length, older=margin_ms, younger=margin_ms)

    def listed(self, within: TimeRange | None) -> Sequence[str]:
        if within is None or not self.folders:
            return [self.root]
        return dated_folders(within, *self.folders, self.root)


def _part(part: str, template: str) -> str:
    if part.startswith("{"):
        named = _NAMED.get(part[1:-1])
        if named is None:
            raise _bad(template, f"has {part}")
        return named
    if part.startswith("%") and part not in _GROUPS:
        raise _bad(template, f"has {part}")
    return part


def _once(group: str, seen: set[str]) -> str:
    """The group, or what it has to repeat when the template names the same part of the time again."""
    for name in re.findall(r"\?P<(\w+)>", group):
        if name in seen:
            group = re.sub(rf"\(\?P<{name}>[^)]*\)", f"(?P={name})", group)
        seen.add(name)
    return group


def _folders(parts: Sequence[str]) -> tuple[str, ...]:
    """What is before the first wildcard and the last slash, and the levels above it that have a time."""
    fixed = ""
    for part in parts:
        if part.startswith("*") or part in ("%s", "%M", "%S"):
            break
        fixed += part
    folder = fixed[: fixed.rfind("/") + 1]
    found = []
    while "%" in folder.replace("%%", ""):
        found.append(folder)
        folder = folder[: folder.rfind("/", 0, -1) + 1]
    return tuple(found)


def _root(parts: Sequence[str]) -> str:
    """What is before the first wildcard or time and the last slash."""
    fixed = ""
    for part in parts:
        if part.startswith("*") or (part.startswith("%") and part != "%%"):
            break
        fixed += "%" if part == "%%" else part
    return fixed[: fixed.rfind("/") + 1]


def _bad(template: str, reason: str) -> BadSetting:
    return BadSetting(
        f"the path template {template!r} {reason}",
        hint="write it like logs/%Y/%m/%d/%H/*.gz or logs/{year}/{month}/{day}/*, with * for any name",
        field="path",
    )
