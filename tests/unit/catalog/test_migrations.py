"""The migrations lead to the tables of models.py, and a catalog that is up to date opens without them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from logkeep.catalog.catalog import open_catalog
from logkeep.catalog.models import HEAD, metadata
from logkeep.errors import Overloaded


def test_the_migrated_tables_are_those_of_the_models(tmp_path: Path) -> None:
    open_catalog(f"sqlite:///{tmp_path}/c.sqlite").close()
    engine = create_engine(f"sqlite:///{tmp_path}/c.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_head_names_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "logkeep.catalog:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_catalog_that_is_up_to_date_opens_without_alembic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_catalog(f"sqlite:///{tmp_path}/c.sqlite").close()
    monkeypatch.setitem(sys.modules, "alembic", None)
    open_catalog(f"sqlite:///{tmp_path}/c.sqlite").close()


def test_a_catalog_that_cannot_be_written_is_overloaded_not_a_vendor_error(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="the catalog cannot be used"):
        open_catalog(f"sqlite:///{tmp_path}/missing/c.sqlite")
