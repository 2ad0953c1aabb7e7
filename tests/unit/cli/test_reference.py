from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_documented_command_line_is_the_real_one(tmp_path: Path) -> None:
    # As `make docs` does, in a process of its own: click keeps a command's help option from its first use,
    # and other tests use single commands without the table that names it.
    subprocess.run([sys.executable, "-m", "logkeep.cli.reference", tmp_path / "cli.md"], check=True)
    assert DOCS.read_text() == (tmp_path / "cli.md").read_text(), "write it anew with: make docs"
