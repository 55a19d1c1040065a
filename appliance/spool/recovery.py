"""A start: reads the headers and meta of every record, oldest first, and says which items wait and what is damaged.

Contents are not read, but for those of the last batch, which a power cut may have torn. Damage never raises and never
hides a neighbour: records carry consecutive numbers, so a missing one is noticed. OSError comes out when the card
cannot be read at all.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from appliance.core.item import QueueItem
from appliance.core.item_data import from_data, progress_from
from appliance.spool.place import Piece, Place, read_piece
from appliance.spool.record import BLOCK, Header, Kind
from appliance.spool.segment import Segment
from appliance.spool.store import Store


class Gap(NamedTuple):
    """Records after number `after` and before `before` are missing; they lay from `start` to `end` of the segment.
    The next intact record is of `batch` and is its `first`, or not."""

    after: int
    before: int
    batch: int
    first: bool
    segment: int
    start: int
    end: int


@dataclass(slots=True)
class Found:
    """What a start found. `gaps` are flushed records that are damaged, not told of before; `told` those that were;
    `torn` = the last write was cut off before anybody was told 250; `void` are the commits that it spoilt, `earlier`
    the items as they were before a later commit of the same id (a move)."""

    items: dict[str, QueueItem] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    told: set[tuple[int, int]] = field(default_factory=set)
    torn: bool = False
    void: list[str] = field(default_factory=list)
    earlier: dict[str, tuple[QueueItem, Place]] = field(default_factory=dict)
    unknown_kinds: set[int] = field(default_factory=set)
    last: list[str] = field(default_factory=list)
    sequence: int = 0
    batch: int = 0
    box: int = 0
    end: int = BLOCK


def recover(store: Store) -> Found:
    """Read all record segments of `store` (already loaded)."""
    found = Found()
    for segment in store.log:
        found.sequence = found.sequence or segment.start - 1
        found.end = BLOCK
        for offset, header, meta in segment.scan():
            _note_gap(found, segment, offset, header)
            if header.batch > found.batch:
                found.batch, found.last = header.batch, []
            found.sequence, found.box, found.end = max(found.sequence, header.sequence), header.box, offset
            if meta is None or not _take(found, segment, offset, header, meta):
                number, end = header.sequence, offset + header.total_bytes
                found.gaps.append(Gap(number - 1, number + 1, header.batch, False, segment.number, offset, end))
            found.end = offset + header.total_bytes
    found.torn = bool(store.log) and store.log[-1].wrecked(store.log[-1].cursor)
    _judge(found)
    for queue_id in found.last:
        if queue_id in found.places and not intact(store, found.places[queue_id]):
            found.torn = True
            found.void.append(queue_id)
            _take_back(found, queue_id)
    for place in found.places.values():
        place.count(store, 1)
    return found


def _take_back(found: Found, queue_id: str) -> None:
    """The last commit of that id does not count."""
    found.items.pop(queue_id, None)
    found.places.pop(queue_id, None)
    if queue_id in found.earlier:
        found.items[queue_id], found.places[queue_id] = found.earlier.pop(queue_id)


def _note_gap(found: Found, segment: Segment, offset: int, header: Header) -> None:
    if header.sequence > found.sequence + 1:
        end = max(offset, found.end)
        found.gaps.append(
            Gap(found.sequence, header.sequence, header.batch, header.first, segment.number, found.end, end)
        )


def _judge(found: Found) -> None:
    """Drop the gaps that are no loss: told of before, or within the last batch, whose flush did not return."""
    kept = []
    for gap in found.gaps:
        if (gap.after, gap.before) in found.told:
            continue
        if gap.batch == found.batch and not gap.first:
            found.torn = True
            found.told.add((gap.after, gap.before))
        else:
            kept.append(gap)
    found.gaps = kept


def _take(found: Found, segment: Segment, offset: int, header: Header, meta: bytes) -> bool:
    """Apply one record; False when its meta makes no sense."""
    try:
        _apply(found, segment, offset, header, json.loads(meta))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return False
    return True


def _apply(found: Found, segment: Segment, offset: int, header: Header, data: dict[str, Any]) -> None:
    if header.kind == Kind.COMMIT:
        item = from_data(data["item"])
        pieces = tuple(Piece(*row) for row in data.get("pieces", ()))
        if item.queue_id in found.items:
            found.earlier[item.queue_id] = found.items.pop(item.queue_id), found.places.pop(item.queue_id)
        found.items[item.queue_id] = item
        raw = max(1, item.size_bytes - sum(piece.size for piece in pieces)) if header.packed else 0
        found.places[item.queue_id] = Place(
            segment.number, offset, header.meta_bytes, header.content_bytes, header.content_crc, pieces, raw
        )
        found.last.append(item.queue_id)
    elif header.kind == Kind.REMOVE:
        found.items.pop(data["id"], None)
        found.places.pop(data["id"], None)
        found.earlier.pop(data["id"], None)
    elif header.kind == Kind.CHANGE:
        if (old := found.items.get(data["id"])) is not None:
            apply_change(old, data)
            found.places[data["id"]].merge(data)
    elif header.kind == Kind.MARK:
        found.told.update((int(after), int(before)) for after, before in data.get("told", ()))
        for queue_id in data.get("void", ()):
            _take_back(found, queue_id)
    elif header.kind < Kind.MARK:
        found.unknown_kinds.add(header.kind)


def apply_change(item: QueueItem, data: dict[str, Any]) -> None:
    """A CHANGE record's data onto the item."""
    for index, change in data.get("set", {}).items():
        recipient = item.progress[int(index)].recipient
        item.progress[int(index)] = progress_from(recipient, change)
    if "held" in data:
        item.held = str(data["held"])


def intact(store: Store, place: Place) -> bool:
    """Whether the content lies there as it was written. Reads it; raises OSError."""
    return all(zlib.crc32(read_piece(store, piece)) == piece.crc for piece in place.parts())
