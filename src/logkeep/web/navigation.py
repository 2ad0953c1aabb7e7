"""The head of every page: its sections, and the pages of each."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.web.visit import Me


@dataclass(frozen=True)
class Tab:
    path: str
    label: str
    role: str = "read-only"  # who sees it


@dataclass(frozen=True)
class Section:
    name: str  # what a template's block `area` begins with
    label: str
    tabs: tuple[Tab, ...]

    @property
    def path(self) -> str:
        return self.tabs[0].path


SECTIONS = (
    Section("logs", "Logs", (Tab("/logs", "Logs"),)),
    Section(
        "archiving",
        "Archiving",
        (
            Tab("/archiving/browse", "Browse"),
            Tab("/archiving/restore", "Restore"),
            Tab("/archiving/pipeline-restoration", "Pipeline restoration"),
            Tab("/restored-accounts", "Restored accounts"),
            Tab("/archiving/settings", "Archive settings"),
        ),
    ),
    Section("pipelines", "Pipelines", (Tab("/pipelines", "Pipelines"),)),
    Section(
        "settings",
        "Settings",
        (
            Tab("/settings/profile", "Profile"),
            Tab("/settings/tokens", "API tokens"),
            Tab("/settings/accounts", "Accounts"),
            Tab("/settings/users", "Users", "admin"),
            Tab("/settings/audit", "Audit log", "admin"),
        ),
    ),
)


def tabs(section: str, me: Me | None) -> tuple[Tab, ...]:
    """The pages of a section that this person may open."""
    if me is None:
        return ()
    found = next((one for one in SECTIONS if one.name == section), None)
    return () if found is None else tuple(tab for tab in found.tabs if me.may(tab.role))
