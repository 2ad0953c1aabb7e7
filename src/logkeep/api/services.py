"""What the API is given to work with; app.py puts it together."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.archiver import Archiver
from logkeep.catalog.catalog import Catalog
from logkeep.firststart import AccountOpener
from logkeep.index.base import Engine
from logkeep.indexer import Indexer
from logkeep.intake import Intake
from logkeep.restore.desk import RestoreDesk
from logkeep.settings import Settings
from logkeep.spool.base import Spool
from logkeep.timeline import Clock
from logkeep.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: Settings
    clock: Clock
    catalog: Catalog
    spool: Spool
    engine: Engine
    intake: Intake
    indexer: Indexer
    archiver: Archiver
    restores: RestoreDesk
    accounts: AccountOpener
    index_worker: Worker
    archive_worker: Worker
    upkeep_worker: Worker
