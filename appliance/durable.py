"""Files that a power cut leaves old or new, never mixed: beside, flushed, renamed, folder flushed.

`write` and `remove` return when the card has it; both raise OSError and then the old file is still there.
"""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, octets: bytes, mode: int | None = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Put `octets` into the file `path`, with exactly `mode` (None: where the file system knows no modes) and, when
    given, `owner` (uid, gid)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _flush(path.parent)


def remove(path: Path) -> None:
    """The file is gone, and what a torn write left beside it; nothing happens when it was not there."""
    for each in (path, path.with_name(path.name + ".new")):
        if each.exists() or each.is_symlink():
            each.unlink()
            _flush(path.parent)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
