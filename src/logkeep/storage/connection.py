"""How a bucket is reached: provider, options and secrets, checked before anything is asked of a server."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, quote, unquote, urlsplit

from logkeep.errors import BadSetting
from logkeep.storage.providers import PROVIDERS, Provider

MASK = "********"

_NOTHING: Mapping[str, str] = MappingProxyType({})

# Names of fields, and values (URLs with a user, connection strings, signed URLs), that are never repeated.
_SECRET_NAME = re.compile(r"token|secret|password|key|sas")
_SECRET_VALUE = re.compile(r"(?i)@|(key|token|secret|password|signature|sig)=")

_MAX_OPTION, _MAX_SECRET, _MAX_PREFIX = 2048, 16384, 512  # bytes


@dataclass(frozen=True, kw_only=True)
class Connection:
    provider: str  # a key of PROVIDERS
    options: Mapping[str, str]  # nothing secret
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def checked(connection: Connection) -> Connection:
    """The connection in normal form: no empty values, defaults filled in, prefix and endpoint without
    slashes around them. What is normal already stays as it is.

    Raises BadSetting that names the field and says what to do. No server is asked.
    """
    provider = provider_named(connection.provider)
    options, secrets = _normal_form(provider, connection)
    for name, value in secrets.items():
        _check_secret(name, value)
    _check_required(provider, options.get("credentials", ""), options | secrets)
    return Connection(provider=provider.name, options=options, secrets=secrets)


def described(connection: Connection) -> Connection:
    """As `checked`, for a connection of which only the place and the kind of credentials are wanted: the
    credentials themselves may be missing."""
    provider = provider_named(connection.provider)
    options, secrets = _normal_form(provider, connection)
    _check_required(provider, "", options)
    return Connection(provider=provider.name, options=options, secrets=secrets)


def provider_named(name: str) -> Provider:
    """Raises BadSetting when there is none."""
    if name not in PROVIDERS:
        raise BadSetting(
            f"{name[:64]!r} is no provider", hint=f"choose one of: {', '.join(PROVIDERS)}", field="provider"
        )
    return PROVIDERS[name]


def endpoint_of(connection: Connection) -> str:
    """The URL that the connection's requests go to; "" when the vendor's own place is meant (AWS, GCS)."""
    options = connection.options
    return options.get("endpoint") or PROVIDERS[connection.provider].endpoint.format(**options)


def place_of(connection: Connection) -> str:
    """The place as a URL. Connections to the same place have the same text, whatever else differs; their
    secrets are not needed. Raises BadSetting as `checked` does."""
    provider = provider_named(connection.provider)
    options, _ = _normal_form(provider, connection)
    _check_required(provider, "", options)
    adapter = provider.adapter
    if adapter == "folder":
        return Path(options["path"]).as_uri()
    if adapter == "azure":
        scheme, host = "azure", f"{options['account_name']}/{options['container']}"
        usual = f"https://{options['account_name']}.blob.core.windows.net"
    else:
        scheme, host = ("s3" if adapter == "s3" else "gs"), options["bucket"]
        usual = "https://storage.googleapis.com" if adapter == "gcs" else ""
    place = f"{scheme}://{host}/{quote(options.get('prefix', ''))}".rstrip("/")
    endpoint = options.get("endpoint") or provider.endpoint.format(**options)
    if endpoint in ("", usual) or (adapter == "s3" and is_aws(endpoint)):
        return place
    return f"{place}?endpoint={endpoint}"


def connection_of_url(url: str, options: Mapping[str, str] = _NOTHING) -> Connection:
    """The checked connection to `file:///dir`, a plain folder path, `s3://bucket/prefix`,
    `azure://account/container/prefix` or `gs://bucket/prefix`.

    `options` may hold secrets too. Raises BadSetting for a URL or an option that is not understood.
    """
    provider, found = _place_in(url)
    known = {one.name: one for one in PROVIDERS[provider].fields}
    return checked(
        Connection(
            provider=provider,
            options=found | {k: v for k, v in options.items() if k not in known or not known[k].secret},
            secrets={k: v for k, v in options.items() if k in known and known[k].secret},
        )
    )


def masked(connection: Connection) -> dict[str, object]:
    """The connection for people to see: of the secrets only their names."""
    return {
        "provider": connection.provider,
        "options": dict(connection.options),
        "secrets": dict.fromkeys(connection.secrets, MASK),
    }


def is_aws(endpoint: str) -> bool:
    return (urlsplit(endpoint).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def is_true(options: Mapping[str, str], name: str) -> bool:
    return options.get(name) == "true"


def _place_in(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    path = unquote(parts.path).strip("/")
    if parts.scheme in ("s3", "gs") and parts.netloc:
        provider = "s3" if parts.scheme == "s3" else "gcs"
        return provider, {"bucket": parts.netloc, "prefix": path}
    if parts.scheme == "azure" and parts.netloc and path:
        container, _, prefix = path.partition("/")
        return "azure", {"account_name": parts.netloc, "container": container, "prefix": prefix}
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return "folder", {"path": unquote(parts.path)}
    if "://" not in url and url:
        return "folder", {"path": str(Path(url).expanduser().resolve())}
    raise BadSetting(
        f"{_quoted('url', url, 200)} is not a place for an archive",
        hint="give a folder, file:///folder, s3://bucket/prefix, azure://account/container/prefix "
        "or gs://bucket/prefix",
    )


def _normal_form(provider: Provider, connection: Connection) -> tuple[dict[str, str], dict[str, str]]:
    """Options and secrets, of which something may be missing."""
    options = _of_kind(provider, connection.options, secret=False)
    secrets = _of_kind(provider, connection.secrets, secret=True)
    options = dict(provider.defaults) | options
    if provider.credentials:
        kind = options.setdefault("credentials", _spoken_for(provider, options | secrets))
        _check_choice(provider, "credentials", kind)
        _check_belonging(provider, kind, options | secrets)
    normal = {name: _normal(provider, name, value, options) for name, value in options.items()}
    return {name: value for name, value in normal.items() if value}, secrets


def _of_kind(provider: Provider, values: Mapping[str, str], *, secret: bool) -> dict[str, str]:
    """The values that are not empty, each of which is a field of the provider and in its right place."""
    kept = {}
    for name, value in values.items():
        one = provider.field_named(name)
        if one is None:
            raise _not_a_field(provider, name)
        if one.secret and not secret:
            raise BadSetting(f"{name} is a secret", hint="give it among the secrets", field=name)
        if secret and not one.secret:
            raise BadSetting(f"{name} is no secret", hint="give it among the options", field=name)
        if not isinstance(value, str):
            raise BadSetting(f"{name} is no text", hint="write it as a string", field=name)
        if value:
            kept[name] = value
    return kept


def _not_a_field(provider: Provider, name: str) -> BadSetting:
    names = ", ".join(one.name for one in provider.fields if not one.advanced)
    if name == "endpoint" and provider.endpoint:
        hint = "its endpoint follows from its other fields; choose s3-compatible to give one"
    else:
        hint = f"it has: {names}"
    return BadSetting(f"{provider.title} has no {name[:64]!r}", hint=hint, field=name[:64])


def _spoken_for(provider: Provider, given: Mapping[str, str]) -> str:
    """The kind of credentials that the given fields are of. A role comes before the keys that assume it."""
    kinds = [kind.name for kind in provider.credentials]
    for kind in sorted(kinds, key=lambda name: name != "role"):
        if any(kind in one.required_for and one.name in given for one in provider.fields):
            return kind
    return "machine"


def _check_belonging(provider: Provider, kind: str, given: Mapping[str, str]) -> None:
    for one in provider.fields:
        if one.name in given and one.kinds and kind not in one.kinds:
            raise BadSetting(
                f"{one.name} does not belong to credentials={kind}",
                hint=f"leave it out, or choose credentials={' or '.join(one.kinds)}",
                field=one.name,
            )


def _check_required(provider: Provider, kind: str, given: Mapping[str, str]) -> None:
    for one in provider.fields:
        if (one.required or kind in one.required_for) and not given.get(one.name):
            why = "" if one.required else f" with credentials={kind}"
            raise BadSetting(f"{provider.title} needs {one.name}{why}", hint=one.help, field=one.name)
    if not kind:
        return
    for name, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
        if given.get(name) and not given.get(other):
            raise BadSetting(f"{name} is given without {other}", hint="give both or none", field=other)


def _check_choice(provider: Provider, name: str, value: str) -> None:
    one = provider.field_named(name)
    if one is not None and one.choices and value not in one.choices:
        raise BadSetting(
            f"{name} is {_quoted(name, value, 64)}",
            hint=f"choose one of: {', '.join(one.choices)}",
            field=name,
        )


def _check_secret(name: str, value: str) -> None:
    """Never says a word of the value."""
    if len(value.encode()) > _MAX_SECRET:
        raise BadSetting(
            f"{name} is longer than {_MAX_SECRET} bytes", hint="check what was pasted", field=name
        )
    if name == "service_account_key":
        _check_service_account(value)
    elif not value.isascii() or any(not "!" <= char <= "~" for char in value):
        raise BadSetting(
            f"{name} has spaces, line ends or other characters that no such secret has",
            hint="check what was pasted",
            field=name,
        )


def _check_service_account(value: str) -> None:
    try:
        key = json.loads(value)
    except ValueError:
        key = None
    wanted = ("type", "client_email", "private_key")
    if not isinstance(key, dict) or not all(isinstance(key.get(name), str) for name in wanted):
        raise BadSetting(
            "service_account_key is no key of a service account",
            hint="give the whole JSON text of the key file that Google Cloud made",
            field="service_account_key",
        )


def _normal(provider: Provider, name: str, value: str, options: Mapping[str, str]) -> str:
    if len(value.encode("utf-8", "surrogatepass")) > _MAX_OPTION:
        raise BadSetting(f"{name} is longer than {_MAX_OPTION} bytes", hint="give a shorter one", field=name)
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in value):
        raise BadSetting(f"{name} has control characters", hint="check what was pasted", field=name)
    _check_choice(provider, name, value)
    rule = _RULES.get(name)
    return rule(provider, value, options) if rule else value


def _bucket(provider: Provider, value: str, options: Mapping[str, str]) -> str:
    if provider.name == "s3" and not options.get("endpoint"):
        good, says = _is_aws_bucket(value), "3 to 63 small letters, digits, dots and dashes, no IP address"
    elif provider.adapter == "gcs":
        good = re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", value) is not None
        says = "3 to 222 small letters, digits, dots, dashes and underscores"
    else:
        good = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", value) is not None and ".." not in value
        says = "letters, digits, dots, dashes and underscores"
    if not good:
        raise BadSetting(
            f"{_quoted('bucket', value, 80)} is no name of a bucket",
            hint=f"a name has {says}; the prefix is a field of its own",
            field="bucket",
        )
    return value


def _is_aws_bucket(name: str) -> bool:
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) is not None
        and ".." not in name
        and re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name) is None
        and not name.startswith(("xn--", "sthree-", "amzn-s3-demo-"))
        and not name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"))
    )


def _quoted(name: str, value: str, most: int) -> str:
    """A wrong value for people to see, unless a secret may be in it: keys are pasted into wrong fields."""
    if _SECRET_NAME.search(name) or _SECRET_VALUE.search(value):
        return "a value that is not shown"
    return repr(value[:most])


def _prefix(provider: Provider, value: str, options: Mapping[str, str]) -> str:
    del provider, options
    parts = [part for part in value.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise BadSetting(
            "prefix has a part that is '.' or '..'", hint="name the folder in full", field="prefix"
        )
    if len(value.encode()) > _MAX_PREFIX:
        raise BadSetting(
            f"prefix is longer than {_MAX_PREFIX} bytes", hint="give a shorter one", field="prefix"
        )
    return "/".join(parts)


def _region(provider: Provider, value: str, options: Mapping[str, str]) -> str:
    for_aws = provider.name == "s3" and not options.get("endpoint")
    shape = r"[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}" if for_aws else r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}"
    if not re.fullmatch(shape, value):
        example = "eu-central-1" if for_aws else "as the provider's console shows it"
        raise BadSetting(
            f"{_quoted('region', value, 64)} is no region",
            hint=f"give its id, such as {example}",
            field="region",
        )
    return value


def _endpoint(name: str) -> Callable[[Provider, str, Mapping[str, str]], str]:
    def rule(provider: Provider, value: str, options: Mapping[str, str]) -> str:
        parts = _url(name, value)
        path = parts.path.rstrip("/")
        if path and provider.adapter != "azure":
            raise BadSetting(
                f"{name} has a path", hint="give scheme and host; bucket and prefix are fields", field=name
            )
        if parts.scheme == "http" and not is_true(options, "allow_http") and not _is_loopback(parts.hostname):
            raise BadSetting(
                f"{name} is http where https is demanded",
                hint="write https://, or set allow_http=true if lines may travel unencrypted",
                field=name,
            )
        port = "" if parts.port in (None, {"https": 443, "http": 80}[parts.scheme]) else f":{parts.port}"
        host = parts.hostname or ""
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{path}"

    return rule


def _url(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[A-Za-z0-9._:-]+", parts.hostname or ""):
        raise BadSetting(
            f"{name} is not a URL of a server",
            hint="write it as https://host or https://host:port",
            field=name,
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise BadSetting(
            f"{name} has a user, a query or a fragment",  # not shown: there may be a secret in it
            hint="give scheme and host only; credentials are fields of their own",
            field=name,
        )
    return parts


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _path(provider: Provider, value: str, options: Mapping[str, str]) -> str:
    del provider, options
    if not value.startswith("/"):
        raise BadSetting(
            f"{_quoted('path', value, 200)} is no absolute path", hint="start it with /", field="path"
        )
    parts = [part for part in value.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadSetting("path has a part that is '..'", hint="name the folder in full", field="path")
    return "/" + "/".join(parts)


def _s3_class(provider: Provider, value: str, options: Mapping[str, str]) -> str:
    del options
    if provider.adapter != "s3":
        return value
    if value in ("GLACIER", "DEEP_ARCHIVE"):
        raise BadSetting(
            f"objects in {value} cannot be read before they are thawed, so no restore would work",
            hint="choose GLACIER_IR, or let a lifecycle rule of the bucket move old objects",
            field="storage_class",
        )
    known = (
        "STANDARD",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER_IR",
        "REDUCED_REDUNDANCY",
    )
    good = value in known if provider.name == "s3" else re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value)
    if not good:
        raise BadSetting(
            f"{_quoted('storage_class', value, 64)} is no storage class",
            hint=f"choose one of: {', '.join(known)}",
            field="storage_class",
        )
    return value


def _kms_key(provider: Provider, value: str, options: Mapping[str, str]) -> str:
    del provider
    if options.get("sse") != "kms":
        raise BadSetting(
            "kms_key_id is given, but sse is not kms", hint="set sse=kms, or leave it out", field="kms_key_id"
        )
    return _shaped("kms_key_id", value, r"[A-Za-z0-9:/_.-]{1,2048}", "give the key's id, ARN or alias")


def _shaped(name: str, value: str, shape: str, remedy: str) -> str:
    if not re.fullmatch(shape, value, re.ASCII):
        raise BadSetting(f"{name} is {_quoted(name, value, 200)}", hint=remedy, field=name)
    return value


def _shape(name: str, shape: str, remedy: str) -> Callable[[Provider, str, Mapping[str, str]], str]:
    def rule(provider: Provider, value: str, options: Mapping[str, str]) -> str:
        del provider, options
        return _shaped(name, value, shape, remedy)

    return rule


_DURATION = (r"\d{1,6}(ms|s|m)", "write it as 10s")
_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}"

_RULES: Mapping[str, Callable[[Provider, str, Mapping[str, str]], str]] = {
    "path": _path,
    "bucket": _bucket,
    "prefix": _prefix,
    "region": _region,
    "endpoint": _endpoint("endpoint"),
    "sts_endpoint": _endpoint("sts_endpoint"),
    "authority_host": _endpoint("authority_host"),
    "storage_class": _s3_class,
    "kms_key_id": _kms_key,
    "access_key_id": _shape("access_key_id", r"[!-~]{1,256}", "give the id of the key, without spaces"),
    "access_id": _shape("access_id", r"[!-~]{1,256}", "give the access id of the key, without spaces"),
    "account_id": _shape("account_id", r"[0-9a-z.-]{1,64}", "give the account id from the R2 page"),
    "role_arn": _shape(
        "role_arn",
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}",
        "write it as arn:aws:iam::123456789012:role/name",
    ),
    "external_id": _shape(
        "external_id", r"[\w+=,.@:/-]{2,1224}", "2 to 1224 letters, digits and + = , . @ : / - _"
    ),
    "account_name": _shape("account_name", r"[a-z0-9]{3,24}", "a name has 3 to 24 small letters and digits"),
    "container": _shape(
        "container",
        r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "a name has 3 to 63 small letters, digits and single dashes",
    ),
    "tenant_id": _shape("tenant_id", _ID, "give the directory (tenant) id of the app registration"),
    "client_id": _shape("client_id", _ID, "give the application (client) id"),
    "kms_key_name": _shape(
        "kms_key_name",
        r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+",
        "write it as projects/P/locations/L/keyRings/R/cryptoKeys/K",
    ),
    "connect_timeout": _shape("connect_timeout", *_DURATION),
    "timeout": _shape("timeout", *_DURATION),
    "proxy_url": _shape(
        "proxy_url", r"https?://[^\s/@]+/?", "write it as http://host:port, without a password"
    ),
    "root_certificate": _shape("root_certificate", r"/.+", "give the absolute path of a PEM file"),
}
