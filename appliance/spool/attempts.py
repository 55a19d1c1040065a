"""Every attempt for the mail that still waits, for people: kept in memory and, batched, on the card.

One record for all recipients of a message that heard the same: {"at", "outcome", "via", "host", "reply", "rows"}, rows
being their places in the envelope. Bounded: ITEM_MAX records of a message, TOTAL_MAX in all; the oldest go first. A
power cut costs what was not yet written, a card that refuses costs these records only. Nothing raises.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from appliance.spool.files import Files

ITEM_MAX: Final = 500
TOTAL_MAX: Final = 20000
FILE_MAX_BYTES: Final = 16 << 20


class AttemptLog:
    """In `folder`/attempts.jsonl."""

    def __init__(self, folder: Path, files: Files) -> None:
        self._path, self._files = folder / "attempts.jsonl", files
        self._items: dict[str, deque[dict[str, Any]]] = {}
        self._total = 0
        self._unwritten: list[str] = []
        self._written_bytes = 0
        self._read()

    def add(self, queue_id: str, record: dict[str, Any]) -> None:
        self._keep(queue_id, record)
        self._unwritten.append(json.dumps([queue_id, record]) + "\n")
        if len(self._unwritten) > TOTAL_MAX:
            del self._unwritten[: TOTAL_MAX // 2]

    def _keep(self, queue_id: str, record: dict[str, Any]) -> None:
        records = self._items.setdefault(queue_id, deque(maxlen=ITEM_MAX))
        self._total += len(records) < ITEM_MAX
        records.append(record)
        while self._total > TOTAL_MAX:
            oldest = next(iter(self._items))
            self._items[oldest].popleft()
            self._total -= 1
            if not self._items[oldest]:
                del self._items[oldest]

    def of(self, queue_id: str, row: int | None = None) -> list[dict[str, Any]]:
        """Oldest first; with `row` those of that recipient, without the places."""
        records = self._items.get(queue_id, ())
        if row is None:
            return list(records)
        return [{key: each[key] for key in each if key != "rows"} for each in records if row in each["rows"]]

    def forget(self, queue_id: str) -> None:
        self._total -= len(self._items.pop(queue_id, ()))

    def keep_only(self, queue_ids: Collection[str]) -> None:
        """What the spool no longer has is not waiting."""
        for queue_id in [each for each in self._items if each not in queue_ids]:
            self.forget(queue_id)

    def erase(self) -> None:
        self._items.clear()
        self._unwritten.clear()
        self._total = self._written_bytes = 0
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Bring what is new to the card; a file grown large is written anew without what is over."""
        fresh, self._unwritten = self._unwritten, []
        if not fresh:
            return
        octets = sum(map(len, fresh))
        with contextlib.suppress(OSError):
            if self._written_bytes + octets > FILE_MAX_BYTES // 2:
                lines = [json.dumps([name, each]) + "\n" for name, rows in self._items.items() for each in rows]
                self._files.put(self._path, "".join(lines).encode())
                self._written_bytes = sum(map(len, lines))
                return
            self._files.append(self._path, "".join(fresh).encode())
            self._written_bytes += octets

    def _read(self) -> None:
        with contextlib.suppress(OSError, UnicodeDecodeError), self._path.open() as file:
            text = file.read(FILE_MAX_BYTES)
            self._written_bytes = len(text)
            for line in text.splitlines():
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    queue_id, record = json.loads(line)
                    record["rows"] = [int(each) for each in record["rows"]]
                    self._keep(str(queue_id), record)
