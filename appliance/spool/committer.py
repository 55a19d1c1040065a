"""The one committer: a thread that writes and flushes everything that waits, together, again and again.

What arrives while a flush is under way goes into the next one; there is no deliberate delay. A batch starts on a
fresh block, so a block that holds acknowledged records is never written again. When the card refuses, everybody in
the batch who waits for an answer gets the OSError, the segment is sealed, and what may come later (changes, removals)
goes into the next batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from appliance.spool.record import HEADER_BYTES, Kind, pack, padded
from appliance.spool.segment import Segment
from appliance.spool.store import Store

Done = Callable[["Entry", OSError | None], None]


@dataclass(slots=True, eq=False)
class Entry:
    """A record on its way: `waits` = somebody waits for the flush. After the flush `segment` and `offset` say where
    it lies. `done` is called in the committer's thread."""

    kind: Kind
    meta: bytes
    content: bytes
    waits: bool
    done: Done | None = None
    undo: bytes = b""  # meta of the REMOVE record that takes back a commit whose flush failed
    segment: Segment | None = None
    offset: int = 0

    @property
    def total_bytes(self) -> int:
        return padded(HEADER_BYTES + len(self.meta) + len(self.content))


class Committer:
    """`start`, `put`, `stop`. `wake` tells whether a put record must not wait for company."""

    def __init__(
        self, store: Store, box: int, sequence: int, batch: int, finished: Callable[[list[Entry]], None]
    ) -> None:
        self._store, self._box, self._sequence, self._batch, self._finished = store, box, sequence, batch, finished
        self._ready = threading.Condition()
        self._pending: list[Entry] = []
        self._urgent = self._stopping = False
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self.failed: OSError | None = None

    def start(self) -> None:
        self._thread.start()

    def put(self, entry: Entry, wake: bool) -> None:
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
        """Flush what is pending, end the thread."""
        with self._ready:
            self._stopping = True
            self._ready.notify()
        if self._thread.is_alive():
            self._thread.join(30)

    def next_sequence(self) -> tuple[int, int]:
        """For a chunk, which is written outside any batch."""
        with self._ready:
            self._sequence += 1
            return self._sequence, self._batch

    def _run(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._urgent or self._stopping)
                entries, self._pending, self._urgent = self._take()
                if not entries and self._stopping:
                    return
            failure = self._write(entries)
            self.failed = failure
            if failure and self._stopping:
                return
            self._finished(entries)

    def _take(self) -> tuple[list[Entry], list[Entry], bool]:
        """As many as one segment surely has room for; whether more wait."""
        limit, size = self._store.settings.segment_bytes // 2, 0
        for number, entry in enumerate(self._pending):
            size += entry.total_bytes
            if size > limit and number:
                return self._pending[:number], self._pending[number:], True
        return self._pending, [], False

    def _write(self, entries: list[Entry]) -> OSError | None:
        """None, or what the card said; then those who wait were told, and the others are pending again."""
        try:
            size = sum(entry.total_bytes for entry in entries)
            segment, offset = self._store.place(size)
            self._store.files.write(segment.handle, self._join(entries, segment, offset), offset)
            self._store.sync(segment)
        except OSError as error:
            self._store.seal()
            with self._ready:
                undone = [Entry(Kind.REMOVE, entry.undo, b"", False) for entry in entries if entry.undo]
                self._pending[:0] = undone + [entry for entry in entries if not entry.waits]
            for entry in entries:
                if entry.waits and entry.done:
                    entry.done(entry, error)
            entries[:] = []
            return error
        for entry in entries:
            if entry.done:
                entry.done(entry, None)
        return None

    def _join(self, entries: list[Entry], segment: Segment, offset: int) -> bytes:
        parts, place = [], offset
        with self._ready:
            self._batch += 1
            for entry in entries:
                self._sequence += 1
                at = (segment.generation, self._sequence, self._batch, self._box)
                parts.append(pack(entry.kind, entry.meta, entry.content, at, segment.salt))
                entry.segment, entry.offset = segment, place
                place += len(parts[-1])
        whole = b"".join(parts)
        return whole + bytes(padded(len(whole), 4096) - len(whole))
