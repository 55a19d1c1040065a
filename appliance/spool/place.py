"""Where an item lies on the card: its commit record with the inline content, and the pieces of a large content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from appliance.spool.record import HEADER_BYTES, record_bytes
from appliance.spool.store import Store, piece_bytes


class Piece(NamedTuple):
    """Octets of content: `size` of them at `offset` of segment number `segment`."""

    segment: int
    offset: int
    size: int
    crc: int


@dataclass(slots=True)
class Place:
    """The commit record is at `offset` of segment number `segment`; content = its inline part, then `pieces`.
    `changes` is what CHANGE records said since."""

    segment: int
    offset: int
    meta_bytes: int
    inline_bytes: int
    inline_crc: int
    pieces: tuple[Piece, ...] = ()
    changes: dict[str, Any] | None = None

    def parts(self) -> Iterator[Piece]:
        yield Piece(self.segment, self.offset + HEADER_BYTES + self.meta_bytes, self.inline_bytes, self.inline_crc)
        yield from self.pieces

    @property
    def content_bytes(self) -> int:
        return self.inline_bytes + sum(piece.size for piece in self.pieces)

    def count(self, store: Store, sign: int) -> None:
        """Tell the store (in the loop or before it runs) what the item needs (1) or no longer needs (-1)."""
        store.count(self.segment, sign * record_bytes(self.meta_bytes, self.inline_bytes))
        for piece in self.pieces:
            store.count(piece.segment, sign * piece_bytes(piece.size))

    def merge(self, change: dict[str, Any]) -> None:
        """Remember a CHANGE record's data, the newest for each recipient."""
        kept = self.changes or {}
        kept["set"] = kept.get("set", {}) | change.get("set", {})
        if "held" in change:
            kept["held"] = change["held"]
        self.changes = kept


def read_piece(store: Store, piece: Piece) -> bytes:
    """Its octets, unchecked; empty when its segment is gone. Raises OSError."""
    segment = store.segments.get(piece.segment)
    return store.files.read(segment.handle, piece.size, piece.offset) if segment else b""
