"""Puts one file into the bucket of bench/s3_server.py, in this process, and prints what that took.

`python -m bench.put_here FILE ENDPOINT` prints one JSON object: `seconds` of the put, `cpu_s`, and
`growth_mb`, by which the memory of the process rose above what it was before, at its peak.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from bench.process import forget_peak, memory_mb, peak_memory_mb
from bench.s3_server import connection_to
from logkeep.storage.base import GZIP, JSON
from logkeep.storage.open import open_connection


def main() -> None:
    file, endpoint = Path(sys.argv[1]), sys.argv[2]
    bucket = open_connection(connection_to(endpoint))
    bucket.put_new("first", b"{}", JSON)  # loads what the first request loads
    forget_peak(os.getpid())
    before = memory_mb(os.getpid())
    cpu, began = time.process_time(), time.monotonic()
    bucket.put_new("object", file, GZIP)
    took, used = time.monotonic() - began, time.process_time() - cpu
    growth = peak_memory_mb(os.getpid()) - before
    if bucket.head("object").size != file.stat().st_size:
        raise RuntimeError("the object is not as long as its file")
    print(msgspec.json.encode({"seconds": took, "cpu_s": used, "growth_mb": growth}).decode())


if __name__ == "__main__":
    main()
