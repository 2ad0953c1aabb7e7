"""Restores as somebody who watches them sees them."""

from __future__ import annotations

from logkeep.catalog.values import Restore, RestoreState
from logkeep.restore.seen import Seen


def seen(restore_id: str, *, lines: int = 0, state: RestoreState = RestoreState.IN_PROGRESS) -> Seen:
    restore = Restore(
        id=restore_id,
        name="n",
        state=state,
        account=f"r-{restore_id}",
        source="main",
        from_ms=0,
        to_ms=1,
        query="",
        planned_objects=0,
        planned_lines=0,
        planned_bytes=0,
        planned_raw_bytes=0,
        lines=lines,
        bytes=0,
        duplicates=0,
        created_at=0,
    )
    return Seen(restore=restore)
