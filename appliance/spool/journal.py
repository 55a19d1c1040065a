"""The spool: a journal in preallocated segments, with group commit. It is the truth.

Promises: `commit` answers 250 only after the flush has returned; what was removed never comes back once its removal
is flushed; progress and removals are on the card within LAZY_S seconds, and `window` bounds how many are not (P3); a
damaged record is set aside and shown and hides no neighbour. A card that fails gives 4yz replies and a fault in
`facts`. Opening raises OSError only when the folder cannot be used at all. docs/spool.md states every on-disk state.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import random
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from appliance.core.item import Progress, QueueItem
from appliance.core.item_data import from_data, progress_change, to_data
from appliance.core.reply import Reply
from appliance.ports import Clock, SpoolFacts
from appliance.settings.schema import SpoolSettings
from appliance.spool.committer import Committer, Entry
from appliance.spool.content import JournalContent
from appliance.spool.draft import FAILING, FULL, INLINE_MAX_BYTES, JournalDraft, refusal
from appliance.spool.files import Files
from appliance.spool.later import Later
from appliance.spool.place import Piece, Place, content_of, read_piece
from appliance.spool.record import BLOCK, Kind
from appliance.spool.recovery import apply_change
from appliance.spool.segment import Segment
from appliance.spool.space import Space
from appliance.spool.start import Opened, open_store

ROWS_MAX: Final = 256  # recipients in one CHANGE record
FAILURES_MAX: Final = 3  # in a row; then the card is tried again only every PROBE_S
PROBE_S: Final = 1.0
SETTLED: Final = Reply.of("250 2.0.0 settled")

Sources = tuple[tuple[Segment, int], ...]
log = logging.getLogger(__name__)


_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def compact(data: dict[str, Any]) -> bytes:
    """As JSON octets; JSON escapes CR, LF and NUL."""
    return _ENCODE(data).encode()


def open_spool(settings: SpoolSettings, clock: Clock, files: Files | None = None) -> JournalSpool:
    """Recover the spool in `settings.directory`. Raises OSError when the folder cannot be used."""
    return JournalSpool(settings, clock, open_store(settings, files or Files()))


class JournalSpool:
    """ports.Spool. `places` and all counts belong to the event loop; the committer's thread only writes."""

    def __init__(self, settings: SpoolSettings, clock: Clock, opened: Opened) -> None:
        self.settings, self.clock, self.store = settings, clock, opened.store
        found = opened.found
        self.places, self._found = found.places, list(found.items.values())
        self.damage, self._quarantine = opened.damage, opened.quarantine
        box = (found.box or random.getrandbits(31) << 32) + 1  # id of the box, count of its starts
        self.box_id = box >> 32
        self._committer = Committer(self.store, box, found.sequence, found.batch, self._finished)
        self._news = {"told": sorted(found.told), "void": found.void} if opened.news else {}
        self._fault, self._fault_until, self._failures = "", 0.0, 0
        self._room_at, self._room = -1e9, 0
        self._later = Later(self._committer)
        self.window = self._later.window
        self._loop: asyncio.AbstractEventLoop | None = None
        self._space = Space(self)

    async def start(self) -> None:
        """Begin to commit; make space ready in the background."""
        self._loop = asyncio.get_running_loop()
        self._later.start(self._loop)
        self._committer.start()
        self._space.start()
        if self._news:
            self._later.put(Entry(Kind.MARK, compact(self._news)))

    async def stop(self) -> None:
        """Flush what is pending and close."""
        await self._space.stop()
        self._later.stop()
        await asyncio.get_running_loop().run_in_executor(None, self._committer.stop)
        self.store.close()

    # -- taking responsibility -----------------------------------------------------------------------------------

    def draft(self, queue_id: str, expected_bytes: int = 0) -> JournalDraft | Reply:
        now = self.clock.monotonic()
        if self._failures >= FAILURES_MAX and now < self._fault_until:
            return FAILING
        try:
            if now - self._room_at >= 1.0 or self._room < 1 << 20:
                self._room, self._room_at = self.store.room(), now
        except OSError as error:
            return self.refuse(error)
        if max(expected_bytes, INLINE_MAX_BYTES) > self._room:
            return self.refuse(OSError(errno.ENOSPC, "no room"))
        if self._fault == "full":
            self._fault = ""
        return JournalDraft(self, queue_id)

    def refuse(self, error: OSError) -> Reply:
        """Note the card's trouble; the reply for the client."""
        reply = refusal(error)
        fault = "full" if reply is FULL else "read-only" if error.errno == errno.EROFS else "failing"
        if fault != self._fault:
            log.error("the card refuses: %s", error.strerror)
        self._fault, self._fault_until = fault, self.clock.monotonic() + PROBE_S
        self._failures += fault != "full"
        return reply

    def write_piece(self, parts: Sequence[bytes]) -> tuple[Segment, int, Piece]:
        """In a worker thread: a piece of content, not flushed: (segment, its faults, piece). Raises OSError.
        The segment is pinned; the caller unpins it."""
        size = sum(map(len, parts))
        octets = b"".join([*parts, bytes(-size % BLOCK)])
        segment, offset = self.store.place_piece(size)
        try:
            faults = segment.faults
            self.store.files.write(segment.handle, octets, offset)
        except OSError:
            self.store.unpin(segment)
            raise
        return segment, faults, Piece(segment.number, offset, size, zlib.crc32(memoryview(octets)[:size]))

    async def commit(self, item: QueueItem, inline: bytes, pieces: tuple[Piece, ...], sources: Sources) -> Reply:
        """The item becomes ours when this returns 250."""
        entry = self._commit_entry(to_data(item), inline, pieces, sources)
        entry.undo = b"" if item.queue_id in self.places else compact({"id": item.queue_id})
        refused = await self._put(entry, lambda: self._placed(item.queue_id, entry, pieces))
        return refused or Reply(250, "2.0.0", f"queued as {item.queue_id}")

    def _commit_entry(self, data: dict[str, Any], inline: bytes, pieces: tuple[Piece, ...], sources: Sources) -> Entry:
        meta = compact({"item": data, "pieces": [piece[:4] for piece in pieces]} if pieces else {"item": data})
        return Entry(Kind.COMMIT, meta, inline, waits=True, sources=sources)

    async def _put(self, entry: Entry, placed: Callable[[], None] | None = None) -> Reply | None:
        """Wait for the flush; `placed` is called in the same step of the loop."""
        assert self._loop is not None, "start() first"
        waiter: asyncio.Future[OSError | None] = self._loop.create_future()
        entry.outcome = partial(_settle, waiter, placed)
        self._committer.put(entry, wake=True)
        error = await waiter
        return self.refuse(error) if error else None

    def _placed(self, queue_id: str, entry: Entry, pieces: tuple[Piece, ...]) -> None:
        assert entry.segment is not None
        crc = zlib.crc32(entry.content)
        place = Place(entry.segment.number, entry.offset, len(entry.meta), len(entry.content), crc, pieces, entry.raw)
        if old := self.places.pop(queue_id, None):
            old.count(self.store, -1)
        self.places[queue_id] = place
        place.count(self.store, 1)

    async def recommit(
        self,
        queue_id: str,
        old: Place,
        meta: dict[str, Any],
        inline: bytes,
        pieces: tuple[Piece, ...],
        sources: Sources,
    ) -> None:
        """Write an item anew, with its progress, so that its old place may be reused. When the card refuses, or the
        item is removed meanwhile, the old place stays what it is."""
        item, changes = from_data(meta["item"]), old.changes
        if self.places.get(queue_id) is not old:
            return
        apply_change(item, changes or {})
        entry = self._commit_entry(to_data(item), inline, pieces, sources)

        def moved() -> None:
            if self.places.get(queue_id) is old:
                self._placed(queue_id, entry, pieces)
                self.places[queue_id].changes = old.changes

        await self._put(entry, moved)

    # -- progress --------------------------------------------------------------------------------------------------

    def record(self, item: QueueItem, changed: Sequence[Progress]) -> None:
        place = self.places.get(item.queue_id)
        if place is None:
            return
        wanted = {id(each) for each in changed}
        rows = [(str(n), progress_change(each)) for n, each in enumerate(item.progress) if id(each) in wanted]
        for start in range(0, max(1, len(rows)), ROWS_MAX):
            data: dict[str, Any] = {"id": item.queue_id, "set": dict(rows[start : start + ROWS_MAX])}
            if not changed:
                data["held"] = item.held
            place.merge(data)
            self._later.put(Entry(Kind.CHANGE, compact(data)))

    def remove(self, item: QueueItem) -> None:
        self._forget(item.queue_id)

    def _forget(self, queue_id: str) -> None:
        place = self.places.pop(queue_id, None)
        if place is not None:
            self._later.put(
                Entry(Kind.REMOVE, compact({"id": queue_id}), outcome=lambda _: place.count(self.store, -1))
            )

    async def settled(self) -> Reply:
        return await self._put(Entry(Kind.MARK, b"{}", waits=True)) or SETTLED

    def _finished(self, entries: list[Entry], error: OSError | None, segment: Segment | None) -> None:
        """In the committer's thread, after each batch."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._settle_batch, entries, error, segment)

    def _settle_batch(self, entries: list[Entry], error: OSError | None, segment: Segment | None) -> None:
        """In the loop. With an error, `entries` are those who waited; the others are written again."""
        if error is None:
            self.window.flushed(sum(entry.lazy for entry in entries))
        for entry in entries:
            if entry.outcome:
                entry.outcome(error)
        if segment:
            self.store.unpin(segment)
        if error:
            self.refuse(error)
            self._later.arm()
        else:
            self._failures, self._fault = 0, self._fault if self._fault == "full" else ""
        self._space.nudge()

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
        log.error("item %s is set aside: %s", queue_id, reason)
        self.damage.append(f"item {queue_id}: {reason}")
        found = ((piece, read_piece(self.store, piece)) for piece in place.parts())
        self._quarantine.add(queue_id, (content_of(piece, octets) or octets for piece, octets in found))
        self._forget(queue_id)

    def facts(self) -> SpoolFacts:
        try:
            free = self.store.free_bytes()
        except OSError:
            free = 0
        segments = self.store.segments.values()
        live, ready = sum(segment.live for segment in segments), len(self.store.free) * self.settings.segment_bytes
        return SpoolFacts(len(segments), live, ready, free, len(self._quarantine.names), self._fault)


def _settle(waiter: asyncio.Future[OSError | None], placed: Callable[[], None] | None, error: OSError | None) -> None:
    if placed and error is None:
        placed()
    if not waiter.done():
        waiter.set_result(error)
