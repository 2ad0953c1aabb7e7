"""docs/foreign-archives.md names every layout, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from logkeep.archive.foreign.layouts import CUSTOM, LAYOUTS

PAGE = Path(__file__).parents[4] / "docs" / "foreign-archives.md"


def test_every_layout_is_documented() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted((*LAYOUTS, CUSTOM))
