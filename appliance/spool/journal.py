"""The spool: an append-only journal in preallocated segments, with group commit. It is the truth.

Promises: `commit` answers 250 only after the flush has returned; what was removed never comes back once its removal
is flushed; progress and removals are on the card within LAZY_S seconds or LAZY_RECORDS records (P3); a damaged record
is set aside and shown and hides no neighbour. A card that fails gives 4yz replies and a fault in `facts`. Opening
raises OSError only when the folder cannot be used at all. docs/spool.md states every on-disk state.
"""

from __future__ import annotations

import asyncio
import errno
import json
import random
import zlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from appliance.core.item import Progress, QueueItem
from appliance.core.item_data import from_data, progress_change, to_data
from appliance.core.reply import Reply
from appliance.ports import Clock, SpoolFacts
from appliance.settings.schema import SpoolSettings
from appliance.spool.committer import Committer, Entry
from appliance.spool.draft import FULL, JournalContent, JournalDraft, refusal
from appliance.spool.files import Files
from appliance.spool.forward import Forwarder
from appliance.spool.place import Piece, Place
from appliance.spool.quarantine import set_aside
from appliance.spool.record import HEADER_BYTES, Kind, pack, padded
from appliance.spool.recovery import apply_change, recover, store_live
from appliance.spool.segment import Segment
from appliance.spool.store import Store

LAZY_S: Final = 5.0
LAZY_RECORDS: Final = 32
SETTLED: Final = Reply.of("250 2.0.0 settled")


