"""What destinations that speak HTTP have in common: one connection that is kept, and how it is secured.

No redirect is followed, at most 1 MiB of an answer is read, and no address is called at which a cloud tells a
machine's credentials, whatever name leads there. A proxy of the environment (HTTPS_PROXY and the like) is
used, and then finds the host itself. Errors name the host and never a path, a query or a secret, not even
when the other side's answer has one in it.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib.metadata import version
from typing import TypeAlias
from urllib.parse import quote

import httpx
import msgspec

from logkeep.archive.block import compress
from logkeep.errors import BadSetting, DeliveryFailed
from logkeep.notify.addresses import refused_address, web_url
from logkeep.notify.template import one_line
from logkeep.outgoing import authorities, proxy_of
from logkeep.pipeline import model
from logkeep.pipeline.destinations.answers import Answer, retry_after_s
from logkeep.pipeline.destinations.given import given_secrets, go_together
from logkeep.pipeline.redactions import is_secret_key
from logkeep.settings import duration

WebSpec: TypeAlias = model.ToHttp | model.ToOtlp | model.ToElasticsearch | model.ToLoki | model.ToSplunk

_MOST_OF_ANSWER = 1 << 20
_GZIP_LEVEL = 1
_LONGEST_TIMEOUT_S = 3600
_CONNECT_S = 10.0
_KEPT_S = 60.0  # how long an idle connection is kept
_LOOKED_UP_S = 30.0  # how long the addresses of a name are believed
_MOST_ADDRESSES = 4  # of one host
_LONGEST_ERROR = 200  # characters
_SHORTEST_HIDDEN = 6  # characters of a value of the URL's query that is hidden as a secret is

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]{0,8190}[!-~])?")
_FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "te",
        "trailer",
        "transfer-encoding",
    }
    | {"upgrade"}
)
# What the destinations write themselves.
_OWN = frozenset(
    {
        "accept-encoding",
        "content-encoding",
        "host",
        "idempotency-key",
        "logkeep-via",
    }
)
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
# Names of headers and parameters that are secret, beside those that redact knows.
_KEYS = re.compile(r"(?i)(?:^|[_-])(?:(?:insert|license|subscription|functions|write|dd)[_-]?key|auth)$")


class Web:
    """One destination's way to its server. Used by one thread; connects when something is sent.

    `path` and `parameters` are added to the URL of the server. `schemes` says which secret makes which
    kind of Authorization, `own_headers` which further headers are not the user's to set. Raises BadSetting
    for what cannot be used.
    """

    def __init__(
        self,
        spec: WebSpec,
        secrets: Mapping[str, str],
        *,
        path: str = "",
        parameters: Mapping[str, str] | None = None,
        schemes: Mapping[str, str] | None = None,
        own_headers: Sequence[str] = (),
    ) -> None:
        self._url = _extended(_url(spec.url), path, parameters or {})
        self._path = path
        self._headers = _headers(spec, secrets, schemes or {"token": "Bearer"}, own_headers)
        self._hide = _hiding(_hidden(self._url, self._headers, secrets))
        self._timeout_s = seconds(spec.timeout)
        self._gzip = spec.gzip
        proxy = _proxy(self._url)
        self._direct = proxy is None
        self._addresses: Sequence[str] = ()
        self._looked_up = 0.0
        self._client = httpx.Client(
            verify=_tls(spec.ca, {self._url.scheme, proxy.scheme if proxy is not None else ""}),
            proxy=proxy,
            trust_env=False,
            timeout=httpx.Timeout(self._timeout_s, connect=min(_CONNECT_S, self._timeout_s)),
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1, keepalive_expiry=_KEPT_S),
        )

    @property
    def timeout_s(self) -> float:
        return self._timeout_s

    def send(
        self,
        body: bytes,
        content_type: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        path: str = "",
        parameters: Mapping[str, str] | None = None,
        follows: bool = False,
    ) -> Answer:
        """The answer, whatever its status. `path` is another one of the same server than that of all
        requests. `follows`: the request belongs to the one before, whose cookies it brings along so that a
        load balancer leads it to the same node; no others are kept.

        Raises DeliveryFailed when there is no answer.
        """
        url = _extended(self._url, path, parameters or {}, instead_of=self._path) if path else self._url
        own = {"Content-Type": content_type}
        if self._gzip:
            body = compress(body, _GZIP_LEVEL)
            own["Content-Encoding"] = "gzip"
        if self._client.is_closed:
            raise DeliveryFailed(f"nothing is sent to {url.host} any more")
        if not follows:
            self._client.cookies.clear()
        try:
            return self._sent(method, url, body, httpx.Headers({**own, **self._headers, **(headers or {})}))
        except httpx.TimeoutException:
            raise DeliveryFailed(f"{url.host} did not answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.StreamError, OSError, UnicodeError) as error:
            raise DeliveryFailed(f"{url.host} cannot be reached: {self._words(error)}") from None

    def close(self) -> None:
        self._client.close()

    def _sent(self, method: str, url: httpx.URL, body: bytes, headers: httpx.Headers) -> Answer:
        """To an address that was looked at: asked for again, the name could lead elsewhere."""
        headers["Host"] = url.netloc.decode("ascii")
        if not self._direct:
            return self._asked(method, url, url, body, headers)
        addresses = self._looked_at(url)
        for address in addresses[:-1]:
            try:
                return self._asked(method, url, url.copy_with(host=address), body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # The next one is asked first from now on.
                self._addresses = (*self._addresses[1:], address)
        return self._asked(method, url, url.copy_with(host=addresses[-1]), body, headers)

    def _asked(
        self, method: str, url: httpx.URL, where: httpx.URL, body: bytes, headers: httpx.Headers
    ) -> Answer:
        names = {"sni_hostname": url.raw_host.decode("ascii")}
        with self._client.stream(method, where, content=body, headers=headers, extensions=names) as response:
            taken, cut = self._taken(response)
            told = response.headers
            return Answer(
                host=url.host,
                status=response.status_code,
                content_type=told.get("Content-Type", "").partition(";")[0].strip().lower(),
                retry_after_s=retry_after_s(told.get("Retry-After", ""), told.get("Date", "")),
                body=taken,
                cut=cut,
                hide=self._hide,
            )

    def _taken(self, response: httpx.Response) -> tuple[bytes, bool]:
        """What is read of the body as it comes, and whether there is more."""
        taken, until = bytearray(), time.monotonic() + self._timeout_s
        for piece in response.iter_raw():
            taken += piece
            if len(taken) > _MOST_OF_ANSWER:
                return bytes(taken[:_MOST_OF_ANSWER]), True
            if time.monotonic() > until:
                raise httpx.ReadTimeout("the answer has no end")
        return bytes(taken), False

    def _looked_at(self, url: httpx.URL) -> Sequence[str]:
        now = time.monotonic()
        if not self._addresses or now - self._looked_up > _LOOKED_UP_S:
            port = url.port or (443 if url.scheme == "https" else 80)
            found = socket.getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(address[4][0]) for address in found))[:_MOST_ADDRESSES]
            if any(map(refused_address, addresses)):
                raise DeliveryFailed(
                    f"{url.host} leads to where a cloud tells credentials: nothing is sent there"
                )
            # The one that answered last stays first, for its connection is open.
            self._addresses = sorted(addresses, key=lambda one: one not in self._addresses[:1])
            self._looked_up = now
        return self._addresses

    def _words(self, error: Exception) -> str:
        return one_line(self._hide(str(error)))[:_LONGEST_ERROR] or type(error).__name__


def seconds(timeout: model.Duration) -> float:
    """Raises BadSetting for what is no time from 1 s to 1 h."""
    try:
        value = timeout if isinstance(timeout, int) else duration(timeout)
    except ValueError:
        value = 0
    if not 1 <= value <= _LONGEST_TIMEOUT_S:
        raise BadSetting("the timeout cannot be used", hint="write 1s to 1h, such as 30s", field="timeout")
    return float(value)


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(web_url(text))
    except ValueError as error:
        raise BadSetting("the url cannot be used", hint=f"write {error}", field="url") from None
    if url.userinfo:
        raise BadSetting(
            "the url holds a user or a password, and an url is shown",
            hint="write user, and the secret password",
            field="url",
        )
    for name in url.params:
        if _names_a_secret(name):
            raise BadSetting(
                f"the parameter {name[:100]!r} of the url tells a secret, and an url is shown",
                hint="give it as the secret header.NAME, where the receiver takes it as a header",
                field="url",
            )
    return url


def _names_a_secret(name: str) -> bool:
    return is_secret_key(name.encode()) or name.lower() in _CREDENTIALS or _KEYS.search(name) is not None


def _extended(url: httpx.URL, path: str, parameters: Mapping[str, str], *, instead_of: str = "") -> httpx.URL:
    """The URL of the server with this path; one that ends so already stays as it is."""
    own, mark, query = url.raw_path.partition(b"?")
    base = own.rstrip(b"/") if path else own
    for known in filter(None, (path, instead_of)):
        base = base.removesuffix(known.encode())
    return url.copy_with(raw_path=base + path.encode() + mark + query).copy_merge_params(parameters)


def _headers(
    spec: WebSpec, secrets: Mapping[str, str], schemes: Mapping[str, str], own: Sequence[str]
) -> dict[str, str]:
    """Of every request: the user's own, the secret ones, and who asks."""
    given = given_secrets(spec.secrets, secrets)
    taken = _OWN | {name.lower() for name in own}
    if not isinstance(spec, model.ToHttp):  # whose receivers may want a form of their own
        taken |= {"content-type"}
    for field, names in (
        ("headers", spec.headers),
        ("secrets", [name[7:] for name in given if name[:7] == "header."]),
    ):
        for name in names:
            _check_name(field, name, taken)
    secret = {name.removeprefix("header."): value for name, value in secrets.items() if name[:7] == "header."}
    for field, headers in (("headers", spec.headers), ("secrets", secret)):
        for name, value in headers.items():
            _check_value(field, f"the value of the header {name}", value)
    shown = [name for name in spec.headers if _names_a_secret(name)]
    if shown:
        raise BadSetting(
            f"the header {shown[0]} tells a secret, and headers are shown",
            hint=f"write it as the secret header.{shown[0]}",
            field="headers",
        )
    ways = [name for name in given if name in schemes or name.lower() == "header.authorization"]
    authorizations = [*_authorizations(spec, secrets, schemes)]
    authorizations += [value for name, value in secret.items() if name.lower() == "authorization"]
    if len(ways) + bool(spec.user) > 1:
        raise BadSetting(
            "the destination has several ways to say who sends", hint="keep one of them", field="secrets"
        )
    go_together("user", spec.user, "password", given)
    made = httpx.Headers({"User-Agent": f"logkeep/{version('logkeep')}", **spec.headers, **secret})
    made["Accept-Encoding"] = "identity"  # what is read of an answer is bounded as it comes
    if authorizations:
        made["Authorization"] = authorizations[0]
    return dict(made)


