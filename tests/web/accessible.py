"""Whether a page can be used by people who do not see it, or see it otherwise, going by axe-core."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_AXE = Axe()
# What WCAG 2.2 AA demands, and what axe-core holds for good practice.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now: the rule, and where."""
    results = _AXE.run(page, options=_RULES).response
    return [
        f"{found['id']} ({found['help']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for found in results["violations"]
        for node in found["nodes"]
    ]


def assert_accessible(page: Page) -> None:
    found = violations(page)
    assert not found, f"{page.url}:\n" + "\n".join(found)


def assert_fits(page: Page) -> None:
    """Nothing sticks out to the right, so that nobody has to scroll sideways. Names what does."""
    wide = page.evaluate(
        """() => {
            const room = document.documentElement.clientWidth;
            const whole = document.documentElement.scrollWidth;
            const out = one => one.getBoundingClientRect().left + one.scrollWidth > room + 1;
            const name = one => `${one.tagName.toLowerCase()}.${one.className}`;
            if (whole <= room) return [];
            const names = [...document.querySelectorAll('body *')].filter(out).map(name);
            return [`${whole} of ${room} px`, ...names];
        }"""
    )
    assert wide == [], f"{page.url} is wider than the window: {wide}"
