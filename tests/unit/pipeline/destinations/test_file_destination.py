from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from logkeep.errors import BadSetting
from logkeep.pipeline.destinations.file import FileDestination
from logkeep.pipeline.model import ToFile


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"path": ""}, "path"),
        ({"path": "/etc/passwd"}, "path"),
        ({"path": "../outside"}, "path"),
        ({"path": "a/../../outside"}, "path"),
        ({"path": "a//b"}, "path"),
        ({"path": "folder/"}, "path"),
        ({"path": "./a"}, "path"),
        ({"path": "a\0b"}, "path"),
        ({"path": "a\nb"}, "path"),
        ({"path": "%D"}, "path"),
        ({"path": "a%"}, "path"),
        ({"path": "%%%"}, "path"),
        ({"path": "n" * 201}, "path"),
        ({"path": "/".join(["n"] * 600)}, "path"),
        ({"path": "a", "rotate_bytes": "0"}, "rotate_bytes"),
        ({"path": "a", "rotate_bytes": "a lot"}, "rotate_bytes"),
        ({"path": "a", "rotate_bytes": -5}, "rotate_bytes"),
    ],
)
def test_what_cannot_be_is_refused_with_the_setting(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting) as refused:
        FileDestination(ToFile(**settings), Path("files"))
    assert refused.value.field == field


@pytest.mark.parametrize("path", ["a", "app/%Y/%m/%d/%H%M.ndjson", "%j", "100%%", "...", "-rf"])
def test_what_can_be_is_taken_and_nothing_is_made_yet(path: str, tmp_path: Path) -> None:
    FileDestination(ToFile(path=path), tmp_path / "files")
    assert list(tmp_path.iterdir()) == []
