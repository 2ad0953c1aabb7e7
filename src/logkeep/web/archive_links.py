"""Where the pages of an archive are, and what leads from a stretch of it to a search or a restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

BROWSE = "/archiving/browse"

Span = tuple[str, str]
"""from and to, as the API reads times."""


@dataclass(frozen=True)
class Links:
    archive: str

    @property
    def home(self) -> str:
        return f"{BROWSE}/{quote(self.archive, safe='')}"

    def month(self, name: str) -> str:
        return f"{self.home}?month={name}"

    def day(self, day: str) -> str:
        return f"{self.home}/{day}"

    def hour(self, day: str, hour: int) -> str:
        return f"{self.home}/{day}/{hour:02d}"

    def object(self, key: str, target: int | None = None) -> str:
        return f"{self.home}/object?{_encoded(key=key, target=target)}"

    def content(self, key: str, target: int | None = None) -> str:
        """The object itself, from the API."""
        return (
            f"/v1/archives/{quote(self.archive, safe='')}/object/content?{_encoded(key=key, target=target)}"
        )

    def search(self, span: Span) -> str:
        return f"/logs?{_encoded(archive=self.archive, from_=span[0], to=span[1])}"

    def restore(self, span: Span) -> str:
        return f"/archiving/restore/new?{_encoded(archive=self.archive, from_=span[0], to=span[1])}"


def links_of(archive: Mapping[str, Any]) -> Links:
    return Links(archive["id"])


def _encoded(**params: Any) -> str:
    given = {name.removesuffix("_"): value for name, value in params.items() if value not in (None, "")}
    return urlencode(given)
