"""One record of the journal: a header of 64 octets, then meta (JSON), then content, padded to 64 octets.

The header carries a check keyed with the segment's random salt, so octets in a mail's content can never pass for a
record when a damaged segment is searched. Sizes in the header are believed only when that check holds.
`unpack` never raises, whatever it is given.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

MAGIC: Final = b"OBXr"
ALIGN: Final = 64
BLOCK: Final = 4096
HEADER: Final = struct.Struct("<4sBBHIIQQQIIQ")  # 56 octets, then the check of 8
HEADER_BYTES: Final = HEADER.size + 8
FIRST: Final = 1  # flag: the first record of its batch
PACKED: Final = 2  # flag: the content is a zlib stream


class Kind(IntEnum):
    """A kind below 128 is critical: a release that does not know it says so. From 128 on it may be skipped."""

    COMMIT = 1  # an item, complete
    CHANGE = 3  # new progress of an item's recipients
    REMOVE = 4  # the item is done
    MARK = 128  # nothing about an item: an orderly stop, gaps already told of


class Stamp(NamedTuple):
    """Where a record belongs. `batch` numbers flushes, `sequence` records; `box` is the box's id in the high and the
    count of its starts in the low 32 bits."""

    generation: int
    sequence: int
    batch: int
    box: int
    first: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    kind: int
    first: bool
    packed: bool
    meta_bytes: int
    content_bytes: int
    sequence: int
    batch: int
    meta_crc: int
    content_crc: int
    box: int

    @property
    def total_bytes(self) -> int:
        return record_bytes(self.meta_bytes, self.content_bytes)


def padded(size: int, to: int = ALIGN) -> int:
    """`size` rounded up."""
    return (size + to - 1) // to * to


def record_bytes(meta_bytes: int, content_bytes: int) -> int:
    return padded(HEADER_BYTES + meta_bytes + content_bytes)


def _check(octets: bytes, salt: bytes) -> bytes:
    return hashlib.blake2b(octets, key=salt, digest_size=8).digest()


def pack(kind: Kind, meta: bytes, content: bytes, stamp: Stamp, salt: bytes, packed: bool = False) -> bytes:
    """A whole record, padding included; `packed` = `content` is a zlib stream."""
    generation, sequence, batch, box, first = stamp
    crcs = zlib.crc32(meta), zlib.crc32(content)
    flags = (FIRST if first else 0) | (PACKED if packed else 0)
    head = HEADER.pack(MAGIC, kind, flags, 0, len(meta), len(content), generation, sequence, batch, *crcs, box)
    size = HEADER_BYTES + len(meta) + len(content)
    return b"".join((head, _check(head, salt), meta, content, bytes(-size % ALIGN)))


def unpack(octets: bytes, salt: bytes, generation: int) -> Header | None:
    """The header at the start of `octets`, or None when there is no intact one of this generation."""
    if len(octets) < HEADER_BYTES or octets[:4] != MAGIC:
        return None
    head = octets[: HEADER.size]
    _, kind, flags, _, meta, content, found, sequence, batch, meta_crc, content_crc, box = HEADER.unpack(head)
    if found != generation or octets[HEADER.size : HEADER_BYTES] != _check(head, salt):
        return None
    return Header(
        kind, bool(flags & FIRST), bool(flags & PACKED), meta, content, sequence, batch, meta_crc, content_crc, box
    )
