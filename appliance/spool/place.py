"""Where an item lies on the card: its commit record with the inline content, and the pieces of a large content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from appliance.spool.record import HEADER_BYTES, Header, padded
from appliance.spool.segment import Segment


class Piece(NamedTuple):
    """Content octets of one record: `offset` is the record's, `size` the content's."""

    segment: int
    offset: int
    size: int
    crc: int
    meta_bytes: int = 0


@dataclass(slots=True)
class Place:
    """`inline` is the commit record itself (its content may be empty); `changes` what CHANGE records said since."""

    inline: Piece
    pieces: tuple[Piece, ...]
    changes: dict[str, Any] | None = None

    @classmethod
    def of(cls, segment: Segment, offset: int, header: Header, pieces: tuple[Piece, ...]) -> Place:
        inline = Piece(segment.number, offset, header.content_bytes, header.content_crc, header.meta_bytes)
        return cls(inline, pieces)

    def all_pieces(self) -> Iterator[Piece]:
        yield self.inline
        yield from self.pieces

    def sizes(self) -> Iterator[tuple[int, int]]:
        """(segment, octets) of every record that the item needs."""
        for piece in self.all_pieces():
            yield piece.segment, padded(HEADER_BYTES + piece.meta_bytes + piece.size)

    def merge(self, change: dict[str, Any]) -> None:
        """Remember a CHANGE record's data, the newest for each recipient."""
        kept = self.changes or {}
        kept["set"] = kept.get("set", {}) | change.get("set", {})
        if "held" in change:
            kept["held"] = change["held"]
        self.changes = kept
