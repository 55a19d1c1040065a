"""A segment: a file of zeros made once, then overwritten in place again and again.

Its first block says, twice (a damaged octet spoils one copy only), which generation of its life this is, whether it
holds records (LOG) or pieces of large contents (DATA), a salt, the number of its first record, and the floor: all LOG
segments of a lower generation are dead. `begin` flushes that block before anything else is written, so a segment on
the card is always entirely the old one or the new one. Raises OSError as the card does.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

from appliance.spool.files import Files
from appliance.spool.record import ALIGN, BLOCK, HEADER_BYTES, MAGIC, Header, padded, unpack

FORMAT: Final = 1
_HEAD: Final = struct.Struct("<8sIIQQQ16s")  # magic, format, role, generation, floor, start, salt; a crc32
_MAGIC: Final = b"OUTBOXSG"
_COPIES: Final = (0, 2048)
_ZEROS: Final = bytes(1 << 18)
_WINDOW: Final = 1 << 20


class Role(IntEnum):
    EMPTY = 0
    LOG = 1
    DATA = 2
    NEWER = 3  # of a release to come: left alone
    DAMAGED = 4  # no longer readable: left alone


class Segment:
    """`cursor` is where the next octet goes; `live` counts octets that items still need; `pins` whoever is writing
    here and not yet counted in `live`; `faults` failed flushes: what was written before one is not to be trusted."""

    def __init__(self, files: Files, path: Path) -> None:
        self.files, self.path = files, path
        self.number = int(path.stem)
        self.handle = files.open(path)
        self.size = files.size(self.handle) // BLOCK * BLOCK
        self.role, self.generation, self.floor, self.start, self.salt = Role.EMPTY, 0, 0, 0, b""
        self.cursor, self.live, self.pins, self.faults = BLOCK, 0, 0, 0

    @classmethod
    def make(cls, files: Files, path: Path, size: int) -> Segment:
        """A new file of zeros, flushed piece by piece so that no commit waits behind all of it."""
        draft = path.with_suffix(".new")
        try:
            handle = files.open(draft, create=True)
            try:
                for offset in range(0, size, len(_ZEROS)):
                    files.write(handle, _ZEROS[: min(len(_ZEROS), size - offset)], offset)
                    files.sync(handle)
            finally:
                files.close(handle)
            files.rename(draft, path)
            files.sync_folder(path.parent)
        except OSError:
            for leftover in (draft, path):
                with contextlib.suppress(OSError):
                    files.remove(leftover)
            raise
        return cls(files, path)

    def load(self) -> None:
        """Read the first block. Magic, format, role and generation have their place in every format, so that an older
        release never gives a generation of a newer one again."""
        newer = 0
        block = self.files.read(self.handle, BLOCK, 0)
        for at in _COPIES:
            head = block[at : at + _HEAD.size + 4]
            if len(head) < _HEAD.size + 4 or head[:8] != _MAGIC:
                continue
            _, form, role, generation, floor, start, salt = _HEAD.unpack(head[:-4])
            if form > FORMAT:
                newer = max(newer, min(generation, 1 << 62))
                continue
            intact = zlib.crc32(head[:-4]) == int.from_bytes(head[-4:], "little")
            if intact and role in (Role.LOG, Role.DATA) and generation > self.generation:
                self.role, self.generation, self.floor = Role(role), generation, floor
                self.start, self.salt = start, salt
        if self.role is Role.EMPTY and newer:
            self.role, self.generation = Role.NEWER, newer
        if self.role is Role.EMPTY and block.strip(b"\0"):
            self.role = Role.DAMAGED

    def begin(self, role: Role, generation: int, floor: int, start: int) -> None:
        """A new life; flushed when this returns."""
        salt = os.urandom(16)
        head = _HEAD.pack(_MAGIC, FORMAT, role, generation, floor, start, salt)
        copy = (head + zlib.crc32(head).to_bytes(4, "little")).ljust(_COPIES[1], b"\0")
        self.files.write(self.handle, copy + copy, 0)
        self.files.sync(self.handle)
        self.role, self.generation, self.floor, self.start = role, generation, floor, start
        self.salt, self.cursor = salt, BLOCK

    @property
    def room(self) -> int:
        return self.size - self.cursor

    def take(self, count: int) -> int:
        """Reserve whole blocks for `count` octets and return where they start."""
        offset = self.cursor
        self.cursor += padded(count, BLOCK)
        return offset

    def scan(self) -> Iterator[tuple[int, Header, bytes | None]]:
        """Every intact record as (offset, header, meta), meta None when damaged. Sets the cursor behind the last."""
        self.cursor = BLOCK
        found = self._next(BLOCK)
        while found is not None:
            offset, header = found
            meta = self.files.read(self.handle, header.meta_bytes, offset + HEADER_BYTES)
            yield offset, header, meta if zlib.crc32(meta) == header.meta_crc else None
            end = offset + header.total_bytes
            self.cursor = padded(end, BLOCK)
            found = self._next(end)

    def _next(self, offset: int) -> tuple[int, Header] | None:
        """The record at `offset`, else at the next block, where a new batch starts, else the next that is found."""
        for place in (offset, padded(offset, BLOCK)):
            if header := self._header(self.files.read(self.handle, HEADER_BYTES, place), place):
                return place, header
        start = offset
        while start < self.size:
            octets = self.files.read(self.handle, _WINDOW, start)
            at = octets.find(MAGIC)
            while at >= 0:
                if at % ALIGN == 0 and (header := self._header(octets[at : at + HEADER_BYTES], start + at)):
                    return start + at, header
                at = octets.find(MAGIC, at + 1)
            start += _WINDOW
        return None

    def wrecked(self, offset: int) -> bool:
        """Whether a record of this generation began there whose header no longer holds."""
        octets = self.files.read(self.handle, HEADER_BYTES, offset)
        return octets[16:24] == self.generation.to_bytes(8, "little")

    def meta(self, offset: int) -> bytes | None:
        """The meta of the record at `offset`, None when damaged."""
        header = self._header(self.files.read(self.handle, HEADER_BYTES, offset), offset)
        if header is None:
            return None
        meta = self.files.read(self.handle, header.meta_bytes, offset + HEADER_BYTES)
        return meta if zlib.crc32(meta) == header.meta_crc else None

    def _header(self, octets: bytes, offset: int) -> Header | None:
        header = unpack(octets, self.salt, self.generation)
        return header if header and offset + header.total_bytes <= self.size else None
