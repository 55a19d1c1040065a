"""The set of segments: where the next octets go, what may be reused, when the card is full.

Record segments are freed oldest first and only when nothing in them lives, so a removal never leaves the card before
the commit that it removes. Taking and counting go under one short lock; no lock that the event loop takes is held
while the card works. When the card refuses, OSError comes out; CardFull (ENOSPC) below the floor of free space.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections import deque
from pathlib import Path

from appliance.settings.schema import SpoolSettings
from appliance.spool.files import Files
from appliance.spool.record import BLOCK, padded
from appliance.spool.segment import Role, Segment


class CardFull(OSError):
    """No segment is empty and no new one may be made."""

    def __init__(self) -> None:
        super().__init__(errno.ENOSPC, "the card is nearly full")


class Store:
    """`log` holds the record segments oldest first, `data` those of large contents, `free` the empty ones."""

    def __init__(self, settings: SpoolSettings, files: Files) -> None:
        self.settings, self.files = settings, files
        self.folder = Path(settings.directory)
        self.lock = threading.Lock()
        self.segments: dict[int, Segment] = {}
        self.log: deque[Segment] = deque()
        self.data: set[Segment] = set()
        self.free: deque[Segment] = deque()
        self.current: Segment | None = None
        self._current_data: Segment | None = None
        self._data_lock, self._making = threading.Lock(), threading.Lock()
        self._generation = 0

    def load(self) -> list[Segment]:
        """Open what is on the card; returns the segments that are left alone (newer or damaged)."""
        self.files.make_folder(self.folder)
        alien = []
        for name in self.files.names(self.folder):
            path = self.folder / name
            if name.endswith(".new"):
                with contextlib.suppress(FileNotFoundError):
                    self.files.remove(path)
            elif name.endswith(".seg") and path.stem.isdecimal():
                segment = Segment(self.files, path)
                segment.load()
                self.segments[segment.number] = segment
        floor = max((s.floor for s in self.segments.values()), default=0)
        for segment in sorted(self.segments.values(), key=lambda s: s.generation):
            self._generation = max(self._generation, segment.generation)
            if segment.role is Role.LOG and segment.generation >= floor:
                self.log.append(segment)
            elif segment.role is Role.DATA:
                self.data.add(segment)
            elif segment.role in (Role.NEWER, Role.DAMAGED):
                alien.append(segment)
            else:
                self.free.append(segment)
        self.current = self.log[-1] if self.log else None
        return alien

    def place_records(self, count: int, sequence: int) -> tuple[Segment, int]:
        """For the committer alone: room for a batch that starts with record number `sequence`; the segment is pinned.
        Raises CardFull, OSError."""
        segment = self.current
        if segment is None or segment.room < count:
            segment = self._begin(Role.LOG, count, sequence)
        with self.lock:
            segment.pins += 1
            self.current = segment
        return segment, segment.take(count)

    def place_piece(self, count: int) -> tuple[Segment, int]:
        """In any thread but the loop's: room for a piece of content; the segment is pinned."""
        with self._data_lock:
            segment = self._current_data
            if segment is None or segment.room < count:
                segment = self._begin(Role.DATA, count)
            with self.lock:
                segment.pins += 1
                self._current_data = segment
            return segment, segment.take(count)

    def unpin(self, segment: Segment) -> None:
        with self.lock:
            segment.pins -= 1

    def _begin(self, role: Role, count: int, sequence: int = 0) -> Segment:
        if count > self.settings.segment_bytes - BLOCK:
            raise OSError(errno.EFBIG, "larger than a segment")
        with self.lock:
            spare = len(self.free) > (0 if role is Role.LOG else 1)  # the last one is for removals
            segment = self.free.popleft() if spare else None
        segment = segment or self.grow()
        with self.lock:
            self._generation += 1
            generation = self._generation
            floor = self.log[0].generation if self.log else generation
        try:
            if segment.size - BLOCK < count:
                raise OSError(errno.EFBIG, "larger than this segment")
            segment.begin(role, generation, floor, sequence)
        except OSError:
            with self.lock:
                self.free.append(segment)
            raise
        with self.lock:
            if role is Role.LOG:
                self.log.append(segment)
            else:
                self.data.add(segment)
        return segment

    def grow(self) -> Segment:
        """One more segment, zero-filled; the caller puts it to use. Raises CardFull below the floor."""
        with self._making:
            if self.free_bytes() < self.settings.segment_bytes + self.settings.free_min_bytes:
                raise CardFull
            number = max(self.segments, default=0) + 1
            segment = Segment.make(self.files, self.folder / f"{number:06}.seg", self.settings.segment_bytes)
            with self.lock:
                self.segments = {**self.segments, number: segment}
            return segment

    def make_ready(self) -> bool:
        """Make one segment ready if `ready_bytes` wants it or fewer than two are; whether it did. Raises OSError."""
        wanted = len(self.segments) * self.settings.segment_bytes < self.settings.ready_bytes
        if not wanted and len(self.free) >= 2:
            return False
        segment = self.grow()
        with self.lock:
            self.free.append(segment)
        return True

    def reclaim(self) -> None:
        """Free the oldest record segments and all content segments in which nothing lives."""
        with self.lock:
            while self.log and self.log[0] is not self.current and not (self.log[0].live or self.log[0].pins):
                self.free.append(self.log.popleft())
            idle = [s for s in self.data if s is not self._current_data and not (s.live or s.pins)]
            self.data.difference_update(idle)
            self.free.extend(idle)

    def count(self, number: int, octets: int) -> None:
        """So many more (or fewer) octets live in a segment."""
        with self.lock:
            if segment := self.segments.get(number):
                segment.live += octets

    def room(self) -> int:
        """Octets that new mail may take: what is ready but for a reserve for removals, and what the card has left
        above the floor. Raises OSError."""
        size = self.settings.segment_bytes
        here = self.current.room - size // 4 if self.current else 0
        return max(0, here) + max(0, len(self.free) - 1) * size + max(0, self._growth())

    def _growth(self) -> int:
        """Octets that new segments may take."""
        spare = self.free_bytes() - self.settings.free_min_bytes
        return spare // self.settings.segment_bytes * self.settings.segment_bytes

    def oldest(self) -> Segment | None:
        """The record segment that would be free next."""
        with self.lock:
            return self.log[0] if self.log and self.log[0] is not self.current else None

    def sparsest(self) -> Segment | None:
        """The content segment in which least lives and nobody writes."""
        with self.lock:
            idle = [s for s in self.data if s is not self._current_data and not s.pins]
        return min(idle, key=lambda s: s.live, default=None)

    def free_bytes(self) -> int:
        return self.files.free_bytes(self.folder)

    def close(self) -> None:
        for segment in self.segments.values():
            self.files.close(segment.handle)


def piece_bytes(size: int) -> int:
    """What a piece of content takes in a content segment."""
    return padded(size, BLOCK)
