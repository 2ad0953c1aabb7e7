"""The picture of a pipeline: everything has its place, and lines lead from one part to the next."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from logkeep.web.flow import Node, Parts, Picture, parts_of, tall, trouble_of, wide


def source(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "http", "title": "", "events": 1234, **more}


def processor(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "filter",
        "events_in": 10,
        "events_out": 8,
        "notes": {},
        "problem": "",
        **more,
    }


def destination(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "file",
        "state": "ok",
        "delivered": 8,
        "refused": 0,
        "dropped": 0,
        "waiting": {"events": 0},
        "dead_letters": 0,
        **more,
    }


def parts(sources: int, processors: int, destinations: int) -> Parts:
    return parts_of(
        {
            "sources": [source(f"s{number}") for number in range(sources)],
            "processors": [processor(f"p{number}") for number in range(processors)],
            "destinations": [destination(f"d{number}") for number in range(destinations)],
        }
    )


def overlaps(one: Node, other: Node) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def inside(picture: Picture) -> bool:
    return all(
        node.x >= 0
        and node.y >= 0
        and node.x + node.width <= picture.width
        and node.y + node.height <= picture.height
        for node in picture.nodes
    )


@pytest.mark.parametrize("draw", [wide, tall])
@pytest.mark.parametrize("numbers", [(1, 0, 1), (3, 0, 2), (2, 7, 3), (5, 1, 1), (1, 2, 9)])
def test_parts_stand_apart_and_inside_of_the_picture(draw: Any, numbers: tuple[int, int, int]) -> None:
    picture = draw(parts(*numbers))
    assert len(picture.nodes) == sum(numbers)
    assert inside(picture)
    assert not any(overlaps(one, other) for one, other in combinations(picture.nodes, 2))


@pytest.mark.parametrize("draw", [wide, tall])
def test_lines_lead_over_all_processors_in_order(draw: Any) -> None:
    picture = draw(parts(2, 3, 2))
    assert len(picture.lines) == 2 + 2 + 2  # into the first, between them, out of the last


@pytest.mark.parametrize("draw", [wide, tall])
def test_without_processors_each_source_leads_to_each_destination(draw: Any) -> None:
    picture = draw(parts(2, 0, 3))
    assert len(picture.lines) == 6
    assert [heading.text for heading in picture.headings] == ["Sources", "Destinations"]


def test_a_tall_picture_fits_a_phone() -> None:
    assert tall(parts(2, 7, 3)).width <= 330


def test_a_pipeline_is_told_in_words_with_its_troubles() -> None:
    told = parts_of(
        {
            "sources": [source("in", title="Storefront")],
            "processors": [processor("parse-1", notes={"failed": 2}, problem="no JSON")],
            "destinations": [destination("away", state="failing", delivered=0, waiting={"events": 9})],
        }
    ).told
    assert told == (
        "Sources: Storefront (http): 1,234 events. "
        "Processors: parse-1 (filter): 10 in, 8 out, 2 failed, problem. "
        "Destinations: away (file): 0 delivered, 9 waiting, failing."
    )


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, ""),
        ({"state": "idle"}, ""),
        ({"state": "failing"}, "failing"),
        ({"state": "full"}, "full"),
        ({"state": "ending"}, "ending"),
        ({"dead_letters": 3}, "dead letters"),
    ],
)
def test_trouble_has_a_word(given: dict[str, Any], word: str) -> None:
    assert trouble_of(destination("d", **given)).word == word


def test_long_names_are_cut_and_hostile_ones_made_visible() -> None:
    node = parts_of({"sources": [source("in", title="x‮" * 60)], "processors": [], "destinations": []})
    (one,) = node.sources
    assert len(one.short_name) <= 30
    assert "‮" not in one.told
