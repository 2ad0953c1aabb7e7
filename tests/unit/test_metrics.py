from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event

from logkeep.archiver import Archiver
from logkeep.catalog.catalog import Catalog
from logkeep.catalog.values import ArchiveObject, Check, CheckKind, ObjectState, Target
from logkeep.errors import LogkeepError, Overloaded, StorageDenied, StorageUnavailable
from logkeep.index.live import LiveLines
from logkeep.indexer import Indexer
from logkeep.intake import Accepted
from logkeep.metrics import ARCHIVE_STATES, Metrics, Parts, Tally
from logkeep.pipeline.outbox import Backlog
from logkeep.pipeline.status import DestinationStatus, ProcessorStatus, SourceStatus, Status
from logkeep.sealing import Sealer
from logkeep.spool.sqlite import SqliteSpool
from logkeep.storage.base import Bucket
from logkeep.timeline import hour_end, hour_start

from .archiver_doubles import HOUR, append, new_catalog, piece, records, set_up_archive

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
NOW = hour_end(HOUR) + 30 * 60_000


@dataclass
class IntakeDouble:
    lines: dict[str, Accepted] = field(default_factory=dict)
    dropped: dict[str, tuple[int, int]] = field(default_factory=dict)
    turned_down: dict[str, int] = field(default_factory=dict)

    def accepted(self) -> Mapping[str, Accepted]:
        return self.lines

    def excluded(self) -> Mapping[str, tuple[int, int]]:
        return self.dropped

    def refused(self) -> Mapping[str, int]:
        return self.turned_down


@dataclass
class WorkerDouble:
    name: str
    failed: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def errors(self) -> Mapping[str, int]:
        return self.failed

    def failing_s(self) -> float:
        return self.seconds


