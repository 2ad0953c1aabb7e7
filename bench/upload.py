"""Upload to a bucket on loopback: how fast, and how much memory for objects of what size.

Objects are put in fresh processes, so that the memory of one tells nothing of another.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.closed_hour import fill, raw_lines
from bench.figures import Figure, main
from bench.s3_server import NAME, s3_server
from bench.servers import module
from logkeep.archive import block

_SIZES_MB = (128, 512, 2000)  # raw; the smallest is uploaded in parts too
_QUICK_SIZES_MB = (8, 16)
_ROUNDS = 3
_SAME_MB = 5.0  # memory of two sizes is the same when it differs by less, or by a fifth
_ACCOUNTS, _SECONDS, _QUICK_SECONDS = 8, 3000, 20


def measure(quick: bool) -> Sequence[Figure]:
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as name:
        folder = Path(name)
        with s3_server(folder) as endpoint:
            sizes = _QUICK_SIZES_MB if quick else _SIZES_MB
            return [*_puts(folder, endpoint, sizes), *_seal(folder / "data", endpoint, quick=quick)]


def _puts(folder: Path, endpoint: str, sizes: Sequence[int]) -> Iterator[Figure]:
    smallest: float | None = None
    for size in sizes:
        file = folder / f"{size}.gz"
        raw = _build(file, size * 1_000_000) / 1e6
        stored = file.stat().st_size / 1e6
        puts = [module("bench.put_here", str(file), endpoint) for _ in range(_ROUNDS)]
        took = statistics.median(put["seconds"] for put in puts)
        cpu = statistics.median(put["cpu_s"] for put in puts)
        growth = max(put["growth_mb"] for put in puts)
        file.unlink()
        yield Figure(
            name=f"upload of an object of {size} MB raw",
            value=raw / took,
            unit="MB/s raw",
            goal=300,
            note=f"median of {_ROUNDS}; {NAME}; {stored:.0f} MB stored in {took:.2f} s: "
            f"{stored / took:.0f} MB/s stored; {cpu:.2f} CPU seconds of the sender",
        )
        yield Figure(
            name=f"memory for the upload of {size} MB raw",
            value=growth,
            unit="MB above what it was before",
            goal=None if smallest is None else smallest + max(_SAME_MB, smallest / 5),
            at_most=True,
            note="" if smallest is None else "the goal is about that of the smallest",
        )
        smallest = growth if smallest is None else smallest


def _build(file: Path, size: int) -> int:
    """An object of so many raw bytes, as sealing makes them. Returns how many it holds."""
    raw, waiting, waiting_bytes = 0, list[bytes](), 0
    with file.open("wb") as out:
        for lines in raw_lines(size):
            waiting.append(lines)
            waiting_bytes += len(lines)
            if waiting_bytes >= block.BLOCK_BYTES:
                out.write(block.compress(b"".join(waiting)))
                raw, waiting, waiting_bytes = raw + waiting_bytes, [], 0
        if waiting:
            out.write(block.compress(b"".join(waiting)))
    return raw + waiting_bytes


def _seal(data: Path, endpoint: str, *, quick: bool) -> Iterator[Figure]:
    filled = fill(data, accounts=_ACCOUNTS, seconds=_QUICK_SECONDS if quick else _SECONDS)
    sealed = module("bench.seal_here", str(data), f"--s3={endpoint}")
    if sealed["lines"] != filled.lines:
        raise RuntimeError(f"{sealed['lines']} of {filled.lines} lines were sealed")
    raw = sealed["raw_bytes"] / 1e6
    yield Figure(
        name="seal into the bucket",
        value=raw / sealed["wall_s"],
        unit="MB/s raw",
        note=f"{sealed['objects']} objects, {raw:.0f} MB raw in {sealed['wall_s']:.2f} s; "
        f"{sealed['cpu_s']:.2f} CPU seconds",
    )
    yield Figure(
        name="checksums, chain and marker, of a seal into the bucket",
        value=100 * sum(sealed[part] for part in ("hash_s", "link_s", "mark_s", "sent_s")) / sealed["cpu_s"],
        unit="% of its CPU seconds",
        note=f"SHA-256 of objects {sealed['hash_s'] * 1000:.0f} ms, chain {sealed['link_s'] * 1000:.0f} ms, "
        f"markers {sealed['mark_s'] * 1000:.0f} ms, checksums sent {sealed['sent_s'] * 1000:.0f} ms",
    )


if __name__ == "__main__":
    main(measure)
