"""An S3 server on loopback: `rclone serve s3` over a folder."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logkeep.storage.connection import Connection

NAME = "rclone serve s3"
_BUCKET = "logs"
_KEYS = "BENCHACCESSKEYID", "bench-secret-access-key"
_READY_S = 30.0
_PAUSE_S = 0.02


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Its endpoint, until the block ends. What is put is under `folder`."""
    (folder / "served" / _BUCKET).mkdir(parents=True)
    port = _free_port()
    program = Path(sys.executable).parent / "rclone"
    command: list[str | Path] = [
        program,
        "serve",
        "s3",
        "--config",
        os.devnull,
        "--addr",
        f"127.0.0.1:{port}",
    ]
    command += ["--auth-key", ",".join(_KEYS), "--vfs-cache-mode", "off", folder / "served"]
    with (folder / "rclone.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(server, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def connection_to(endpoint: str, *, prefix: str = "") -> Connection:
    """A fresh prefix of the server's bucket. It has neither conditional puts nor partial reads."""
    return Connection(
        provider="s3",
        options={
            "bucket": _BUCKET,
            "prefix": f"{prefix or 'bench'}-{secrets.token_hex(4)}",
            "endpoint": endpoint,
            "access_key_id": _KEYS[0],
            "atomic_create": "false",
            "range_reads": "false",
        },
        secrets={"secret_access_key": _KEYS[1]},
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError("rclone did not start") from None
            time.sleep(_PAUSE_S)
