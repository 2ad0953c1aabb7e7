"""Style sheets and modules: served under a path that changes with them, so browsers may keep them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
_LONG = "public, max-age=31536000, immutable"


class _Kept(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = _LONG
        return answer


class Static:
    """The files of a folder. Modules import each other by relative paths, so one hash stands for all."""

    def __init__(self, folder: Path = FOLDER) -> None:
        digest = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
        self._prefix = f"/static/{digest.hexdigest()[:12]}"
        self.mount = Mount(self._prefix, _Kept(directory=folder), name="static")

    def url(self, path: str) -> str:
        return f"{self._prefix}/{path}"
