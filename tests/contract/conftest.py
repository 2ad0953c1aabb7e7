"""The server of Google that the tests of buckets run against, once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.gcs_servers import GcsEmulator, gcs_program, serving_google_tokens
from tests.contract.s3_servers import free_port, serving


@pytest.fixture(scope="session")
def gcs_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsEmulator]:
    port, folder = free_port(), tmp_path_factory.mktemp("gcs")
    address = f"127.0.0.1:{port}"
    command = [gcs_program(), "-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"]
    command += ["-port", str(port), "-external-url", f"http://{address}", "-public-host", address]
    with serving(command, port, folder / "log") as endpoint, serving_google_tokens() as tokens:
        yield GcsEmulator(endpoint, tokens)
