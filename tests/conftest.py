"""What tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from logkeep.index.engine import ChdbEngine
from tests.contract.azure_servers import Azurite, serving_azurite
from tests.contract.s3_servers import (
    ACCESS_KEY,
    SECRET_KEY,
    GuardedS3,
    free_port,
    guarded,
    program,
    serving,
    serving_moto,
)
from tests.e2e.server import Server

# A slow machine is no counterexample.
settings.register_profile("logkeep", deadline=None)
settings.load_profile("logkeep")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Compressed bytes make no name that can be read, and no two runs make the same: gzip writes the time."""
    return argname if isinstance(val, bytes) and val.startswith(b"\x1f\x8b") else None


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """An engine over an empty folder. A process has one engine at a time, and some tests open their own:
    so this one belongs to a module and is closed with it."""
    opened = ChdbEngine(tmp_path_factory.mktemp("index"))
    yield opened
    opened.close()


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers over a data folder of the test; all are gone when it ends."""
    made: list[Server] = []

    def make(**settings: str) -> Server:
        server = Server(tmp_path / "data", **settings)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture(scope="session")
def moto_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="session")
def guarded_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedS3]:
    """A second moto server: one that checks permissions checks them for everyone."""
    with serving_moto(tmp_path_factory.mktemp("guarded")) as url:
        yield guarded(url)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Azurite]:
    with serving_azurite(tmp_path_factory.mktemp("azurite"), pytestconfig.cache.mkdir("azurite")) as running:
        yield running


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = free_port(), tmp_path_factory.mktemp("rclone")
    (folder / "served").mkdir()
    command = [program("rclone"), "serve", "s3", "--config", os.devnull, "--addr", f"127.0.0.1:{port}"]
    command += ["--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--vfs-cache-mode", "writes"]
    command += ["--cache-dir", str(folder / "cache"), str(folder / "served")]
    with serving(command, port, folder / "log") as url:
        yield url


@pytest.fixture
def s3_options() -> Callable[[str], dict[str, str]]:
    def options(endpoint: str) -> dict[str, str]:
        return {
            "endpoint": endpoint,
            "region": "us-east-1",
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }

    return options
