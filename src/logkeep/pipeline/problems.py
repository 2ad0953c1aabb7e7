"""What is wrong with a pipeline, collected so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from logkeep.errors import BadPipeline

WHOLE = "pipeline"  # the path of the pipeline itself
_MOST = 100  # told at once
_LONGEST_KEY = 100  # characters of a key that are shown


def no_lines(path: str) -> int:
    """Where there is no text."""
    del path
    return 0


class Problems:
    """`line_of` gives the line in the text of a path."""

    def __init__(self, line_of: Callable[[str], int] = no_lines) -> None:
        self._line_of = line_of
        self._found: list[Mapping[str, object]] = []

    def add(self, path: str, message: str, hint: str, *, line: int | None = None) -> None:
        """`line` for what stands elsewhere than its path says."""
        if len(self._found) < _MOST:
            number = self._line_of(path) if line is None else line
            self._found.append({"path": path, "line": number, "message": message, "hint": hint})

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raises BadPipeline with all of them, in the order of their lines."""
        if self._found:
            raise self.error()

    def error(self) -> BadPipeline:
        """All of them; there is one at least."""
        return BadPipeline(sorted(self._found, key=_line))


def below(path: str, key: str | int) -> str:
    """The path of a member: `destinations[1].batch`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    shown = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}..."
    shown = shown if shown and shown.isprintable() else ascii(shown)
    return shown if path == WHOLE else f"{path}.{shown}"


def choose(word: str, known: Sequence[str], what: str) -> str:
    """A hint for a word that is none of the known ones; `what` says what these are."""
    close = get_close_matches(word, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}{what}: {', '.join(known)}"


def _line(problem: Mapping[str, object]) -> int:
    line = problem["line"]
    return line if isinstance(line, int) else 0
