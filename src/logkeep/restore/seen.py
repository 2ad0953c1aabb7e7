"""A restore as it is at one moment: what the catalog says, and what only this process and the engine know."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.catalog.values import Restore


@dataclass(frozen=True, kw_only=True)
class Seen:
    restore: Restore
    position: int | None = None  # in the queue: 0 while it runs; None when it neither runs nor waits
    events_per_s: float | None = None  # None unless it is being sent into its pipeline
    storage_bytes: int = 0  # what its lines take up on the disk
    textless_lines: int = 0
    created_by_name: str = ""  # "" for who has none, or is gone
    # That the pipeline names which it is sent into; none where there is no pipeline, or no more.
    destination_accounts: frozenset[str] = frozenset()
