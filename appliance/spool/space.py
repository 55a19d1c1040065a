"""Space for what comes: makes segments ready ahead of need and moves the rare survivor out of an old one.

One background task; each step is short or in a thread. When the card refuses it tries again after the next batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from appliance.spool.place import Piece, Place, content_of, read_piece
from appliance.spool.recovery import intact
from appliance.spool.segment import Segment

if TYPE_CHECKING:
    from appliance.spool.journal import JournalSpool

LOG_LIVE_MAX: Final = 0.5  # of all record segments: with more alive, a new segment is cheaper than moving
DATA_LIVE_MAX: Final = 0.25  # of one content segment
PAUSE_S: Final = 1.0  # when all that did not help: the card is not to be worn out by trying


class Space:
    def __init__(self, spool: JournalSpool) -> None:
        self._spool = spool
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._making: asyncio.Future[bool] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="spool space")
        self._wake.set()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._making:
            with contextlib.suppress(OSError):
                await self._making

    def nudge(self) -> None:
        """After each batch; costs next to nothing when space is plenty."""
        store = self._spool.store
        if len(store.free) < 2:
            store.reclaim()
        wanted = len(store.segments) * self._spool.settings.segment_bytes < self._spool.settings.ready_bytes
        if wanted or len(store.free) < 2:
            self._wake.set()

    async def _run(self) -> None:
        store, loop = self._spool.store, asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            with contextlib.suppress(OSError):
                store.reclaim()
                while len(store.free) < 2 and (segment := self._sparse()) and await self._empty(segment):
                    store.reclaim()
                more = True
                while more:
                    self._making = loop.run_in_executor(None, store.make_ready)
                    more = await asyncio.shield(self._making)
            if len(store.free) < 2:
                await asyncio.sleep(PAUSE_S)

    def _sparse(self) -> Segment | None:
        """A segment worth emptying."""
        store = self._spool.store
        used = sum(segment.live for segment in store.log)
        oldest = store.oldest()
        if oldest and used <= LOG_LIVE_MAX * sum(segment.size for segment in store.log):
            return oldest
        sparse = store.sparsest()
        return sparse if sparse and sparse.live <= DATA_LIVE_MAX * sparse.size else None

    async def _empty(self, segment: Segment) -> bool:
        """Move what lives in it; whether it is empty then. Removals that wait for company are flushed."""
        number = segment.number
        for queue_id, place in list(self._spool.places.items()):
            if place.segment == number or any(piece.segment == number for piece in place.pieces):
                await self._move(queue_id, place, number)
        if segment.live:
            await self._spool.settled()
        return not (segment.live or segment.pins)

    async def _move(self, queue_id: str, place: Place, number: int) -> None:
        loop, store = asyncio.get_running_loop(), self._spool.store
        meta = await loop.run_in_executor(None, self._meta, place)
        if meta is None:
            self._spool.quarantine(queue_id, "the card does not give back what was written")
            return
        first = next(place.parts())
        inline = content_of(first, await loop.run_in_executor(None, read_piece, store, first))
        if inline is None:
            return
        pieces: list[Piece] = []
        sources: list[tuple[Segment, int]] = []
        try:
            for piece in place.pieces:
                if piece.segment == number:
                    octets = await loop.run_in_executor(None, read_piece, store, piece)
                    target, faults, moved = await loop.run_in_executor(None, self._spool.write_piece, (octets,))
                    sources.append((target, faults))
                    piece = moved._replace(crc=piece.crc)
                pieces.append(piece)
            await self._spool.recommit(queue_id, place, meta, inline, tuple(pieces), tuple(sources))
        finally:
            for target, _ in sources:
                store.unpin(target)

    def _meta(self, place: Place) -> dict[str, Any] | None:
        """In a worker thread: the commit record's meta, None when the item is damaged."""
        octets = self._spool.store.segments[place.segment].meta(place.offset)
        if octets is None or not intact(self._spool.store, place):
            return None
        data: dict[str, Any] = json.loads(octets)
        return data
