"""The spool's file operations, all of them, so that a test can put a failing or recording card in their place.

Each raises OSError as the operating system does; nothing is caught here.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


class Files:
    """The real card."""

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths, are wanted

    def open(self, path: Path, create: bool = False) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)

    def size(self, handle: int) -> int:
        return os.fstat(handle).st_size

    def read(self, handle: int, count: int, offset: int) -> bytes:
        return os.pread(handle, count, offset)

    def read_now(self, handle: int, count: int, offset: int) -> bytes | None:
        """What memory already holds, or None when the card would have to be waited for."""
        buffer = bytearray(count)
        try:
            done = os.preadv(handle, [buffer], offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
                return None
            raise
        return bytes(buffer) if done == count else None

    def write(self, handle: int, octets: bytes, offset: int) -> None:
        """All of `octets`; a short write is continued."""
        view = memoryview(octets)
        while view:
            done = os.pwrite(handle, view, offset)
            view, offset = view[done:], offset + done

    def sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def sync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)  # noqa: PTH104 - beside its neighbours, one call each

    def remove(self, path: Path) -> None:
        path.unlink()

    def append(self, path: Path, octets: bytes, flush: bool = False) -> None:
        """Add lines to a file for people; when an earlier attempt left a piece of a line, that one is ended first."""
        handle = self.open(path, create=True)
        try:
            size = self.size(handle)
            cut = size > 0 and self.read(handle, 1, size - 1) != b"\n"
            self.write(handle, b"\n" + octets if cut else octets, size)
            if flush:
                self.sync(handle)
        finally:
            self.close(handle)

    def put(self, path: Path, octets: bytes) -> None:
        """Write the whole file anew beside the old one, flushed, and put it in its place."""
        beside = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            self.remove(beside)
        handle = self.open(beside, create=True)
        try:
            self.write(handle, octets, 0)
            self.sync(handle)
        finally:
            self.close(handle)
        self.rename(beside, path)

    def free_bytes(self, folder: Path) -> int:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
