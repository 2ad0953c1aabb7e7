from __future__ import annotations

import pytest

from logkeep.archive.foreign.layouts import LAYOUTS, layout_of
from logkeep.errors import BadSetting

NAMES = [
    "logkeep", "lines", "mezmo", "mezmo-daily", "mezmo-pipeline", "logzio", "datadog", "papertrail", "vector",
    "fluentbit", "otel", "otel-any", "firehose", "firehose-any", "cloudwatch", "cribl", "sumo",
    "edgedelta", "coralogix",
]  # fmt: skip


def test_every_layout_has_its_name_and_a_title() -> None:
    assert list(LAYOUTS) == NAMES
    assert all(layout_of(name).title for name in NAMES)
    assert all(layout.margin_ms >= 0 for layout in LAYOUTS.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "key",
    [
        "logzio-verified", "exportedlogs/aws-logs-write-test", "_manifest/a.json", "a/",
        "_filter/year=2026/month=01/day=01/a.2026-01-01.0000.bin",
    ],
)  # fmt: skip
def test_no_layout_takes_markers_and_sidecars(name: str, key: str) -> None:
    assert layout_of(name).hint(key) is None


@pytest.mark.parametrize("key", ["logs/index_20260101.log.gz", "logs/archive-metadata.json"])
def test_names_that_only_some_system_gives_to_sidecars_are_objects_of_the_others(key: str) -> None:
    custom = layout_of("custom", {"path": "logs/**"})
    assert all(layout.hint(key) is not None for layout in (custom, layout_of("lines"), layout_of("logzio")))


def test_an_unknown_name_and_an_option_too_many_are_named() -> None:
    with pytest.raises(BadSetting, match="no layout 'splunk'") as caught:
        layout_of("splunk")
    assert caught.value.field == "layout"
    with pytest.raises(BadSetting, match="takes no option 'path'"):
        layout_of("datadog", {"path": "x"})
