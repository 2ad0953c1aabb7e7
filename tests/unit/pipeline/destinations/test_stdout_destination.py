from __future__ import annotations

import io
import os

import pytest

from logkeep.errors import DeliveryFailed
from logkeep.pipeline.destinations.base import Batch, Sent
from logkeep.pipeline.destinations.stdout import StdoutDestination
from logkeep.pipeline.model import ToStdout

BATCH = Batch((b'{"_line":"a"}\n', b'{"_line":"b"}\n'))


def test_lines_are_written_as_they_are() -> None:
    written: list[bytes] = []
    assert StdoutDestination(ToStdout(), written.append).send(BATCH) == Sent()
    assert written == [b'{"_line":"a"}\n{"_line":"b"}\n']


def test_a_pipe_that_nobody_reads_is_a_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with io.FileIO(writing, "wb") as pipe:
        target = StdoutDestination(ToStdout(), lambda data: void(pipe.write(data)))
        with pytest.raises(DeliveryFailed, match="Broken pipe"):
            target.send(BATCH)
    with pytest.raises(DeliveryFailed, match="closed file"):
        target.send(BATCH)


def void(_: object) -> None:
    """A write that returns nothing."""
