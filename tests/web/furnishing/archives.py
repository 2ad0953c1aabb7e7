"""Archives in every state: on, paused, off, failing, another system's, and one that has lost an object."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path

from tests.contract.s3_servers import ACCESS_KEY, SECRET_KEY, make_bucket
from tests.e2e.server import eventually
from tests.web.furnishing.site import Site

WRONG_KEY = b64encode(b"wrong " * 10 + b"key!").decode()


def make_archives(site: Site, folder: Path) -> None:
    """Those of `main` beside its first one. Nothing is written yet: what would write is paused."""
    for account in ("main", "team-a", "acme"):
        site.post(f"/v1/archives/{account}/pause")
    site.change("PATCH", "/v1/archives/main", title="Everything", verify_every="1d", drill_every="7d")
    _in_s3(site)
    _in_azure(site)
    _in_folder(site, folder / "errors")
    _of_another_system(site, folder / "datadog")
    site.post(
        "/v1/archives",
        id="spare",
        title="Not begun yet",
        provider="folder",
        options={"path": str(folder / "spare")},
    )


def _in_s3(site: Site) -> None:
    site.post(
        "/v1/archives",
        id="checkout",
        title="Checkout, for the auditors",
        provider="s3-compatible",
        options={
            "bucket": make_bucket(site.buckets.s3),
            "prefix": "prod/checkout",
            "endpoint": site.buckets.s3,
            "access_key_id": ACCESS_KEY,
        },
        secrets={"secret_access_key": SECRET_KEY},
        query="app:checkout",
        start=True,
    )
    site.post("/v1/archives/checkout/pause")


def _in_azure(site: Site) -> None:
    azure = site.buckets.azure
    for archive, title in (("payments", "Payments, second region"), ("broken", "Its key was rotated")):
        connection = azure.connection(azure.make_bucket(), prefix=archive)
        site.post(
            "/v1/archives",
            id=archive,
            title=title,
            provider="azure",
            options=dict(connection.options),
            secrets=dict(connection.secrets),
            query="app:payments level:error",
            start=True,
        )
    site.post("/v1/archives/payments/pause")
    site.change("PATCH", "/v1/archives/broken", secrets={"account_key": WRONG_KEY}, untested=True)


def _in_folder(site: Site, folder: Path) -> None:
    site.post(
        "/v1/archives",
        id="errors",
        title="Errors on the old disk",
        provider="folder",
        options={"path": str(folder)},
        query="level:error app:depot",
        start=True,
    )
    site.post("/v1/archives/errors/pause")


def _of_another_system(site: Site, folder: Path) -> None:
    """As Datadog leaves it, of the day before yesterday."""
    day, clock = site.at(48)[:10], site.at(48)[11:13]
    inner = folder / f"dt={day.replace('-', '')}" / f"hour={clock}"
    inner.mkdir(parents=True)
    lines = [
        json.dumps(
            {
                "_id": f"AYx{number:04d}",
                "date": f"{day}T{clock}:{number:02d}:00.000Z",
                "host": "i-0a1b2c",
                "service": "storefront",
                "status": "error" if number % 5 == 0 else "info",
                "message": f"rendered page {number}",
                "attributes": {"http": {"status_code": 200 + number}},
                "tags": ["env:prod", "team:web"],
            }
        )
        for number in range(60)
    ]
    name = f"archive_{clock}0000.1234.8e5b9f0a-7c7b-4a4e-9d63-5b7a1f0c2d3e.json.gz"
    (inner / name).write_bytes(gzip.compress("\n".join([*lines, '{"date": oh no', ""]).encode(), mtime=0))
    site.post(
        "/v1/archives",
        id="old-datadog",
        title="What Datadog kept",
        provider="folder",
        options={"path": str(folder)},
        layout="datadog",
    )


def write_everything(site: Site) -> None:
    """Seal all that waits, and keep on what shall stay on."""
    for archive in ("main", "checkout", "payments", "errors", "team-a", "acme"):
        site.post(f"/v1/archives/{archive}/start")
    for account in ("main", "team-a", "acme"):
        site.seal(account)


def wait_for_the_failing_one(site: Site) -> None:
    def fails() -> bool:
        return bool(site.get("/v1/archives/broken")["status"]["state"] == "failing")

    eventually(fails, "the archive with the wrong key to fail")


def damage(folder: Path) -> None:
    """What happens to disks: one object is gone, and one has other bytes than were written."""
    objects = sorted((folder / "errors").rglob("*.json.gz"))
    gone, bad = objects[1], objects[-2]
    gone.unlink()
    spoiled = bytearray(bad.read_bytes())
    spoiled[len(spoiled) // 2] ^= 0xFF
    bad.write_bytes(bytes(spoiled))


def check(site: Site) -> None:
    for archive in ("main", "payments", "errors"):
        site.post(f"/v1/archives/{archive}/verify")
    site.post("/v1/archives/main/drill")
