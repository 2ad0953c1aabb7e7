"""A server with everything in it, for tests of pages, for screenshots, and to look at by hand:

`python -m tests.web.furnished --data DIR` starts one, prints where it is and who may sign in, and serves
until it is interrupted. DIR must be new or empty. All of it is made through the API.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logkeep.timeline import hour_of
from tests.contract.azure_servers import serving_azurite
from tests.contract.s3_servers import serving_moto
from tests.e2e.server import Server
from tests.web.furnishing import accounts, archives, pipelines, restores
from tests.web.furnishing.site import Buckets, Site
from tests.web.people import PEOPLE, make_people

# Where pytest's cache has Azurite, too.
_CACHE = Path(__file__).parents[2] / ".pytest_cache" / "d" / "azurite"


@dataclass(frozen=True)
class Furnished:
    """What is there, for who wants to open its pages. Hours are counted from `site.now`, backwards."""

    server: Server
    site: Site
    restores: Mapping[str, str]  # names to ids
    invitation: str  # a link that nobody has followed yet

    @property
    def url(self) -> str:
        return self.server.first_start["url"]


def furnish(server: Server, buckets: Buckets, folder: Path) -> Furnished:
    """Fill a server that was just started for the first time. Archives in folders, and files, are in
    `folder`."""
    site = Site(server, buckets, hour_of(int(time.time() * 1000)))
    keys = accounts.make_accounts(site)
    invitation = accounts.make_others(site, make_people(server))
    accounts.make_rules(site)
    archives.make_archives(site, folder)
    accounts.send_past(site, keys)
    archives.write_everything(site)
    accounts.send_late(site, keys)
    archives.write_everything(site)
    pipelines.make_pipelines(site, folder)
    site.seal("main")  # the pipeline's archive
    archives.wait_for_the_failing_one(site)
    archives.damage(folder)
    archives.check(site)
    made = restores.make_restores(site, folder)
    site.post("/v1/archives/team-a/pause")
    accounts.send_now(site, keys)
    server.wait_until_indexed()
    return Furnished(server, site, made, invitation)


@contextmanager
def furnished_server(folder: Path, buckets: Buckets) -> Iterator[Furnished]:
    server = Server(folder / "data")
    try:
        yield furnish(server.start(), buckets, folder)
    finally:
        server.kill()


@contextmanager
def furnished_by_hand(folder: Path) -> Iterator[Furnished]:
    """One with the servers of buckets beside it, outside of pytest."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as logs,
        serving_moto(Path(logs)) as s3,
        serving_azurite(Path(logs), _CACHE) as azure,
        furnished_server(folder, Buckets(s3, azure)) as furnished,
    ):
        yield furnished


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder for all of it, new or empty")
    folder: Path = parser.parse_args().data.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with furnished_by_hand(folder) as furnished:
        print(f"{furnished.url} is furnished after {time.monotonic() - began:.0f} s. Who may sign in:")
        for person in PEOPLE:
            print(f"  {person.name}  {person.role}  {', '.join(person.accounts)}  {person.password!r}")
        print(f"admin token: {furnished.server.first_start['admin_token']}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
