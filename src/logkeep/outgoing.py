"""Requests that the server makes to addresses of its users: through which proxy, and whom to trust."""

from __future__ import annotations

import ssl
import urllib.request
from functools import cache

import httpx


def proxy_of(url: httpx.URL) -> httpx.URL | None:
    """The HTTP proxy that the environment names for this host (HTTPS_PROXY and the like). Raises ValueError
    for one that cannot be used, without its text, which may hold a password."""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.host, proxies):
        return None
    found = proxies.get(url.scheme) or proxies.get("all", "")
    if found and "://" not in found:
        found = f"http://{found}"
    if not found.startswith(("http://", "https://")):
        return None
    try:
        proxy = httpx.URL(found)
        if proxy.host:  # which may be no name that can be read
            return proxy
    except (httpx.InvalidURL, ValueError):
        pass
    raise ValueError("the environment names no proxy that can be used")


@cache
def authorities() -> ssl.SSLContext:
    """Those that httpx brings, or SSL_CERT_FILE names, and the system's."""
    context = httpx.create_ssl_context()  # takes a tenth of a second: once, and not without need
    context.load_default_certs()
    return context
