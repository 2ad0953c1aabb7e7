"""What the README and the page about pipelines tell a new user to type works, in that order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.server import Server, eventually

README = Path(__file__).parents[2] / "README.md"
PIPELINES = README.parent / "docs" / "pipelines.md"
_BLOCK = re.compile(r"<!-- test: run -->\n```sh\n(.*?)```", re.DOTALL)


def typed(page: Path, folder: Path) -> str:
    """What its commands print, in a folder with the data of a server that runs."""
    script = "set -euo pipefail\n" + "\n".join(_BLOCK.findall(page.read_text()))
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LOGKEEP_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readme_leads_to_a_restored_line(make_server: Callable[..., Server], tmp_path: Path) -> None:
    shutil.copy(README, tmp_path)
    make_server().start()
    printed = typed(README, tmp_path)
    _, _, after_restore = printed.partition("ACTIVE")
    restored, _, verified = after_restore.partition("all as it should be")
    assert '"status":502' in restored
    assert '"status":502' in verified
    assert "login of [redacted] from [redacted]" in printed
    clean = tmp_path / "data" / "files" / "clean-2026-03-01.ndjson"
    eventually(clean.exists, "the cleaned events to be in their file")


def test_the_page_about_pipelines_leads_to_events_that_are_delivered(
    make_server: Callable[..., Server], tmp_path: Path
) -> None:
    make_server().start()
    typed(PIPELINES, tmp_path)
    assert [
        line for file in (tmp_path / "data" / "files").iterdir() for line in file.read_text().splitlines()
    ]


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README.read_text())
    assert [link for link in links if not (README.parent / link).exists()] == []
