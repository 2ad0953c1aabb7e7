"""The columns of a line in the engine. They carry the archive's field names, so that one SELECT list
reads a table, an object and a frame alike. An absent value is '', 0 or []."""

from __future__ import annotations

# As a table stores them. Ids and times are sorted runs; what repeats is a dictionary. `_line` is LZ4:
# phrase and regex scans measured twice as fast as over ZSTD(1), at 1.7 times the disk.
_TABLE = {
    "_lid": "UInt64 CODEC(Delta, LZ4)",
    "_ts": "Int64 CODEC(Delta, LZ4)",
    "_ns": "UInt32",
    "_rx": "Int64 CODEC(Delta, LZ4)",
    "_account": "LowCardinality(String)",
    "_host": "LowCardinality(String)",
    "_app": "LowCardinality(String)",
    "_file": "LowCardinality(String)",
    "_env": "LowCardinality(String)",
    "level": "LowCardinality(String)",
    "_tag": "Array(LowCardinality(String))",
    "_meta": "String CODEC(ZSTD(1))",
    "_line": "String CODEC(LZ4)",
    "_raw": "String CODEC(ZSTD(1))",
}

NO_ID = 1 << 63
"""From here on `_lid` is not a record's id: it numbers lines that came without one."""

NAMES = ", ".join(_TABLE)
"""The columns of a line, in the order of its fields."""

TABLE_COLUMNS = ",\n    ".join(f"{name} {kind}" for name, kind in _TABLE.items())
"""Their definitions for CREATE TABLE."""

READ_STRUCTURE = ", ".join(
    f"{name} {kind.partition(' CODEC')[0].replace('LowCardinality(String)', 'String')}"
    for name, kind in _TABLE.items()
)
"""Their types for `file(…, JSONEachRow, '…')`: plain String parses faster than LowCardinality."""

TEXT_INDEX = "line_ix lower(_line) TYPE text(tokenizer = splitByNonAlpha)"
"""The text index; queries ask for `hasAllTokens(lower(_line), …)` and are right with and without it."""
