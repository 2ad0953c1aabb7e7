"""A file of lines to gzip objects in a folder, end to end: `logkeep send`, then `logkeep archive seal`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.figures import Figure, main
from bench.servers import HOURS, LINES, QUICK_LINES, first_hour, fresh_server, wait_indexed
from logkeep.sample import sample_json_lines, sample_text_lines


def measure(quick: bool) -> Sequence[Figure]:
    lines = QUICK_LINES if quick else LINES
    text = sample_text_lines(lines=lines, first_hour=first_hour(), hours=HOURS)
    ndjson = sample_json_lines(lines=lines, first_hour=first_hour(), hours=HOURS)
    return [
        _from_file("a file of text lines", text, lines, goal=4.5),
        _from_file("a file of NDJSON with ISO times", ndjson, lines, goal=4.5),
    ]


def _from_file(what: str, chunks: Iterable[bytes], lines: int, *, goal: float) -> Figure:
    with tempfile.TemporaryDirectory(prefix="logkeep-bench-") as folder, fresh_server() as server:
        file = Path(folder) / "lines"
        with file.open("wb") as out:
            out.writelines(chunks)
        began = time.monotonic()
        _logkeep("send", str(file), "--data", str(server.data))
        sent = time.monotonic() - began
        with server.admin() as client:
            sealed = client.post("/v1/archive/seal", {"now": True})["sealed"]
            took = time.monotonic() - began
            lag = wait_indexed(client)
        size = file.stat().st_size / 1e6
    if sum(entry["lines"] for entry in sealed) != lines:
        raise RuntimeError("not every line was sealed")
    raw = sum(entry["raw_bytes"] for entry in sealed) / 1e6
    return Figure(
        name=f"{what} to objects over HTTP",
        value=took,
        unit="s",
        goal=goal,
        at_most=True,
        note=f"{lines:,} lines, file {size:.0f} MB, raw {raw:.0f} MB, {len(sealed)} objects; "
        f"sent after {sent:.2f} s; searchable {lag:.1f} s after the seal",
    )


def _logkeep(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "logkeep.cli.main", *arguments], stdout=subprocess.DEVNULL, check=True
    )


if __name__ == "__main__":
    main(measure)
