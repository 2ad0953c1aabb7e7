"""Archives of other systems in the settings file. (test_operations_page.py reads the file that is shown.)"""

from __future__ import annotations

from typing import Any

import pytest

from logkeep.declared import declared_archives
from logkeep.errors import BadSetting

PLACE = {"url": "s3://theirs/logs", "region": "eu-west-1"}


def test_a_table_with_a_layout_declares_another_systems_archive() -> None:
    options = {"path": "{year}/*.gz", "lines": 7, "strict": True}
    table = {**PLACE, "layout": "custom", "layout_options": options, "title": "old"}
    (archive,) = declared_archives({"old": table}, environ={})
    assert archive.settings == {
        "title": "old",
        "layout": "custom",
        "layout_options": {"path": "{year}/*.gz", "lines": "7", "strict": "true"},
    }
    assert archive.options == {"region": "eu-west-1"}


def test_a_table_without_a_layout_is_of_ours() -> None:
    (archive,) = declared_archives({"main": PLACE}, environ={})
    assert archive.settings == {"layout": "", "layout_options": {}}


def test_another_systems_archive_is_not_checked_on_a_schedule() -> None:
    for name in ("verify_every", "drill_every"):
        with pytest.raises(BadSetting) as caught:
            declared_archives({"old": {**PLACE, "layout": "mezmo", name: "7d"}}, environ={})
        assert caught.value.field == name


@pytest.mark.parametrize(
    "table",
    [
        {"layout_options": {"path": "x"}},
        {"layout": "custom", "layout_options": "path"},
        {"layout": "custom", "layout_options": {"path": ["x"]}},
        {"layout": ["custom"]},
    ],
)
def test_a_layout_that_cannot_be_read_names_the_table(table: dict[str, Any]) -> None:
    with pytest.raises(BadSetting) as caught:
        declared_archives({"old": {**PLACE, **table}}, environ={})
    assert "[archives.old] layout" in str(caught.value)
    assert caught.value.field.startswith("layout")
