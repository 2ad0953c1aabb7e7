"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from logkeep.index.engine import ChdbEngine

# A slow machine is no counterexample.
settings.register_profile("logkeep", deadline=None)
settings.load_profile("logkeep")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChdbEngine]:
    """An engine over an empty folder. A process has one engine at a time, and some tests open their own:
    so this one belongs to a module and is closed with it."""
    opened = ChdbEngine(tmp_path_factory.mktemp("index"))
    yield opened
    opened.close()
