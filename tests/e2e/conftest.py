from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running server for tests that leave each other's accounts alone."""
    running = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.kill()
