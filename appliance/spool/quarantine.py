"""Damaged items and places: what can be read of them is kept as files beside the segments, for a person to look at.

At most FILES_MAX files of at most FILE_MAX_BYTES; when the card refuses, the damage is only counted and shown.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import Final

from appliance.spool.store import Store

FILES_MAX: Final = 100
FILE_MAX_BYTES: Final = 64 << 20


class Quarantine:
    """`names` are the damaged things, of this and of earlier runs."""

    def __init__(self, store: Store) -> None:
        self._store, self._folder = store, store.folder / "quarantine"
        self.names: set[str] = set()
        with contextlib.suppress(OSError):
            self.names.update(store.files.names(self._folder))

    def add(self, name: str, parts: Iterable[bytes]) -> None:
        """Keep `parts` under `name`; once only. Called in a worker thread or before the start."""
        name = re.sub(r"[^A-Za-z0-9-]", "_", name)[:100]
        known = name in self.names
        self.names.add(name)
        files = self._store.files
        if known or len(self.names) > FILES_MAX:
            return
        with contextlib.suppress(OSError):
            files.make_folder(self._folder)
            handle = files.open(self._folder / name, create=True)
            try:
                offset = 0
                for octets in parts:
                    if offset + len(octets) > FILE_MAX_BYTES:
                        break
                    files.write(handle, octets, offset)
                    offset += len(octets)
                files.sync(handle)
            finally:
                files.close(handle)
