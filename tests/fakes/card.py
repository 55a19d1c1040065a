"""Cards for the spool's tests: real files, with an eye on each operation, a failure at the n-th, or a power cut.

`PoweredCard` keeps beside the real files what would be on the card after a power cut: flushed octets for sure, of the
others any part, in sectors of 512.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.spool.files import Files

SECTOR = 512


class WatchedCard(Files):
    """`before` is called with each operation that changes the card, before it is done, in whatever thread. Whoever
    holds `still` keeps the card from changing."""

    def __init__(self, before: Callable[[str], None] = lambda name: None) -> None:
        self.before = before
        self.still = threading.RLock()

    def open(self, path: Path, create: bool = False) -> int:
        with self.still:
            self.before("open")
            return super().open(path, create)

    def write(self, handle: int, octets: bytes, offset: int) -> None:
        with self.still:
            self.before("write")
            super().write(handle, octets, offset)

    def sync(self, handle: int) -> None:
        with self.still:
            self.before("sync")
            super().sync(handle)

    def sync_folder(self, folder: Path) -> None:
        with self.still:
            self.before("sync_folder")
            super().sync_folder(folder)

    def rename(self, old: Path, new: Path) -> None:
        with self.still:
            self.before("rename")
            super().rename(old, new)

    def remove(self, path: Path) -> None:
        with self.still:
            self.before("remove")
            super().remove(path)


class FailingCard(WatchedCard):
    """Once armed, the n-th operation fails with `code`; with `stuck` each one after it, too. A failed flush loses what
    it should have flushed, as Linux does: the octets are zeroed before the error."""

    def __init__(self, number: int, code: int, stuck: bool = False) -> None:
        super().__init__(self._count)
        self.number, self.code, self.stuck, self.armed, self.done = number, code, stuck, False, 0
        self.failed: str = ""
        self._unflushed: dict[int, list[tuple[int, int]]] = {}

    def _count(self, name: str) -> None:
        if not self.armed:
            return
        self.done += 1
        if self.done == self.number or (self.stuck and self.done > self.number):
            self.failed = self.failed or name
            raise OSError(self.code, os.strerror(self.code))

    def write(self, handle: int, octets: bytes, offset: int) -> None:
        super().write(handle, octets, offset)
        self._unflushed.setdefault(handle, []).append((offset, len(octets)))

    def sync(self, handle: int) -> None:
        with self.still:
            lost = self._unflushed.pop(handle, [])
            try:
                super().sync(handle)
            except OSError:
                for offset, size in lost:
                    os.pwrite(handle, bytes(size), offset)
                raise

    def close(self, handle: int) -> None:
        self._unflushed.pop(handle, None)
        super().close(handle)


class PoweredCard(WatchedCard):
    """`durable` is what is surely there; `states(rng)` gives cards as a power cut at this instant may leave them."""

    def __init__(self, before: Callable[[str], None] = lambda name: None) -> None:
        super().__init__(before)
        self._paths: dict[int, Path] = {}
        self._octets: dict[int, bytearray] = {}  # by inode: flushed
        self._names: dict[str, int] = {}  # flushed names of segments
        self._pending: list[tuple[int, int, bytes]] = []

    def open(self, path: Path, create: bool = False) -> int:
        handle = super().open(path, create)
        self._paths[handle] = path
        self._octets.setdefault(os.fstat(handle).st_ino, bytearray())
        return handle

    def close(self, handle: int) -> None:
        with self.still:
            self._paths.pop(handle, None)
            super().close(handle)

    def write(self, handle: int, octets: bytes, offset: int) -> None:
        with self.still:
            super().write(handle, octets, offset)
            self._pending.append((os.fstat(handle).st_ino, offset, octets))

    def sync(self, handle: int) -> None:
        with self.still:
            super().sync(handle)
            inode = os.fstat(handle).st_ino
            for number, offset, octets in self._pending:
                if number == inode:
                    _put(self._octets[inode], offset, octets)
            self._pending = [row for row in self._pending if row[0] != inode]

    def sync_folder(self, folder: Path) -> None:
        with self.still:
            super().sync_folder(folder)
            with os.scandir(folder) as entries:
                self._names = {entry.name: entry.inode() for entry in entries if entry.name.endswith(".seg")}

    def states(self, rng: random.Random) -> Iterator[dict[str, bytes]]:
        """Every prefix of the unflushed writes, the last of them torn at each of a few sectors, and random mixtures."""
        pending = [(n, o + at, w[at : at + SECTOR]) for n, o, w in self._pending for at in range(0, len(w), SECTOR)]
        cuts = {0, len(pending)}
        length = 0
        for _, _, octets in self._pending:
            parts = -(-len(octets) // SECTOR)
            cuts |= {length, length + 1, length + rng.randrange(parts), length + parts - 1}
            length += parts
        for cut in sorted(cuts):
            yield self._state(pending[:cut])
        for _ in range(4):
            yield self._state([row for row in pending if rng.random() < 0.5])

    def _state(self, written: list[tuple[int, int, bytes]]) -> dict[str, bytes]:
        cards = {inode: bytearray(self._octets[inode]) for inode in self._names.values()}
        for inode, offset, octets in written:
            if inode in cards:
                _put(cards[inode], offset, octets)
        return {name: bytes(cards[inode]) for name, inode in self._names.items()}


def _put(card: bytearray, offset: int, octets: bytes) -> None:
    if len(card) < offset + len(octets):
        card.extend(bytes(offset + len(octets) - len(card)))
    card[offset : offset + len(octets)] = octets
