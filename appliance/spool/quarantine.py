"""Damaged items: their octets are kept as files beside the segments, for a person to look at.

At most FILES_MAX files are kept; when the card refuses, the item is only shown.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final

from appliance.spool.place import Place
from appliance.spool.recovery import read_piece
from appliance.spool.store import Store

FILES_MAX: Final = 100


def set_aside(store: Store, queue_id: str, place: Place) -> None:
    """Copy what can still be read of the item into quarantine/ID."""
    folder = store.folder / "quarantine"
    with contextlib.suppress(OSError):
        store.files.make_folder(folder)
        if len(store.files.names(folder)) >= FILES_MAX:
            return
        handle = store.files.open(folder / re.sub(r"[^A-Za-z0-9]", "_", queue_id), create=True)
        try:
            offset = 0
            for piece in place.all_pieces():
                octets = read_piece(store, piece)
                store.files.write(handle, octets, offset)
                offset += len(octets)
            store.files.sync(handle)
        finally:
            store.files.close(handle)
