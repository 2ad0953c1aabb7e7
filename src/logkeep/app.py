"""Composition root: the one place that chooses adapters and puts the parts together."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import uvicorn

from logkeep.api.application import ROUTES as API_ROUTES
from logkeep.api.application import build_api
from logkeep.api.services import Services
from logkeep.archiver import Archiver
from logkeep.archives import ArchiveDesk
from logkeep.backfill import Backfill
from logkeep.catalog.catalog import Catalog, open_catalog
from logkeep.checks import Checks
from logkeep.errors import BadSetting
from logkeep.exclusion import ExclusionCounts
from logkeep.firststart import FILE_NAME, AccountOpener, FirstStart, new_setup_link, prepare_accounts
from logkeep.index.engine import ChdbEngine
from logkeep.index.live import LiveLines, yield_processor_to_queries
from logkeep.indexer import Indexer
from logkeep.inplace.searches import Searches
from logkeep.intake import Intake
from logkeep.logs import log, set_up_logging
from logkeep.metrics import Metrics, Parts, Tally
from logkeep.notify.build import build_notifier
from logkeep.pipeline import model
from logkeep.pipeline.dead_letters import DeadLetters
from logkeep.pipeline.desk import PipelineDesk
from logkeep.pipeline.destinations.account import Accept
from logkeep.pipeline.destinations.base import Destination
from logkeep.pipeline.destinations.build import Surroundings, build_destination
from logkeep.pipeline.pipelines import Pipelines
from logkeep.pipeline.sqlite_outbox import SqliteOutbox
from logkeep.record import IdSource, Received
from logkeep.restore.desk import RestoreDesk
from logkeep.restore.watch import RestoreWatches
from logkeep.retention import drop_expired
from logkeep.routing import Router
from logkeep.sealing import Sealer
from logkeep.settings import Settings
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.open import open_connection
from logkeep.tail import Tails
from logkeep.targets import Buckets
from logkeep.turn import LoopTurn
from logkeep.vault import load_vault, rotate
from logkeep.web.front import Front
from logkeep.web.site import build_site
from logkeep.worker import Worker, end_process_on_defect, give_way

_LOOK_FOR_DUE_HOURS_S = 5.0
_RETENTION_EVERY_S = 600.0
_COUNTS_EVERY_S = 5.0
# For what runs when the server is told to stop: requests first, then all that still writes. What waits for a
# bucket may take minutes, and a supervisor's patience ends sooner (systemd 90 s, Kubernetes 30 s).
_GRACE_S = 10
_LAST_WRITES_S = 10.0
# Intake makes a few thousand objects a request, none in cycles: collect rarely, and never what the
# start made.
_GC_THRESHOLDS = (100_000, 50, 50)

# The loop that takes requests computes without pause under load. The thread that commits them needs the
# interpreter a few times a commit, and would wait 5 ms for it each time.
_SWITCH_INTERVAL_S = 0.00005

Announce = Callable[[str], None]


def clock() -> int:
    return time.time_ns() // 1_000_000


def serve(settings: Settings, *, announce: Announce) -> None:
    """Run a server until it is told to stop (SIGINT, SIGTERM). Raises LogkeepError when it cannot start.

    Ends the process, with status 0, when threads are left that wait for a bucket: the data folder stays
    locked for as long as any of them could write."""
    set_up_logging(settings.log_format)
    end_process_on_defect()
    # uvicorn hands the signal that stopped it on to these once it is done; the parts still have to close.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: None)
    with ExitStack() as stack:
        _hold_data_folder(settings.data, stack)
        listener = stack.enter_context(_listener(settings))
        url = _url_of(listener)
        services = stack.enter_context(_services(settings, url))
        setup_link = new_setup_link(services.catalog, settings.public_url or url, clock())
        started = prepare_accounts(services.accounts, url, setup_link)
        stack.enter_context(_workers(services))
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        log.info("the server starts on %s with the data folder %s", url, settings.data)
        _Server(services, lambda: _announce(announce, url, settings, started, setup_link)).run(
            sockets=[listener]
        )
        log.info("the server stops")
    log.info("the server has stopped")


class _Server(uvicorn.Server):
    def __init__(self, services: Services, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                _application(services),
                loop="uvloop",
                http="httptools",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=bool(services.settings.trusted_proxies),
                forwarded_allow_ips=services.settings.trusted_proxies,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._ready = ready
        self._turn = services.turn
        self._tails = services.tails
        self._searches = services.searches
        self._restore_watches = services.restore_watches

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._tails.close()  # open ones would hold the end up
        self._searches.close()
        self._restore_watches.close()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._turn.begin(asyncio.get_running_loop())
        await super().startup(sockets)
        self._ready()


def _application(services: Services) -> Front:
    """The API, and the web app over it."""
    api = build_api(services)
    return Front(api, build_site(api, services), [route.path for route in API_ROUTES])


@contextmanager
def _services(settings: Settings, url: str) -> Iterator[Services]:
    """All parts over the data folder, opened in order and closed in reverse."""
    data = settings.data
    work = _fresh_folder(data / "work")
    with ExitStack() as stack:
        catalog = open_catalog(f"sqlite:///{data / 'catalog.sqlite'}")
        stack.callback(catalog.close)
        vault = load_vault(text=settings.secret_key, path=_secret_key_path(settings))
        rotate(vault, catalog.archives)
        rotate(vault, catalog.restores)
        rotate(vault, catalog.pipelines)
        buckets = Buckets(vault, open_connection)
        spool = SqliteSpool(
            data / "spool.sqlite",
            clock=clock,
            max_bytes=settings.spool_max_bytes,
            max_account_bytes=settings.spool_account_max_bytes,
            min_free_bytes=settings.min_free_bytes,
        )
        stack.callback(spool.close)
        engine = _open_engine(data / "index")
        stack.callback(engine.close)
        searches = Searches(engine, _fresh_folder(work / "searches"))
        stack.callback(searches.join)
        live = LiveLines(engine, work)
        yield_processor_to_queries()
        indexer = Indexer(spool, live)
        spool.belongs_to(
            catalog.installation.number(), sealed_upto=catalog.objects.highest_seq(spool.spool_id())
        )
        sealer = Sealer(
            spool=spool,
            objects=catalog.objects,
            archives=catalog.archives,
            bucket_of=buckets.of,
            server=catalog.installation.server_id(),
            clock=clock,
            work_dir=_fresh_folder(work / "archive"),
        )
        tally = Tally()
        archiver = Archiver(sealer, clock=clock, observer=tally)
        notifier = build_notifier(
            settings, notices=catalog.notices, restores=catalog.restores.list, clock=clock
        )
        router, exclusions, tails = Router(catalog), ExclusionCounts(), Tails()
        turn = LoopTurn()
        archives = ArchiveDesk(
            catalog=catalog,
            archiver=archiver,
            sealer=sealer,
            spool=spool,
            router=router,
            buckets=buckets,
            vault=vault,
            open_connection=open_connection,
            clock=clock,
            settled=turn.wait,
        )
        ids = IdSource(clock)
        intake = Intake(
            spool, ids, clock, lambda: _appended(index_worker, pipelines), router, exclusions, tails
        )
        pipelines = _pipelines(
            settings, stack, archives, ids, lambda *one: turn.run(_accept(intake, *one)), url
        )
        ids.begin_above(max(spool.last_lid(), pipelines.pipelines.last_lid()))
        restores = RestoreDesk(
            catalog=catalog,
            engine=engine,
            bucket_of=buckets.of,
            open_connection=open_connection,
            vault=vault,
            server=sealer.server,
            work=_fresh_folder(work / "restore"),
            clock=clock,
            ended=notifier.ended,
            min_free_bytes=settings.min_free_bytes,
            look_again_s=settings.thaw_look,
            pipelines=pipelines.pipelines,
        )
        checks = Checks(
            catalog=catalog,
            engine=engine,
            bucket_of=buckets.of,
            work=_fresh_folder(work / "checks"),
            clock=clock,
        )
        index_worker = Worker("index", lambda: indexer.round(index_worker.stopping))
        archive_worker = Worker("archive", lambda: _archive_round(archiver))
        upkeep_worker = Worker("upkeep", lambda: _upkeep_round(archiver, live, catalog, settings))
        counts_worker = Worker("counts", lambda: _counts_round(exclusions, catalog))
        workers = (
            index_worker,
            archive_worker,
            upkeep_worker,
            counts_worker,
            checks.worker,
            restores.worker,
            notifier.worker,
            pipelines.pipelines.worker,
        )
        yield Services(
            settings=settings,
            clock=clock,
            catalog=catalog,
            spool=spool,
            engine=engine,
            live=live,
            intake=intake,
            indexer=indexer,
            archiver=archiver,
            archives=archives,
            pipelines=pipelines,
            live_pipelines=pipelines.pipelines,
            backfill=Backfill(
                catalog=catalog,
                spool=spool,
                live=live,
                bucket_of=buckets.of,
                held=archiver.held,
                clock=clock,
            ),
            restores=restores,
            restore_watches=RestoreWatches(restores.watched),
            searches=searches,
            checks=checks,
            router=router,
            exclusions=exclusions,
            tails=tails,
            turn=turn,
            accounts=AccountOpener(catalog=catalog, settings=settings, vault=vault, clock=clock),
            index_worker=index_worker,
            archive_worker=archive_worker,
            upkeep_worker=upkeep_worker,
            counts_worker=counts_worker,
            workers=workers,
            metrics=Metrics(
                Parts(
                    tally=tally,
                    intake=intake,
                    spool=spool,
                    spool_max_bytes=settings.spool_max_bytes,
                    spool_account_max_bytes=settings.spool_account_max_bytes,
                    archiver=archiver,
                    indexer=indexer,
                    catalog=catalog,
                    pipelines=pipelines,
                    workers=workers,
                    clock=clock,
                )
            ),
        )


def _pipelines(
    settings: Settings, stack: ExitStack, archives: ArchiveDesk, ids: IdSource, accept: Accept, url: str
) -> PipelineDesk:
    """Everything about pipelines, with nothing started."""
    data, catalog = settings.data, archives.catalog
    outbox = SqliteOutbox(data / "outbox.sqlite", clock=clock, min_free_bytes=settings.min_free_bytes)
    stack.callback(outbox.close)
    dead_letters = DeadLetters(data / "dead-letters", max_bytes=settings.dead_letters_max_bytes)
    around = Surroundings(
        server=catalog.installation.server_id(),
        spool=archives.spool,
        archive_of=catalog.archives.get,
        accept=accept,
        files=Path(settings.pipeline_files or data / "files"),
        write=_write_to_stdout,
        clock=clock,
    )

    def build(pipeline: str, spec: model.Destination, secrets: Mapping[str, str]) -> Destination:
        return build_destination(pipeline, spec, secrets, around)

    desk = PipelineDesk(
        catalog=catalog,
        pipelines=Pipelines(
            catalog=catalog,
            outbox=outbox,
            dead_letters=dead_letters,
            spool=archives.spool,
            ids=ids,
            router=archives.router,
            vault=archives.vault,
            server=around.server,
            build=build,
            settled=lambda: desk.stop_unused_archives(),
            clock=clock,
        ),
        archives=archives,
        outbox=outbox,
        dead_letters_kept=dead_letters,
        vault=archives.vault,
        build=build,
        clock=clock,
        own_urls=(url, settings.public_url),
    )
    return desk


def _appended(index_worker: Worker, pipelines: PipelineDesk) -> None:
    index_worker.wake()
    pipelines.pipelines.appended()


async def _accept(intake: Intake, account: str, received: Received, key: str, last_of: str) -> None:
    await intake.accept(account, received, reply=b"", key=key, last_of=last_of)


def _write_to_stdout(payload: bytes) -> None:
    sys.stdout.buffer.write(payload)
    sys.stdout.buffer.flush()


def _secret_key_path(settings: Settings) -> Path:
    return Path(settings.secret_key_file) if settings.secret_key_file else settings.data / "secret.key"


def _open_engine(path: Path) -> ChdbEngine:
    """The engine, opened from a thread that gives way, as then do the engine's own threads."""
    with ThreadPoolExecutor(1, initializer=give_way) as opener:
        return opener.submit(ChdbEngine, path).result()


