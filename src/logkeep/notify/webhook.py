"""Webhook: a notice as a signed POST, tried once.

The signature is that of Stripe's webhooks (docs.stripe.com/webhooks#verify-manually): HMAC-SHA256 with the
shared secret over the time in epoch seconds, a dot and the body, as `t=TIME,v1=HEX`. The time is signed, so
that a receiver can refuse what somebody recorded and sends again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx

from logkeep.catalog.values import Notice
from logkeep.notify.addresses import refused_address, web_url
from logkeep.notify.channel import FEW_TRIES, MOST_TRIES, SENDING_ERRORS, Try
from logkeep.notify.message import notice_id
from logkeep.notify.template import one_line
from logkeep.outgoing import authorities, proxy_of

_WITHIN_S = 10.0  # for all of it: the name, the connection, the answer
_TAKE_S = 1.0
_MOST_OF_ANSWER = 64 << 10
_MOST_ADDRESSES = 4  # of one host
_LONGEST_ERROR = 200
_BUSY = (408, 425, 429)
_GONE = 410


class Webhook:
    """Follows no redirect, reads next to nothing of the answer, and never calls an address at which a
    cloud tells a machine's credentials, whatever name leads there. A proxy of the environment
    (HTTPS_PROXY and the like) is used, and then finds the host itself."""

    def __init__(self, secret: str = "", *, tls: ssl.SSLContext | None = None) -> None:
        self._secret = secret.encode()
        self._tls = tls

    def send(self, notice: Notice, now: int) -> Try:
        return asyncio.run(self._send(notice, now))

    async def _send(self, notice: Notice, now: int) -> Try:
        try:
            url = httpx.URL(web_url(notice.receiver))
        except ValueError:
            return Try(error="its URL cannot be used", most_tries=1)
        try:
            async with asyncio.timeout(_WITHIN_S) as deadline:
                return await self._post(url, _Post(notice, now, deadline))
        except TimeoutError:
            return Try(error=f"{url.host} did not answer within {_WITHIN_S:.0f} s")
        except SENDING_ERRORS as error:
            return Try(error=f"{url.host} cannot be reached: {_words(error, url)}")

    async def _post(self, url: httpx.URL, post: _Post) -> Try:
        try:
            proxy = proxy_of(url)
        except ValueError as error:
            return Try(error=f"{url.host} cannot be reached: {error}")
        if proxy is not None:
            return await self._post_to(url, url, post, connect_s=_WITHIN_S, proxy=proxy)
        addresses = await _addresses(url)
        if any(refused_address(address) for address in addresses):
            return Try(error=f"{url.host} leads to where a cloud tells credentials", most_tries=1)
        connect_s = _WITHIN_S / len(addresses)
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._post_to(url.copy_with(host=address), url, post, connect_s=connect_s)
        return await self._post_to(url.copy_with(host=addresses[-1]), url, post, connect_s=connect_s)

    async def _post_to(
        self,
        where: httpx.URL,
        url: httpx.URL,
        post: _Post,
        *,
        connect_s: float,
        proxy: httpx.URL | None = None,
    ) -> Try:
        """To the address that was looked at: asked for again, the name could lead elsewhere."""
        schemes = {url.scheme, proxy.scheme if proxy is not None else ""}
        async with (
            httpx.AsyncClient(
                # Without TLS there is no certificate to check, and the authorities take long to load.
                verify=(self._tls or authorities()) if "https" in schemes else False,
                proxy=proxy,
                trust_env=False,
                timeout=httpx.Timeout(_WITHIN_S, connect=connect_s),
            ) as client,
            client.stream(
                "POST",
                where,
                content=post.notice.body,
                headers={"Host": url.netloc.decode("ascii"), **self._headers(post.notice, post.now)},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            ) as response,
        ):
            answer = _judged(response, url, post.now)
            post.deadline.reschedule(None)  # there is an answer, and what comes after it does not matter
            await _take(response)
            return answer

    def _headers(self, notice: Notice, now: int) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"logkeep/{version('logkeep')}",
            "X-Logkeep-Event": notice.subject,
            "X-Logkeep-Notice": notice_id(notice),
        }
        if self._secret:
            headers["X-Logkeep-Signature"] = sign(self._secret, notice.body, now // 1000)
        return headers


@dataclass(frozen=True)
class _Post:
    notice: Notice
    now: int
    deadline: asyncio.Timeout


def sign(secret: bytes, body: bytes, at_s: int) -> str:
    """The value of X-Logkeep-Signature."""
    digest = hmac.new(secret, b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def _judged(response: httpx.Response, url: httpx.URL, now: int) -> Try:
    status = response.status_code
    error = f"{url.host} answered {status}"
    if response.is_success:
        return Try()
    if status == _GONE:
        return Try(error=f"{error}: it wants no more of them", most_tries=1)
    if response.is_redirect:
        return Try(error=f"{error}, a redirect, and none is followed", most_tries=FEW_TRIES)
    lasting = 300 <= status < 500 and status not in _BUSY
    wait_s = _retry_after_s(response.headers.get("Retry-After", ""), now)
    return Try(error=error, most_tries=FEW_TRIES if lasting else MOST_TRIES, wait_s=wait_s)


def _retry_after_s(text: str, now: int) -> float:
    """Seconds of a Retry-After (RFC 9110: seconds, or a date); 0.0 for none and for what is neither."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now / 1000)
    except (ValueError, OverflowError):
        return 0.0


async def _addresses(url: httpx.URL) -> Sequence[str]:
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(url.raw_host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))[:_MOST_ADDRESSES]


async def _take(response: httpx.Response) -> None:
    """Some of the answer's body: a receiver may want to see it taken."""
    read = 0
    with suppress(*SENDING_ERRORS):
        async with asyncio.timeout(_TAKE_S):
            async for piece in response.aiter_raw():
                read += len(piece)
                if read > _MOST_OF_ANSWER:
                    break


def _words(error: Exception, url: httpx.URL) -> str:
    """The first line of an error's text, without what the URL holds beside the host."""
    words = one_line(str(error)).replace(str(url), url.host) or type(error).__name__
    for part in (url.password, url.username):
        if part:
            words = words.replace(part, "...")
    return words[:_LONGEST_ERROR]