def compact(data: dict[str, Any]) -> bytes:
    """As JSON octets; JSON escapes CR, LF and NUL."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=True).encode()


def open_spool(settings: SpoolSettings, clock: Clock, files: Files | None = None) -> JournalSpool:
    """Recover the spool in `settings.directory`. Raises OSError when the folder cannot be used."""
    return JournalSpool(settings, clock, files or Files())


class JournalSpool:
    """ports.Spool."""

    def __init__(self, settings: SpoolSettings, clock: Clock, files: Files) -> None:
        self.settings, self.clock = settings, clock
        self.store = Store(settings, files)
        self.store.load()
        if not self.store.segments:
            self.store.grow()
        found = recover(self.store)
        self.places, self._found = found.places, list(found.items.values())
        self.damage = found.damage
        if self.store.newer_format:
            self.damage.append(f"format {self.store.newer_format} is of a newer release: left alone")
        box = found.box or random.getrandbits(63)
        self._committer = Committer(self.store, box, found.sequence, found.batch, self._finished)
        self._box = box
        self._fault = ""
        self._lazy = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forwarder = Forwarder(self)
        self._quarantined = 0

    async def start(self) -> None:
        """Begin to commit; make space ready in the background."""
        self._loop = asyncio.get_running_loop()
        self._committer.start()
        self._forwarder.start()

    async def stop(self) -> None:
        """Flush what is pending and close."""
        await self._forwarder.stop()
        if self._timer:
            self._timer.cancel()
        await asyncio.get_running_loop().run_in_executor(None, self._committer.stop)
        self.store.close()

    # -- taking responsibility -----------------------------------------------------------------------------------

    def draft(self, queue_id: str, expected_bytes: int = 0) -> JournalDraft | Reply:
        if self.store.empty_count() <= 1 or expected_bytes > self.settings.segment_bytes:
            ready = self.store.empty_count() * self.settings.segment_bytes
            try:
                free = self.store.free_bytes()
            except OSError as error:
                return self.refuse(error)
            if expected_bytes > ready + max(0, free - self.settings.free_min_bytes):
                return FULL
        return JournalDraft(self, queue_id)

    def refuse(self, error: OSError) -> Reply:
        """Note the card's trouble; the reply for the client."""
        reply = refusal(error)
        self._fault = "full" if reply is FULL else "read-only" if error.errno == errno.EROFS else "failing"
        return reply

    def write_chunk(self, octets: bytes) -> tuple[Segment, int]:
        """In a worker thread: a piece of content, not flushed. Raises OSError. The segment is pinned."""
        size = padded(HEADER_BYTES + len(octets))
        segment, offset = self.store.place(size, pin=True)
        sequence, batch = self._committer.next_sequence()
        record = pack(Kind.CHUNK, b"", octets, (segment.generation, sequence, batch, self._box), segment.salt)
        try:
            self.store.files.write(segment.handle, record, offset)
        except OSError:
            segment.pins -= 1
            raise
        return segment, offset

    async def commit(self, item: QueueItem, inline: bytes, pieces: tuple[Piece, ...]) -> Reply:
        """The item becomes ours when this returns 250."""
        data: dict[str, Any] = {"item": to_data(item)}
        if pieces:
            data["chunks"] = [list(piece) for piece in pieces]
        undo = compact({"id": item.queue_id})
        refused = await self._put(
            Kind.COMMIT, compact(data), inline, partial(self._placed, item.queue_id, pieces), undo
        )
        return refused or Reply(250, "2.0.0", f"queued as {item.queue_id}")

    async def _put(self, kind: Kind, meta: bytes, content: bytes, placed: Any, undo: bytes = b"") -> Reply | None:
        assert self._loop is not None, "start() first"
        waiter: asyncio.Future[OSError | None] = self._loop.create_future()
        entry = Entry(kind, meta, content, True, partial(self._answer, waiter, placed), undo)
        self._committer.put(entry, wake=True)
        error = await asyncio.shield(waiter)
        return self.refuse(error) if error else None

    def _answer(self, waiter: asyncio.Future[OSError | None], placed: Any, entry: Entry, error: OSError | None) -> None:
        assert self._loop is not None
        if error is None and placed:
            placed(entry)
        self._loop.call_soon_threadsafe(lambda: None if waiter.done() else waiter.set_result(error))

    def _placed(self, queue_id: str, pieces: tuple[Piece, ...], entry: Entry) -> None:
        """In the committer's thread, after the flush: count what now lives."""
        assert entry.segment is not None
        inline = Piece(
            entry.segment.number, entry.offset, len(entry.content), zlib.crc32(entry.content), len(entry.meta)
        )
        self.places[queue_id] = new = Place(inline, pieces)
        store_live(self.store, new, 1)

    async def recommit(
        self, queue_id: str, old: Place, data: dict[str, Any], inline: bytes, pieces: tuple[Piece, ...]
    ) -> None:
        """Write an item anew, with its progress, so that its old place may be reused. Raises nothing: when the card
        refuses, the old place goes on."""
        item = from_data(data["item"])
        apply_change(item, old.changes or {})
        fresh = {"item": to_data(item), "chunks": [list(piece) for piece in pieces]}
        await self._put(Kind.COMMIT, compact(fresh), inline, partial(self._moved, queue_id, old, pieces))

    def _moved(self, queue_id: str, old: Place, pieces: tuple[Piece, ...], entry: Entry) -> None:
        """In the committer's thread: the new place counts, unless the item was removed meanwhile."""
        if self.places.get(queue_id) is not old:
            return
        self._placed(queue_id, pieces, entry)
        self.places[queue_id].changes = old.changes
        store_live(self.store, old, -1)

    # -- progress --------------------------------------------------------------------------------------------------

    def record(self, item: QueueItem, changed: Sequence[Progress]) -> None:
        place = self.places.get(item.queue_id)
        if place is None:
            return
        rows = {str(number): each for number, each in enumerate(item.progress) if any(each is one for one in changed)}
        data: dict[str, Any] = {"id": item.queue_id, "set": {key: progress_change(each) for key, each in rows.items()}}
        if not changed:
            data["held"] = item.held
        place.merge(data)
        self._later(Entry(Kind.CHANGE, compact(data), b"", False))

    def remove(self, item: QueueItem) -> None:
        self._forget(item.queue_id)

    def _forget(self, queue_id: str) -> None:
        place = self.places.pop(queue_id, None)
        if place is not None:
            entry = Entry(Kind.REMOVE, compact({"id": queue_id}), b"", False)
            entry.done = lambda _, error: store_live(self.store, place, -1) if error is None else None
            self._later(entry)

    def _later(self, entry: Entry) -> None:
        self._lazy += 1
        due = self._lazy >= LAZY_RECORDS
        if due:
            self._lazy = 0
        self._committer.put(entry, wake=due)
        if self._loop and not due and self._timer is None:
            self._timer = self._loop.call_later(LAZY_S, self._timed)

    def _timed(self) -> None:
        self._timer, self._lazy = None, 0
        self._committer.wake()

    async def settled(self) -> Reply:
        return await self._put(Kind.CHANGE, compact({"id": ""}), b"", None) or SETTLED

    def _finished(self, entries: list[Entry]) -> None:
        """In the committer's thread, after each batch."""
        failed = self._committer.failed
        if failed is None:
            self._fault = ""
        else:
            self.refuse(failed)
        self._forwarder.nudge(self._loop)

    # -- looking ----------------------------------------------------------------------------------------------------

    def items(self) -> Iterable[QueueItem]:
        found, self._found = self._found, []
        return found

    def content(self, queue_id: str) -> JournalContent:
        return JournalContent(self, queue_id, self.places[queue_id])

    def quarantine(self, queue_id: str, reason: str) -> None:
        place = self.places.get(queue_id)
        if place is None:
            return
        self.damage.append(f"item {queue_id}: {reason}")
        self._quarantined += 1
        set_aside(self.store, queue_id, place)
        self._forget(queue_id)

    def facts(self) -> SpoolFacts:
        size = self.settings.segment_bytes
        try:
            free = self.store.free_bytes()
        except OSError:
            free = 0
        with self.store.lock:
            count, live = len(self.store.segments), sum(s.live for s in self.store.segments.values())
        return SpoolFacts(count, live, self.store.empty_count() * size, free, len(self.damage), self._fault)
