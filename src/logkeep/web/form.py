"""What a person sent with a form, bounded and proven to come from a page of ours."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from logkeep.api.callers import check_origin
from logkeep.errors import BadBody, Forbidden, TooLarge

MAX_BYTES = 2 * 1024 * 1024  # a pipeline's text and pasted lines fit in
MAX_FIELDS = 1000
TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field


class Form:
    """The fields of a form, in order. Texts are stripped of blanks around them unless asked for raw."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def text(self, name: str, default: str = "") -> str:
        return self.raw(name, default).strip()

    def raw(self, name: str, default: str = "") -> str:
        return next((value for key, value in reversed(self._fields) if key == name), default)

    def checked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self.raw(name) not in ("", "false", "0")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name]

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """All fields but the token, to carry them on as hidden ones."""
        return (pair for pair in self._fields if pair[0] != TOKEN_FIELD)


async def read_form(request: Request, token: str) -> Form:
    """The form that came. Raises Forbidden unless it carries the token and comes from a page of this
    server, BadBody and TooLarge for what no form of ours sends."""
    check_origin(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadBody(f"a form of type {kind[:64]!r} came", hint="send application/x-www-form-urlencoded")
    body = await _body(request)
    form = Form(_fields(body))
    if not hmac.compare_digest(form.raw(TOKEN_FIELD).encode("utf-8", "replace"), token.encode()):
        raise Forbidden(
            "the form is not of this session, and was not carried out",
            hint="open the page again and send the form once more",
        )
    return form


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise TooLarge(f"the form has more than {MAX_BYTES} bytes", hint="send less at once")
    except ClientDisconnect:  # nobody reads the answer
        raise BadBody("the browser went away in the middle of the form") from None
    return body


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:  # not UTF-8, or too many fields
        raise BadBody(f"the form cannot be read: {error}") from None
