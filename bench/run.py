"""Every benchmark, one after the other, each in a process of its own; writes bench/RESULTS.md.

`make bench`, or `python -m bench.run [--quick] [name …]`. With names, only those are run and nothing is
written. What stands below the line "## Notes" in the file is kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.figures import Figure, row
from bench.process import Machine

NAMES = (
    "idle",
    "intake",
    "seal",
    "filters",
    "file_to_objects",
    "restore",
    "foreign",
    "search",
    "grep",
    "inplace",
    "upload",
    "chain",
    "accounts",
    "pipelines",
    "web",
)
RESULTS = Path(__file__).parent / "RESULTS.md"
_NOTES = "## Notes\n"
_HEAD = "| figure | measured | goal | reached | |\n|---|---|---|---|---|"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="a smoke test; nothing is written")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    print(_HEAD)
    figures = [figure for name in options.names or NAMES for figure in _run(name, quick=options.quick)]
    if not options.quick and not options.names:
        RESULTS.write_text(report(figures, Machine.here(), _notes()))
        print(f"written: {RESULTS}")
    if any(figure.reached is False for figure in figures) and not options.quick:
        sys.exit(1)


def _run(name: str, *, quick: bool) -> list[Figure]:
    command = [sys.executable, "-m", f"bench.{name}", "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures = [msgspec.json.decode(line, type=Figure) for line in done.stdout.splitlines()]
    for figure in figures:
        print(row(figure), flush=True)
    return figures


def report(figures: Sequence[Figure], machine: Machine, notes: str) -> str:
    """The text of RESULTS.md."""
    where = (
        f"{datetime.now(UTC):%Y-%m-%d}, `make bench`. {machine.cores} cores of {machine.processor}, "
        f"{machine.memory_gb:.0f} GB memory, {machine.system}, Python {machine.python}, chDB {machine.chdb}. "
        "Client and server share the cores."
    )
    lines = ["# Benchmark results", "", where, "", _HEAD, *map(row, figures), "", _NOTES, notes.strip(), ""]
    return "\n".join(lines)


def _notes() -> str:
    return RESULTS.read_text().partition(_NOTES)[2] if RESULTS.exists() else ""


if __name__ == "__main__":
    main()
