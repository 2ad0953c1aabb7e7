"""The providers that an archive can be kept with, as a table.

It drives validation (`connection.py`), the endpoints, the page `docs/storage.md`, and what the API tells
of providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Field:
    """One option or secret of a provider."""

    name: str
    title: str
    help: str
    secret: bool = False
    required: bool = False  # whatever the credentials are
    kinds: tuple[str, ...] = ()  # the kinds of credentials that it belongs to; none: to all
    required_for: tuple[str, ...] = ()  # the kinds of credentials that cannot do without it
    choices: tuple[str, ...] = ()
    advanced: bool = False  # of the HTTP client; a form need not show it


@dataclass(frozen=True, kw_only=True)
class CredentialKind:
    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Provider:
    name: str
    title: str
    adapter: str  # folder, s3, azure or gcs: whose protocol it speaks
    fields: tuple[Field, ...]
    credentials: tuple[CredentialKind, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    endpoint: str = ""  # with {option} for what an option fills in; "" when it is an option or not needed
    checksum: str = "md5"  # that it checks an upload by: sha256 where it is known to, else md5 as everywhere
    note: str = ""  # what to know before choosing it

    def field_named(self, name: str) -> Field | None:
        return next((one for one in self.fields if one.name == name), None)


_FLAG = ("true", "false")

_PREFIX = Field(
    name="prefix",
    title="Prefix",
    help="The folder in the bucket below which everything is kept. Empty: the bucket's root.",
)
_BUCKET = Field(
    name="bucket",
    title="Bucket",
    help="The name of a bucket that exists. logkeep makes and configures none.",
    required=True,
)
_ENDPOINT = Field(
    name="endpoint",
    title="Endpoint",
    help="Where the server is, as https://host or https://host:port, without the bucket.",
    required=True,
)
HTTP_FIELDS = (
    Field(
        name="allow_http",
        title="Allow http",
        help="Whether an endpoint may be http://, so that lines travel unencrypted. A loopback address may.",
        choices=_FLAG,
        advanced=True,
    ),
    Field(
        name="allow_invalid_certificates",
        title="Allow invalid certificates",
        help="Whether the server's certificate is taken unchecked. Only for trying things out.",
        choices=_FLAG,
        advanced=True,
    ),
    Field(
        name="root_certificate",
        title="Root certificate",
        help="A PEM file on this machine with the authority that signed the server's certificate.",
        advanced=True,
    ),
    Field(name="proxy_url", title="Proxy", help="An HTTP proxy to go through.", advanced=True),
    Field(
        name="connect_timeout",
        title="Connect timeout",
        help="How long to try to connect, such as 10s.",
        advanced=True,
    ),
    Field(
        name="timeout",
        title="Timeout",
        help="How long one read request may take in all, such as 600s.",
        advanced=True,
    ),
)

_ACCESS_KEY = Field(
    name="access_key_id",
    title="Access key id",
    help="The id of the access key.",
    kinds=("keys", "role"),
    required_for=("keys",),
)
_SECRET_KEY = Field(
    name="secret_access_key",
    title="Secret access key",
    help="The secret of the access key.",
    secret=True,
    kinds=("keys", "role"),
    required_for=("keys",),
)
_SESSION_TOKEN = Field(
    name="session_token",
    title="Session token",
    help="The third part of temporary keys. They end, and cannot be refreshed: prefer a role.",
    secret=True,
    kinds=("keys", "role"),
)
_ENCRYPTION = (
    Field(
        name="sse",
        title="Server-side encryption",
        help="What each upload asks for: default (as the bucket is set), s3 (the provider's keys), kms.",
        choices=("default", "s3", "kms"),
    ),
    Field(
        name="kms_key_id",
        title="KMS key",
        help="The id, ARN or alias of the KMS key, for sse=kms. Empty: the account's own key for S3.",
    ),
)
_STORAGE_CLASS = Field(
    name="storage_class",
    title="Storage class",
    help="The class of the archive objects, as the provider names it; manifests are in the standard class.",
)
_SERVER = (
    Field(
        name="path_style",
        title="Path style",
        help="Whether the bucket is in the path of the URL (true) or in its host name (false).",
        choices=_FLAG,
        advanced=True,
    ),
    Field(
        name="atomic_create",
        title="Atomic create",
        help="Whether the server obeys If-None-Match: * on a put. If false, logkeep looks before it puts.",
        choices=_FLAG,
        advanced=True,
    ),
    Field(
        name="range_reads",
        title="Range reads",
        help="Whether the server answers range requests with 206. If false, objects are read whole.",
        choices=_FLAG,
        advanced=True,
    ),
)

_KEYS = CredentialKind(name="keys", title="Access key")
_ROLE = CredentialKind(name="role", title="IAM role, taken by STS AssumeRole with an external id")
_MACHINE = CredentialKind(name="machine", title="What this machine has: its environment or its own role")


def _credentials(*kinds: CredentialKind) -> Field:
    return Field(
        name="credentials",
        title="Credentials",
        help="How logkeep shows who it is. Left out: what the other fields speak for.",
        choices=tuple(kind.name for kind in kinds),
    )


def _region(help_text: str, *, required: bool) -> Field:
    return Field(name="region", title="Region", help=help_text, required=required)


def _like_s3(
    name: str,
    title: str,
    *extra: Field,
    endpoint: str = "",
    defaults: Mapping[str, str] = MappingProxyType({}),
    note: str = "",
) -> Provider:
    """A provider whose protocol is S3's. Unless its documents say that it obeys If-None-Match on puts and on
    the end of multipart uploads, logkeep looks before it puts: safe where one server writes an archive."""
    return Provider(
        name=name,
        title=title,
        adapter="s3",
        endpoint=endpoint,
        note=note,
        credentials=(_KEYS, _MACHINE),
        fields=(
            _BUCKET,
            _PREFIX,
            *extra,
            _credentials(_KEYS, _MACHINE),
            _ACCESS_KEY,
            _SECRET_KEY,
            _SESSION_TOKEN,
            *_ENCRYPTION,
            _STORAGE_CLASS,
            *_SERVER,
            *HTTP_FIELDS,
        ),
        defaults={"sse": "default", "path_style": "true", "atomic_create": "false", "range_reads": "true"}
        | dict(defaults),
    )


_FOLDER = Provider(
    name="folder",
    title="Folder",
    adapter="folder",
    fields=(
        Field(
            name="path",
            title="Path",
            help="An absolute path on this machine. It is made when the first object is put.",
            required=True,
        ),
    ),
)

_S3 = Provider(
    name="s3",
    title="AWS S3",
    adapter="s3",
    credentials=(_KEYS, _ROLE, _MACHINE),
    checksum="sha256",
    fields=(
        _BUCKET,
        _PREFIX,
        _region(
            "The region of the bucket. Empty: AWS_REGION of this machine, else us-east-1.", required=False
        ),
        _credentials(_KEYS, _ROLE, _MACHINE),
        _ACCESS_KEY,
        _SECRET_KEY,
        _SESSION_TOKEN,
        Field(
            name="role_arn",
            title="Role ARN",
            help="The role to assume, as arn:aws:iam::123456789012:role/name. Without an access key beside "
            "it, it is assumed by the machine's own identity.",
            kinds=("role",),
            required_for=("role",),
        ),
        Field(
            name="external_id",
            title="External id",
            help="What the role's trust policy demands to hear, so that nobody else makes logkeep use it.",
            kinds=("role",),
        ),
        *_ENCRYPTION,
        _STORAGE_CLASS,
        Field(
            name="endpoint",
            title="Endpoint",
            help="Only for a VPC endpoint or a server that stands in for S3.",
            advanced=True,
        ),
        Field(
            name="sts_endpoint",
            title="STS endpoint",
            help="Where the role is assumed. Empty: AWS_ENDPOINT_URL_STS, else AWS in the region.",
            kinds=("role",),
            advanced=True,
        ),
        *_SERVER,
        *HTTP_FIELDS,
    ),
    # path_style has no default here: it is false for AWS, and true with another endpoint
    defaults={"sse": "default", "atomic_create": "true", "range_reads": "true"},
)

_AZURE = Provider(
    name="azure",
    title="Azure Blob Storage",
    adapter="azure",
    credentials=(
        CredentialKind(name="app", title="App registration"),
        CredentialKind(name="key", title="Account key"),
        CredentialKind(name="sas", title="Shared access signature"),
        CredentialKind(name="machine", title="Managed identity, workload identity or environment"),
    ),
    fields=(
        Field(name="account_name", title="Storage account", help="Its name.", required=True),
        Field(name="container", title="Container", help="A container that exists.", required=True),
        _PREFIX,
        Field(
            name="credentials",
            title="Credentials",
            help="How logkeep shows who it is. Left out: what the other fields speak for.",
            choices=("app", "key", "sas", "machine"),
        ),
        Field(
            name="tenant_id",
            title="Tenant id",
            help="The directory (tenant) of the app registration.",
            kinds=("app", "machine"),
            required_for=("app",),
        ),
        Field(
            name="client_id",
            title="Client id",
            help="The application (client) id; or that of the managed identity to use.",
            kinds=("app", "machine"),
            required_for=("app",),
        ),
        Field(
            name="client_secret",
            title="Client secret",
            help="The value of a secret of the app registration.",
            secret=True,
            kinds=("app",),
            required_for=("app",),
        ),
        Field(
            name="account_key",
            title="Account key",
            help="One of the two keys of the storage account.",
            secret=True,
            kinds=("key",),
            required_for=("key",),
        ),
        Field(
            name="sas_token",
            title="SAS token",
            help="A shared access signature of the container, with read, create, list (and add, write).",
            secret=True,
            kinds=("sas",),
            required_for=("sas",),
        ),
        Field(
            name="storage_class",
            title="Access tier",
            help="The tier of the archive objects. Empty: the account's.",
            choices=("Hot", "Cool", "Cold"),
        ),
        Field(
            name="endpoint",
            title="Endpoint",
            help="Only for another cloud, a private endpoint or an emulator: the URL of the account.",
            advanced=True,
        ),
        Field(
            name="authority_host",
            title="Authority host",
            help="Where tokens come from, for another cloud than the public one.",
            kinds=("app", "machine"),
            advanced=True,
        ),
        *HTTP_FIELDS,
    ),
)

_GCS = Provider(
    name="gcs",
    title="Google Cloud Storage",
    adapter="gcs",
    credentials=(
        CredentialKind(name="service_account", title="Service account key"),
        CredentialKind(name="machine", title="Workload identity or environment"),
        CredentialKind(name="hmac", title="HMAC key"),
    ),
    fields=(
        _BUCKET,
        _PREFIX,
        Field(
            name="credentials",
            title="Credentials",
            help="How logkeep shows who it is. Left out: what the other fields speak for.",
            choices=("service_account", "machine", "hmac"),
        ),
        Field(
            name="service_account_key",
            title="Service account key",
            help="The whole JSON text of the key file.",
            secret=True,
            kinds=("service_account",),
            required_for=("service_account",),
        ),
        Field(
            name="access_id",
            title="HMAC access id",
            help="The access id of an HMAC key.",
            kinds=("hmac",),
            required_for=("hmac",),
        ),
        Field(
            name="hmac_secret",
            title="HMAC secret",
            help="The secret of the HMAC key.",
            secret=True,
            kinds=("hmac",),
            required_for=("hmac",),
        ),
        Field(
            name="storage_class",
            title="Storage class",
            help="The class of the archive objects. Empty: the bucket's.",
            choices=("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"),
        ),
        Field(
            name="kms_key_name",
            title="KMS key",
            help="projects/P/locations/L/keyRings/R/cryptoKeys/K. Empty: as the bucket is set.",
            kinds=("service_account", "machine"),
        ),
        Field(
            name="endpoint",
            title="Endpoint",
            help="Only for a private endpoint or an emulator.",
            advanced=True,
        ),
        *HTTP_FIELDS,
    ),
)

_ALL = (
    _FOLDER,
    _S3,
    _like_s3(
        "digitalocean",
        "DigitalOcean Spaces",
        _region("Such as nyc3 or fra1.", required=True),
        endpoint="https://{region}.digitaloceanspaces.com",
    ),
    _like_s3(
        "ibm",
        "IBM Cloud Object Storage",
        _region("Such as us-south, eu-de, or us for the cross-region endpoint.", required=True),
        endpoint="https://s3.{region}.cloud-object-storage.appdomain.cloud",
        note="Needs HMAC credentials: choose 'Include HMAC credential' when making the service credential.",
    ),
    _like_s3(
        "swift",
        "OpenStack Swift (s3api)",
        _ENDPOINT,
        _region("As the cloud names it, often RegionOne.", required=False),
        defaults={"region": "us-east-1"},
        note="The s3api middleware must be on. Keys are made by 'openstack ec2 credentials create'.",
    ),
    _like_s3(
        "minio",
        "MinIO",
        _ENDPOINT,
        _region("Only if the server was given one.", required=False),
        defaults={"region": "us-east-1"},
        note="MinIO obeys If-None-Match on a put, but is not known to on the end of a multipart upload.",
    ),
    _like_s3(
        "r2",
        "Cloudflare R2",
        Field(
            name="account_id",
            title="Account id",
            help="The Cloudflare account id, the first part of the bucket's S3 URL.",
            required=True,
        ),
        _region("Always auto.", required=False),
        endpoint="https://{account_id}.r2.cloudflarestorage.com",
        defaults={"region": "auto", "atomic_create": "true"},
    ),
    _like_s3(
        "wasabi",
        "Wasabi",
        _region("Such as eu-central-1.", required=True),
        endpoint="https://s3.{region}.wasabisys.com",
    ),
    _like_s3(
        "backblaze",
        "Backblaze B2",
        _region("The second part of the bucket's endpoint, such as eu-central-003.", required=True),
        endpoint="https://s3.{region}.backblazeb2.com",
        note="B2 refuses conditional puts, so logkeep looks before it puts.",
    ),
    _like_s3(
        "s3-compatible",
        "Any S3-compatible server",
        _ENDPOINT,
        _region("As the server names it.", required=False),
        defaults={"region": "us-east-1"},
        note="The connection test finds out whether atomic_create may be true.",
    ),
    _AZURE,
    _GCS,
)

PROVIDERS: Mapping[str, Provider] = MappingProxyType({provider.name: provider for provider in _ALL})
