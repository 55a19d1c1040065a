"""The content of a spooled message, read piece by piece, each checked before it is given out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from appliance.ports import DamagedContent
from appliance.spool.place import Piece, Place, content_of, read_piece

if TYPE_CHECKING:
    from appliance.spool.journal import JournalSpool


class JournalContent:
    """ports.Content on the journal. The item may be moved while it is read: each piece is looked up anew. When the
    item is removed meanwhile, what is left of it is read, or DamagedContent raised, never something else."""

    def __init__(self, spool: JournalSpool, queue_id: str, place: Place) -> None:
        self._spool, self._queue_id, self._place = spool, queue_id, place
        self.size_bytes = place.content_bytes

    async def chunks(self, offset: int = 0) -> AsyncIterator[bytes]:
        for number in range(len(self._place.pieces) + 1):
            size = self._part(number).length
            if size <= offset:
                offset -= size
                continue
            octets = await self._checked(number)
            for start in range(offset, size, 262144):
                yield octets[start : start + 262144]
            offset = 0

    def _part(self, number: int) -> Piece:
        self._place = self._spool.places.get(self._queue_id, self._place)
        return list(self._place.parts())[number]

    async def _checked(self, number: int) -> bytes:
        """The octets of one part; a second look when it was moved during the first."""
        while True:
            part = self._part(number)
            octets = content_of(part, await self._read(part))
            if octets is not None:
                return octets
            if self._part(number) == part:
                raise DamagedContent("the card does not give back what was written")

    async def _read(self, part: Piece) -> bytes:
        """From memory when it is there, else in a thread: the loop never waits for the card."""
        store = self._spool.store
        try:
            if segment := store.segments.get(part.segment):
                ready = store.files.read_now(segment.handle, part.size, part.offset)
                if ready is not None:
                    return ready
            return await asyncio.get_running_loop().run_in_executor(None, read_piece, store, part)
        except OSError as error:
            raise DamagedContent(f"item {self._queue_id}: {error.strerror}") from error
