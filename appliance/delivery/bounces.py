"""The operator's bounce records: what failed, kept on the card until acknowledged.

One JSON line each, flushed before the recipient counts as reported; at most RECORDS_MAX, the oldest go first. A card
that refuses raises OSError: then the recipient stays failed and is reported later.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, Final

RECORDS_MAX: Final = 1000


class Bounces:
    """In `folder`/bounces.jsonl. `add` blocks for a flush: call it in a worker thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bounces.jsonl"
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        with contextlib.suppress(OSError, UnicodeDecodeError), self._path.open() as file:
            for line in file.read(1 << 22).splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    record = json.loads(line)
                    self._records[record["id"], record["recipient"]] = record

    def add(self, records: list[dict[str, Any]]) -> None:
        """Each has "id", "recipient", "reply", "at"; the same id and recipient twice is one record."""
        fresh = [one for one in records if (one["id"], one["recipient"]) not in self._records]
        if not fresh:
            return
        with self._path.open("a") as file:
            file.writelines(json.dumps(one) + "\n" for one in fresh)
            file.flush()
            os.fdatasync(file.fileno())
        for one in fresh:
            self._records[one["id"], one["recipient"]] = one
        while len(self._records) > RECORDS_MAX:
            del self._records[next(iter(self._records))]

    def unread(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return list(self._records.values())

    @property
    def count(self) -> int:
        return len(self._records)

    def acknowledge(self) -> int:
        """The operator has seen all; how many."""
        count = len(self._records)
        self._records.clear()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        return count
