"""The set of segments: where the next octets go, what may be reused, when the card is full.

Thread-safe: the committer, chunk writers and the loop all ask here, under one lock. A segment is reused only when it
is the oldest, nothing in it lives and no draft writes to it. When the card refuses, OSError comes out.
"""

from __future__ import annotations

import errno
import threading
from pathlib import Path

from appliance.settings.schema import SpoolSettings
from appliance.spool.files import Files
from appliance.spool.record import BLOCK
from appliance.spool.segment import FORMAT, Segment


class CardFull(OSError):
    """No segment is empty and no new one may be made."""


class Store:
    def __init__(self, settings: SpoolSettings, files: Files) -> None:
        self.settings, self.files = settings, files
        self.folder = Path(settings.directory)
        self.lock = threading.RLock()
        self.segments: dict[int, Segment] = {}
        self.dirty: set[Segment] = set()
        self.current: Segment | None = None
        self.generation = 0
        self.newer_format = 0

    def load(self) -> list[Segment]:
        """Open what is on the card; the used segments, oldest first."""
        self.files.make_folder(self.folder)
        for name in self.files.names(self.folder):
            path = self.folder / name
            if name.endswith(".new"):
                self.files.remove(path)
            elif name.endswith(".seg"):
                segment = Segment(self.files, path, self.settings.segment_bytes)
                segment.size = self.files.size(segment.handle) // BLOCK * BLOCK
                segment.load()
                self.newer_format = max(self.newer_format, segment.format if segment.format > FORMAT else 0)
                self.segments[segment.number] = segment
        used = sorted((s for s in self.segments.values() if s.generation), key=lambda s: s.generation)
        self.generation = max((s.generation for s in used), default=0)
        return used

    def place(self, count: int, pin: bool = False) -> tuple[Segment, int]:
        """Room for `count` octets in one segment. Raises CardFull or OSError."""
        with self.lock:
            if self.current is None or self.current.room < count:
                self.current = self._empty()
                self.generation += 1
                self.current.begin(self.generation)
            self.dirty.add(self.current)
            self.current.pins += pin
            return self.current, self.current.take(count)

    def seal(self) -> None:
        """Write no more to the current segment."""
        with self.lock:
            self.current = None

    def _empty(self) -> Segment:
        self.reclaim()
        for segment in self.segments.values():
            if segment.generation == 0:
                return segment
        return self.grow()

    def reclaim(self) -> None:
        """Empty the oldest segments in which nothing lives."""
        with self.lock:
            for segment in self.used():
                if segment is self.current or segment.live or segment.pins or segment in self.dirty:
                    return
                segment.generation = 0

    def used(self) -> list[Segment]:
        """Oldest first."""
        return sorted((s for s in self.segments.values() if s.generation), key=lambda s: s.generation)

    def grow(self) -> Segment:
        """One more segment. Raises CardFull below the floor of free space."""
        with self.lock:
            if self.free_bytes() < self.settings.segment_bytes + self.settings.free_min_bytes:
                raise CardFull(errno.ENOSPC, "the card is nearly full")
            number = max(self.segments, default=0) + 1
            segment = Segment.make(self.files, self.folder / f"{number:06}.seg", self.settings.segment_bytes)
            self.segments[number] = segment
            return segment

    def short(self) -> bool:
        """Whether space should be made ready ahead of need."""
        with self.lock:
            return len(self.segments) * self.settings.segment_bytes < self.settings.ready_bytes

    def empty_count(self) -> int:
        with self.lock:
            return sum(1 for segment in self.segments.values() if not segment.generation)

    def free_bytes(self) -> int:
        return self.files.free_bytes(self.folder)

    def sync(self, last: Segment | None) -> None:
        """Flush everything written; the segment with the commit records last."""
        with self.lock:
            todo, self.dirty = self.dirty, set()
        try:
            for segment in sorted(todo, key=lambda s: (s is last, s.number)):
                self.files.sync(segment.handle)
        except OSError:
            with self.lock:
                self.dirty |= todo
            raise

    def close(self) -> None:
        for segment in self.segments.values():
            self.files.close(segment.handle)
