"""What the README tells a new user to type works, in that order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.server import Server

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"<!-- test: run -->\n```sh\n(.*?)```", re.DOTALL)


def test_the_readme_leads_to_a_restored_line(make_server: Callable[..., Server], tmp_path: Path) -> None:
    shutil.copy(README, tmp_path)
    make_server().start()
    script = "set -euo pipefail\n" + "\n".join(_BLOCK.findall(README.read_text()))
    environment = {name: text for name, text in os.environ.items() if not name.startswith("LOGKEEP_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, after_restore = done.stdout.partition("ACTIVE")
    restored, _, verified = after_restore.partition("all as it should be")
    assert '"status":502' in restored
    assert '"status":502' in verified


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README.read_text())
    assert [link for link in links if not (README.parent / link).exists()] == []
