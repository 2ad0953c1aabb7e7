from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server


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
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running server for tests that leave each other's accounts alone."""
    running = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.kill()
