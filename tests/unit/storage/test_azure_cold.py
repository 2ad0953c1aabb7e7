"""Rehydration of Azure's archive tier, which Azurite does not have: there a tier changes at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from logkeep.errors import ObjectExists, ObjectFrozen
from logkeep.storage.base import GZIP, Bucket, Cold
from logkeep.storage.connection import Connection
from logkeep.storage.open import open_connection

USUAL = {
    "Last-Modified": "Fri, 20 Nov 2026 09:00:00 GMT",
    "ETag": '"0x1"',
    "x-ms-blob-type": "BlockBlob",
    "Content-Length": "0",
}


@dataclass
class Account:
    """A blob service with one blob. `properties` go with its HEAD, `refusal` answers reads and moves."""

    url: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    moves: list[tuple[str, str]] = field(default_factory=list)  # tier and priority of each Set Blob Tier
    listing: str = ""


@pytest.fixture
def account() -> Iterator[Account]:
    served = Account()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._send(200, USUAL | dict(served.properties))

        def do_GET(self) -> None:
            if "comp=list" in self.path:
                self._send(200, {"Content-Type": "application/xml"}, served.listing)
            else:
                self._refuse()

        def do_PUT(self) -> None:
            served.moves.append((self.headers["x-ms-access-tier"], self.headers["x-ms-rehydrate-priority"]))
            if served.refusal:
                self._refuse()
            else:
                self._send(202, {})

        def _refuse(self) -> None:
            assert served.refusal
            status, code = served.refusal
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"
            self._send(status, {"x-ms-error-code": code, "Content-Type": "application/xml"}, body)

        def _send(self, status: int, headers: Mapping[str, str], body: str = "") -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        served.url = f"http://127.0.0.1:{server.server_port}/acme"
        yield served
        server.shutdown()


def opened(account: Account, **more: str) -> Bucket:
    options = {"account_name": "acme", "container": "logs", "prefix": "p", "endpoint": account.url}
    return open_connection(
        Connection(
            provider="azure",
            options=options | {"credentials": "key", "allow_http": "true"} | more,
            secrets={"account_key": "aGVsbG8="},
        )
    )


ARCHIVED = {"x-ms-access-tier": "Archive"}
PENDING = ARCHIVED | {"x-ms-archive-status": "rehydrate-pending-to-hot"}


@pytest.mark.parametrize(
    ("tier", "options", "expected"),
    [
        ("bulk", {}, ("Hot", "Standard")),
        ("standard", {}, ("Hot", "Standard")),
        ("expedited", {}, ("Hot", "High")),
        ("standard", {"storage_class": "Cool"}, ("Cool", "Standard")),
    ],
)
def test_a_thaw_moves_the_blob_to_its_archives_tier(
    account: Account, tier: str, options: dict[str, str], expected: tuple[str, str]
) -> None:
    account.properties = ARCHIVED

    opened(account, **options).thaw("a", tier, 1)

    assert account.moves == [expected]


@pytest.mark.parametrize("properties", [PENDING, {"x-ms-access-tier": "Cool"}, {}])
def test_what_is_readable_or_thaws_is_not_asked_for(account: Account, properties: dict[str, str]) -> None:
    account.properties = properties

    opened(account).thaw("a", "expedited", 1)

    assert account.moves == []


def test_a_thaw_that_another_has_just_asked_for_is_fine(account: Account) -> None:
    account.properties, account.refusal = ARCHIVED, (409, "BlobBeingRehydrated")

    opened(account).thaw("a", "standard", 1)

    assert len(account.moves) == 1


@pytest.mark.parametrize("code", ["BlobArchived", "BlobBeingRehydrated"])
def test_a_read_of_what_is_archived_or_thaws_says_so(account: Account, code: str) -> None:
    account.refusal = (409, code)

    with pytest.raises(ObjectFrozen, match="a in azure://acme/logs/p lies in a cold storage class"):
        opened(account).get("a")


def test_a_put_over_what_is_archived_finds_it_there(account: Account) -> None:
    account.refusal = (409, "BlobArchived")

    with pytest.raises(ObjectExists):
        opened(account).put_new("a", b"other", GZIP)


def test_a_listing_tells_what_is_frozen_and_what_thaws(account: Account) -> None:
    def blob(name: str, properties: str) -> str:
        common = (
            "<Last-Modified>Fri, 20 Nov 2026 09:00:00 GMT</Last-Modified>"
            "<Content-Length>1</Content-Length><BlobType>BlockBlob</BlobType>"
        )
        return f"<Blob><Name>{name}</Name><Properties>{common}{properties}</Properties></Blob>"

    blobs = (
        blob("p/x/a", "<AccessTier>Archive</AccessTier>")
        + blob(
            "p/x/b",
            "<AccessTier>Archive</AccessTier><ArchiveStatus>rehydrate-pending-to-cool</ArchiveStatus>",
        )
        + blob("p/x/c", "<AccessTier>Hot</AccessTier>")
        + blob("p/x/d", "")
    )
    account.listing = (
        f"<?xml version='1.0' encoding='utf-8'?><EnumerationResults ServiceEndpoint='{account.url}' "
        f"ContainerName='logs'><Prefix>p/x/</Prefix><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
    )

    assert list(opened(account).cold("x/")) == [
        Cold(key="x/a", storage_class="Archive", thawing=False),
        Cold(key="x/b", storage_class="Archive", thawing=True),
    ]
