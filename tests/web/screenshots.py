"""Pictures of every page of a furnished site, light and dark, and as a phone shows it.

`make screenshots`, or `python -m tests.web.screenshots [PART OF A NAME]`, puts them into build/screenshots.
Those that the README shows are put into docs/screenshots as well.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

from tests.web.chromium import NARROW, WIDE, Scheme, chromium, program
from tests.web.furnished import Furnished, furnished_by_hand
from tests.web.pages import EXAMPLES, Example
from tests.web.visits import Visits
from tests.web.watch import Watch

_ROOT = Path(__file__).parents[2]
BUILD = _ROOT / "build" / "screenshots"
KEPT = _ROOT / "docs" / "screenshots"
KEPT_BYTES = 200_000  # of each at most

# What the README shows.
KEEP: Sequence[str] = (
    "logs-light.png",
    "logs-dark-narrow.png",
    "browse-light.png",
    "browse-object-dark.png",
    "archive-settings-of-one-light.png",
)


@dataclass(frozen=True)
class Shot:
    example: Example
    scheme: Scheme
    width: int

    @property
    def file(self) -> str:
        size = "" if self.width == WIDE else "-narrow"
        return f"{self.example.name}-{self.scheme}{size}.png"


def shots() -> Iterator[Shot]:
    for example in EXAMPLES:
        yield Shot(example, "light", WIDE)
        yield Shot(example, "dark", WIDE)
        yield Shot(example, "dark", NARROW)


def take(furnished: Furnished, browser: Browser, wanted: Sequence[Shot], folder: Path) -> None:
    """What a window shows of each page."""
    folder.mkdir(parents=True, exist_ok=True)
    watch = Watch()
    with Visits(browser, {}) as visits:
        for shot in wanted:
            page = visits.open(
                furnished.server, shot.example.who, watch=watch, scheme=shot.scheme, width=shot.width
            )
            # Pages that tell of what goes on keep a connection open, so the network never falls silent.
            page.goto(shot.example.url(furnished), wait_until="load")
            page.wait_for_timeout(300)
            page.screenshot(path=folder / shot.file)
            page.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of pictures; all when none is given")
    names: list[str] = parser.parse_args().names
    wanted = [shot for shot in shots() if not names or any(name in shot.file for name in names)]
    path = program()
    if path is None:
        sys.exit("Chromium is not installed (Debian: apt install chromium)")
    with (
        tempfile.TemporaryDirectory() as folder,
        furnished_by_hand(Path(folder)) as furnished,
        chromium(path) as browser,
    ):
        take(furnished, browser, wanted, BUILD)
    for shot in wanted:
        if shot.file in KEEP:
            KEPT.mkdir(exist_ok=True)
            shutil.copy(BUILD / shot.file, KEPT / shot.file)
    print(f"{len(wanted)} pictures are in {BUILD}")


if __name__ == "__main__":
    main()
