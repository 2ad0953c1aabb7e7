"""Objects of other systems as canonical lines."""

from __future__ import annotations

from pathlib import Path

import msgspec

from logkeep.archive.foreign.base import Problems
from logkeep.archive.foreign.layouts import layout_of
from logkeep.archive.foreign.read import read_foreign
from logkeep.record import decode_line
from logkeep.storage.folder import FolderBucket


def test_a_meta_that_came_over_several_lines_is_one_line(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path)
    document = (
        b'{\n "timestamp": "2026-05-06T00:00:00Z",\n "message": "m",\n "x": {\n  "y": [\n1,\n2]\n }\n}\n'
    )
    bucket.put_new("logs/a.json", document, "application/json")
    layout = layout_of("lines")
    (lines,) = read_foreign(bucket, layout, "logs/a.json", len(document), Problems("logs/a.json"))
    (line,) = lines.splitlines()
    assert msgspec.json.decode(bytes(decode_line(line).meta)) == {"x": {"y": [1, 2]}}
