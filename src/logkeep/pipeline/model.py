"""A pipeline as its user writes it: sources, an ordered list of processors, destinations.

These are the shapes alone. What they mean together is checked by check.py; how the text of a file becomes
them, by document.py. Durations are seconds or `10m`, sizes bytes or `1MiB`, as in the server's settings.

Fields of events are named as in queries: `line`, `host`, `app`, `file`, `env`, `level`, `tag`, `meta`,
`meta.a.b`, `ts`; `id`, `rx` and `account` can be read only.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

Secrets: TypeAlias = dict[str, str | None]
"""By name. None stands for the value that is saved; a spec that is stored or shown has no other."""

Duration: TypeAlias = int | str
Size: TypeAlias = int | str
OnFailure: TypeAlias = Literal["keep", "drop"]  # what becomes of an event that a parser cannot read


class _Part(
    msgspec.Struct,
    forbid_unknown_fields=True,
    kw_only=True,
    frozen=True,
    omit_defaults=True,
    tag_field="type",
):
    """One part of a pipeline. `name` is unique among the parts of its kind."""

    name: str = ""  # "" in a processor: it is given one, its type and its place

    @property
    def type(self) -> str:
        """As it is written."""
        return str(self.__struct_config__.tag)


# Sources


class HttpSource(_Part, tag="http", frozen=True, kw_only=True):
    """Takes NDJSON, JSON and text by POST, with a key of its own."""

    title: str = ""


class AccountSource(_Part, tag="account", frozen=True, kw_only=True):
    """A copy of every line that an account keeps, as it comes in."""

    account: str
    query: str = ""


class RestorationSource(_Part, tag="restoration", frozen=True, kw_only=True):
    """Idle, until a restore is sent into it."""

    title: str = ""


Source: TypeAlias = HttpSource | AccountSource | RestorationSource


# Processors


class Filter(_Part, tag="filter", frozen=True, kw_only=True):
    """Lets through what the query matches."""

    query: str


class Drop(_Part, tag="drop", frozen=True, kw_only=True):
    """Takes fields away."""

    fields: tuple[str, ...]


class Keep(_Part, tag="keep", frozen=True, kw_only=True):
    """Takes all fields away but these; time and id stay."""

    fields: tuple[str, ...]


class Rename(_Part, tag="rename", frozen=True, kw_only=True):
    """Moves the value of a field to another one, which it replaces."""

    field: str
    to: str


class Set(_Part, tag="set", frozen=True, kw_only=True):
    """Gives a field a value, or that of another field."""

    field: str
    value: Any = None
    copy: str = ""  # the field to copy, in place of a value


class ParseJson(_Part, tag="parse-json", frozen=True, kw_only=True):
    """Reads the JSON object in a field; its members are merged into `to`."""

    field: str = "line"
    to: str = "meta"
    on_failure: OnFailure = "keep"


class ParseRegex(_Part, tag="parse-regex", frozen=True, kw_only=True):
    """Puts what the named groups of a regular expression (RE2) find into fields below `to`."""

    pattern: str
    field: str = "line"
    to: str = "meta"
    on_failure: OnFailure = "keep"
    time_budget: Duration = "1s"  # for a thousand events; those beyond pass as they are, and are counted


class ParseGrok(_Part, tag="parse-grok", frozen=True, kw_only=True):
    """As parse-regex, with the first of several grok patterns that fits."""

    patterns: tuple[str, ...]
    definitions: dict[str, str] = {}
    field: str = "line"
    to: str = "meta"
    on_failure: OnFailure = "keep"
    time_budget: Duration = "1s"


class ParseTimestamp(_Part, tag="parse-timestamp", frozen=True, kw_only=True):
    """Makes what a field says the time of the event."""

    field: str
    formats: tuple[str, ...] = (
        "iso8601",
    )  # iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns, or as strptime has it
    timezone: str = "UTC"  # of times that name none
    on_failure: OnFailure = "keep"


class Redact(_Part, tag="redact", frozen=True, kw_only=True):
    """Replaces what patterns find in the text of fields, whatever holds it in them."""

    patterns: tuple[str, ...] = ()  # email, card, ipv4, ipv6, token
    regex: tuple[str, ...] = ()
    fields: tuple[str, ...] = ("line", "meta")
    replacement: str = "[redacted]"


class Sample(_Part, tag="sample", frozen=True, kw_only=True):
    """Lets a share of the events through: every nth, or always the same values of a field."""

    rate: float  # more than 0, at most 1
    by: str = ""


class Dedupe(_Part, tag="dedupe", frozen=True, kw_only=True):
    """Drops an event whose fields were seen within the window."""

    fields: tuple[str, ...] = ("line",)
    window: Duration = "1m"


class Throttle(_Part, tag="throttle", frozen=True, kw_only=True):
    """Drops what comes faster than so many events a second, in all or for each value of a field."""

    rate: float
    burst: int = 0  # how many may come at once; 0: as many as come in a second
    by: str = ""


class Unroll(_Part, tag="unroll", frozen=True, kw_only=True):
    """Makes one event of each element of an array."""

    field: str


Processor: TypeAlias = (
    Filter
    | Drop
    | Keep
    | Rename
    | Set
    | ParseJson
    | ParseRegex
    | ParseGrok
    | ParseTimestamp
    | Redact
    | Sample
    | Dedupe
    | Throttle
    | Unroll
)


# Destinations


class BatchLimits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=True):
    """When a batch is sent: with the first of these that it has."""

    events: int = 1000
    bytes: Size = "1MiB"  # of canonical lines
    age: Duration = "1s"


class _Destination(_Part, frozen=True, kw_only=True):
    """`query`: only events that it matches are delivered there."""

    SECRETS: ClassVar[tuple[str, ...]] = ()  # names of its secrets; "header." is a beginning
    ADDRESS: ClassVar[tuple[str, ...]] = ()  # fields that say to whom secrets are sent

    query: str = ""
    batch: BatchLimits = BatchLimits()
    buffer: Size = "1GiB"  # of compressed events that may wait for it
    when_full: Literal["wait", "drop"] = "wait"  # wait: the pipeline takes nothing in until there is room


class ToArchive(_Destination, tag="archive", frozen=True, kw_only=True):
    """An archive of the pipeline's own. Its settings are those of an account's archive."""

    provider: str
    options: dict[str, str | bool | None] = {}
    secrets: Secrets = {}
    archive: str = ""  # its id; "": made of the pipeline's and this name
    title: str | None = None
    seal_after: Duration | None = None
    late_sweep: Duration | None = None
    max_object_bytes: Size | None = None
    compression_level: int | None = None
    verify_every: Duration | None = None
    drill_every: Duration | None = None
    take_over: bool = False
    untested: bool = False


class ToAccount(_Destination, tag="account", frozen=True, kw_only=True):
    """Log analysis: an account of this server."""

    account: str


class _Web(_Destination, frozen=True, kw_only=True):
    """What all that speak HTTP have."""

    ADDRESS = ("url",)

    url: str
    headers: dict[str, str] = {}
    user: str = ""  # with the secret `password`: HTTP's basic authentication
    ca: str = ""  # certificates in PEM that are trusted instead of the system's
    gzip: bool = True
    timeout: Duration = "30s"
    secrets: Secrets = {}


class ToHttp(_Web, tag="http", frozen=True, kw_only=True):
    """Canonical lines as NDJSON, or as one JSON array."""

    SECRETS = ("token", "password", "header.")

    method: Literal["POST", "PUT"] = "POST"
    format: Literal["ndjson", "json"] = "ndjson"


class ToOtlp(_Web, tag="otlp", frozen=True, kw_only=True):
    """OpenTelemetry logs, OTLP/HTTP with protobuf; `url` with its path, often /v1/logs."""

    SECRETS = ("token", "password", "header.")


class ToElasticsearch(_Web, tag="elasticsearch", frozen=True, kw_only=True):
    """The bulk API of Elasticsearch and OpenSearch; `url` is that of the server."""

    SECRETS = ("api_key", "token", "password", "header.")

    index: str = "logs-%Y.%m.%d"  # a data stream or an index; strftime of the event's time in UTC
    op: Literal["create", "index"] = "create"
    pipeline: str = ""  # an ingest pipeline there


class ToLoki(_Web, tag="loki", frozen=True, kw_only=True):
    """Loki's push API; `url` is that of the server."""

    SECRETS = ("token", "password", "header.")

    labels: dict[str, str] = msgspec.field(  # label: the field it is
        default_factory=lambda: {name: name for name in ("app", "host", "level")}
    )
    static_labels: dict[str, str] = msgspec.field(default_factory=lambda: {"source": "logkeep"})
    tenant: str = ""
    structured_metadata: bool = True  # what is no label: `lid`, other fields, members of meta


