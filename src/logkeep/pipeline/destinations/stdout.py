"""The server's standard output: canonical lines, for whoever reads what the process says."""

from __future__ import annotations

from collections.abc import Callable

from logkeep.errors import DeliveryFailed
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.model import ToStdout


class StdoutDestination:
    """`write` returns when all of it is written out. What reads the other end of a pipe may lose it still."""

    whole_frames = False

    def __init__(self, spec: ToStdout, write: Callable[[bytes], None]) -> None:
        del spec  # there is nothing to set
        self._write = write

    def send(self, batch: Batch) -> Sent:
        try:
            self._write(batch.payload)
        except (OSError, ValueError) as error:  # ValueError: it was closed on our side
            raise DeliveryFailed(
                f"the standard output takes nothing: {error}",
                hint="check what the server's output is piped to, and start the server again",
            ) from error
        return Sent()

    def close(self) -> None:
        """The output belongs to the server."""
