"""The card's part of the self-test: how long a flush takes, and whether the claimed space exists.

Writes only files of its own in the given folder and removes them again, also after a failure. Raises OSError.
A card that lies about its size overwrites itself: every block carries its own number and is read back from the card,
not from memory, after all were written.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.selftest_finding import Finding

BLOCK: Final = 1 << 20
FLUSHES: Final = 50
FLUSH_LIMIT_S: Final = 0.1  # median; a slower card makes every client wait
RESERVE: Final = 64 << 20  # left free for the mail that comes in meanwhile


def flush_finding(folder: Path, flushes: int = FLUSHES) -> Finding:
    """Time of a 4 KiB write and its flush into a preallocated file: median, slowest."""
    with _file(folder) as descriptor:
        os.pwrite(descriptor, bytes(4096 * flushes), 0)
        os.fsync(descriptor)
        spans = []
        for index in range(flushes):
            started = time.monotonic()
            os.pwrite(descriptor, os.urandom(4096), 4096 * index)
            os.fdatasync(descriptor)
            spans.append(time.monotonic() - started)
    median = statistics.median(spans)
    words = f"{flushes} x 4 KiB: median {median * 1000:.1f} ms, slowest {max(spans) * 1000:.1f} ms"
    return Finding("card flush", median <= FLUSH_LIMIT_S, f"{folder}: {words}, limit {FLUSH_LIMIT_S * 1000:.0f} ms")


def capacity_finding(folder: Path, size_bytes: int = 0) -> Finding:
    """Write `size_bytes` (0 = all free space but RESERVE) of numbered blocks, read them back."""
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    total = space.f_blocks * space.f_frsize
    whole = size_bytes == 0
    blocks = max(0, min(size_bytes or free, free - RESERVE)) // BLOCK
    if not blocks:
        return Finding("card capacity", None, f"{folder}: {free >> 20} MiB free, too little to test")
    with _file(folder) as descriptor:
        started = time.monotonic()
        for index in range(blocks):
            os.write(descriptor, _block(index))
        os.fsync(descriptor)
        rate = blocks / max(time.monotonic() - started, 1e-6)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        wrong = sum(os.pread(descriptor, BLOCK, index * BLOCK) != _block(index) for index in range(blocks))
    words = f"{total >> 20} MiB claimed, {blocks} MiB written at {rate:.1f} MiB/s and read back, {wrong} MiB wrong"
    return Finding("card capacity", wrong == 0, f"{folder}: {words}" + ("" if whole else " (sample; --whole-card)"))


def _block(index: int) -> bytes:
    return hashlib.shake_128(index.to_bytes(8, "big")).digest(64) * (BLOCK // 64)


@contextmanager
def _file(folder: Path) -> Iterator[int]:
    path = folder / f".selftest-{os.getpid()}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        path.unlink()
