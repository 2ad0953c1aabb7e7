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
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.web.chromium import NARROW, WIDE, chromium, program
from tests.web.furnished import Furnished, furnished_by_hand
from tests.web.pages import EXAMPLES
from tests.web.shown import SHOWN, Picture
from tests.web.visits import Visits
from tests.web.watch import Watch

_ROOT = Path(__file__).parents[2]
BUILD = _ROOT / "build" / "screenshots"
KEPT = _ROOT / "docs" / "screenshots"
_MOST_BYTES = 150_000  # of one that is kept
_SETTLED_MS = 400  # what a page does by itself when it is there: nobody but a picture waits for it


def pictures() -> Iterator[Picture]:
    """First those of the README, for which others of the same name make way."""
    yield from SHOWN
    taken = {one.file for one in SHOWN}
    for example in EXAMPLES:
        for one in (
            Picture(example.name, example.url, "light", WIDE, 800, example.who),
            Picture(example.name, example.url, "dark", WIDE, 800, example.who),
            Picture(example.name, example.url, "dark", NARROW, 844, example.who),
        ):
            if one.file not in taken:
                yield one


def take(furnished: Furnished, browser: Browser, wanted: Sequence[Picture], folder: Path) -> None:
    """What a window shows of each."""
    folder.mkdir(parents=True, exist_ok=True)
    watch = Watch()
    with Visits(browser, {}) as visits:
        for one in wanted:
            page = visits.open(furnished.server, one.who, watch=watch, scheme=one.scheme, width=one.width)
            page.set_viewport_size({"width": one.width, "height": one.height})
            page.goto(one.url(furnished), wait_until="load")
            one.use(page)
            expect(page.get_by_text("Counting values")).to_have_count(0)
            page.wait_for_timeout(_SETTLED_MS)
            page.screenshot(path=folder / one.file)
            page.context.close()


def keep(files: Sequence[str]) -> None:
    KEPT.mkdir(exist_ok=True)
    for file in files:
        size = (BUILD / file).stat().st_size
        if size > _MOST_BYTES:
            sys.exit(f"{file} has {size:,} bytes, and one that is kept may have {_MOST_BYTES:,}")
        shutil.copy(BUILD / file, KEPT / file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of pictures; all when none is given")
    names: list[str] = parser.parse_args().names
    wanted = [one for one in pictures() if not names or any(name in one.file for name in names)]
    path = program()
    if path is None:
        sys.exit("Chromium is not installed (Debian: apt install chromium)")
    with (
        tempfile.TemporaryDirectory(prefix="logkeep-") as folder,
        furnished_by_hand(Path(folder)) as furnished,
        chromium(path) as browser,
    ):
        take(furnished, browser, wanted, BUILD)
    keep([one.file for one in SHOWN if one in wanted])
    print(f"{len(wanted)} pictures are in {BUILD}")


if __name__ == "__main__":
    main()
