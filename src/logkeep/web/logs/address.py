"""What the page of logs shows, as its address says it: so that any view can be shared or opened again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from logkeep.index.search import Order

ALL = "all"
"""As `from`: from the first line on."""

_FLAGS = ("wrap", "read", "tail", "counted")


@dataclass(frozen=True, kw_only=True)
class Address:
    """`start` and `end` are texts as people write them; "" leaves them to the page."""

    account: str = ""
    archive: str = ""  # instead: an archive that is searched where it lies
    query: str = ""
    start: str = ""
    end: str = ""
    order: str = Order.NEWEST
    after: str = ""  # a cursor: the list goes on behind this line
    before: str = ""  # a cursor: the list ends in front of this line
    at: str = ""  # a time: the list shows what is around it
    top: str = ""  # the field whose most frequent values are shown
    wrap: bool = False
    read: bool = False  # the server searches the archive, not the browser
    tail: bool = False
    counted: bool = False  # the page waits until its lines are counted, however long that takes

    @property
    def source(self) -> str:
        """The value of the choice of accounts and archives."""
        return f"archive:{self.archive}" if self.archive else f"account:{self.account}"

    def of_source(self, source: str) -> Address:
        """The same of another account or archive. Their times differ, so a range is left to the page."""
        kind, _, name = source.partition(":")
        if kind == "archive":
            return replace(self.first_page(), account="", archive=name, start="", end="", tail=False)
        return replace(self.first_page(), account=name, archive="", start="", end="", read=False)

    def first_page(self) -> Address:
        return replace(self, after="", before="", at="")

    def but(self, **changes: Any) -> Address:
        """The same with other lines: from the first page on."""
        return replace(self.first_page(), **changes)

    def params(self) -> Iterator[tuple[str, str]]:
        """What differs from what the page takes if nothing is said."""
        named = {
            "account": self.account,
            "archive": self.archive,
            "query": self.query,
            "from": self.start,
            "to": self.end,
            "order": "" if self.order == Order.NEWEST else self.order,
            "after": self.after,
            "before": self.before,
            "at": self.at,
            "top": self.top,
        }
        yield from ((name, value) for name, value in named.items() if value)
        yield from ((name, "1") for name in _FLAGS if getattr(self, name))

    @property
    def search(self) -> str:
        """The address without its path, for links of the page to itself."""
        return "?" + urlencode(list(self.params()), quote_via=quote, safe=":/*,")

    @property
    def url(self) -> str:
        return f"/logs{self.search}"


def address_of(params: Mapping[str, str]) -> Address:
    """The address that a request's parameters say. What it does not know it takes for the usual."""
    order = params.get("order", "")
    return Address(
        account="" if params.get("archive") else params.get("account", ""),
        archive=params.get("archive", ""),
        query=params.get("query", ""),
        start=params.get("from", "").strip(),
        end=params.get("to", "").strip(),
        order=order if order in tuple(Order) else Order.NEWEST,
        after=params.get("after", ""),
        before=params.get("before", ""),
        at=params.get("at", "").strip(),
        top=params.get("top", "").strip(),
        wrap=params.get("wrap") == "1",
        read=params.get("read") == "1",
        tail=params.get("tail") == "1",
        counted=params.get("counted") == "1",
    )
