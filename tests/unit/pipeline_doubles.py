"""Pipelines over the real outbox, spool and catalog; destinations that record what comes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.fernet import Fernet

from logkeep.archiver import Archiver
from logkeep.archives import ArchiveDesk
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.catalog.values import AccountKind, Pipeline
from logkeep.errors import DeliveryFailed, LogkeepError
from logkeep.pipeline import delivery as delivery_module
from logkeep.pipeline import live as live_module
from logkeep.pipeline import model
from logkeep.pipeline import pipelines as pipelines_module
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.desk import PipelineDesk
from logkeep.pipeline.destinations.base import Batch, Destination, Refused, Sent
from logkeep.pipeline.destinations.build import Surroundings, build_destination
from logkeep.pipeline.live import Input
from logkeep.pipeline.model import PipelineSpec
from logkeep.pipeline.outbox import Put
from logkeep.pipeline.pipelines import Pipelines
from logkeep.pipeline.sqlite_outbox import SqliteOutbox
from logkeep.pipeline.stored import SecretsOf, encoded, sealed
from logkeep.record import Columns, IdSource, Received, Record, decode_line
from logkeep.routing import Router
from logkeep.sealing import Sealer
from logkeep.spool.base import Spool
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.connection import Connection
from logkeep.storage.folder import FolderBucket
from logkeep.targets import Buckets
from logkeep.vault import Vault

from .archiver_doubles import new_catalog, piece

T = TypeVar("T")

NOW = 1_795_165_933_000
PATIENCE_S = 20.0
AT_ONCE = model.BatchLimits(age=0)


def eventually(probe: Callable[[], T], what: str) -> T:
    """The first true result of `probe`, asked again and again; fails when the patience ends."""
    end = time.monotonic() + PATIENCE_S
    while not (result := probe()):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s in vain for: {what}"
        threading.Event().wait(0.002)
    return result


def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have threads that look again after a while look again soon."""
    monkeypatch.setattr(live_module, "_LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(delivery_module, "_LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(delivery_module, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(delivery_module, "_LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(pipelines_module, "_UPKEEP_S", 0.01)


def events(*lines: str, first_lid: int = 1000, ts: int = NOW, host: str = "") -> list[Record]:
    return [
        Record(lid=str(first_lid + place), ts=ts, rx=NOW, account="main", host=host, line=line)
        for place, line in enumerate(lines)
    ]


def given(*lines: str, source: str = "in", **more: Any) -> Input:
    """An input of these lines."""
    return Input(source=source, records=events(*lines), size=sum(map(len, lines)), **more)


def received(*lines: str) -> Received:
    return Received(columns=Columns(line=lines))


def spec_with(
    *destinations: model.Destination,
    id_: str = "web",
    sources: Sequence[model.Source] = (model.HttpSource(name="in"),),
    processors: Sequence[model.Processor] = (),
    **more: Any,
) -> PipelineSpec:
    return PipelineSpec(
        id=id_,
        sources=tuple(sources),
        processors=tuple(processors),
        destinations=destinations or (model.ToStdout(name="out", batch=AT_ONCE),),
        **more,
    )


def open_spool(path: Path) -> SqliteSpool:
    return SqliteSpool(
        path, clock=lambda: NOW, max_bytes=1 << 30, max_account_bytes=1 << 30, min_free_bytes=0
    )


def spooled(spool: Spool, *lines: str, account: str = "main", first_lid: int = 1000) -> None:
    """As intake puts lines of an account into the spool."""
    spool.append_now([piece(events(*lines, first_lid=first_lid), account=account, archive="")])


def records_in(outbox: SqliteOutbox, queue: str) -> list[Record]:
    """What waits in the queue, in order."""
    posted = outbox.queued(queue, max_lines=1 << 30, max_bytes=1 << 40)
    return [decode_line(line) for one in posted for line in one.lines]


def lines_in(outbox: SqliteOutbox, queue: str = "web/out") -> list[str]:
    return [record.line for record in records_in(outbox, queue)]


class GatedOutbox(SqliteOutbox):
    """The outbox, whose puts of events can be held up and can fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, clock=lambda: NOW, min_free_bytes=0)
        self.gate = threading.Event()
        self.gate.set()
        self.errors: deque[LogkeepError] = deque()  # of the next puts of events
        self.mark_errors: deque[LogkeepError] = deque()  # of the next puts of marks alone
        self.came = 0  # puts of events, to the gate
        self.kept: list[Put] = []

    def put(self, puts: Sequence[Put]) -> None:
        with_events = any(one.counts or one.parcels for one in puts)
        if with_events:
            self.came += 1
            assert self.gate.wait(PATIENCE_S)
        errors = self.errors if with_events else self.mark_errors
        if errors:
            raise errors.popleft()
        super().put(puts)
        if with_events:
            self.kept += puts


class Recorder:
    """A destination that keeps what comes, and can be away or refuse."""

    whole_frames = False

    def __init__(self, name: str, secrets: Mapping[str, str], made: Made) -> None:
        self.name = name
        self.secrets = secrets
        self.closed = False
        self._made = made

    def send(self, batch: Batch) -> Sent:
        if self.name in self._made.away:
            raise DeliveryFailed(f"{self.name} is away")
        refused = [
            Refused(place, "it is bad")
            for place, one in enumerate(batch.records)
            if one.line in self._made.bad
        ]
        gone = {one.place for one in refused}
        came = self._made.came.setdefault(self.name, [])
        came += [one.line for place, one in enumerate(batch.records) if place not in gone]
        return Sent(refused=refused)

    def close(self) -> None:
        self.closed = True


@dataclass
class Made:
    """All recorders of a site, and what came to them by name."""

    recorders: list[Recorder] = field(default_factory=list)
    came: dict[str, list[str]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)


class Server:
    """What one run of a server has of pipelines."""

    def __init__(self, folder: Path, vault: Vault, made: Made, clock: Callable[[], int]) -> None:
        self._stack = ExitStack()
        self._stop_began = False
        self.catalog: Catalog = self._stack.enter_context(closing(_catalog(folder)))
        self.spool = self._stack.enter_context(closing(open_spool(folder / "spool.sqlite")))
        self.outbox = self._stack.enter_context(closing(GatedOutbox(folder / "outbox.sqlite")))
        self.dead_letters = DeadLetters(folder / "dead", max_bytes=1 << 20, clock=clock)
        self.router = Router(self.catalog)
        self.accepted: list[tuple[str, list[str], str]] = []
        buckets = Buckets(vault, _open_folder)
        sealer = Sealer(
            spool=self.spool,
            objects=self.catalog.objects,
            archives=self.catalog.archives,
            bucket_of=buckets.of,
            server="server-1",
            clock=clock,
            work_dir=folder,
        )
        archiver = self._stack.enter_context(closing(Archiver(sealer, clock=clock)))
        self.archives = ArchiveDesk(
            catalog=self.catalog,
            archiver=archiver,
            sealer=sealer,
            spool=self.spool,
            router=self.router,
            buckets=buckets,
            vault=vault,
            open_connection=_open_folder,
            clock=clock,
        )
        around = Surroundings(
            server="server-1",
            spool=self.spool,
            archive_of=self.catalog.archives.get,
            accept=lambda account, rows, key, _: self.accepted.append(
                (account, list(rows.columns.line), key)
            ),
            files=folder / "files",
            write=lambda _: None,
            clock=clock,
        )

        def build(pipeline: str, settings: model.Destination, secrets: Mapping[str, str]) -> Destination:
            real = build_destination(pipeline, settings, secrets, around)
            if isinstance(settings, model.ToArchive | model.ToAccount):
                return real
            real.close()
            recorder = Recorder(settings.name, secrets, made)
            made.recorders.append(recorder)
            return recorder

        self.pipelines = Pipelines(
            catalog=self.catalog,
            outbox=self.outbox,
            dead_letters=self.dead_letters,
            spool=self.spool,
            ids=IdSource(clock),
            router=self.router,
            vault=vault,
            server="server-1",
            build=build,
            settled=lambda: self.desk.stop_unused_archives(),
            clock=clock,
        )
        self.desk = PipelineDesk(
            catalog=self.catalog,
            pipelines=self.pipelines,
            archives=self.archives,
            outbox=self.outbox,
            dead_letters_kept=self.dead_letters,
            vault=vault,
            build=build,
            clock=clock,
        )

    def start(self) -> None:
        self.pipelines.start()

    def stop(self) -> None:
        """As a server does; may be called again."""
        if not self._stop_began:
            self._stop_began = True
            self.outbox.gate.set()
            self.pipelines.worker.stop()
            self.pipelines.stop(PATIENCE_S)
            self._stack.close()


class Site:
    """A data folder, and the server that runs on it now."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.made = Made()
        self.vault = Vault([Fernet.generate_key().decode()])
        self._folder = folder
        catalog = new_catalog(folder)
        for account in ("main", "other"):
            catalog.accounts.create(account, AccountKind.LIVE, 0)
        catalog.close()
        self.server = self._server()

    def again(self, *, start: bool = True) -> Server:
        """Stop the server, and start another one on the same data."""
        self.server.stop()
        self.server = self._server()
        if start:
            self.server.start()
        return self.server

    def save(self, spec: PipelineSpec, secrets: SecretsOf | None = None) -> Pipeline:
        """Into the catalog, and no further."""
        return self.server.catalog.pipelines.save(
            Pipeline(
                id=spec.id,
                account=spec.account,
                spec=encoded(spec),
                secret=sealed(secrets or {}, self.vault),
                created_at=self.now,
                updated_at=self.now,
            )
        )

    def place(self, spec: PipelineSpec, secrets: SecretsOf | None = None) -> None:
        self.server.pipelines.place(self.save(spec, secrets))

    def came(self, name: str = "out") -> list[str]:
        return self.made.came.get(name, [])

    def _server(self) -> Server:
        return Server(self._folder, self.vault, self.made, lambda: self.now)


def _catalog(folder: Path) -> Catalog:
    return open_catalog(f"sqlite:///{folder / 'catalog.sqlite'}")


def _open_folder(connection: Connection) -> FolderBucket:
    return FolderBucket(Path(connection.options["path"]))
