"""Where a browser is sent after it signed in: to a page of this server, whatever a link asks for."""

from __future__ import annotations

from urllib.parse import urlsplit

FIRST_PAGE = "/"
_LONGEST = 2000  # characters; a query and its range fit in
_NO_PAGES = ("/sign-in", "/sign-out", "/setup/", "/invite/", "/oidc/", "/v1/")


def local_path(text: str) -> str:
    """The path and query themselves, if every browser takes them for this server's; else the first page.

    Browsers read `\\` as `/`, drop tabs and line breaks, and take `//host` for another server."""
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or "\\" in text or " " in text:
        return FIRST_PAGE
    if not text.startswith("/") or text.startswith("//"):
        return FIRST_PAGE
    try:
        parts = urlsplit(text)
    except ValueError:
        return FIRST_PAGE
    if parts.scheme or parts.netloc or parts.path.startswith(_NO_PAGES):
        return FIRST_PAGE
    return text
