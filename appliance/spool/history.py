"""What became of each message, for people: one JSON line each, in memory and, batched, on the card.

Never in the way of the spool's promise: lines reach the card every WRITE_S seconds at most, and a power cut may cost
those. Bounded by days and octets; the older half of the file goes first. A card that refuses costs history only.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from pathlib import Path
from typing import Any, Final

from appliance.ports import Clock

WRITE_S: Final = 180.0
ENTRIES_MAX: Final = 2000


class FileHistory:
    """ports.History in `folder`/history.jsonl."""

    def __init__(self, folder: Path, days: int, max_bytes: int, clock: Clock) -> None:
        self._path = folder / "history.jsonl"
        self._keep_s, self._max_bytes, self._clock = days * 86400.0, max_bytes, clock
        self._entries: deque[dict[str, Any]] = deque(self._read(), maxlen=ENTRIES_MAX)
        self._unwritten: list[dict[str, Any]] = []
        self._written_at = clock.monotonic()

    def add(self, entry: dict[str, Any]) -> None:
        """`entry` has "at" (wall clock) and what else is known; plain JSON types."""
        entry.setdefault("at", self._clock.wall())
        self._entries.append(entry)
        self._unwritten.append(entry)
        if self._clock.monotonic() - self._written_at >= WRITE_S or len(self._unwritten) >= ENTRIES_MAX // 2:
            self.write()

    def search(self, text: str = "", limit: int = 50) -> list[dict[str, Any]]:
        wanted, oldest = text.lower(), self._clock.wall() - self._keep_s
        found: list[dict[str, Any]] = []
        for entry in reversed(self._entries):
            if len(found) >= limit:
                break
            recent = float(entry.get("at", 0)) >= oldest or not self._clock.known()
            if recent and (not wanted or wanted in json.dumps(entry, ensure_ascii=False).lower()):
                found.append(entry)
        return found

    def erase(self) -> None:
        self._entries.clear()
        self._unwritten.clear()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Bring what is new to the card."""
        fresh, self._unwritten, self._written_at = self._unwritten, [], self._clock.monotonic()
        if not fresh:
            return
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size > self._max_bytes // 2:
                draft = self._path.with_suffix(".new")
                draft.write_text(
                    "".join(json.dumps(entry) + "\n" for entry in list(self._entries)[-ENTRIES_MAX // 2 :])
                )
                draft.replace(self._path)
                return
            with self._path.open("a") as file:
                file.writelines(json.dumps(entry) + "\n" for entry in fresh)

    def _read(self) -> list[dict[str, Any]]:
        entries = []
        with contextlib.suppress(OSError, UnicodeDecodeError), self._path.open() as file:
            for line in file.read(self._max_bytes).splitlines():
                with contextlib.suppress(ValueError):
                    if isinstance(entry := json.loads(line), dict):
                        entries.append(entry)
        return entries[-ENTRIES_MAX:]
