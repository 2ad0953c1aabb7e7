"""Why a bucket was not reached: from the words of an error to what is wrong and what is to be done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from logkeep.errors import LogkeepError

if TYPE_CHECKING:
    from logkeep.storage.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Unreached:
    what: str  # is wrong
    remedy: str


@dataclass(frozen=True, kw_only=True)
class _Sign:
    """Words of libraries and servers, in lower case, by which a cause is known.

    `{place}`, `{name}`, `{keys}` in a remedy are the settings that say where the provider is, what the
    bucket is called, and who asks.
    """

    pattern: str
    what: str
    remedy: str


# The first that is found counts: what is told more exactly comes first.
_SIGNS = (
    _Sign(
        pattern=r"name or service not known|nodename nor servname|lookup address|name resolution|getaddrinfo"
        r"|no address associated|dns error|nameresolutionerror|failed to resolve",
        what="the host's name is not known",
        remedy="check {place}; for a server of your own set path_style=true",
    ),
    _Sign(
        pattern=r"connection refused|econnrefused|errno 111",
        what="the host refuses the connection",
        remedy="check {place} and its port, that the server runs, and firewalls",
    ),
    _Sign(
        pattern=r"http request (was sent )?to (an )?https|accountrequireshttps|authorizationprotocolmismatch",
        what="the provider wants https",
        remedy="write the endpoint with https://",
    ),
    _Sign(
        pattern=r"wrong.version.number|record layer failure|corrupt message|invalidcontenttype"
        r"|packet length too long|unknown.protocol|http_request\b",
        what="the server speaks http where https was expected",
        remedy="let the server speak https, or write the endpoint with http:// and set allow_http=true",
    ),
    _Sign(
        pattern=r"scheme is not allowed|allow_http",
        what="http was not asked for",
        remedy="write the endpoint with https://, or set allow_http=true",
    ),
    _Sign(
        pattern=r"certificate|unknownissuer|self.signed|\bssl\b|sslerror|\btls\b",
        what="the server's certificate is not trusted, or is for another name",
        remedy="check {place}, and that this machine trusts who issued the certificate",
    ),
    _Sign(
        pattern=r"requesttimetooskewed|requestexpired|requestinthefuture|too skewed"
        r"|difference between the request time|short-lived token",
        what="the clocks of this machine and of the provider differ",
        remedy="set this machine's clock (NTP)",
    ),
    _Sign(
        pattern=r"authorizationheadermalformed|permanentredirect|addressed using the specified endpoint"
        r"|illegallocationconstraint|in another region|region .{0,40} is wrong|status code: 301|\(301\)",
        what="the bucket is in another region",
        remedy="set region to the region of the bucket",
    ),
    _Sign(
        pattern=r"nosuchbucket|nosuchcontainer|containernotfound|bucket\b.{0,200} does not exist"
        r"|container\b.{0,200} does not exist|no such bucket",
        what="there is no such bucket",
        remedy="create it, or correct {name}",
    ),
    _Sign(
        pattern=r"invalidbucketname|invalidresourcename|invalid bucket name",
        what="that is no name of a bucket",
        remedy="correct {name}",
    ),
    _Sign(
        pattern=r"expiredtoken|aadsts7000222|not valid in the specified time frame|token.{0,20} expired"
        r"|(secret|signature|key|credentials)\b.{0,60} expired",
        what="the credentials have expired",
        remedy="make new ones and set {keys}",
    ),
    _Sign(
        pattern=r"assumerole",
        what="the role cannot be assumed",
        remedy="check role_arn and external_id, and that the role's trust policy names who runs logkeep",
    ),
    _Sign(
        pattern=r"signaturedoesnotmatch|signature we calculated|aadsts7000215|mac signature found in",
        what="the secret does not fit the key",
        remedy="copy {keys} once more; a space or a line end may have come along",
    ),
    _Sign(
        pattern=r"aadsts90002|tenant.{0,80} not found",
        what="there is no such tenant",
        remedy="correct tenant_id",
    ),
    _Sign(
        pattern=r"aadsts700016",
        what="there is no such app registration in the tenant",
        remedy="correct client_id and tenant_id",
    ),
    _Sign(
        pattern=r"authorizationsourceipmismatch|authorizationfailure",
        what="the storage account does not let this machine in",
        remedy="allow this machine's address in the account's network settings and in sas_token",
    ),
    _Sign(
        pattern=r"keybasedauthenticationnotpermitted",
        what="the storage account takes no account keys",
        remedy="use an app registration, or allow storage account key access",
    ),
    _Sign(
        pattern=r"invalidaccesskeyid|invalidclienttokenid|unrecognizedclient|access key id you provided"
        r"|invalidtoken|authenticationfailed|invalidauthenticationinfo|aadsts|invalid_client|invalid_grant"
        r"|unauthorized|invalid credentials|status code: 401|\(401\)",
        what="the provider does not know these credentials",
        remedy="check {keys}",
    ),
    _Sign(
        pattern=r"has no credentials|credentials for .{0,200} could not be had|locate credentials"
        r"|nocredential|partial credentials|169\.254\.169\.254|default credentials"
        r"|defaultazurecredential|managedidentity",
        what="no credentials were found",
        remedy="set {keys}, or let the machine have a role or identity of its own",
    ),
    _Sign(
        pattern=r"timed out|timeout|no answer|no route to host|network is unreachable|host is unreachable",
        what="there is no answer",
        remedy="check {place}, the network, firewalls and proxies",
    ),
)
_REGION = re.compile(
    r"set region=([a-z0-9-]+)|expecting '([a-z0-9-]+)'|<region>([a-z0-9-]+)</region>"
    r"|bucket-region\W+([a-z0-9-]+)"
)

# A bucket may be called anything, such as "tls-logs", and that is no sign of what is wrong.
_OUR_URL = re.compile(r"\b(s3|azure|gs|file)://\S*")

_PLACES = {"azure": "account_name (or endpoint)", "gcs": "endpoint", "s3": "region (or endpoint)"}
_NAMES = {"azure": "container", "folder": "path"}
_KEYS = {
    ("azure", "app"): "tenant_id, client_id and client_secret",
    ("azure", "key"): "account_name and account_key",
    ("azure", "sas"): "sas_token",
    ("gcs", "service_account"): "service_account_key",
    ("gcs", "hmac"): "access_id and hmac_secret",
}


def unreached(error: LogkeepError, connection: Connection) -> Unreached | None:
    """Why the bucket was not reached; None when it was, and refused the request."""
    text = words(error)
    for sign in _SIGNS:
        if re.search(sign.pattern, text, re.DOTALL):
            return Unreached(what=sign.what, remedy=_remedy(sign, f"{error.hint}\n{text}", connection))
    if error.retryable:
        return Unreached(what="it does not answer as it should", remedy=error.hint or "test again later")
    return None


def words(error: BaseException) -> str:
    """What the error and those that led to it say, in lower case and without the places of buckets. May
    hold secrets: for searching only."""
    said: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(said) < 10:
        # Our own hints name what could be wrong; only what was found counts.
        said.append(cause.message if isinstance(cause, LogkeepError) else f"{type(cause).__name__} {cause}")
        cause = cause.__cause__ or cause.__context__
    return _OUR_URL.sub("", "\n".join(said).lower())


def _remedy(sign: _Sign, text: str, connection: Connection) -> str:
    provider, credentials = connection.provider, connection.options.get("credentials", "")
    if "region" in sign.remedy and (found := _REGION.search(text)):
        return f"set region={next(filter(None, found.groups()))}"
    return sign.remedy.format(
        place=_PLACES.get(provider, "endpoint"),
        name=_NAMES.get(provider, "bucket"),
        keys=_KEYS.get((provider, credentials), "access_key_id and secret_access_key"),
    )
