"""From a destination's settings to the destination."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from logkeep.catalog.values import Archive
from logkeep.pipeline import model
from logkeep.pipeline.destinations.account import Accept, AccountDestination
from logkeep.pipeline.destinations.archive import ArchiveDestination
from logkeep.pipeline.destinations.base import Destination
from logkeep.pipeline.destinations.elasticsearch import ElasticsearchDestination
from logkeep.pipeline.destinations.file import FileDestination
from logkeep.pipeline.destinations.http import HttpDestination
from logkeep.pipeline.destinations.kafka import KafkaDestination
from logkeep.pipeline.destinations.loki import LokiDestination
from logkeep.pipeline.destinations.nats import NatsDestination
from logkeep.pipeline.destinations.otlp import OtlpDestination
from logkeep.pipeline.destinations.splunk import SplunkDestination
from logkeep.pipeline.destinations.stdout import StdoutDestination
from logkeep.pipeline.destinations.syslog import SyslogDestination
from logkeep.spool.base import Spool
from logkeep.timeline import Clock


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What destinations of this server deliver into."""

    server: str  # names this installation in what is passed on
    spool: Spool
    archive_of: Callable[[str], Archive]
    accept: Accept
    files: Path  # the folder that files are written below
    write: Callable[[bytes], None]  # to standard output
    clock: Clock


def archive_id(pipeline: str, destination: model.ToArchive) -> str:
    """Of the archive that a destination writes to."""
    return destination.archive or f"{pipeline}-{destination.name}"


def build_destination(
    pipeline: str, spec: model.Destination, secrets: Mapping[str, str], around: Surroundings
) -> Destination:
    """Connects to nothing. Raises BadSetting for settings that cannot be."""
    hop = f"{around.server}/{pipeline}"
    match spec:
        case model.ToArchive():
            return ArchiveDestination(
                archive_id(pipeline, spec),
                archive_of=around.archive_of,
                spool=around.spool,
                clock=around.clock,
            )
        case model.ToAccount():
            return AccountDestination(spec.account, accept=around.accept)
        case model.ToHttp():
            return HttpDestination(spec, secrets, hop)
        case model.ToOtlp():
            return OtlpDestination(spec, secrets, hop)
        case model.ToElasticsearch():
            return ElasticsearchDestination(spec, secrets, hop)
        case model.ToLoki():
            return LokiDestination(spec, secrets, hop)
        case model.ToSplunk():
            return SplunkDestination(spec, secrets, hop)
        case model.ToSyslog():
            return SyslogDestination(spec, secrets, hop)
        case model.ToKafka():
            return KafkaDestination(spec, secrets, hop)
        case model.ToNats():
            return NatsDestination(spec, secrets, hop)
        case model.ToFile():
            return FileDestination(spec, around.files)
        case model.ToStdout():
            return StdoutDestination(spec, around.write)
