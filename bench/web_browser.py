"""What Chromium makes of the list of lines: how soon they are painted, and how smoothly they scroll."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

from bench.figures import Figure

ROUNDS = 9
_GOAL_MS = 200
_SMOOTH_MS = 50  # of 95 frames in 100: what goes by at 20 frames a second is seen as movement, not as jumps

_LOADED = """() => new Promise(done => {
    const look = () => {
        const state = document.querySelector('#list-state');
        if (state?.textContent.includes('loaded')) done(performance.now());
        else requestAnimationFrame(look);
    };
    look();
})"""

# The page's own modules, with a thousand lines that are there already. The end is when the frame that shows
# them was painted: a task that the frame's callback asks for runs behind its painting.
_RENDER = """async (rounds) => {
    const at = document.querySelector('script[src*="js/logs.js"]').src;
    const { List } = await import(new URL('./logs/list.js', at));
    const { rowElement, rowsOfPage } = await import(new URL('./logs/rows.js', at));
    const answer = await fetch('/v1/search?account=main&from=-26h&limit=1000&marks=true&cursors=true');
    const text = await answer.text();
    const root = document.querySelector('#lines');
    const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const times = [];
    for (let n = 0; n < rounds; n += 1) {
        root.replaceChildren();
        await painted();
        const began = performance.now();
        const rows = rowsOfPage(JSON.parse(text), 'main');
        const list = new List(root, { build: rowElement, rows });
        await painted();
        times.push(performance.now() - began);
        if (rows.length !== 1000) throw new Error(`${rows.length} lines`);
        list.close();
    }
    return times;
}"""

# As somebody who holds the key down: further with every frame, through as many lines as there are wanted.
_SCROLL = """async ({ lines, deadline }) => {
    const state = document.querySelector('#list-state');
    const loaded = () => Number(state.textContent.replace(/\\D/g, ''));
    const frames = [];
    const end = performance.now() + deadline;
    let last = performance.now();
    let passed = 0;
    while (performance.now() < end) {
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
        scrollBy(0, 700);
        const bottom = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
        if (bottom && loaded() >= lines) break;
    }
    return { frames, lines: loaded() };
}"""


def browser_figures(page: Page, *, lines: int, seconds: float) -> Sequence[Figure]:
    """Of a page that shows the site's logs of the last day."""
    return [*_opened(page), *_rendered(page), *_scrolled(page, lines, seconds)]


def _opened(page: Page) -> Sequence[Figure]:
    times = []
    for _ in range(ROUNDS):
        times.append(_open(page))
    return [
        Figure(
            name="page of logs, opened in Chromium",
            value=statistics.median(times),
            unit="ms",
            note=f"until 500 lines are in its list; median of {ROUNDS}, highest {max(times):.0f} ms",
        )
    ]


def _open(page: Page) -> float:
    """Milliseconds from the click to a list that can be scrolled without end."""
    page.goto("/logs?from=-26h", wait_until="commit")
    ms: float = page.evaluate(_LOADED)
    return ms


def _rendered(page: Page) -> Sequence[Figure]:
    times: list[float] = page.evaluate(_RENDER, ROUNDS)
    return [
        Figure(
            name="1,000 lines from the answer to paint",
            value=statistics.median(times),
            unit="ms",
            goal=_GOAL_MS,
            at_most=True,
            note=f"JSON text to painted; median of {ROUNDS}, highest {max(times):.0f} ms",
        )
    ]


def _scrolled(page: Page, lines: int, seconds: float) -> Sequence[Figure]:
    _open(page)
    seen: dict[str, Any] = page.evaluate(_SCROLL, {"lines": lines, "deadline": seconds * 1000})
    frames = sorted(seen["frames"])
    return [
        Figure(
            name=f"a frame while {seen['lines']:,} lines scroll by",
            value=frames[len(frames) * 95 // 100],
            unit="ms",
            goal=_SMOOTH_MS,
            at_most=True,
            note=f"95 of 100; median {statistics.median(frames):.0f} ms, longest {frames[-1]:.0f} ms, "
            f"{len(frames):,} frames; lines are loaded on the way, and nothing but the cores draws",
        )
    ]
