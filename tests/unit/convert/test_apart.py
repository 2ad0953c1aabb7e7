from __future__ import annotations

from pathlib import Path

import pytest

from logkeep.convert.apart import require_apart
from logkeep.errors import BadSetting


@pytest.mark.parametrize(
    ("source", "destination", "said"),
    [
        ("s3://logs/a", "s3://logs/a", "SRC and DST are the same place"),
        ("s3://logs", "s3://logs/a/b", "DST is inside of SRC"),
        ("gs://logs/a/b", "gs://logs/a", "SRC is inside of DST"),
        ("azure://account/box", "azure://account/box/new", "DST is inside of SRC"),
        ("s3://logs/a%20b?endpoint=http://x", "s3://logs/a%20b/c?endpoint=http://x", "DST is inside of SRC"),
        ("file:///data/logs", "file:///data/logs/new", "DST is inside of SRC"),
        ("file:///data/logs", "file:///data", "SRC is inside of DST"),
    ],
)
def test_places_of_which_one_is_in_the_other_are_refused(source: str, destination: str, said: str) -> None:
    with pytest.raises(BadSetting) as caught:
        require_apart(source, destination)
    assert caught.value.message.startswith(said)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        ("s3://logs/a", "s3://logs/ab"),
        ("s3://logs", "s3://other/logs"),
        ("s3://logs", "gs://logs/a"),
        ("s3://logs?endpoint=http://here", "s3://logs/a"),
        ("azure://one/box", "azure://two/box/a"),
        ("file:///data/logs", "file:///data/logs-new"),
    ],
)
def test_places_apart_are_fine(source: str, destination: str) -> None:
    require_apart(source, destination)
    require_apart(destination, source)


def test_a_folder_is_what_its_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "logs")
    with pytest.raises(BadSetting, match="DST is inside of SRC"):
        require_apart((tmp_path / "logs").as_uri(), (tmp_path / "link" / "new").as_uri())
