"""Seals all that waits in a data folder, in this process, and prints what that took: total and parts.

`python -m bench.seal_here DATA [--s3 ENDPOINT]`, with no server on DATA. `cpu_s` and `wall_s` are of the
whole. Parts are CPU seconds of certain calls, which are wrapped here and not in the product: `hash_s` of the
SHA-256 of objects, `link_s` of the chain of manifests, `mark_s` of the marker, `sent_s` of the checksums that
go with an upload.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from bench.s3_server import connection_to
from logkeep import sealing
from logkeep.app import clock
from logkeep.archive import manifest, writer
from logkeep.archiver import Archiver
from logkeep.catalog.catalog import open_catalog
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage import s3
from logkeep.storage.open import open_connection
from logkeep.targets import Buckets
from logkeep.vault import load_vault


class Parts:
    """CPU seconds by part, over all threads."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}
        self._lock = threading.Lock()

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                took = time.thread_time() - began
                with self._lock:
                    self.cpu_s[part] = self.cpu_s.get(part, 0.0) + took

        return timed

    def wrap(self, part: str, owner: object, name: str) -> None:
        setattr(owner, name, self.timed(part, getattr(owner, name)))

    def wrap_sha256(self, part: str, module: object) -> None:
        """The hashing of a module, of which every call is timed."""

        def sha256(data: bytes = b"") -> SimpleNamespace:
            digest = hashlib.sha256(data)
            return SimpleNamespace(update=self.timed(part, digest.update), hexdigest=digest.hexdigest)

        vars(module)["hashlib"] = SimpleNamespace(sha256=sha256)


def seal(data: Path, endpoint: str) -> dict[str, float]:
    parts = Parts()
    catalog = open_catalog(f"sqlite:///{data / 'catalog.sqlite'}")
    buckets = Buckets(load_vault(text="", path=data / "secret.key"), open_connection)
    spool = SqliteSpool(
        data / "spool.sqlite", clock=clock, max_bytes=1 << 40, max_account_bytes=1 << 40, min_free_bytes=0
    )
    work = data / "work"
    work.mkdir()
    in_s3 = open_connection(connection_to(endpoint, prefix="sealed")) if endpoint else None
    sealer = Sealer(
        spool=spool,
        objects=catalog.objects,
        archives=catalog.archives,
        bucket_of=lambda target: in_s3 or buckets.of(target),
        server=catalog.installation.server_id(),
        clock=clock,
        work_dir=work,
    )
    parts.wrap_sha256("hash_s", writer)
    parts.wrap("link_s", catalog.objects, "chain_head")
    parts.wrap("link_s", sealing, "find_chain_head")
    parts.wrap("link_s", manifest, "digest")
    parts.wrap("mark_s", Sealer, "claim")
    parts.wrap("sent_s", s3, "_digest")
    cpu, began = time.process_time(), time.monotonic()
    sealed = Archiver(sealer, clock=clock).seal_due(now=True)
    took, used = time.monotonic() - began, time.process_time() - cpu
    spool.close()
    catalog.close()
    return {
        "objects": len(sealed),
        "lines": sum(one.lines for one in sealed),
        "raw_bytes": sum(one.raw_bytes for one in sealed),
        "stored_bytes": sum(one.stored_bytes for one in sealed),
        "wall_s": took,
        "cpu_s": used,
        **{part: parts.cpu_s.get(part, 0.0) for part in ("hash_s", "link_s", "mark_s", "sent_s")},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--s3", default="", help="the endpoint of bench/s3_server.py, instead of the folder")
    options = parser.parse_args()
    print(msgspec.json.encode(seal(options.data, options.s3)).decode())


if __name__ == "__main__":
    main()
