"""One record of the journal: a header of 64 octets, then meta (JSON), then content, padded to 64 octets.

The header carries a keyed check (the key is the segment's random salt), so octets in a mail's content can never pass
for a record when a damaged segment is searched. Sizes in the header are believed only when that check holds.
`find` and `unpack` never raise on damaged input.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAGIC: Final = b"OBXr"
ALIGN: Final = 64
BLOCK: Final = 4096
HEADER: Final = struct.Struct("<4sBBHIIQQQIIQ")  # 56 octets, then the check of 8
HEADER_BYTES: Final = HEADER.size + 8
META_MAX_BYTES: Final = 64 << 20


class Kind(IntEnum):
    """A kind below 128 is critical: a release that does not know it sets the record aside and says so. From 128 on
    it may be skipped."""

    COMMIT = 1  # an item, complete
    CHUNK = 2  # a piece of a large content; real only when a COMMIT names it
    CHANGE = 3  # new progress of an item's recipients
    REMOVE = 4  # the item is done


@dataclass(frozen=True, slots=True)
class Header:
    """`generation` is the segment's when the record was written; `batch` numbers flushes; `sequence` records."""

    kind: int
    meta_bytes: int
    content_bytes: int
    generation: int
    sequence: int
    batch: int
    meta_crc: int
    content_crc: int
    box: int

    @property
    def total_bytes(self) -> int:
        return padded(HEADER_BYTES + self.meta_bytes + self.content_bytes)


def padded(size: int, to: int = ALIGN) -> int:
    """`size` rounded up."""
    return (size + to - 1) // to * to


def _check(octets: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(octets, key=salt, digest_size=8).digest()


def pack(kind: Kind, meta: bytes, content: bytes, at: tuple[int, int, int, int], salt: bytes) -> bytes:
    """A whole record; `at` is (generation, sequence, batch, box)."""
    generation, sequence, batch, box = at
    crcs = zlib.crc32(meta), zlib.crc32(content)
    head = HEADER.pack(MAGIC, kind, 0, 0, len(meta), len(content), generation, sequence, batch, *crcs, box)
    body = b"".join((head, _check(head, salt), meta, content))
    return body + bytes(padded(len(body)) - len(body))


def unpack(octets: bytes, salt: bytes, generation: int) -> Header | None:
    """The header at the start of `octets`, or None when there is no intact one of this generation."""
    if len(octets) < HEADER_BYTES or octets[:4] != MAGIC:
        return None
    head = octets[: HEADER.size]
    _, kind, _, _, meta, content, found, sequence, batch, meta_crc, content_crc, box = HEADER.unpack(head)
    if found != generation or octets[HEADER.size : HEADER_BYTES] != _check(head, salt):
        return None
    return Header(kind, meta, content, found, sequence, batch, meta_crc, content_crc, box)
