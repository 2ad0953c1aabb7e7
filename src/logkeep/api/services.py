"""What the API is given to work with; app.py puts it together."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.archiver import Archiver
from logkeep.archives import ArchiveDesk
from logkeep.backfill import Backfill
from logkeep.catalog.catalog import Catalog
from logkeep.checks import Checks
from logkeep.exclusion import ExclusionCounts
from logkeep.firststart import AccountOpener
from logkeep.index.base import Engine
from logkeep.index.live import LiveLines
from logkeep.indexer import Indexer
from logkeep.inplace.searches import Searches
from logkeep.intake import Intake
from logkeep.metrics import Metrics
from logkeep.pipeline.desk import PipelineDesk
from logkeep.pipeline.pipelines import Pipelines
from logkeep.restore.desk import RestoreDesk
from logkeep.restore.watch import RestoreWatches
from logkeep.routing import Router
from logkeep.settings import Settings
from logkeep.spool.base import Spool
from logkeep.tail import Tails
from logkeep.timeline import Clock
from logkeep.turn import LoopTurn
from logkeep.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: Settings
    clock: Clock
    catalog: Catalog
    spool: Spool
    engine: Engine
    live: LiveLines
    intake: Intake
    indexer: Indexer
    archiver: Archiver
    archives: ArchiveDesk
    pipelines: PipelineDesk
    live_pipelines: Pipelines
    backfill: Backfill
    restores: RestoreDesk
    restore_watches: RestoreWatches
    searches: Searches
    checks: Checks
    router: Router
    exclusions: ExclusionCounts
    tails: Tails
    turn: LoopTurn
    accounts: AccountOpener
    index_worker: Worker
    archive_worker: Worker
    upkeep_worker: Worker
    counts_worker: Worker
    workers: tuple[Worker, ...]  # all, also those of the parts above
    metrics: Metrics
