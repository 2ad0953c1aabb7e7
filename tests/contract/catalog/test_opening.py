"""What a catalog can be opened with."""

from __future__ import annotations

import pytest

from logkeep.catalog.catalog import open_catalog
from logkeep.errors import BadSetting


@pytest.mark.parametrize("bad", ["catalog.sqlite", "sqlite://", "mysql://host/db", ""])
def test_a_url_that_names_no_catalog_is_a_bad_setting(bad: str) -> None:
    with pytest.raises(BadSetting, match="sqlite:///path"):
        open_catalog(bad)
