"""The one committer: a thread that writes and flushes everything that waits, together, again and again.

What arrives while a flush is under way goes into the next one; there is no deliberate delay. A batch is one write and
starts on a fresh block, so a block that holds acknowledged records is never written again. When the card refuses,
whoever waits for an answer gets the OSError; what waits for nobody (changes, removals) is written again elsewhere in
the next batch, since after a failed flush the pages of the old place are not to be trusted.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from appliance.spool.place import packed
from appliance.spool.record import BLOCK, Kind, Stamp, pack, record_bytes
from appliance.spool.segment import Segment
from appliance.spool.store import Store

MARK: Final = b"{}"
PACK_MIN: Final = 256  # octets of content worth packing
PACK_MAX: Final = 16384  # larger mail is mostly base64: packing it costs more processor than it saves card
STOP_TRIES: Final = 3  # what a failing card does not take when the process ends is repeated after the next start
Outcome = Callable[[OSError | None], None]
Finished = Callable[[list["Entry"], OSError | None, Segment | None], None]


@dataclass(slots=True, eq=False)
class Entry:
    """A record on its way. `raw` = the content was packed, and so long before. `waits` = somebody waits for the flush;
    `lazy` = the window counts it; `undo` = meta of the REMOVE that takes a commit back when its flush failed; `sources`
    = content segments to flush first, with their faults when written. `outcome` is called by whoever gets `finished`;
    then `segment` and `offset` say where the record lies."""

    kind: Kind
    meta: bytes
    content: bytes = b""
    raw: int = 0
    waits: bool = False
    lazy: bool = False
    outcome: Outcome | None = None
    undo: bytes = b""
    sources: tuple[tuple[Segment, int], ...] = ()
    segment: Segment | None = None
    offset: int = 0

    @property
    def total_bytes(self) -> int:
        return record_bytes(len(self.meta), len(self.content))


class Committer:
    """`finished` is called in the committer's thread with each batch, and what failed, if it did."""

    def __init__(self, store: Store, box: int, sequence: int, batch: int, finished: Finished) -> None:
        self._store, self._box, self._sequence, self._batch, self._finished = store, box, sequence, batch, finished
        self._ready = threading.Condition()
        self._pending: list[Entry] = []
        self._urgent = self._stopping = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, entry: Entry, wake: bool) -> None:
        """Add to the next batch; `wake` = it must not wait for company."""
        with self._ready:
            self._pending.append(entry)
            if wake:
                self._urgent = True
                self._ready.notify()

    def wake(self) -> None:
        with self._ready:
            if self._pending:
                self._urgent = True
                self._ready.notify()

    def stop(self) -> None:
        """Flush what is pending, mark an orderly stop, end the thread. Blocks."""
        with self._ready:
            self._pending.append(Entry(Kind.MARK, MARK))
            self._stopping = True
            self._ready.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        while failures < STOP_TRIES:
            with self._ready:
                self._ready.wait_for(lambda: self._urgent or self._stopping)
                entries = self._take()
                if not entries and self._stopping:
                    return
            if entries and self._work(entries) and self._stopping:
                failures += 1

    def _take(self) -> list[Entry]:
        """As many as fit half a segment; a single one may be larger."""
        limit, size, count = self._store.settings.segment_bytes // 2, 0, 0
        for entry in self._pending:
            size += entry.total_bytes
            if size > limit and count:
                break
            count += 1
        taken, self._pending = self._pending[:count], self._pending[count:]
        self._urgent = bool(self._pending)
        return taken

    def _work(self, entries: list[Entry]) -> bool:
        """One batch; whether it failed."""
        stale = [e for e in entries if any(segment.faults != faults for segment, faults in e.sources)]
        if stale:
            self._finished(stale, OSError(errno.EIO, "an earlier flush of the content failed"), None)
            entries = [entry for entry in entries if entry not in stale]
        segment: Segment | None = None
        before = self._sequence
        _pack_contents(entries)
        try:
            self._flush_sources(entries)
            segment, offset = self._store.place_records(sum(entry.total_bytes for entry in entries), before + 1)
            self._store.files.write(segment.handle, self._join(entries, segment, offset), offset)
            self._store.files.sync(segment.handle)
        except OSError as error:
            self._sequence = before
            undone = [Entry(Kind.REMOVE, entry.undo) for entry in entries if entry.undo and entry.segment]
            with self._ready:
                self._pending[:0] = undone + [entry for entry in entries if not entry.waits]
            self._finished([entry for entry in entries if entry.waits], error, segment)
            return True
        self._finished(entries, None, segment)
        return False

    def _flush_sources(self, entries: list[Entry]) -> None:
        for segment in {segment for entry in entries for segment, _ in entry.sources}:
            try:
                self._store.files.sync(segment.handle)
            except OSError:
                segment.faults += 1
                raise

    def _join(self, entries: list[Entry], segment: Segment, offset: int) -> bytes:
        parts, place = [], offset
        self._batch += 1
        for entry in entries:
            self._sequence += 1
            stamp = Stamp(segment.generation, self._sequence, self._batch, self._box, entry is entries[0])
            parts.append(pack(entry.kind, entry.meta, entry.content, stamp, segment.salt, entry.raw > 0))
            entry.segment, entry.offset = segment, place
            place += len(parts[-1])
        return b"".join([*parts, bytes(-(place - offset) % BLOCK)])


def _pack_contents(entries: list[Entry]) -> None:
    """Fewer octets for the card, where that saves it a block."""
    if sum(entry.total_bytes for entry in entries) <= BLOCK:
        return
    for entry in entries:
        if PACK_MIN <= len(entry.content) <= PACK_MAX and not entry.raw and (octets := packed(entry.content)):
            entry.raw, entry.content = len(entry.content), octets
