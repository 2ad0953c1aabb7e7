"""Exit codes of every command, in one place. docs/cli.md shows this table."""

from __future__ import annotations

from logkeep import errors
from logkeep.cli.unreachable import Unreachable

OK = 0
NEGATIVE = 1
USAGE = 2
REFUSED = 3
UNREACHABLE = 4
TEMPORARY = 5
STORAGE = 6
INTERNAL = 70
INTERRUPTED = 130

MEANINGS = {
    OK: "done; for `grep` and `search`: something was found",
    NEGATIVE: (
        "the command ran and its answer is no: `verify` found something wrong, `grep` or `search` found "
        "nothing, `send` had lines refused, a restore that was waited for did not become ACTIVE or DONE, or "
        "did not write every line, `demo` found a mismatch, `archive test`, `verify` or `drill` failed"
    ),
    USAGE: "a wrong option, time, query, setting or file name",
    REFUSED: (
        "refused: key or token missing, wrong or not allowed; not found; not possible in this state; "
        "too large"
    ),
    UNREACHABLE: "no server answers at the URL",
    TEMPORARY: "overloaded or out of space for now; the same command may work later",
    STORAGE: "the bucket or folder refuses, or its content is damaged",
    INTERNAL: "an error inside logkeep",
    INTERRUPTED: "interrupted (Ctrl-C)",
}

# Looked up from the first; a class stands before its parents.
_CODES: tuple[tuple[type[errors.LogkeepError], int], ...] = (
    (errors.InputError, USAGE),
    (errors.Unauthorized, REFUSED),
    (errors.Forbidden, REFUSED),
    (errors.NotFound, REFUSED),
    (errors.Conflict, REFUSED),
    (errors.TooLarge, REFUSED),
    (Unreachable, UNREACHABLE),
    (errors.Overloaded, TEMPORARY),
    (errors.StorageUnavailable, TEMPORARY),
    (errors.StorageError, STORAGE),
    (errors.DamagedArchive, STORAGE),
)


def exit_code(error: errors.LogkeepError) -> int:
    return next((code for kind, code in _CODES if isinstance(error, kind)), INTERNAL)
