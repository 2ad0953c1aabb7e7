from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from logkeep.retry import retrying
from logkeep.storage.connection import Connection
from logkeep.storage.open import open_connection
from logkeep.storage.s3 import S3Bucket
from tests.unit.storage.s3_recorder import Recorder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A server of its own for the test; no attempt waits for the one before it."""
    assert retrying.__kwdefaults__ is not None
    monkeypatch.setitem(retrying.__kwdefaults__, "sleep", lambda _: None)
    with Recorder() as recorder:
        Thread(target=recorder.serve_forever, args=[0.01], daemon=True).start()
        yield recorder
        recorder.shutdown()


@pytest.fixture
def opened(server: Recorder) -> Callable[..., S3Bucket]:
    """Opens the bucket `logs/prefix` at the recorder, with further options."""

    def with_options(provider: str = "s3", **more: str) -> S3Bucket:
        options = {"bucket": "logs", "prefix": "prefix", "endpoint": server.url, "access_key_id": "key"}
        bucket = open_connection(
            Connection(provider=provider, options=options | more, secrets={"secret_access_key": "hush-hush"})
        )
        assert isinstance(bucket, S3Bucket)
        return bucket

    return with_options


@pytest.fixture
def bucket(opened: Callable[..., S3Bucket]) -> S3Bucket:
    return opened()
