"""The demo and the cheap benchmarks, with real servers and few lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[3]


def test_the_demo_goes_through_and_its_counts_agree() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "logkeep.cli.main", "demo", "--lines", "6000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "6,000 lines" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("All counts agree.")


@pytest.mark.parametrize("name", ["seal", "grep", "chain", "upload"])
def test_a_benchmark_measures_something(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", "--quick", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    figures = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert figures
    assert all(figure["value"] > 0 for figure in figures)
