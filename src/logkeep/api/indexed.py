"""Waiting for the index, for requests that would miss lines which it does not hold yet."""

from __future__ import annotations

import time

from logkeep.api.services import Services
from logkeep.errors import Overloaded

_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.02


def wait_until_indexed(services: Services) -> None:
    """Return when all that the spool holds now is indexed. Raises Overloaded when that takes too long."""
    last = services.spool.last_seq()
    end = time.monotonic() + _PATIENCE_S
    services.index_worker.wake()
    while services.spool.indexed_upto() < last:
        if time.monotonic() > end:
            raise Overloaded("the index is behind what was accepted", hint="see: logkeep archive status")
        time.sleep(_LOOK_EVERY_S)
