"""Where an item lies on the card: its commit record with the inline content, and the pieces of a large content."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from appliance.spool.record import HEADER_BYTES, record_bytes
from appliance.spool.store import Store, piece_bytes


class Piece(NamedTuple):
    """Octets of content: `size` of them at `offset` of segment number `segment`. `raw` = they are packed, and so many
    octets long when unpacked."""

    segment: int
    offset: int
    size: int
    crc: int
    raw: int = 0

    @property
    def length(self) -> int:
        """Octets of content that it stands for."""
        return self.raw or self.size


@dataclass(slots=True)
class Place:
    """The commit record is at `offset` of segment number `segment`; content = its inline part, then `pieces`.
    `inline_raw` = that part is packed (see Piece). `changes` is what CHANGE records said since."""

    segment: int
    offset: int
    meta_bytes: int
    inline_bytes: int
    inline_crc: int
    pieces: tuple[Piece, ...] = ()
    inline_raw: int = 0
    changes: dict[str, Any] | None = None

    def parts(self) -> Iterator[Piece]:
        start = self.offset + HEADER_BYTES + self.meta_bytes
        yield Piece(self.segment, start, self.inline_bytes, self.inline_crc, self.inline_raw)
        yield from self.pieces

    @property
    def content_bytes(self) -> int:
        return sum(part.length for part in self.parts())

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
    """Its octets as they lie there, unchecked; empty when its segment is gone. Raises OSError."""
    segment = store.segments.get(piece.segment)
    return store.files.read(segment.handle, piece.size, piece.offset) if segment else b""


def content_of(piece: Piece, octets: bytes) -> bytes | None:
    """What `octets`, read for `piece`, stand for; None when they are not what was written."""
    if zlib.crc32(octets) != piece.crc:
        return None
    return unpacked(octets, piece.raw) if piece.raw else octets


def packed(content: bytes) -> bytes | None:
    """A shorter form of `content`, or None when there is none."""
    octets = zlib.compress(content, 1)
    return octets if len(octets) < len(content) else None


def unpacked(octets: bytes, raw: int) -> bytes | None:
    """`raw` octets, or None when it is not exactly that; never makes more than that."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(octets, raw)
    except zlib.error:
        return None
    return content if len(content) == raw and not stream.unconsumed_tail else None
