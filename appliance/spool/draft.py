"""A message on its way to the card, and the content of one that is there.

A content of at most INLINE_MAX_BYTES waits in memory and goes out with its commit record, in one write; a larger one
streams out in chunks as it arrives, which mean nothing until the commit record names them. What the card refuses is
a 4yz reply, never an exception.
"""

from __future__ import annotations

import asyncio
import errno
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from appliance.core.envelope import Arrival, Envelope
from appliance.core.item import QueueItem
from appliance.core.reply import Reply
from appliance.ports import DamagedContent
from appliance.spool.place import Piece, Place
from appliance.spool.recovery import read_piece
from appliance.spool.segment import Segment

if TYPE_CHECKING:
    from appliance.spool.journal import JournalSpool

INLINE_MAX_BYTES: Final = 65536
CHUNK_BYTES: Final = 262144 - 64
FULL: Final = Reply.of("452 4.3.1 the card is nearly full, please try again later")
FAILING: Final = Reply.of("451 4.3.0 the card is failing, please try again later")


def refusal(error: OSError) -> Reply:
    """What a client is told when the card said `error`."""
    return FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else FAILING


class JournalDraft:
    """ports.Draft on the journal."""

    def __init__(self, spool: JournalSpool, queue_id: str) -> None:
        self.queue_id, self.size_bytes = queue_id, 0
        self._spool = spool
        self._buffer = bytearray()
        self._pieces: list[Piece] = []
        self._pinned: list[Segment] = []
        self._over = False

    async def write(self, octets: bytes) -> Reply | None:
        self._buffer += octets
        self.size_bytes += len(octets)
        if len(self._buffer) <= (CHUNK_BYTES if self._pieces else INLINE_MAX_BYTES):
            return None
        while len(self._buffer) >= CHUNK_BYTES or (self._buffer and not self._pieces):
            if len(self._buffer) < CHUNK_BYTES:
                return None
            if refused := await self._chunk():
                return refused
        return None

    async def _chunk(self) -> Reply | None:
        octets = bytes(self._buffer[:CHUNK_BYTES])
        del self._buffer[:CHUNK_BYTES]
        try:
            segment, offset = await asyncio.get_running_loop().run_in_executor(None, self._spool.write_chunk, octets)
        except OSError as error:
            return self._spool.refuse(error)
        self._pinned.append(segment)
        self._pieces.append(Piece(segment.number, offset, len(octets), zlib.crc32(octets)))
        return None

    async def commit(self, envelope: Envelope, arrival: Arrival, header: bytes = b"") -> Reply:
        inline = header
        if not self._pieces and len(self._buffer) <= INLINE_MAX_BYTES:
            inline = header + bytes(self._buffer)
        else:
            while self._buffer:
                if refused := await self._chunk():
                    self.abandon()
                    return refused
        self._buffer = bytearray()
        item = QueueItem.new(self.queue_id, envelope, arrival, self.size_bytes + len(header))
        reply = await self._spool.commit(item, inline, tuple(self._pieces))
        self.abandon()
        return reply

    def abandon(self) -> None:
        self._buffer = bytearray()
        with self._spool.store.lock:
            for segment in self._pinned:
                segment.pins -= 1
        self._pinned = []


class JournalContent:
    """ports.Content on the journal. It keeps its pieces from being reused while it is read only as long as the item
    is in the spool."""

    def __init__(self, spool: JournalSpool, queue_id: str, place: Place) -> None:
        self._spool, self._queue_id = spool, queue_id
        self.size_bytes = sum(piece.size for piece in place.all_pieces())

    async def chunks(self, offset: int = 0) -> AsyncIterator[bytes]:
        number = 0
        while (place := self._spool.places.get(self._queue_id)) and number <= len(place.pieces):
            piece = place.inline if number == 0 else place.pieces[number - 1]
            number += 1
            if piece.size <= offset:
                offset -= piece.size
                continue
            octets = await self._read(piece)
            if zlib.crc32(octets) != piece.crc:
                raise DamagedContent(f"item {self._queue_id}: the card does not give back what was written")
            yield octets[offset:] if offset else octets
            offset = 0
        if number == 0:
            raise DamagedContent(f"item {self._queue_id} is no longer in the spool")

    async def _read(self, piece: Piece) -> bytes:
        try:
            if piece.size <= INLINE_MAX_BYTES * 2:
                return read_piece(self._spool.store, piece)
            return await asyncio.get_running_loop().run_in_executor(None, read_piece, self._spool.store, piece)
        except OSError as error:
            raise DamagedContent(f"item {self._queue_id}: {error.strerror}") from error
