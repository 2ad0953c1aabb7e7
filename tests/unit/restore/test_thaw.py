"""What is frozen, and for how long."""

from __future__ import annotations

import pytest

from logkeep.errors import BadSetting
from logkeep.restore.thaw import Frozen, ThawTier, expected_hours, frozen_among
from logkeep.storage.base import Cold


def cold(key: str, storage_class: str, *, thawing: bool = False) -> Cold:
    return Cold(key=key, storage_class=storage_class, thawing=thawing)


@pytest.mark.parametrize(
    ("storage_class", "tier", "hours"),
    [
        ("GLACIER", "bulk", (5, 12)),
        ("GLACIER", ThawTier.STANDARD, (3, 5)),
        ("GLACIER", "expedited", (1 / 60, 5 / 60)),
        ("ARCHIVE_ACCESS", "standard", (3, 5)),
        ("DEEP_ARCHIVE", "bulk", (0, 48)),
        ("DEEP_ARCHIVE_ACCESS", "standard", (0, 12)),
        ("Archive", "bulk", (0, 15)),
        ("Archive", "standard", (0, 15)),
        ("Archive", "expedited", (0, 1)),
    ],
)
def test_a_thaw_takes_as_long_as_its_provider_says(
    storage_class: str, tier: str, hours: tuple[float, float]
) -> None:
    assert expected_hours(storage_class, tier) == pytest.approx(hours)


@pytest.mark.parametrize(
    ("storage_class", "tier", "says"),
    [
        ("DEEP_ARCHIVE", "expedited", "bulk, standard"),
        ("Archive", "fast", "bulk, standard, expedited"),
        ("GLACIER_IR", "standard", "GLACIER, "),
    ],
)
def test_a_thaw_that_there_is_not_names_those_that_there_are(
    storage_class: str, tier: str, says: str
) -> None:
    with pytest.raises(BadSetting) as failure:
        expected_hours(storage_class, tier)

    assert storage_class in failure.value.message
    assert says in failure.value.hint


def test_of_the_objects_of_a_plan_the_frozen_ones_are_counted() -> None:
    found = {
        one.key: one
        for one in (
            cold("a", "GLACIER"),
            cold("b", "DEEP_ARCHIVE"),
            cold("c", "GLACIER", thawing=True),
            cold("not of the plan", "DEEP_ARCHIVE"),
        )
    }

    assert frozen_among([("a", 1), ("b", 10), ("c", 100), ("warm", 1000)], found, "standard") == Frozen(
        objects=3, bytes=111, thawing=1, by_class={"DEEP_ARCHIVE": 1, "GLACIER": 2}, hours=(3, 12)
    )


def test_without_frozen_objects_there_is_nothing_to_wait_for() -> None:
    assert frozen_among([("a", 1)], {}, "expedited") == Frozen(
        objects=0, bytes=0, thawing=0, by_class={}, hours=None
    )


def test_an_object_that_thaws_takes_no_longer_than_the_slowest_tier() -> None:
    found = {"a": cold("a", "DEEP_ARCHIVE", thawing=True)}

    assert frozen_among([("a", 1)], found, "expedited").hours == (0, 48)


def test_a_class_without_the_tier_is_named_before_anything_is_asked() -> None:
    with pytest.raises(BadSetting, match="DEEP_ARCHIVE has no thaw tier expedited"):
        frozen_among([("a", 1)], {"a": cold("a", "DEEP_ARCHIVE")}, "expedited")
