"""Segments: preallocated files that are overwritten in place, in rotation, oldest first.

A segment's first block names its generation (higher = later) and its salt. Segments are reused in the order of their
generations only: a change or removal record is always in the same or a later segment than the commit it speaks of,
so nothing removed can come back. Raises OSError as the card does.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.spool.files import Files
from appliance.spool.record import BLOCK, HEADER_BYTES, MAGIC, META_MAX_BYTES, Header, padded, unpack

FORMAT: Final = 1
_HEAD: Final = struct.Struct("<8sIIQ16sQ")  # magic, format, 0, generation, salt, size; then a crc32
_MAGIC: Final = b"OUTBOXSG"
_ZEROS: Final = bytes(1 << 20)


class Segment:
    """One file. `cursor` is where the next octet goes; `live` counts octets that items still need; `pins` counts
    drafts that write here. `generation` 0 = empty."""

    def __init__(self, files: Files, path: Path, size: int) -> None:
        self.files, self.path, self.size = files, path, size
        self.number = int(path.stem)
        self.handle = files.open(path)
        self.generation, self.salt, self.cursor, self.live, self.pins = 0, b"", BLOCK, 0, 0
        self.format = FORMAT

    @classmethod
    def make(cls, files: Files, path: Path, size: int) -> Segment:
        """A new file of zeros, written once so that later writes change no metadata."""
        draft = path.with_suffix(".new")
        handle = files.open(draft, create=True)
        try:
            for offset in range(0, size, len(_ZEROS)):
                files.write(handle, _ZEROS[: min(len(_ZEROS), size - offset)], offset)
            files.sync(handle)
        except OSError:
            files.remove(draft)
            raise
        finally:
            files.close(handle)
        files.rename(draft, path)
        files.sync_folder(path.parent)
        return cls(files, path, size)

    def load(self) -> None:
        """Read the first block; a block that is not ours means an empty segment."""
        octets = self.files.read(self.handle, BLOCK, 0)
        if len(octets) < _HEAD.size + 4:
            return
        magic, form, _, generation, salt, _ = _HEAD.unpack_from(octets)
        (crc,) = struct.unpack_from("<I", octets, _HEAD.size)
        if magic == _MAGIC and crc == zlib.crc32(octets[: _HEAD.size]):
            self.format, self.generation, self.salt = form, generation, salt

    def begin(self, generation: int) -> None:
        """Start anew; the block reaches the card with the first flush."""
        salt = os.urandom(16)
        head = _HEAD.pack(_MAGIC, FORMAT, 0, generation, salt, self.size)
        block = head + struct.pack("<I", zlib.crc32(head))
        self.files.write(self.handle, block + bytes(BLOCK - len(block)), 0)
        self.generation, self.salt, self.cursor, self.live = generation, salt, BLOCK, 0

    @property
    def room(self) -> int:
        return self.size - self.cursor

    def take(self, count: int) -> int:
        """Reserve `count` octets, a whole number of blocks, and return where they start."""
        offset = self.cursor
        self.cursor += padded(count, BLOCK)
        return offset

    def scan(self) -> Iterator[tuple[int, Header | None, bytes]]:
        """Every record as (offset, header, meta). Damage gives (offset, None, b""); its neighbours still come."""
        offset, end = BLOCK, BLOCK
        while offset + HEADER_BYTES <= self.size:
            octets = self.files.read(self.handle, BLOCK, offset)
            header = self._fits(unpack(octets, self.salt, self.generation), offset)
            if header is None:
                following = self._search(offset, end)
                if following is None:
                    if any(self._wreck(place) for place in {offset, padded(end, BLOCK)}):
                        yield offset, None, b""
                    break
                if following != padded(end, BLOCK):
                    yield offset, None, b""
                offset = following
                continue
            need = HEADER_BYTES + header.meta_bytes
            if need > len(octets):
                octets = self.files.read(self.handle, need, offset)
            meta = octets[HEADER_BYTES:need]
            yield offset, header, meta if zlib.crc32(meta) == header.meta_crc else b""
            offset = end = offset + header.total_bytes
        self.cursor = padded(end, BLOCK)

    def _fits(self, header: Header | None, offset: int) -> Header | None:
        if header is None or header.meta_bytes > META_MAX_BYTES or offset + header.total_bytes > self.size:
            return None
        return header

    def _wreck(self, offset: int) -> bool:
        """Whether a header of this generation stood here whose check no longer holds."""
        octets = self.files.read(self.handle, HEADER_BYTES, offset)
        return len(octets) == HEADER_BYTES and octets[16:24] == struct.pack("<Q", self.generation)

    def _search(self, offset: int, end: int) -> int | None:
        """The next intact header after `offset`; the next block's start is looked at first."""
        following = padded(end, BLOCK)
        if following >= offset and following + HEADER_BYTES <= self.size:
            head = self.files.read(self.handle, HEADER_BYTES, following)
            if following > offset and unpack(head, self.salt, self.generation):
                return following
        start = offset + 1
        while start < self.size:
            octets = self.files.read(self.handle, (1 << 20) + HEADER_BYTES, start)
            found = octets.find(MAGIC)
            while 0 <= found < 1 << 20:
                at = start + found
                if at % 64 == 0 and unpack(octets[found : found + HEADER_BYTES], self.salt, self.generation):
                    return at
                found = octets.find(MAGIC, found + 1)
            start += 1 << 20
        return None
