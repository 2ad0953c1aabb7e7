"""Places of those who watch: so many of all, fewer of one caller, given back."""

from __future__ import annotations

import pytest

from logkeep.errors import Overloaded
from logkeep.watching import MAX_OF_ONE, MAX_WATCHERS, Places


def test_one_caller_does_not_take_the_places_of_all() -> None:
    places = Places("live tails")
    for _ in range(MAX_OF_ONE):
        places.take("ada")
    with pytest.raises(Overloaded, match="10 of your live tails are open already"):
        places.take("ada")
    places.take("bob")
    places.give_back("ada")
    places.take("ada")


def test_there_are_only_so_many_places() -> None:
    places = Places("live tails")
    for number in range(MAX_WATCHERS):
        places.take(f"user:{number % 20}")
    with pytest.raises(Overloaded, match="100 live tails are open already"):
        places.take("user:20")
    places.give_back("user:0")
    places.take("user:20")