def _authorizations(spec: WebSpec, secrets: Mapping[str, str], schemes: Mapping[str, str]) -> Iterable[str]:
    for name, scheme in schemes.items():
        if secrets.get(name):
            _check_value("secrets", f"the secret {name}", secrets[name])
            yield f"{scheme} {secrets[name]}"
    if spec.user:
        if ":" in spec.user or not spec.user.isprintable():
            raise BadSetting("the user cannot be used", hint="write a name without a colon", field="user")
        yield "Basic " + base64.b64encode(f"{spec.user}:{secrets.get('password', '')}".encode()).decode()


def _check_name(field: str, name: str, taken: AbstractSet[str]) -> None:
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING:
        raise BadSetting(
            f"{name[:100]!r} is no header that can be set",
            hint="write another one, or leave it out",
            field=field,
        )
    if name.lower() in taken:
        raise BadSetting(
            f"the header {name} is written by the destination itself", hint="leave it out", field=field
        )


def _check_value(field: str, what: str, value: str) -> None:
    if not _HEADER_VALUE.fullmatch(value):
        raise BadSetting(
            f"{what} cannot be sent",
            hint="write printable ASCII characters, and no space before or after them",
            field=field,
        )


def _hidden(url: httpx.URL, headers: Mapping[str, str], secrets: Mapping[str, str]) -> Iterable[str]:
    """What must not be told, in every form that an answer may repeat it."""
    plain = {value for value in secrets.values() if value}
    plain |= {value for name, value in headers.items() if name.lower() in _CREDENTIALS}
    plain |= {value.partition(" ")[2] for value in plain if value.startswith("Basic ")}
    plain |= {value for value in dict(url.params).values() if len(value) >= _SHORTEST_HIDDEN}
    for value in plain:
        yield from (value, quote(value), quote(value, safe=""), msgspec.json.encode(value).decode()[1:-1])


def _hiding(hidden: Iterable[str]) -> Callable[[str], str]:
    """Longest first: one may be the beginning of another."""
    found = sorted({value for value in hidden if value}, key=len, reverse=True)
    if not found:
        return str
    pattern = re.compile("|".join(map(re.escape, found)))
    return lambda text: pattern.sub("...", text)


def _tls(ca: str, schemes: set[str]) -> ssl.SSLContext | bool:
    """Without TLS there is no certificate to check, and the authorities take long to load."""
    own = _authority(ca) if ca else None
    if "https" not in schemes:
        if ca:
            raise BadSetting(
                "ca does nothing with a url of http", hint="write https, or leave ca out", field="ca"
            )
        return False
    return own or authorities()


def _authority(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, TypeError, ValueError):
        raise BadSetting(
            "ca is no certificate", hint="write PEM text: -----BEGIN CERTIFICATE----- ...", field="ca"
        ) from None


def _proxy(url: httpx.URL) -> httpx.URL | None:
    try:
        return proxy_of(url)
    except ValueError as error:
        raise BadSetting(str(error), hint="look at HTTPS_PROXY and HTTP_PROXY", field="url") from None
