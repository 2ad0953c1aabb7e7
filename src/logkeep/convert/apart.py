"""A convert's two places have to be apart: what it writes must not be what it reads, now or when it is run
again, and a new archive must not have another one inside."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from logkeep.errors import BadSetting


def require_apart(source: str, destination: str) -> None:
    """Raises BadSetting when the places, as `place_of` writes them, are the same or one is in the other."""
    (where, parts), (other, other_parts) = _parts(source), _parts(destination)
    if where != other:
        return
    hint = "name another bucket, prefix or folder for DST"
    if parts == other_parts:
        raise BadSetting("SRC and DST are the same place", hint=hint)
    if other_parts[: len(parts)] == parts:
        raise BadSetting("DST is inside of SRC, so its objects would be read as the source's", hint=hint)
    if parts[: len(other_parts)] == other_parts:
        raise BadSetting("SRC is inside of DST, whose archive would have another one in it", hint=hint)


def _parts(place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What bucket it is, and the folders that lead to the place in it."""
    url = urlsplit(place)
    path = unquote(url.path)
    if url.scheme == "file":
        return ("file",), Path(path).resolve().parts
    return (url.scheme, url.netloc, url.query), tuple(path.strip("/").split("/")) if path.strip("/") else ()
