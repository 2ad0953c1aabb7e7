"""What a restore is asked to bring back."""

from __future__ import annotations

from dataclasses import dataclass

from logkeep.errors import InputError
from logkeep.query.parse import parse
from logkeep.timeline import TimeRange

DEFAULT_EXPIRY_S = 5 * 86_400
MAX_EXPIRY_S = 366 * 86_400
MAX_NAME = 200


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """Raises InputError (of which QuerySyntaxError is one) when it cannot be a restore."""

    name: str  # shown to people; it need not be unique
    source: str  # the account whose archives are read
    range: TimeRange
    query: str = ""  # only lines that it matches are restored
    expiry_s: int = DEFAULT_EXPIRY_S  # how long the restored account stays after it is complete
    archive: str = ""  # only this archive of the account is read; "" reads all of them
    any_marker: bool = False  # whether a place may be read whose marker names another account

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME or not self.name.strip():
            raise InputError(
                f"the name of a restore has 1 to {MAX_NAME} characters, not {len(self.name.strip())}",
                hint="give it a name that tells people what it is for",
            )
        if not self.name.isprintable():
            raise InputError("the name of a restore is one line of text without control characters")
        if not 1 <= self.expiry_s <= MAX_EXPIRY_S:
            raise InputError(
                f"a restore may expire after 1 second to {MAX_EXPIRY_S // 86_400} days, not {self.expiry_s} s"
            )
        parse(self.query)
