"""Figures: what a benchmark measured, against its goal."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value. `at_most` says that a value below the goal reaches it; None is no goal."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal


Measure = Callable[[bool], Sequence[Figure]]
"""A benchmark. Told True it takes a few seconds and its values mean nothing."""


def median_ms(times_s: Sequence[float]) -> float:
    return statistics.median(times_s) * 1000


def row(figure: Figure) -> str:
    """A row of a Markdown table: figure, measured, goal, reached, note."""
    sign = "at most" if figure.at_most else "at least"
    goal = "" if figure.goal is None else f"{sign} {number(figure.goal)}"
    verdict = {None: "", True: "yes", False: "**no**"}[figure.reached]
    return f"| {figure.name} | {number(figure.value)} {figure.unit} | {goal} | {verdict} | {figure.note} |"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main(measure: Measure) -> None:
    """The command line of one benchmark: `python -m bench.<name> [--quick] [--json]`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a smoke test of some seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    options = parser.parse_args()
    for figure in measure(options.quick):
        print(msgspec.json.encode(figure).decode() if options.json else row(figure))
        sys.stdout.flush()
