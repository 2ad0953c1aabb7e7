"""The catalogs that these promises hold for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from logkeep.catalog.catalog import Catalog, open_catalog


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:///{tmp_path}/catalog.sqlite"


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    opened = open_catalog(url)
    yield opened
    opened.close()
