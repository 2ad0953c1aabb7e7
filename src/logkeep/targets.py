"""From a target's row to its bucket."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from logkeep.catalog.values import Target
from logkeep.storage.base import Bucket
from logkeep.storage.connection import Connection
from logkeep.vault import Vault

_KEPT_OPEN = 1024  # more than a server has archives; only a bound


class _Opened(NamedTuple):
    options: bytes
    secret: bytes
    bucket: Bucket


class Buckets:
    """Opens the buckets of targets, and keeps them open until their connection changes. Safe from any
    thread."""

    def __init__(self, vault: Vault, open_connection: Callable[[Connection], Bucket]) -> None:
        self._vault = vault
        self._open = open_connection
        self._opened: OrderedDict[int, _Opened] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, target: Target) -> Bucket:
        """Raises BadSetting when no key of the vault opens its secrets, or its settings cannot be used."""
        options = msgspec.json.encode([target.provider, dict(target.options)], order="sorted")
        with self._lock:
            opened = self._opened.get(target.id)
            if opened is None or (opened.options, opened.secret) != (options, target.secret):
                opened = _Opened(options, target.secret, self._open(self.connection(target)))
                self._opened[target.id] = opened
            self._opened.move_to_end(target.id)
            while len(self._opened) > _KEPT_OPEN:
                self._opened.popitem(last=False)
        return opened.bucket

    def connection(self, target: Target) -> Connection:
        """How the target is reached, secrets included."""
        secrets = self._vault.open(target.secret) if target.secret else {}
        return Connection(provider=target.provider, options=target.options, secrets=secrets)
