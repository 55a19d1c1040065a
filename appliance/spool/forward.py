"""Space for what comes: makes segments ready ahead of need and copies the rare survivor out of the oldest one.

Works in the background, one step after another; when the card refuses it tries again after the next batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Final

from appliance.spool.place import Piece, Place
from appliance.spool.record import HEADER_BYTES
from appliance.spool.recovery import intact, read_piece

if TYPE_CHECKING:
    from appliance.spool.journal import JournalSpool

LIVE_MAX: Final = 0.5  # of all space: with more alive, a new segment is cheaper than copying


class Forwarder:
    def __init__(self, spool: JournalSpool) -> None:
        self._spool = spool
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="spool space")
        self._wake.set()

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def nudge(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """From any thread: something changed. Cheap when space is plenty."""
        if loop and (self._spool.store.short() or self._spool.store.empty_count() < 2):
            loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        store, loop = self._spool.store, asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while store.short():
                    await loop.run_in_executor(None, store.grow)
                store.reclaim()
                if store.empty_count() < 2:
                    await self._forward()
                    store.reclaim()
                if store.empty_count() < 2:
                    await loop.run_in_executor(None, store.grow)
            except OSError:
                continue

    async def _forward(self) -> None:
        """Copy the survivors of the oldest segment, if what lives is little."""
        used = [segment for segment in self._spool.store.used() if segment is not self._spool.store.current]
        space = sum(segment.size for segment in self._spool.store.segments.values())
        if not used or used[0].pins or sum(segment.live for segment in used) > LIVE_MAX * space:
            return
        number = used[0].number
        for queue_id, place in list(self._spool.places.items()):
            if any(piece.segment == number for piece in place.all_pieces()):
                await self._copy(queue_id, place, number)

    async def _copy(self, queue_id: str, place: Place, number: int) -> None:
        store = self._spool.store
        if not intact(store, place):
            self._spool.quarantine(queue_id, "the card does not give back what was written")
            return
        segment = store.segments[place.inline.segment]
        meta = store.files.read(segment.handle, place.inline.meta_bytes, place.inline.offset + HEADER_BYTES)
        data = json.loads(meta)
        pieces, pinned = [], []
        for piece in place.pieces:
            if piece.segment == number:
                octets = read_piece(store, piece)
                target, offset = await asyncio.get_running_loop().run_in_executor(None, self._spool.write_chunk, octets)
                pinned.append(target)
                piece = Piece(target.number, offset, piece.size, piece.crc)
            pieces.append(piece)
        await self._spool.recommit(queue_id, place, data, read_piece(store, place.inline), tuple(pieces))
        with store.lock:
            for target in pinned:
                target.pins -= 1
