"""What trust costs of a seal: the SHA-256 of objects, and the chain of manifests with the marker."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.closed_hour import fill
from bench.figures import Figure, main
from bench.servers import module

# An hour of 24 accounts, about 800 MB. Each object is the first of its place, which costs the most: the place
# is searched for an older chain, and gets its marker.
_ACCOUNTS, _SECONDS, _QUICK_SECONDS = 24, 1000, 20


def measure(quick: bool) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder:
        filled = fill(Path(folder), accounts=_ACCOUNTS, seconds=_QUICK_SECONDS if quick else _SECONDS)
        sealed = module("bench.seal_here", folder)
    if sealed["lines"] != filled.lines:
        raise RuntimeError(f"{sealed['lines']} of {filled.lines} lines were sealed")
    return [
        Figure(
            name="chain and checksums, of a seal into a folder",
            value=100 * (sealed["hash_s"] + sealed["link_s"] + sealed["mark_s"]) / sealed["cpu_s"],
            unit="% of its CPU seconds",
            goal=5,
            at_most=True,
            note=f"{sealed['objects']} objects, {sealed['raw_bytes'] / 1e6:.0f} MB raw, "
            f"{sealed['stored_bytes'] / 1e6:.0f} MB stored, {sealed['cpu_s']:.2f} CPU seconds: "
            f"SHA-256 {sealed['hash_s'] * 1000:.0f} ms, chain {sealed['link_s'] * 1000:.0f} ms, "
            f"markers {sealed['mark_s'] * 1000:.0f} ms",
        )
    ]


if __name__ == "__main__":
    main(measure)