class ToSplunk(_Web, tag="splunk", frozen=True, kw_only=True):
    """Splunk's HTTP Event Collector; `url` is that of the server."""

    SECRETS = ("token",)

    index: str = ""
    sourcetype: str = ""
    acknowledged: bool = False  # wait for the indexers' acknowledgment


class ToSyslog(_Destination, tag="syslog", frozen=True, kw_only=True):
    """RFC 5424 over TCP or TLS."""

    SECRETS = ("client_key",)  # PEM
    ADDRESS = ("host", "port")

    host: str
    port: int = 514
    tls: bool = False
    ca: str = ""
    client_certificate: str = ""  # PEM
    framing: Literal["octet-counting", "newline"] = "octet-counting"
    facility: int = 16  # local0
    timeout: Duration = "30s"
    secrets: Secrets = {}


class ToKafka(_Destination, tag="kafka", frozen=True, kw_only=True):
    """A topic of Kafka, as canonical lines."""

    SECRETS = ("password", "client_key")
    ADDRESS = ("brokers",)

    brokers: tuple[str, ...]
    topic: str
    key: str = ""  # the field whose value keeps events in order in one partition
    tls: bool = False
    ca: str = ""
    client_certificate: str = ""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    user: str = ""
    compression: Literal["none", "gzip", "lz4", "zstd", "snappy"] = "zstd"
    timeout: Duration = "30s"
    secrets: Secrets = {}