@contextmanager
def _workers(services: Services) -> Iterator[None]:
    """The threads that work beside requests, until the block ends; they are stopped with those of requests.
    When some of them do not end in time, the process does, with all that it holds."""
    before = set(threading.enumerate())
    for worker in services.workers:
        if worker not in (services.restores.worker, services.live_pipelines.worker):
            worker.start()
    services.live_pipelines.start()
    services.restores.start()
    try:
        yield
    finally:
        left = _stopped(services, before)
        services.exclusions.flush(services.catalog.rules)
    if left:
        _end_process(left)


def _stopped(services: Services, before: set[threading.Thread]) -> list[threading.Thread]:
    """Have every thread end that was begun since; returns those that have not in _LAST_WRITES_S."""
    end = time.monotonic() + _LAST_WRITES_S
    for worker in services.workers:
        worker.stopping.set()
        worker.wake()
    services.live_pipelines.stop(_LAST_WRITES_S / 2)
    services.archiver.close(_LAST_WRITES_S)
    while left := [one for one in threading.enumerate() if one not in before]:
        if time.monotonic() >= end:
            break
        left[0].join(max(0.0, end - time.monotonic()))
    return left


def _end_process(left: list[threading.Thread]) -> NoReturn:
    """At once, as a crash would: from that every part recovers. To close the parts under the threads that
    use them would be worse, and to wait for these threads may take minutes."""
    names = ", ".join(sorted({one.name for one in left}))
    log.warning("the server ends without %d threads that did not come to their end: %s", len(left), names)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _archive_round(archiver: Archiver) -> float:
    due = archiver.start_due()
    if due is None:
        return _LOOK_FOR_DUE_HOURS_S
    return min(max((due - clock()) / 1000, 0.1), _LOOK_FOR_DUE_HOURS_S)


