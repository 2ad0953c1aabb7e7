"""What a browser calls itself, as people call it: `Firefox on Windows`."""

from __future__ import annotations

# In this order: most browsers call themselves by the names of others, too.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_LONGEST = 40


def browser_name(agent: str) -> str:
    """From a User-Agent header: the browser and its system; of other programs the beginning of it."""
    browser = next((name for part, name in _BROWSERS if part in agent), "")
    if not browser:
        return agent[:_LONGEST] or "unknown"
    system = next((name for part, name in _SYSTEMS if part in agent), "")
    return f"{browser} on {system}" if system else browser
