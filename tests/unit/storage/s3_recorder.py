"""An S3 server that keeps what it is asked and answers as it was told to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit


def contents(key: str) -> str:
    rest = "<LastModified>2026-11-20T09:00:00Z</LastModified><Size>1</Size>"
    return f"<Contents><Key>{key}</Key>{rest}</Contents>"


MORE = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
LISTINGS = {
    "": f"<ListBucketResult>{contents('prefix/a')}{MORE}</ListBucketResult>",
    "prefix/a": f"<ListBucketResult>{contents('prefix/b')}</ListBucketResult>",
    "prefix/b": "<ListBucketResult></ListBucketResult>",
}
STARTED = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
COMPLETED = '<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>'


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """`code` makes the XML of an error unless there is a `body`; `lost` hangs up instead of answering."""

    status: int = 200
    code: str = ""
    more: str = ""  # further elements of the error
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False

    def text(self) -> str:
        return self.body or (self.code and f"<Error><Code>{self.code}</Code>{self.more}</Error>")


class Recorder(ThreadingHTTPServer):
    """Keeps each request, and gives the answers of its kind in order; when there are none left, the usual.

    Kinds: put, start, part, complete, abort, delete, head, list (a page but the first), page (any page),
    restore, sts.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[Asked] = []
        self.answers: dict[str, list[Answer]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, kind: str) -> list[Asked]:
        return [one for one in self.requests if kind_of(one) == kind]

    def answer(self, kind: str) -> Answer:
        waiting = self.answers.get(kind)
        return waiting.pop(0) if waiting else USUAL.get(kind, Answer())


USUAL = {
    "start": Answer(body=STARTED),
    "complete": Answer(body=COMPLETED),
    "abort": Answer(204),
    "delete": Answer(204),
    "head": Answer(404),
}


def kind_of(asked: Asked) -> str:
    query = dict(parse_qsl(urlsplit(asked.path).query, keep_blank_values=True))
    if asked.method == "PUT":
        return "part" if "partNumber" in query else "put"
    if asked.method == "POST" and not query:
        return "sts"
    if asked.method == "POST" and "restore" in query:
        return "restore"
    if asked.method == "POST":
        return "start" if "uploads" in query else "complete"
    if asked.method == "DELETE":
        return "abort" if "uploadId" in query else "delete"
    return "head" if asked.method == "HEAD" else "list"


class Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.server.requests.append(asked)
        kind = kind_of(asked)
        self._send(self._listing() if kind == "list" else self.server.answer(kind))

    def _listing(self) -> Answer:
        """Two keys, a page each."""
        if self.server.answers.get("page"):
            return self.server.answer("page")
        query = dict(parse_qsl(urlsplit(self.path).query))
        first = not query.keys() & {"start-after", "continuation-token"}
        after = query.get("start-after", "" if first else "prefix/a")
        wanted = Answer() if first else self.server.answer("list")
        return wanted if wanted.status != 200 else Answer(body=LISTINGS[after])

    def _send(self, answer: Answer) -> None:
        if answer.lost:
            self.close_connection = True
            return
        body = answer.text().encode()
        self.send_response(answer.status)
        for name, value in {"ETag": '"1"', "Content-Length": str(len(body)), **answer.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass
