from __future__ import annotations

from pathlib import Path

from logkeep.cli.reference import reference

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_documented_command_line_is_the_real_one() -> None:
    assert DOCS.read_text() == reference(), "write it anew with: make docs"
