"""A start: reads the headers of every segment, oldest first, and says which items wait and what is damaged.

Contents are not read, but for those of the last batch, which may have been torn. Nothing raises on damage; OSError
comes out when the card cannot be read at all.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from appliance.core.item import QueueItem
from appliance.core.item_data import from_data, progress_from
from appliance.spool.place import Piece, Place
from appliance.spool.record import HEADER_BYTES, Header, Kind
from appliance.spool.segment import Segment
from appliance.spool.store import Store


@dataclass(slots=True)
class Found:
    """What a start found. `damage` has one line for each damaged place."""

    items: dict[str, QueueItem] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    last: list[tuple[int, str]] = field(default_factory=list)
    sequence: int = 0
    batch: int = 0
    box: int = 0


def recover(store: Store) -> Found:
    """Read all segments of `store` (already loaded)."""
    found = Found()
    for segment in store.used():
        if segment.format > 1:
            continue
        for offset, header, meta in segment.scan():
            _take(store, found, segment, offset, header, meta)
    for batch, queue_id in found.last:
        if batch == found.batch and queue_id in found.places and not intact(store, found.places[queue_id]):
            found.damage.append(f"item {queue_id}: its content was cut off by a power cut")
            del found.places[queue_id], found.items[queue_id]
    for place in found.places.values():
        store_live(store, place, 1)
    return found


def store_live(store: Store, place: Place, sign: int) -> None:
    """Count what `place` needs of its segments, or no longer needs."""
    with store.lock:
        for number, size in place.sizes():
            store.segments[number].live += sign * size


def _take(store: Store, found: Found, segment: Segment, offset: int, header: Header | None, meta: bytes) -> None:
    where = f"segment {segment.number} at {offset}"
    if header is None:
        found.damage.append(f"{where}: no readable record")
        return
    found.sequence = max(found.sequence, header.sequence)
    found.batch = max(found.batch, header.batch)
    found.box = header.box
    if header.kind == Kind.CHUNK or header.kind >= 128:
        return
    try:
        data = json.loads(meta)
        _apply(found, segment, offset, header, data)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        found.damage.append(f"{where}: damaged record")


def _apply(found: Found, segment: Segment, offset: int, header: Header, data: dict[str, Any]) -> None:
    if header.kind == Kind.COMMIT:
        item = from_data(data["item"])
        pieces = tuple(Piece(*row) for row in data.get("chunks", ()))
        found.items.pop(item.queue_id, None)
        found.items[item.queue_id] = item
        found.places[item.queue_id] = Place.of(segment, offset, header, pieces)
        if len(found.last) > 1 and found.last[-1][0] != header.batch:
            found.last.clear()
        found.last.append((header.batch, item.queue_id))
    elif header.kind == Kind.REMOVE:
        found.items.pop(data["id"], None)
        found.places.pop(data["id"], None)
    elif header.kind == Kind.CHANGE:
        if (old := found.items.get(data["id"])) is not None:
            apply_change(old, data)
            found.places[data["id"]].merge(data)
    else:
        raise ValueError("a record of a kind that this release does not know")


def apply_change(item: QueueItem, data: dict[str, Any]) -> None:
    """A CHANGE record's data onto the item."""
    for index, change in data.get("set", {}).items():
        recipient = item.progress[int(index)].recipient
        item.progress[int(index)] = progress_from(recipient, change)
    if "held" in data:
        item.held = str(data["held"])


def intact(store: Store, place: Place) -> bool:
    """Whether the content lies there as it was written."""
    return all(zlib.crc32(read_piece(store, piece)) == piece.crc for piece in place.all_pieces())


def read_piece(store: Store, piece: Piece) -> bytes:
    """The octets of one piece; empty when its segment is gone. Raises OSError."""
    segment = store.segments.get(piece.segment)
    if segment is None:
        return b""
    return store.files.read(segment.handle, piece.size, piece.offset + HEADER_BYTES + piece.meta_bytes)
