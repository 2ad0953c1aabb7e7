"""An identity provider over HTTP whose every answer a test can bend: it gives out what no good one does."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import Key, RSAKey

CLIENT, SECRET = "logkeep", "a secret of the client"


def key(kid: str | None) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"} if kid else {"use": "sig"}, auto_kid=False)


FIRST = key("first")


@dataclass
class HandMadeProvider:
    url: str
    signing: Key = field(default_factory=lambda: FIRST)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256"})
    claims: dict[str, Any] = field(default_factory=dict)  # what differs from a good token; None leaves it out
    metadata: dict[str, Any] = field(default_factory=dict)  # what differs from good metadata
    userinfo: dict[str, Any] = field(default_factory=dict)
    token_answer: tuple[int, bytes] | None = None
    make_token: Any = None  # (header, claims) -> the token, instead of signing it
    requests: list[str] = field(default_factory=list)
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # code: what the browser brought

    def __post_init__(self) -> None:
        self.published: list[dict[str, Any]] = [dict(self.signing.as_dict(private=False))]

    def sign_with(self, key: Key, *, publish: bool = True) -> None:
        self.signing = key
        if publish:
            self.published = [dict(key.as_dict(private=False))]

    def let_in(self, url: str) -> dict[str, str]:
        """The browser comes with `url`, somebody signs in: the query parameters that it comes back with."""
        wanted = dict(parse_qsl(urlsplit(url).query))
        code = secrets.token_urlsafe(8)
        self.asked[code] = wanted
        return {"code": code, "state": wanted["state"]}

    def answer(self, method: str, path: str, headers: Any, body: str) -> tuple[int, bytes]:
        self.requests.append(f"{method} {path}")
        if path == "/.well-known/openid-configuration":
            return _json(self._metadata())
        if path == "/jwks":
            return _json({"keys": self.published})
        if path == "/token":
            return self.token_answer or self._tokens(headers, dict(parse_qsl(body)))
        if path == "/userinfo" and headers["Authorization"] == "Bearer access":
            return _json(self.userinfo)
        return 404, b"no such page"

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            **self.metadata,
        }

    def _tokens(self, headers: Any, form: dict[str, str]) -> tuple[int, bytes]:
        if not self._is_client(headers, form):
            return 401, b'{"error": "invalid_client"}'
        wanted = self.asked.pop(form["code"], None)
        if wanted is None or wanted["redirect_uri"] != form["redirect_uri"]:
            return 400, b'{"error": "invalid_grant"}'
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (wanted["code_challenge"], wanted["code_challenge_method"]) != (challenge, "S256"):
            return 400, b'{"error": "invalid_grant"}'
        return _json({"access_token": "access", "token_type": "Bearer", "id_token": self._id_token(wanted)})

    def _is_client(self, headers: Any, form: dict[str, str]) -> bool:
        methods = self.metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if methods == ["client_secret_post"]:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        return bool(headers["Authorization"] == f"Basic {basic}")

    def _id_token(self, wanted: dict[str, str]) -> str:
        now = int(time.time())
        good = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": wanted["nonce"],
            "email": "ada@example.org",
            "email_verified": True,
        }
        claims = {name: value for name, value in (good | self.claims).items() if value is not None}
        kid = self.signing.get("kid")
        header = ({"kid": kid} if kid else {}) | self.header
        if self.make_token:
            return str(self.make_token(header, claims))
        return jwt.encode(header, claims, self.signing, algorithms=[header["alg"]])


def _json(value: object) -> tuple[int, bytes]:
    return 200, json.dumps(value).encode()


@contextmanager
def hand_made_provider() -> Iterator[HandMadeProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, body: str) -> None:
            status, answer = provider.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = HandMadeProvider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield provider
        server.shutdown()
        thread.join()


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)
