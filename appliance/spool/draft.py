"""A message on its way to the card.

A content of at most INLINE_MAX_BYTES waits in memory and goes out with its commit record, in one write; a larger one
streams out in pieces as it arrives, which mean nothing until the commit record names them. What the card refuses is
a 4yz reply, never an exception.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

from appliance.core.envelope import Arrival, Envelope
from appliance.core.item import QueueItem
from appliance.core.reply import Reply
from appliance.spool.place import Piece
from appliance.spool.segment import Segment

if TYPE_CHECKING:
    from appliance.spool.journal import JournalSpool

INLINE_MAX_BYTES: Final = 65536
PIECE_BYTES: Final = 262144  # a piece is at least this, but for the last, and less than twice this
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
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._pieces: list[Piece] = []
        self._sources: list[tuple[Segment, int]] = []

    async def write(self, octets: bytes) -> Reply | None:
        for start in range(0, len(octets), PIECE_BYTES):
            part = octets[start : start + PIECE_BYTES] if len(octets) > PIECE_BYTES else octets
            self._waiting.append(part)
            self._waiting_bytes += len(part)
            self.size_bytes += len(part)
            if self._waiting_bytes >= PIECE_BYTES and (refused := await self._piece()):
                return refused
        return None

    async def _piece(self) -> Reply | None:
        octets, self._waiting, self._waiting_bytes = self._waiting, [], 0
        writing = asyncio.get_running_loop().run_in_executor(None, self._spool.write_piece, octets)
        try:
            segment, faults, piece = await asyncio.shield(writing)
        except OSError as error:
            return self._spool.refuse(error)
        except asyncio.CancelledError:
            writing.add_done_callback(self._unpin)
            raise
        self._sources.append((segment, faults))
        self._pieces.append(piece)
        return None

    def _unpin(self, written: asyncio.Future[tuple[Segment, int, Piece]]) -> None:
        if not written.cancelled() and written.exception() is None:
            self._spool.store.unpin(written.result()[0])

    async def commit(self, envelope: Envelope, arrival: Arrival, header: bytes = b"") -> Reply:
        """Cancelled while the flush is under way, the message is taken back: nobody was told 250."""
        item = QueueItem.new(self.queue_id, envelope, arrival, self.size_bytes + len(header))
        work = asyncio.ensure_future(self._commit(item, header))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda _: self._spool.remove(item))
            raise

    async def _commit(self, item: QueueItem, header: bytes) -> Reply:
        try:
            if not self._pieces and self._waiting_bytes <= INLINE_MAX_BYTES:
                header = b"".join([header, *self._waiting])
            elif self._waiting and (refused := await self._piece()):
                return refused
            return await self._spool.commit(item, header, tuple(self._pieces), tuple(self._sources))
        finally:
            self.abandon()

    def abandon(self) -> None:
        self._waiting, self._waiting_bytes = [], 0
        sources, self._sources, self._pieces = self._sources, [], []
        for segment, _ in sources:
            self._spool.store.unpin(segment)
