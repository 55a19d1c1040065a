"""The operator's bounce records: what failed, kept on the card until acknowledged.

One JSON line each, flushed before the recipient counts as reported; at most RECORDS_MAX, the oldest go first. A card
that refuses raises OSError: then the recipient stays failed and is reported later.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance import durable

RECORDS_MAX: Final = 1000
Append = Callable[[Path, bytes, bool], None]  # file, octets, flush


class Bounces:
    """In `folder`/bounces.jsonl, written by `append`. `add` and `acknowledge` wait for the card: call them in a worker
    thread; one at a time works."""

    def __init__(self, folder: Path, append: Append) -> None:
        self._path, self._append = folder / "bounces.jsonl", append
        self._lock = threading.Lock()
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        with contextlib.suppress(OSError, UnicodeDecodeError), self._path.open() as file:
            for line in file.read(1 << 22).splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    record = json.loads(line)
                    self._records[record["id"], record["recipient"]] = record

    def add(self, records: list[dict[str, Any]]) -> None:
        """Each has "id", "recipient", "reply", "at"; the same id and recipient twice is one record."""
        with self._lock:
            fresh = [one for one in records if (one["id"], one["recipient"]) not in self._records]
            if not fresh:
                return
            self._append(self._path, "".join(json.dumps(one) + "\n" for one in fresh).encode(), True)
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

    def acknowledge(self, until: float = float("inf")) -> int:
        """The operator has seen those up to `until` (wall clock); how many. What came since stays."""
        with self._lock:
            kept = {name: one for name, one in self._records.items() if float(one.get("at", 0)) > until}
            count = len(self._records) - len(kept)
            with contextlib.suppress(OSError):
                if kept:
                    durable.write(self._path, "".join(json.dumps(one) + "\n" for one in kept.values()).encode())
                else:
                    self._path.unlink(missing_ok=True)
            self._records = kept
            return count