class Setting:
    """Real spool, catalog and archiver; intake and workers say what a test has them say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog: Catalog = new_catalog(folder)
        self.spool = SqliteSpool(
            folder / "spool.sqlite",
            clock=lambda: NOW,
            max_bytes=1 << 30,
            max_account_bytes=1 << 29,
            min_free_bytes=0,
        )
        self.tally = Tally()
        self.intake = IntakeDouble()
        self.workers: list[WorkerDouble] = []
        self.pipelines: dict[str, Status] = {}
        self.bucket_error: LogkeepError = StorageUnavailable("the bucket is away")
        self.archiver = Archiver(
            Sealer(
                spool=self.spool,
                objects=self.catalog.objects,
                archives=self.catalog.archives,
                bucket_of=self._bucket_of,
                server="server",
                clock=lambda: NOW,
                work_dir=folder,
            ),
            clock=lambda: NOW,
        )

    def statuses(self) -> dict[str, Status]:
        return self.pipelines

    def _bucket_of(self, _: Target) -> Bucket:
        raise self.bucket_error

    def metrics(self) -> Metrics:
        return Metrics(
            Parts(
                tally=self.tally,
                intake=self.intake,
                spool=self.spool,
                spool_max_bytes=1 << 30,
                spool_account_max_bytes=1 << 29,
                archiver=self.archiver,
                indexer=Indexer(self.spool, LiveLines.__new__(LiveLines)),
                catalog=self.catalog,
                pipelines=self,
                workers=self.workers,
                clock=lambda: NOW,
            )
        )

    def fill(self) -> None:
        """Something of everything."""
        set_up_archive(self.catalog, self.folder)
        append(self.spool, piece(records(3), rx=hour_start(HOUR)))
        self.intake.lines = {"main": Accepted(lines=7, bytes=700)}
        self.intake.dropped = {"main": (2, 20)}
        self.intake.turned_down = {"too-long": 4}
        self.tally.request_refused(Overloaded("full"))
        self.tally.archive_failed("main", StorageDenied("no"))
        self.tally.object_sealed(sealed("main", lines=5, raw_bytes=50, stored_bytes=9), 0.2)
        self.workers.append(WorkerDouble("index", {"engine-error": 3}, 12.5))
        self.pipelines["web"] = Status(
            works=True,
            sources=(SourceStatus(name="in", type="http", title="", events=9),),
            processors=(
                ProcessorStatus(
                    name="json", type="parse-json", events_in=9, events_out=8, notes={"failed": 2}
                ),
            ),
            destinations=(
                DestinationStatus(
                    name="out",
                    type="http",
                    state="failing",
                    delivered=4,
                    refused=1,
                    dropped=2,
                    waiting=Backlog(lines=3, raw_bytes=30, stored_bytes=15, oldest_rx=NOW - 5000),
                    dead_letters=1,
                ),
            ),
        )
        check = Check(archive="main", kind=CheckKind.VERIFY, at=NOW - 60_000, ok=False, summary="")
        self.catalog.checks.put(check)

    def samples(self) -> dict[str, float]:
        """Values by the text of their series."""
        text = self.metrics().exposition()[0].decode()
        found = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {series: float(value) for series, value in found if series.startswith("logkeep_")}


def sealed(archive: str, *, lines: int, raw_bytes: int, stored_bytes: int) -> ArchiveObject:
    return ArchiveObject(
        account=archive,
        archive=archive,
        target=1,
        hour=HOUR,
        part=0,
        state=ObjectState.SEALED,
        after_seq=0,
        upto_seq=1,
        lines=lines,
        raw_bytes=raw_bytes,
        stored_bytes=stored_bytes,
    )


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path)
    yield made
    made.spool.close()
    made.catalog.close()


def test_every_part_is_asked_for_what_it_knows(setting: Setting) -> None:
    setting.fill()
    of_main = '{account="main",archive="main"'
    expected = {
        'logkeep_intake_lines_total{account="main"}': 7,
        'logkeep_intake_bytes_total{account="main"}': 700,
        'logkeep_intake_refused_total{reason="too-long"}': 4,
        'logkeep_excluded_lines_total{account="main"}': 2,
        'logkeep_excluded_bytes_total{account="main"}': 20,
        'logkeep_requests_refused_total{reason="overloaded"}': 1,
        "logkeep_spool_bytes": setting.spool.stored_bytes(),
        "logkeep_spool_max_bytes": 1 << 30,
        'logkeep_spool_account_bytes{account="main"}': setting.spool.stored_bytes(),
        "logkeep_spool_account_max_bytes": 1 << 29,
        "logkeep_spool_oldest_seconds": 90 * 60,
        f"logkeep_archive_lag_seconds{of_main}}}": 20 * 60,
        f"logkeep_archive_waiting_lines{of_main}}}": 3,
        f"logkeep_archive_waiting_bytes{of_main}}}": setting.spool.waiting()[0].raw_bytes,
        f"logkeep_archive_objects_total{of_main}}}": 1,
        f"logkeep_archive_lines_total{of_main}}}": 5,
        f"logkeep_archive_raw_bytes_total{of_main}}}": 50,
        f"logkeep_archive_stored_bytes_total{of_main}}}": 9,
        f'logkeep_archive_errors_total{of_main},reason="storage-denied"}}': 1,
        'logkeep_seal_seconds_bucket{le="0.1"}': 0,
        'logkeep_seal_seconds_bucket{le="0.25"}': 1,
        'logkeep_seal_seconds_bucket{le="+Inf"}': 1,
        "logkeep_seal_seconds_count": 1,
        "logkeep_seal_seconds_sum": 0.2,
        "logkeep_index_lag_frames": 1,
        'logkeep_worker_failing_seconds{worker="index"}': 12.5,
        'logkeep_worker_errors_total{reason="engine-error",worker="index"}': 3,
        'logkeep_restores{state="ACTIVE"}': 0,
        'logkeep_check_ok{archive="main",kind="verify"}': 0,
        'logkeep_check_age_seconds{archive="main",kind="verify"}': 60,
        'logkeep_pipeline_source_events_total{pipeline="web",source="in"}': 9,
        'logkeep_pipeline_processor_events_total{pipeline="web",processor="json",what="out"}': 8,
        'logkeep_pipeline_processor_events_total{pipeline="web",processor="json",what="failed"}': 2,
        'logkeep_pipeline_destination_events_total{destination="out",pipeline="web",what="refused"}': 1,
        'logkeep_pipeline_waiting_events{destination="out",pipeline="web"}': 3,
        'logkeep_pipeline_waiting_bytes{destination="out",pipeline="web"}': 15,
        'logkeep_pipeline_oldest_seconds{destination="out",pipeline="web"}': 5,
        'logkeep_pipeline_failing{destination="out",pipeline="web"}': 1,
        'logkeep_pipeline_dead_letters{destination="out",pipeline="web"}': 1,
    }
    found = setting.samples()
    assert {series: found.get(series) for series in expected} == expected


def states(setting: Setting) -> list[str]:
    found = setting.samples()
    return [
        state
        for state in ARCHIVE_STATES
        if found[f'logkeep_archive_state{{account="main",archive="main",state="{state}"}}']
    ]


def test_an_archive_is_in_one_state_at_a_time(setting: Setting) -> None:
    set_up_archive(setting.catalog, setting.folder)
    assert states(setting) == ["ok"]
    append(setting.spool, piece(records(3), rx=hour_start(HOUR)))
    assert states(setting) == ["late"]
    setting.archiver.seal_due(now=True)
    assert states(setting) == ["failing"]


def test_an_archive_that_has_done_nothing_yet_shows_zeros(setting: Setting) -> None:
    set_up_archive(setting.catalog, setting.folder)
    found = setting.samples()
    assert found['logkeep_archive_objects_total{account="main",archive="main"}'] == 0
    assert found['logkeep_archive_lag_seconds{account="main",archive="main"}'] == 0
    assert found["logkeep_spool_oldest_seconds"] == 0


def test_an_archive_that_is_gone_is_not_shown_any_more(setting: Setting) -> None:
    setting.tally.archive_failed("gone", StorageDenied("no"))
    setting.tally.object_sealed(sealed("gone", lines=1, raw_bytes=1, stored_bytes=1), 0.1)
    assert [series for series in setting.samples() if "gone" in series] == []


def test_the_output_can_be_parsed_and_has_no_series_twice(setting: Setting) -> None:
    setting.fill()
    for account in ("two", 'odd"quoted'):
        setting.intake.lines[account] = Accepted(lines=1, bytes=1)
    body, content_type = setting.metrics().exposition()
    assert content_type.startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(body.decode()))
    series = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in families
        for sample in family.samples
    ]
    assert len(series) == len(set(series))
    assert len(families) == len({family.name for family in families})
    assert [family.name for family in families if not family.documentation.endswith(".")] == []
    assert [name for name, _ in series if not name.startswith(("logkeep_", "process_"))] == []
    assert [name for name, _ in series if name.endswith("_created")] == []


def test_a_server_that_asks_for_openmetrics_gets_it(setting: Setting) -> None:
    setting.fill()
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
    body, content_type = setting.metrics().exposition(accept)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = openmetrics_families(body.decode())  # type: ignore[no-untyped-call]
    assert "logkeep_intake_lines" in {family.name for family in families}


def test_two_servers_in_one_process_share_no_metric(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Setting(tmp_path / "one"), Setting(tmp_path / "two")
    one.tally.request_refused(Overloaded("full"))
    counted = 'logkeep_requests_refused_total{reason="overloaded"}'
    assert (one.samples()[counted], two.samples().get(counted)) == (1, None)
    for setting in (one, two):
        setting.spool.close()
        setting.catalog.close()


def test_a_scrape_asks_as_often_for_many_archives_as_for_one(setting: Setting) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    def statements_of_a_scrape() -> int:
        asked.clear()
        setting.samples()
        return len(asked)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        set_up_archive(setting.catalog, setting.folder)
        of_one = statements_of_a_scrape()
        for number in range(20):
            set_up_archive(setting.catalog, setting.folder, account=f"account-{number}")
        assert statements_of_a_scrape() == of_one
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_the_page_lists_every_metric_with_type_labels_and_meaning(setting: Setting) -> None:
    setting.fill()
    body = setting.metrics().exposition()[0].decode()
    # The parser takes the ending off, as OpenMetrics does; the page names what is written in a query.
    ending = {"counter": "_total"}
    exposed = {
        family.name + ending.get(family.type, ""): (
            family.type,
            sorted({label for sample in family.samples for label in sample.labels} - {"le"}),
            family.documentation,
        )
        for family in text_string_to_metric_families(body)
        if family.name.startswith("logkeep_")
    }
    rows = re.findall(r"^\| `(logkeep_\w+)` \| (\w+) \| (.*) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    listed = {name: (type_, re.findall(r"`(\w+)`", labels), help_) for name, type_, labels, help_ in rows}
    assert listed == exposed


@pytest.mark.parametrize("name", ["metrics.md", "operations.md"])
def test_every_metric_that_a_page_names_is_there(setting: Setting, name: str) -> None:
    setting.fill()
    named = set(re.findall(r"\blogkeep_\w+", PAGE.with_name(name).read_text()))
    assert named
    assert (
        named - {series.partition("{")[0] for series in setting.samples()} - {"logkeep_seal_seconds"} == set()
    )