class ToNats(_Destination, tag="nats", frozen=True, kw_only=True):
    """Subjects of NATS, as canonical lines."""

    SECRETS = ("token", "password", "nkey_seed")
    ADDRESS = ("servers",)

    servers: tuple[str, ...]
    subject: str
    jetstream: bool = True  # wait for the stream's acknowledgment, and let it drop what it has by its id
    user: str = ""
    tls: bool = False
    ca: str = ""
    timeout: Duration = "30s"
    secrets: Secrets = {}


class ToFile(_Destination, tag="file", frozen=True, kw_only=True):
    """Canonical lines in a file below the folder that the server keeps for them."""

    path: str  # relative; strftime of the event's time in UTC
    rotate_bytes: Size = "1GiB"


class ToStdout(_Destination, tag="stdout", frozen=True, kw_only=True):
    """The server's standard output."""


Destination: TypeAlias = (
    ToArchive
    | ToAccount
    | ToHttp
    | ToOtlp
    | ToElasticsearch
    | ToLoki
    | ToSplunk
    | ToSyslog
    | ToKafka
    | ToNats
    | ToFile
    | ToStdout
)


class PipelineSpec(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=True):
    id: str  # lower-case letters, digits and dashes; never changes
    title: str = ""
    account: str = "main"  # whose it is: its archives and its events belong to this account
    sources: tuple[Source, ...] = ()
    processors: tuple[Processor, ...] = ()
    destinations: tuple[Destination, ...] = ()


def processor_name(processor: Processor, place: int) -> str:
    """How counters and messages call it; `place` counts from 0."""
    return processor.name or f"{processor.type}-{place + 1}"


def accounts_named(spec: PipelineSpec) -> set[str]:
    """The accounts that it belongs to, reads from and delivers to."""
    parts = (
        one for one in (*spec.sources, *spec.destinations) if isinstance(one, (AccountSource, ToAccount))
    )
    return {spec.account, *(one.account for one in parts)}
