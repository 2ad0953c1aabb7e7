from __future__ import annotations

from pathlib import Path

from starlette.routing import Route

from logkeep.api.application import ROUTES

TEXT = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()


def test_the_documented_paths_are_the_real_ones() -> None:
    paths = {route.path for route in ROUTES if isinstance(route, Route)}
    missing = [path for path in paths if path not in TEXT and f"…/{path.rsplit('/', 1)[1]}" not in TEXT]
    assert missing == []