def _upkeep_round(archiver: Archiver, live: LiveLines, catalog: Catalog, settings: Settings) -> float:
    archiver.compare_counts()
    of_accounts = {one.id: one.retention_s for one in catalog.accounts.list() if one.retention_s}
    drop_expired(live, retention_s=settings.retention, of_accounts=of_accounts, clock=clock)
    return _RETENTION_EVERY_S


def _counts_round(exclusions: ExclusionCounts, catalog: Catalog) -> float:
    exclusions.flush(catalog.rules)
    return _COUNTS_EVERY_S


def _hold_data_folder(data: Path, stack: ExitStack) -> None:
    """Make the folder and hold it for this process; the kernel lets go of it when the process ends."""
    if odd := set(str(data.resolve())) & set("*?{}#%"):
        raise BadSetting(
            f"the path of the data folder {data} has {' '.join(sorted(odd))} in it",
            hint="choose one without * ? { } # %, which the engine reads as more than a name",
        )
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # its files hold lines and keys
        lock = stack.enter_context((data / "lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BadSetting(
            f"another server uses the data folder {data}",
            hint="stop it, or choose another folder with --data",
        ) from None
    except OSError as error:
        raise BadSetting(f"the data folder {data} cannot be used: {error.strerror}") from None


@contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise BadSetting(
                f"cannot listen on {settings.host} port {settings.port}: {error.strerror}",
                hint="choose another with --port; 0 takes a free one",
            ) from None
        yield listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _fresh_folder(path: Path) -> Path:
    """An empty folder for files on their way; what a crash left there is of no use any more."""
    path.mkdir(parents=True, exist_ok=True)
    for left in path.iterdir():
        if left.is_file():
            left.unlink()
    return path


def _announce(
    announce: Announce, url: str, settings: Settings, started: FirstStart | None, setup_link: str
) -> None:
    announce(f"logkeep listens on {url}")
    if setup_link:
        announce(f"set up       {setup_link}   (makes the first administrator, once)")
    if started:
        announce(f"account      {started.account}")
        announce(f"ingest key   {started.ingest_key}")
        announce(f"admin token  {started.admin_token}")
        announce(f"Both are shown this once, and stand in {os.fspath(settings.data / FILE_NAME)}.")
